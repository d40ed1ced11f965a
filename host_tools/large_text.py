"""Words in large letters, of a font of 3 by 5 points drawn for this purpose."""

from __future__ import annotations

import unicodedata

ROWS = 5

# Each letter: five rows of three points, from the top, as octal digits (4 is the left point).
_GLYPHS = {
    "A": "25755", "B": "65656", "C": "34443", "D": "65556", "E": "74647", "F": "74644",
    "G": "34553", "H": "55755", "I": "72227", "J": "11152", "K": "55655", "L": "44447",
    "M": "57755", "N": "65555", "O": "25552", "P": "65644", "Q": "25563", "R": "65655",
    "S": "34216", "T": "72222", "U": "55557", "V": "55552", "W": "55775", "X": "55255",
    "Y": "55222", "Z": "71247", "0": "75557", "1": "26227", "2": "71747", "3": "71717",
    "4": "55711", "5": "74717", "6": "74757", "7": "71222", "8": "75757", "9": "75717",
    " ": "00000", "-": "00700", "_": "00007", ".": "00002", ":": "02020", "(": "12221",
    ")": "42224", "/": "11244", "+": "02720", "!": "22202", "?": "71202", "&": "25253",
}  # fmt: skip

_COLUMNS = 3


def large(text: str, width: int, is_unicode: bool) -> list[str]:
    """Return ``ROWS`` lines that show a text as large as a width of cells allows.

    Text in letters that the font lacks, or too long for it, stands in the middle row as it is.
    """
    letters = _letters(text)
    for cells in (2, 1):
        columns = len(letters) * (_COLUMNS + 1) * cells
        if all(letter in _GLYPHS for letter in letters) and columns <= width:
            return [_row(letters, row, cells, is_unicode) for row in range(ROWS)]
    return ["", "", text, "", ""]


def _letters(text: str) -> str:
    """Return a text in capitals and without accents."""
    parts = unicodedata.normalize("NFKD", text.upper())
    return "".join(part for part in parts if not unicodedata.combining(part))


def _row(letters: str, row: int, cells: int, is_unicode: bool) -> str:
    point = ("█" if is_unicode else "#") * cells
    empty = " " * cells
    rows = (int(_GLYPHS[letter][row]) for letter in letters)
    return empty.join(
        "".join(point if bits & (4 >> column) else empty for column in range(_COLUMNS))
        for bits in rows
    )
