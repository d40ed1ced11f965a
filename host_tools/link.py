"""A port as a stream of messages, whose damage and losses are counted."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from host_tools.closing import Closing
from host_tools.port import Port
from host_tools.protocol import (
    SEQUENCE_RANGE,
    Damaged,
    Line,
    LineReader,
    Message,
    ProtocolError,
    Text,
    encode,
    parse,
)

REMEMBERED = 64
"""Received lines to tell a line that comes twice from a board that began anew."""


@dataclass(frozen=True)
class Restart:
    """The board began anew, and knows nothing any more of what it was told."""


OVERTAKEN = 4
"""Lines that may overtake one on the way."""

LOW_NUMBERS = 32
"""Below it, a line that is behind is one of a board that began anew and lost its first lines."""


class Link(Closing):
    """A port that speaks lines.

    Attributes:
        port: the name or URL it was opened by.
        damaged: received lines that were none, or that came twice.
        lost: lines whose sequence numbers never arrived.
    """

    def __init__(self, port: str) -> None:
        """Open a port.

        Raises:
            HarmcuError: it cannot be opened; the message says why and what to do.
        """
        self.port = port
        self.damaged = 0
        self.lost = 0
        self._reader = LineReader()
        self._arrived: deque[Message | Restart] = deque()
        self._sequence = 0
        self._expected: int | None = None
        self._recent: deque[Line] = deque(maxlen=REMEMBERED)
        self._joined = False
        self._port = Port(port)

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def send(self, type_: str, *fields: str) -> int:
        """Send a command and return its sequence number.

        Raises:
            PortGoneError: the port is gone.
        """
        sequence = self._sequence
        self._sequence = (sequence + 1) % SEQUENCE_RANGE
        self._port.write(encode(Line(type_, sequence, fields)))
        return sequence

    def receive(self, timeout: float) -> Message | Restart | None:
        """Return the next message, or None when none arrives within ``timeout`` seconds.

        Where the board began anew, a ``Restart`` stands between its messages.

        Raises:
            PortGoneError: the port is gone.
        """
        deadline = time.monotonic() + timeout
        while not self._arrived:
            data = self._port.read(deadline - time.monotonic())
            self._take(data)
            # Also while something else talks without end: another program's output is no answer.
            if not self._arrived and time.monotonic() >= deadline:
                return None
        return self._arrived.popleft()

    def _take(self, data: bytes) -> None:
        for line in self._reader.feed(data):
            joined, self._joined = self._joined, True
            if isinstance(line, Text):
                continue
            if isinstance(line, Damaged):
                # Whoever opens a port in the middle of a line hears the end of it first.
                self.damaged += joined or line.text.startswith("$")
            elif not self._is_new(line):
                self.damaged += 1
            else:
                self._keep(line)

    def _keep(self, line: Line) -> None:
        try:
            self._arrived.append(parse(line))
        except ProtocolError:
            self.damaged += 1

    def _is_late(self, line: Line) -> bool:
        """Tell whether a line was overtaken by a few others: it counts as lost already."""
        # Those of a board that began anew have low numbers.
        behind = ((self._expected or 0) - line.sequence) % SEQUENCE_RANGE
        return 0 < behind <= OVERTAKEN and line.sequence >= LOW_NUMBERS

    def _is_new(self, line: Line) -> bool:
        """Count the lines lost before this one; False when this one was here before."""
        missing = 0 if self._expected is None else (line.sequence - self._expected) % SEQUENCE_RANGE
        is_behind = missing > SEQUENCE_RANGE // 2
        # A board that restarts begins again at 0 with what it is; nothing was lost then.
        is_first = line.type == "STA" and line.sequence == 0
        if is_behind and not is_first and (line in self._recent or self._is_late(line)):
            return False
        if is_behind or is_first:
            # When that first line was lost itself, so were those between it and this one.
            missing = line.sequence
            if self._expected is not None:
                self._arrived.append(Restart())
            self._recent.clear()
        self.lost += missing
        self._expected = (line.sequence + 1) % SEQUENCE_RANGE
        self._recent.append(line)
        return True
