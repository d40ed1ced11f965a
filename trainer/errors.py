"""The one exception that users see, and its kind for names that are not known."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from trainer.printable import printable_lines

MOST_NAMED = 30
"""Names that one message lists."""


class HarmcuError(Exception):
    """A failure that the user can act on.

    The message has the form ``what happened; what to do`` and names the file, line or port. The
    command line prints it on one line and exits with 1; anything else that escapes is a bug. What a
    file or a board wrote may stand in it: it can be shown on any terminal.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable_lines(message))


class UnknownNameError(HarmcuError):
    """A name that is none of those that can be chosen; the command line exits with 2."""

    def __init__(self, what: str, name: str, known: Sequence[str]) -> None:
        near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=1)
        hint = next((k for k in known if near and k.lower() == near[0]), None)
        meant = f"did you mean {hint!r}? " if hint else ""
        more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
        named = ", ".join(known[:MOST_NAMED])
        super().__init__(f"unknown {what} {name!r}; {meant}choose one of {named}{more}")
