"""Text for a terminal: boards, files and people may send what would move its cursor."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return a line with a question mark for all that is not one visible character.

    Control characters move the cursor, change the title or type for the user (ECMA-48); marks of
    direction let the rest of a line appear in another order (Unicode UAX #9).
    """
    return "".join(character if character.isprintable() else "?" for character in text)


def printable_lines(text: str) -> str:
    """Return the lines of a text, each printable."""
    return "\n".join(printable(line) for line in text.split("\n"))
