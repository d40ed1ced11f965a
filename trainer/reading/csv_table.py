"""The text of a CSV file, as people really record it, to rows of numbers and where takes begin.

Takes are separated by blank lines (more of them than usual, where a sketch prints one after every
row), by rows of empty cells, by text and by a repeated header. A row that cannot be read leaves a
hole, so that the rows after it keep their place in time.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import itertools
import math
import re
import sys
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.printable import printable
from trainer.reading import columns, path_names
from trainer.reading.columns import LABEL, LEFT_OUT, SUBJECT, Column
from trainer.recording import Kind, Note

LONGEST_LINE = 4096
MOST_COLUMNS = 256
MOST_ROWS = 10_000_000
LOOKED_AT = 400
"""Lines that decide on the separator."""

_SEPARATORS = (",", ";", "\t", " ")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_END = re.compile(r"\r*\n|\r")


@dataclass(frozen=True)
class Table:
    """What a file holds.

    Attributes:
        columns: what each column of ``numbers`` is: axes, time, count.
        numbers: float64 [rows, columns]; NaN where a cell holds no finite number. A row that
            could not be read at all is a row of NaN.
        words: the cells of label and subject columns, by role, one a row.
        lines: int64 [rows], line numbers from 1.
        takes: int64 [rows], 0, 0, ..., 1, 1, ...
        notes: what was repaired or dropped.
    """

    columns: tuple[Column, ...]
    numbers: npt.NDArray[np.float64]
    words: dict[str, list[str]]
    lines: npt.NDArray[np.int64]
    takes: npt.NDArray[np.int64]
    notes: tuple[Note, ...]

    def column(self, role: str) -> npt.NDArray[np.float64] | None:
        """Return float64 [rows] of one role, or None where there is no such column."""
        roles = [column.role for column in self.columns]
        return self.numbers[:, roles.index(role)] if role in roles else None


class _Builder:
    """A table while its lines are read. Columns that are left out are not kept."""

    def __init__(self, columns: list[Column], source: str, names: Sequence[str] = ()) -> None:
        """Begin.

        Args:
            columns: what each column is.
            source: the file's name.
            names: of the columns, where the file itself names them.
        """
        self.columns = columns
        # A line below it may have stated the units.
        self.header = _parsed(names, source) if names else columns
        self.source = source
        self.counts: Counter[tuple[Kind, str]] = Counter()
        self.blank = 0
        self.broken = False
        self._kept = [i for i, c in enumerate(columns) if c.role not in (LEFT_OUT, LABEL, SUBJECT)]
        self._words = {c.role: i for i, c in enumerate(columns) if c.role in (LABEL, SUBJECT)}
        self._numbers = array("d")
        self._texts: dict[str, list[str]] = {role: [] for role in self._words}
        self._lines = array("q")
        self._blanks = array("q")
        self._breaks = bytearray()
        pairs = zip(names, columns, strict=False)
        left_out = [n.strip() for n, column in pairs if column.role == LEFT_OUT and n.strip()]
        if left_out:
            shown = ", ".join(printable(name[:24]) for name in left_out[:6])
            more = ", ..." if len(left_out) > 6 else ""
            self.counts["remark", f"files with columns that are left out: {shown}{more}"] = 1

    @property
    def rows(self) -> int:
        """Rows and holes so far."""
        return len(self._lines)

    def line(self, number: int, cells: list[str], decimal_comma: bool) -> None:
        """Take one line that is neither blank nor a header."""
        expected = len(self.columns)
        if len(cells) > expected and not any(cell.strip() for cell in cells[expected:]):
            cells = cells[:expected]
            self.counts["repaired", "rows with separators at their end"] += 1
        values = [_number(cell, decimal_comma) for cell in cells]
        numbers = sum(not math.isnan(value) for value in values)
        if len(cells) == expected and 2 * numbers >= len(self._kept):
            kept = [values[index] for index in self._kept]
            if any(math.isnan(value) for value in kept):
                self.counts["dropped", "rows with a cell that is empty or no finite number"] += 1
            for role, index in self._words.items():
                # One string for each word, not one for each row.
                self._texts[role].append(sys.intern(self._word(cells[index], number)))
            self._append(number, kept)
        elif numbers:
            self.counts["dropped", "rows with too few or too many cells"] += 1
            for texts in self._texts.values():
                texts.append(texts[-1] if texts else "")
            self._append(number, [math.nan] * len(self._kept))
        else:
            self.counts["dropped", "lines of text"] += 1
            self.broken = True

    def _word(self, cell: str, number: int) -> str:
        word = cell.strip()
        if "\ufffd" in word:
            raise HarmcuError(
                f"{self.source}, line {number}: {word[:40]!r} is not in UTF-8; save the file as "
                "UTF-8"
            )
        if len(word) > 1 and word[0] == word[-1] == "'":
            return word[1:-1].strip()
        return word

    def _append(self, number: int, values: list[float]) -> None:
        if len(self._lines) >= MOST_ROWS:
            raise HarmcuError(f"{self.source}: has more than {MOST_ROWS:,} rows; split it")
        self._numbers.extend(values)
        self._lines.append(number)
        self._blanks.append(self.blank)
        self._breaks.append(self.broken)
        self.blank, self.broken = 0, False

    def table(self) -> Table:
        """Return what was read."""
        blanks = np.array(self._blanks)
        # Where one blank line after every row is usual, only more of them part two takes.
        usual = int(np.median(blanks[1:])) if len(blanks) > 1 else 0
        begins = (blanks > usual) | (np.frombuffer(self._breaks, np.uint8) > 0)
        begins[0] = False
        if usual:
            self.counts["remark", "files with blank lines after every row"] += 1
        return Table(
            columns=tuple(self.columns[index] for index in self._kept),
            numbers=np.array(self._numbers).reshape(len(self._lines), len(self._kept)),
            words=self._texts,
            lines=np.array(self._lines),
            takes=np.cumsum(begins),
            notes=tuple(
                Note(kind, what, count, self.source) for (kind, what), count in self.counts.items()
            ),
        )


def parse(content: bytes, source: str, named: Sequence[str] = ()) -> Table | None:
    """Read a table; None where a header is all that the file holds.

    Args:
        content: the file.
        source: its name, for messages.
        named: the columns, where the file has no header or another one.

    Raises:
        HarmcuError: there is no header and ``named`` is empty, columns change on the way, or no
            row can be read.
    """
    text = _text(content)
    separator = _separator(text)
    builder = _Builder(_columns(named, source, 0), source) if named else None
    decimal_comma = separator != "," and _DECIMAL_COMMA.search(text, 0, 100_000) is not None
    before, above = 0, [""]
    for number, line in _lines(text):
        # A line of another kind of file becomes a line of text.
        cells = _cells(line, separator) if len(line) <= LONGEST_LINE else ["?"]
        if not any(cell.strip() for cell in cells):
            if builder:
                builder.blank += 1
                builder.broken |= len(cells) > 1
        elif _is_header(cells):
            builder, above = _header(builder, cells, bool(named), source, number), cells
        elif builder and not named and _are_units(cells):
            builder = _with_line_of_units(builder, above, cells, source, number)
        elif builder:
            builder.line(number, cells, decimal_comma)
        elif sum(_is_number(cell, decimal_comma) for cell in cells) >= 3:
            raise HarmcuError(_unnamed(source, number, cells, above))
        else:
            before, above = before + 1, cells
    if builder is None or (named and not builder.rows):
        raise HarmcuError(f"{source}: holds no rows of numbers; leave it out, or check --columns")
    if not builder.rows:
        return None
    if before:
        builder.counts["dropped", "lines of text"] += before
    return builder.table()


def _unnamed(source: str, number: int, cells: Sequence[str], above: Sequence[str]) -> str:
    """Return what to say of rows whose columns no header names, or one in other words."""
    what = f"{len(cells)} columns without a header"
    if len(above) == len(cells):
        named = ", ".join(cell.strip()[:20] for cell in above[:3])
        what = f"no axis among the columns {named}, ..."
    return (
        f"{source}, line {number}: {what}; name all {len(cells)} with --columns, such as "
        "ax,ay,az,gx,gy,gz, with time_ms for a time and _ for one to leave out"
    )


def _header(
    builder: _Builder | None, names: list[str], named: bool, source: str, number: int
) -> _Builder:
    """Take a header: the first one, the same again, or one that --columns replaces."""
    if builder is None:
        return _Builder(_columns(names, source, number), source, names)
    builder.broken = builder.rows > 0
    if named:
        builder.counts["dropped", "headers, in favour of --columns"] += 1
    elif _parsed(names, source) != builder.header:
        raise HarmcuError(_changed(source, number))
    else:
        builder.counts["dropped", "repeated headers"] += 1
    return builder


def _with_line_of_units(
    builder: _Builder, names: Sequence[str], units: Sequence[str], source: str, number: int
) -> _Builder:
    """Take the line of units below a header, which may come again with it."""
    stated = _with_units(names, units)
    if not builder.rows:
        return _Builder(_columns(stated, source, number), source, names)
    if _parsed(stated, source) != builder.columns:
        raise HarmcuError(_changed(source, number))
    return builder


def _changed(source: str, number: int) -> str:
    return f"{source}, line {number}: the columns change here; split the file before this line"


def _are_units(cells: Sequence[str]) -> bool:
    """Tell whether a line holds units alone, those of the header above it."""
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) >= 2 and all(map(columns.is_unit, filled))


def _with_units(names: Sequence[str], units: Sequence[str]) -> list[str]:
    return [
        f"{name} ({unit.strip().strip('()[]')})" if unit.strip() else name
        for name, unit in itertools.zip_longest(names, units[: len(names)], fillvalue="")
    ]


def _parsed(names: Sequence[str], source: str) -> list[Column]:
    return columns.parse(names, "g" if path_names.is_gyroscope(source) else "a")


def _columns(names: Sequence[str], source: str, number: int) -> list[Column]:
    parsed = _parsed(names, source)
    place = f"{source}, line {number}" if number else "--columns"
    used = [column.role for column in parsed if column.role != LEFT_OUT]
    for role in used:
        if used.count(role) > 1:
            raise HarmcuError(
                f"{place}: two columns are {role}; name the one you mean with --columns, and the "
                "other _"
            )
    columns.check_units(names, parsed, place)
    if not columns.axes_of(parsed):
        raise HarmcuError(
            f"{place}: no column is an axis (ax, ay, az, gx, gy, gz); name them with --columns"
        )
    return parsed


def _text(content: bytes) -> str:
    """Decode a file; a byte that is no UTF-8 spoils its own line only."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace").removeprefix("\ufeff")
    return content.decode("utf-8-sig", errors="replace")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line); LF, CR LF, CR CR LF and CR alone end a line."""
    start, number = 0, 1
    for end in _END.finditer(text):
        yield number, text[start : end.start()]
        start, number = end.end(), number + 1
    if start < len(text):
        yield number, text[start:]


def _separator(text: str) -> str:
    """Return the separator that splits most of the first lines into three numbers or more."""
    first = itertools.islice(_lines(text), LOOKED_AT)
    lines = [line for _, line in first if len(line) <= LONGEST_LINE]

    def rows(separator: str) -> int:
        cells = [_cells(line, separator) for line in lines]
        return sum(sum(_is_number(c, separator != ",") for c in row) >= 3 for row in cells)

    # The first of equals: "1, 2, 3" is split at its commas.
    return max(_SEPARATORS, key=rows)


def _cells(line: str, separator: str) -> list[str]:
    """Split a line; a cell in quotes may hold separators and doubled quotes (RFC 4180, 2)."""
    if '"' in line:
        with contextlib.suppress(csv.Error):
            blank = separator == " "
            rows = csv.reader(
                [line.strip() if blank else line], delimiter=separator, skipinitialspace=True
            )
            cells = [cell for cell in next(rows, []) if cell or not blank]
            if len(cells) > 1:
                return cells[: MOST_COLUMNS + 1]
            # Some spreadsheets put whole lines into quotes.
            line = "".join(cells)
    cells = line.split() if separator == " " else line.split(separator)
    return cells[: MOST_COLUMNS + 1]


def _is_header(cells: Sequence[str]) -> bool:
    """Tell whether a line is a header: it names at least two axes and holds no number."""
    if any(_is_number(cell, True) for cell in cells):
        return False
    return len(columns.axes_of(columns.parse(cells))) >= 2


def _is_number(cell: str, decimal_comma: bool) -> bool:
    return not math.isnan(_number(cell, decimal_comma))


def _number(cell: str, decimal_comma: bool) -> float:
    """Return the number in a cell, or NaN where there is no finite one."""
    text = cell.strip().strip("\"'")
    if decimal_comma:
        text = text.replace(",", ".")
    try:
        # Python's own 1_000 is none.
        value = math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
