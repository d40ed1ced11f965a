"""A port as a stream of messages: USB, a pseudo-terminal or ``socket://HOST:PORT`` alike."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType

import serial

from host_tools.protocol import (
    SEQUENCE_RANGE,
    Damaged,
    Line,
    LineReader,
    Message,
    ProtocolError,
    encode,
    parse,
)
from trainer.errors import HarmcuError

BAUD = 115200
"""USB ignores it; boards with a real UART use it."""


class Link:
    """An open port.

    Attributes:
        port: the name or URL it was opened by.
        damaged: received lines that were none.
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
        self._arrived: deque[Message] = deque()
        self._sequence = 0
        self._expected: int | None = None
        try:
            self._serial = serial.serial_for_url(port, BAUD, timeout=0, exclusive=_exclusive(port))
        except (serial.SerialException, ValueError, OSError) as error:
            raise HarmcuError(f"{port}: {_why(error, port)}") from None

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        self._serial.close()

    def send(self, type_: str, *fields: str) -> int:
        """Send a command and return its sequence number.

        Raises:
            HarmcuError: the port is gone.
        """
        sequence = self._sequence
        self._sequence = (sequence + 1) % SEQUENCE_RANGE
        try:
            self._serial.write(encode(Line(type_, sequence, fields)))
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from None
        return sequence

    def receive(self, timeout: float) -> Message | None:
        """Return the next message, or None when none arrives within ``timeout`` seconds.

        Raises:
            HarmcuError: the port is gone.
        """
        deadline = time.monotonic() + timeout
        while not self._arrived:
            data = self._read()
            if data:
                self._take(data)
            elif time.monotonic() >= deadline:
                return None
            else:
                time.sleep(0.001)
        return self._arrived.popleft()

    def _read(self) -> bytes:
        try:
            data: bytes = self._serial.read(4096)
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from None
        return data

    def _take(self, data: bytes) -> None:
        for line in self._reader.feed(data):
            if isinstance(line, Damaged):
                self.damaged += 1
                continue
            if not self._is_next(line):
                self.damaged += 1
                continue
            try:
                self._arrived.append(parse(line))
            except ProtocolError:
                self.damaged += 1

    def _is_next(self, line: Line) -> bool:
        """Count the lines lost before this one; False when this one was here before."""
        # A board that restarts begins again at 0 with what it is; nothing was lost then.
        restarted = line.type == "STA" and line.sequence == 0
        if self._expected is not None and not restarted:
            missing = (line.sequence - self._expected) % SEQUENCE_RANGE
            if missing > SEQUENCE_RANGE // 2:
                return False
            self.lost += missing
        self._expected = (line.sequence + 1) % SEQUENCE_RANGE
        return True

    def _gone(self, error: Exception) -> HarmcuError:
        return HarmcuError(f"{self.port}: the board is gone ({error}); plug it in and try again")


def _exclusive(port: str) -> bool | None:
    """Ask for a port of our own where there is such a thing: URLs of pySerial know no locks."""
    return None if "://" in port else True


_REASONS = (
    ("refused", "nobody listens there; start the board first, for example with `harmcu emulate`"),
    ("busy", "the port is busy; close the serial monitor or other program that has it open"),
    ("lock", "the port is busy; close the serial monitor or other program that has it open"),
    ("access is denied", "the port is busy; close the other program that has it open"),
    (
        "permission",
        "no permission; on Linux join the group of serial ports (sudo usermod -aG dialout $USER) "
        "and log in again",
    ),
    ("no such file", "no such port; plug the board in and check its name"),
    ("filenotfounderror", "no such port; plug the board in and check its name"),
)
"""What pySerial and the system say, in lower case, and what it means; the first match counts."""


def _why(error: Exception, port: str) -> str:
    # The port's own name must not be taken for a reason.
    text = str(error).replace(port, "")
    for said, meaning in _REASONS:
        if said in text.lower():
            return meaning
    return f"cannot be opened ({text}); check the name, for example /dev/ttyACM0 or COM3"
