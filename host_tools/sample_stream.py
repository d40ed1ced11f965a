"""Samples as they arrive, whatever prints them, and the rate at which they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trainer.recording import Counts

SILENCE = 1.0
"""Seconds without a sample after which a source says so."""

SILENT = "no sample for"
"""How it does."""


def silence(seconds: float, hz: float) -> str:
    """Return what is said of so many seconds without a sample of so many a second, or nothing.

    Two and a half periods without one are no silence either.
    """
    return f"{SILENT} {seconds:.0f} s" if seconds > max(SILENCE, 2.5 / hz) else ""


@dataclass(frozen=True)
class Chunk:
    """Samples that follow one another without a gap.

    Attributes:
        first: index of the first of them since the stream began; larger than that after the chunk
            before when samples were lost.
        counts: int16 [samples, axes].
        intervals: sampling periods since the chunk before, those of lost samples included.
        seconds: in which they passed, by the clock of whoever measures; 0: not known.
        begins_anew: the stream does; what came before it is of another one.
        begins_take: the sketch itself parts what follows from what was before.
    """

    first: int
    counts: Counts
    intervals: int = 0
    seconds: float = 0.0
    begins_take: bool = False
    begins_anew: bool = False


class RateMeter:
    """The true rate of a stream, of as many periods as were measured."""

    def __init__(self, least_seconds: float) -> None:
        """Start.

        Args:
            least_seconds: before so much time has passed, nothing is claimed.
        """
        self.least_seconds = least_seconds
        self._intervals = 0
        self._seconds = 0.0

    def add(self, chunk: Chunk) -> None:
        """Count a chunk's periods, when their time is known."""
        if chunk.seconds > 0:
            self._intervals += chunk.intervals
            self._seconds += chunk.seconds

    @property
    def hz(self) -> float | None:
        """The rate, or None as long as it is not known."""
        return self._intervals / self._seconds if self._seconds >= self.least_seconds else None


class Source(Protocol):
    """Where samples come from.

    Attributes:
        description: what it is and where, for people.
        board: name of the board; empty when that is not known.
        axes: which of ``trainer.recording.AXES`` it has, in that order.
        rate_millihertz: the sensor's nominal rate.
        meter: of the whole stream.
        parts_takes: it may say itself where a take ends.
        trouble: what the sensor or the wire suffers from now, for people; empty: nothing.
    """

    description: str
    board: str
    axes: tuple[str, ...]
    rate_millihertz: int
    meter: RateMeter
    parts_takes: bool
    trouble: str

    def read(self, timeout: float) -> list[Chunk]:
        """Return what has arrived; nothing, when nothing does within ``timeout`` seconds.

        Raises:
            PortGoneError: the port is gone.
        """

    def close(self) -> None:
        """Let the source go, in the state in which it is of use to others."""
