"""The terminal as a screen with keys, left as it was found whatever happens."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live

if sys.platform == "win32":
    import msvcrt
else:
    import select
    import termios

REDRAWN_SECONDS = 0.1
"""Between two drawings: faster ones only cost."""

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
    """The whole terminal, drawn anew as often as the caller likes."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._console = live.console
        self._drawn = -REDRAWN_SECONDS

    def draw(self, render: Render) -> None:
        """Show something in place of all that was shown, unless that was a moment ago."""
        now = time.monotonic()
        if now - self._drawn < REDRAWN_SECONDS:
            return
        self._drawn = now
        is_unicode = (self._console.encoding or "").lower().startswith("utf")
        # The user may change the size at any time.
        self._live.update(render(self._console.size, is_unicode), refresh=True)


@contextmanager
def opened() -> Iterator[tuple[Screen, Keys]]:
    """Take the terminal over, and give it back as it was."""
    # The terminal says its size, now and after a change; what was exported once may be wrong.
    named = {name: os.environ[name] for name in os.environ if name not in ("COLUMNS", "LINES")}
    console = Console(_environ=named)
    with _unbuffered_keys(), Live(console=console, screen=True, auto_refresh=False) as live:
        yield Screen(live), Keys()


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
    termios.tcsetattr(descriptor, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
