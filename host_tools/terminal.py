"""The terminal as a screen with keys, left as it was found whatever happens."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console, RenderableType
from rich.live import Live

if sys.platform == "win32":
    import msvcrt
else:
    import select
    import termios

REDRAWN_SECONDS = 0.1
"""Between two drawings: faster ones only cost."""

CLOSING_SECONDS = 3.0
"""After which a terminal that does not take the end of the screen is taken for dead."""

Render = Callable[[tuple[int, int], bool], RenderableType]
"""Gives a screen of so many columns and rows, for a terminal that shows Unicode or not."""

ENTER, ESCAPE, BACKSPACE = "\n", "\x1b", "\x7f"

_NO_KEY = re.compile(
    r"[\x00\xe0]."
    if sys.platform == "win32"
    else r"\x1b{1,2}(?:\[[0-?]*[ -/]*[@-~]|O[!-~])|\x1b[^\x1b\[O]"
)
"""What other keys send: two codes, or control sequences (ECMA-48, 5.4) and SS3, after another Esc
where Alt is held."""

_BEGUN = re.compile(r"(?!)" if sys.platform == "win32" else r"\x1b{1,2}(?:\[[0-?]*[ -/]*|O)")
"""The start of such a sequence, whose rest may still come; Windows hands out both codes at once."""

_ESCAPES = re.compile(r"(?!)" if sys.platform == "win32" else r"\x1b{1,2}")
"""Esc, or the start of a sequence: only time tells."""

ESCAPE_SECONDS = 0.1
"""In which the rest of a sequence follows its Esc, over a slow link too."""


def is_interactive() -> bool:
    """Tell whether there is somebody to look at a screen and to press keys."""
    # A dumb terminal shows no screen, only lines.
    is_dumb = os.environ.get("TERM") in ("dumb", "unknown")
    return sys.stdin.isatty() and sys.stdout.isatty() and not is_dumb


class Keys:
    """Keys as they are pressed."""

    def __init__(self) -> None:
        self._pending = ""
        self._bytes = b""
        self._last_arrival = 0.0

    def read(self) -> str:
        """Return the next key without waiting; empty when none was pressed.

        Arrows, function keys and the wheel of a mouse are none.
        """
        now = time.monotonic()
        arrived = self._arrived()
        if arrived:
            self._last_arrival = now
        self._pending = _NO_KEY.sub("", self._pending + arrived)
        if not self._pending or _BEGUN.fullmatch(self._pending):
            return ""
        if _ESCAPES.fullmatch(self._pending) and now - self._last_arrival < ESCAPE_SECONDS:
            return ""
        key, self._pending = self._pending[0], self._pending[1:]
        return {"\r": ENTER, "\b": BACKSPACE}.get(key, key)

    def _arrived(self) -> str:
        if sys.platform == "win32":
            keys = ""
            while msvcrt.kbhit():
                keys += msvcrt.getwch()
            return keys
        if not select.select([sys.stdin], [], [], 0)[0]:
            return ""
        self._bytes += os.read(sys.stdin.fileno(), 1024)
        try:
            text = self._bytes.decode()
        except UnicodeDecodeError as error:
            # The rest of a character may still come; what can be none is dropped.
            cut = error.start if len(self._bytes) - error.start < 4 else len(self._bytes)
            text, self._bytes = self._bytes[:cut].decode(errors="ignore"), self._bytes[cut:]
            return text
        self._bytes = b""
        return text


class Screen:
    """The whole terminal, drawn anew as often as the caller likes and the terminal can.

    A terminal may take nothing for a while: over a connection that stalls, or while text in it is
    selected. What it shows stands still then, and nothing else.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._console = live.console
        self._drawn = -REDRAWN_SECONDS
        self._drawing: threading.Thread | None = None
        self._error: OSError | None = None
        live.start()

    def draw(self, render: Render) -> None:
        """Show something in place of all that was shown, unless that was a moment ago.

        Raises:
            OSError: the terminal is gone.
        """
        if self._error is not None:
            raise self._error
        now = time.monotonic()
        if now - self._drawn < REDRAWN_SECONDS or (self._drawing and self._drawing.is_alive()):
            return
        self._drawn = now
        is_unicode = (self._console.encoding or "").lower().startswith("utf")
        # The user may change the size at any time.
        shown = render(self._console.size, is_unicode)
        self._drawing = threading.Thread(target=self._show, args=(shown,), daemon=True)
        self._drawing.start()

    def _show(self, shown: RenderableType) -> None:
        try:
            self._live.update(shown, refresh=True)
        except OSError as error:
            self._error = error

    def close(self) -> bool:
        """Give the terminal back; False where it takes nothing any more."""
        # Behind the last drawing, for which it waits.
        closing = threading.Thread(target=self._stop, daemon=True)
        closing.start()
        closing.join(CLOSING_SECONDS)
        return not closing.is_alive()

    def _stop(self) -> None:
        try:
            self._live.stop()
        except OSError as error:
            self._error = error


@contextmanager
def opened() -> Iterator[tuple[Screen, Keys]]:
    """Take the terminal over, and give it back as it was."""
    # The terminal says its size, now and after a change; what was exported once may be wrong.
    named = {name: os.environ[name] for name in os.environ if name not in ("COLUMNS", "LINES")}
    with _unbuffered_keys():
        output = _output()
        console = Console(file=output, _environ=named)
        screen = Screen(Live(console=console, screen=True, auto_refresh=False))
        try:
            yield screen, Keys()
        finally:
            if not screen.close():
                # Whatever is said from now on would wait for ever, and nobody would read it.
                sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
            elif output is not None:
                output.close()


def _output() -> IO[str] | None:
    """Return the terminal as a file of its own: a drawing that waits holds no other's lock."""
    if sys.platform == "win32":
        return None  # rich knows a console by its number
    return os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)


@contextmanager
def _unbuffered_keys() -> Iterator[None]:
    """Deliver keys at once and unseen; Ctrl-C still interrupts."""
    if sys.platform == "win32":
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    # Blocks of its own: tcgetattr's list of characters must not be shared with `before`.
    changed = termios.tcgetattr(descriptor)
    changed[3] &= ~(termios.ICANON | termios.ECHO)
    # Ctrl-S would hold the output, and with it the recording.
    changed[0] &= ~termios.IXON
    changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
    # Stopped with Ctrl-Z, the shell would inherit a screen without echo.
    changed[6][termios.VSUSP] = os.fpathconf(descriptor, "PC_VDISABLE").to_bytes(1, "little")
    termios.tcsetattr(descriptor, termios.TCSANOW, changed)
    try:
        yield
    finally:
        # Not behind what is still to be written: a stalled terminal never writes it.
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
