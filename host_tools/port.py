"""An open port (USB, a pseudo-terminal or a socket of this computer), and why it does not open."""

from __future__ import annotations

import difflib
import time
from urllib.parse import urlsplit

import serial

from host_tools.closing import Closing
from trainer.errors import HarmcuError

BAUD = 115200
"""USB ignores it; boards with a real UART use it."""

HOSTS = ("127.0.0.1", "localhost", "::1")
"""Emulated boards run here; whoever listens elsewhere could send anything."""

ONE_HOST = "an emulated board has one host at a time: close the other program that is connected"
"""What is said of a socket that takes a connection and then is silent."""

CHUNK = 4096


class PortGoneError(HarmcuError):
    """What was plugged in is not there any more."""


class Port(Closing):
    """Bytes out and in.

    Attributes:
        name: the name or URL it was opened by.
    """

    def __init__(self, name: str) -> None:
        """Open a port.

        Raises:
            HarmcuError: it cannot be opened; the message says why and what to do.
        """
        self.name = name
        _check_url(name)
        try:
            self._serial = serial.serial_for_url(name, BAUD, timeout=0, exclusive=_exclusive(name))
        except (serial.SerialException, ValueError, OSError) as error:
            raise HarmcuError(f"{name}: {_why(error, name)}") from None

    def close(self) -> None:
        """Close the port."""
        self._serial.close()

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            PortGoneError: the port is gone.
        """
        try:
            self._serial.write(data)
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from None

    def read(self, timeout: float = 0.0) -> bytes:
        """Return what has arrived; nothing, when nothing does within ``timeout`` seconds.

        Raises:
            PortGoneError: the port is gone.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                data: bytes = self._serial.read(CHUNK)
            except (serial.SerialException, OSError, TypeError) as error:
                # pySerial raises TypeError when the port is closed while it reads.
                raise self._gone(error) from None
            if data or time.monotonic() >= deadline:
                return data
            time.sleep(0.001)

    def _gone(self, error: Exception) -> PortGoneError:
        return PortGoneError(f"{self.name}: the board is gone ({error}); plug it in and try again")


def _exclusive(port: str) -> bool | None:
    """Ask for a port of our own where there is such a thing: URLs of pySerial know no locks."""
    return None if "://" in port else True


def _check_url(name: str) -> None:
    """Refuse what pySerial takes for a URL, but for a socket's on this computer.

    Others do more than open a port: spy:// empties the file that it is told to write.
    """
    if "://" not in name:
        return
    try:
        parts = urlsplit(name)
        is_whole = parts.scheme == "socket" and parts.hostname in HOSTS and bool(parts.port)
        is_whole = is_whole and not (parts.path or parts.query)
    except ValueError:  # no number, or none that a port can have
        is_whole = False
    if not is_whole:
        raise HarmcuError(
            f"{name}: is no address on this computer; write socket://127.0.0.1:PORT, with a port "
            "from 1 to 65535"
        )


NO_PORT = "no such port; plug the board in and check its name"

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
    ("inappropriate ioctl", "is no serial port; check the name, for example /dev/ttyACM0"),
    ("is a directory", "is no serial port; check the name, for example /dev/ttyACM0"),
    ("no such file", NO_PORT),
    ("filenotfounderror", NO_PORT),
)
"""What pySerial and the system say, in lower case, and what it means; the first match counts."""


def _why(error: Exception, port: str) -> str:
    # The port's own name must not be taken for a reason.
    text = str(error).replace(port, "")
    for said, meaning in _REASONS:
        if said in text.lower():
            return _nearest(port) if meaning is NO_PORT else meaning
    return f"cannot be opened ({text}); check the name, for example /dev/ttyACM0 or COM3"


def _nearest(port: str) -> str:
    """Return what is said of a port that is not there: the nearest of those that are."""
    from serial.tools import list_ports

    near = difflib.get_close_matches(port, [found.device for found in list_ports.comports()], 1)
    return f"no such port; did you mean {near[0]}?" if near else NO_PORT
