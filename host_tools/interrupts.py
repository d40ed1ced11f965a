"""Ctrl-C and its like, taken where the program can afford it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Keep the first signal that asks the process to end until the block asks for it.

    Yields:
        A function that tells whether one has come. A second signal acts at once.

    Raises:
        SystemExit: on leaving the block, when the signal was another than that of Ctrl-C.
    """
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    received: list[int] = []
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def keep(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        restore()

    for number in numbers:
        before[number] = signal.signal(number, keep)
    try:
        yield lambda: bool(received)
    finally:
        restore()
    if received and received[0] != signal.SIGINT:
        sys.exit(128 + received[0])
