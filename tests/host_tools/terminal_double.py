"""A terminal without anybody in front of it: runs a command and shows what it would show."""

import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pyte

ROOT = Path(__file__).parents[2]

HOME = b"\x1b[H"
"""How every frame of a screen begins."""

FAST = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    "from host_tools import capture; capture.COUNTDOWN = 0.4\n"
    "from host_tools.cli import main; main()"
)
"""The command, with a countdown that a test can wait for."""


class TerminalDouble:
    """``harmcu ARGUMENTS`` in a pseudo-terminal of a given size.

    Attributes:
        raw: every byte that the command wrote.
        process: the command.
    """

    def __init__(
        self, *arguments: object, columns: int = 80, rows: int = 24, no_color: bool = False
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = self._unseen = b""
        self._master, self._slave = os.openpty()
        size = struct.pack("HHHH", rows, columns, 0, 0)
        import fcntl

        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)
        self._before = self._modes()
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.pop("NO_COLOR", None)
        # Exported once, and wrong: the terminal itself says its size.
        environment |= {"COLUMNS": "0", "LINES": "-5"}
        if no_color:
            environment["NO_COLOR"] = "1"
        self.process = subprocess.Popen(
            [sys.executable, "-c", FAST, *map(str, arguments)],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def __enter__(self) -> "TerminalDouble":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    @property
    def lines(self) -> list[str]:
        """What the terminal shows now."""
        return [line.rstrip() for line in self._screen.display]

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def wait_for(self, is_shown: Callable[[list[str]], bool], seconds: float = 15.0) -> list[str]:
        """Return the screen as soon as it fulfils a condition."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._read(0.05)
            if is_shown(self.lines):
                return self.lines
        raise AssertionError("never shown; last seen:\n" + "\n".join(self.lines))

    def wait_for_text(self, text: str) -> list[str]:
        """Return the screen as soon as a text is on it."""
        return self.wait_for(lambda lines: any(text in line for line in lines))

    def wait_for_end(self, seconds: float = 15.0) -> int:
        """Return the exit code."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        self._read(0.05)
        code: int = self.process.wait(1)
        return code

    def is_as_before(self) -> bool:
        """Tell whether the terminal was left as it was found."""
        alternate = self.raw.count(b"\x1b[?1049h"), self.raw.count(b"\x1b[?1049l")
        cursor = self.raw.rfind(b"\x1b[?25h") >= self.raw.rfind(b"\x1b[?25l")
        return self._modes() == self._before and alternate[0] == alternate[1] and cursor

    def _modes(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    def _read(self, timeout: float) -> None:
        while select.select([self._master], [], [], timeout)[0]:
            data = os.read(self._master, 65536)
            self.raw += data
            self._unseen += data
            timeout = 0.0
        # Emulating every frame takes longer than drawing it, and each draws all that is shown.
        last = self._unseen.rfind(HOME)
        before = self._unseen.rfind(HOME, 0, max(0, last))
        self._stream.feed(self._unseen[max(0, before) :])
        self._unseen = b""
