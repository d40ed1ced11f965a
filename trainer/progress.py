"""How the trainer reports what it is doing, without knowing who shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

Facts = Mapping[str, float | int | str]
"""What is known at a point of a step, such as ``{"loss": 0.21, "validation accuracy": 0.93}``."""


class Progress(Protocol):
    """Whoever shows the progress of a training run; a terminal, a log, nothing."""

    def __call__(self, step: str, done: int, total: int, facts: Facts) -> None:
        """Hear that ``done`` of ``total`` parts of ``step`` are finished.

        Called with ``done`` 0 when a step starts and with ``done == total`` when it ends.
        """


def silent(step: str, done: int, total: int, facts: Facts) -> None:
    """Show nothing."""
