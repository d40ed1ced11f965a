"""The samples of sketches that print plain numbers: one line a sample.

So do the data forwarder of Edge Impulse (numbers separated by commas or tabs, at a fixed rate) and
the Arduino tutorials (a header ``aX,aY,aZ,gX,gY,gZ``, and a blank line between takes). Such lines
have neither an index nor a time: the rate is measured by when they arrive.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from host_tools.port import ONE_HOST, Port
from host_tools.sample_stream import Chunk, RateMeter, silence
from trainer.errors import HarmcuError
from trainer.reading import columns
from trainer.reading.assemble import Units
from trainer.reading.options import Options, with_stated
from trainer.recording import AXES, Counts

METERED_SECONDS = 2.0
"""By this computer's clock: bytes arrive in lumps of up to some 20 ms, hence known to 1 %."""

LISTENED_SECONDS = 3.0
"""Of lines, before anything is recorded: for the rate and the units."""

MOST_READS = 64
"""At a time, of a port that never pauses."""

PATIENCE = 60.0
"""Seconds in which a sketch has to print so much; one that waits for a movement needs them."""

PAUSE = 0.5
"""Seconds without a line that are no delay on the way: no IMU is slower than 2 Hz."""

LONGEST_LINE = 400

TUTORIAL = ("aX", "aY", "aZ", "gX", "gY", "gZ")
"""The header of the Arduino tutorials, whose library gives g and degrees a second."""

WIDTHS = {3: AXES[:3], 6: AXES, 9: (*AXES, "_", "_", "_")}
"""What the columns are where nobody says it: an accelerometer, a gyroscope, a magnetometer."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


@dataclass
class _Lump:
    """Rows that arrived together.

    Attributes:
        rows: the numbers of each.
        skipped: lines among them that hold something else.
        seconds: since the lump before; 0: not known.
        begins_take: blank lines part it from the lump before.
    """

    rows: list[list[float]]
    skipped: int
    seconds: float
    begins_take: bool

    def chunk(self, first: int, counts: Counts) -> Chunk:
        """Return the lump as samples. What passed in a pause says nothing about the rate."""
        lines = len(self.rows) + self.skipped
        seconds = self.seconds if self.seconds <= PAUSE else 0.0
        return Chunk(first, counts, lines, seconds, self.begins_take)


class SketchStream:
    """A ``Source``: see there."""

    def __init__(self, port: Port, options: Options, say: Callable[[str], None]) -> None:
        """Listen until columns, units and rate are known.

        Args:
            port: open; it is closed with the stream.
            options: what the user says of columns, units and rate.
            say: takes what to tell the user meanwhile.

        Raises:
            HarmcuError: nothing that could be samples is printed, or its units cannot be told.
        """
        self._port = port
        self._options = options
        self._lines = _Lines()
        self._names: tuple[str, ...] = options.columns
        self._roles: list[str] = []
        self._next = 0
        self._arrived: float | None = None
        self._begins_take = self._is_parted = False
        self._rows_in_take = self._skipped = 0
        self.board = ""
        self.parts_takes = True  # by blank lines, which may come later
        self.trouble = ""
        self.description = f"a sketch that prints lines at {port.name}"
        self.meter = RateMeter(METERED_SECONDS)
        lumps = self._listen(say)
        self._interpret(lumps, say)

    def _listen(self, say: Callable[[str], None]) -> list[_Lump]:
        say(f"{self._port.name}: no harmcu sketch; listening to what it prints, for its rate")
        lumps: list[_Lump] = []
        start = time.monotonic()
        listened = 0.0
        while listened < LISTENED_SECONDS:
            if time.monotonic() - start > PATIENCE:
                rows = sum(len(lump.rows) for lump in lumps)
                is_emulated = "://" in self._port.name
                raise HarmcuError(
                    f"{self._port.name}: printed {rows} lines of numbers within {PATIENCE:.0f} "
                    "seconds; check the sketch, and move the board if it waits for that"
                    + (f"; {ONE_HOST}" if is_emulated else "")
                )
            for lump in self._lumps(0.1):
                lumps.append(lump)
                chunk = lump.chunk(0, np.zeros((0, len(AXES)), np.int16))
                listened += chunk.seconds
                self.meter.add(chunk)
        return lumps

    def _interpret(self, lumps: Sequence[_Lump], say: Callable[[str], None]) -> None:
        """Decide on columns, units and rate.

        Raises:
            HarmcuError: they cannot be told.
        """
        rows = [row for lump in lumps for row in lump.rows]
        width = max({len(row) for row in rows}, key=[len(row) for row in rows].count)
        names = self._names or WIDTHS.get(width, ())
        if len(names) != width:
            raise HarmcuError(
                f"{self._port.name}: prints {width} numbers a line, which could be anything; name "
                "them with --columns, for example --columns ax,ay,az,_"
            )
        described = columns.parse(names)
        columns.check_units(names, described, self._port.name)
        self.axes = columns.axes_of(described)
        if not self.axes:
            raise HarmcuError(f"{self._port.name}: none of its columns is an axis; use --columns")
        self._width = width
        self._roles = _roles(names)
        self._places = [self._roles.index(axis) for axis in self.axes]
        values = np.array([row for row in rows if len(row) == width])[:, self._places]
        of = {kind: [axis[0] == kind for axis in self.axes] for kind in "ag"}
        values = values[np.isfinite(values).all(axis=1)]
        self._units = Units(self._given(described), values[:, of["a"]], values[:, of["g"]])
        for note in self._units.notes:
            say(f"guessed {note.what}")
        measured = self.meter.hz
        assert measured is not None, "it was listened to for long enough"
        # Three digits are what lines that arrive in lumps can tell.
        self.rate_millihertz = self._options.rate_millihertz or round(
            float(f"{measured:.3g}") * 1000
        )

    def _given(self, described: Sequence[columns.Column]) -> tuple[str, ...]:
        """Return the units that the user, the header or the tutorial states."""
        stated = tuple(dict.fromkeys(column.unit for column in described if column.unit))
        tutorial = ("g", "deg/s") if self._names == TUTORIAL else ()
        return with_stated(self._options.units, stated or tutorial)

    def read(self, timeout: float) -> list[Chunk]:
        """Return what has arrived; see ``Source.read``.

        Raises:
            HarmcuError: the sketch prints other columns than before.
        """
        chunks = [self._chunk(lump) for lump in self._lumps(timeout)]
        for chunk in chunks:
            self.meter.add(chunk)
        # One that parts its takes is silent until somebody moves.
        is_due = not self._is_parted
        seconds = time.monotonic() - self._arrived if is_due and self._arrived else 0.0
        self.trouble = silence(seconds, self.rate_millihertz / 1000)
        return [chunk for chunk in chunks if len(chunk.counts)]

    def _chunk(self, lump: _Lump) -> Chunk:
        fitting = [row for row in lump.rows if len(row) == self._width]
        values = np.array(fitting, float).reshape(-1, self._width)[:, self._places]
        possible = self._units.possible(values, self.axes)
        lost = lump.skipped + len(lump.rows) - int(possible.sum())
        if lump.seconds > PAUSE:
            lost += max(0, round(lump.seconds * self.rate_millihertz / 1000) - len(lump.rows))
        # Which of the lump's lines was damaged matters less than that one was.
        first = self._next + lost
        counts = self._units.counts(values[possible], self.axes)
        self._next = first + len(counts)
        return lump.chunk(first, counts)

    def close(self) -> None:
        """Close the port; the sketch prints on."""
        self._port.close()

    def _lumps(self, timeout: float) -> list[_Lump]:
        """Return the rows that arrive next, parted at blank lines."""
        data = self._port.read(timeout)
        # All that waits belongs to the time up to now: a host that was busy has lost nothing.
        for _ in range(MOST_READS):
            more = self._port.read() if data else b""
            if not more:
                break
            data += more
        now = time.monotonic()
        lumps: list[_Lump] = []
        rows: list[list[float]] = []
        skipped = 0
        for text in [*self._lines.feed(data), None]:
            numbers = _numbers(text) if text is not None else []
            if numbers:
                rows.append(numbers)
            elif text is None or not text.strip():
                self._is_parted |= text is not None
                lumps += self._lump(rows, skipped, now)
                rows, skipped = [], 0
                # A blank line after every row parts nothing.
                if text is not None and self._rows_in_take > 1:
                    self._begins_take, self._rows_in_take = True, 0
            elif not self._is_header(text):
                skipped += 1
        return lumps

    def _lump(self, rows: list[list[float]], skipped: int, now: float) -> list[_Lump]:
        if not rows:
            self._skipped += skipped
            return []
        skipped, self._skipped = skipped + self._skipped, 0
        known = self._arrived is not None and not self._begins_take
        seconds = now - self._arrived if known and self._arrived is not None else 0.0
        lump = _Lump(rows, skipped, seconds, self._begins_take)
        self._arrived, self._begins_take = now, False
        self._rows_in_take += len(rows)
        return [lump]

    def _is_header(self, text: str) -> bool:
        """Take names of columns; False for any other text."""
        names = tuple(name.strip() for name in re.split(r"[,;\t]", text))
        is_damaged_row = any(map(_NUMBER.fullmatch, names))
        if is_damaged_row or not columns.axes_of(columns.parse(names)):
            return False
        # A damaged header has a cell less, or one that is no axis.
        is_whole = len(names) == len(self._roles) and columns.LEFT_OUT not in _roles(names)
        if is_whole and not self._options.columns and _roles(names) != self._roles:
            raise HarmcuError(
                f"{self._port.name}: the sketch prints other columns now, {', '.join(names)}; "
                "start again to record them"
            )
        self._names = self._names or names
        return True


def _roles(names: Sequence[str]) -> list[str]:
    return [column.role for column in columns.parse(names)]


class _Lines:
    """Collects bytes into lines; the first one may be the end of one and is left out."""

    def __init__(self) -> None:
        self._buffer = b""
        self._joined = False

    def feed(self, data: bytes) -> list[str]:
        """Take bytes and return the lines that they complete."""
        *complete, self._buffer = (self._buffer + data).replace(b"\r", b"").split(b"\n")
        self._buffer = self._buffer[-LONGEST_LINE:]
        lines = [line.decode("ascii", "replace") for line in complete]
        if lines and not self._joined:
            self._joined = True
            if _numbers(lines[0]):
                del lines[0]
        return lines


def _numbers(text: str) -> list[float]:
    """Return the numbers of a line, or none when anything else is in it."""
    cells = [cell.strip() for cell in re.split(r"[,;\t]", text.strip().rstrip(",;"))]
    if len(cells) == 1:
        cells = text.split()
    return [float(cell) for cell in cells] if all(map(_NUMBER.fullmatch, cells)) else []
