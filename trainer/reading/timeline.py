"""From timestamps to a uniform rate: gaps split a stream, jitter is interpolated away.

1. A row whose time equals the row's before is left out.
2. The *usual step* is the mean of the steps within half of their median: missing rows and gaps do
   not change it, and timestamps of whole milliseconds average out. Its inverse is the measured
   rate.
3. A step backwards, or of more than ``LONGEST_STEP`` usual steps and ``LONGEST_TIME``, is a gap.
   The stream is split there. What two streams recorded before their clock was set back belongs
   together, and what they recorded after it. No usual step is taken for more than
   ``LONGEST_STEP`` of the grid's.
4. Within a stretch, samples are taken every 1 / rate from its first timestamp on, by linear
   interpolation between the two rows around each. Streams of several sensors are taken where all
   of them have rows.

The grid's rate is the measured one, so nothing is filtered here; ``trainer.resample`` does that
when the model's rate is another.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError

Floats = npt.NDArray[np.float64]

LONGEST_STEP = 5.0
LONGEST_TIME = 0.1
"""Seconds. Logging to a card or over Bluetooth loses a few rows at a time; 0.1 s is bridged."""


@dataclass(frozen=True)
class Stream:
    """Rows with their times.

    Attributes:
        seconds: float64 [rows].
        values: float64 [rows, columns].
        index: int64 [rows], the numbers of these rows where they come from.
    """

    seconds: Floats
    values: Floats
    index: npt.NDArray[np.int64]

    def part(self, rows: slice | npt.NDArray[np.int64]) -> Stream:
        """Return some of the rows."""
        return Stream(self.seconds[rows], self.values[rows], self.index[rows])


@dataclass(frozen=True)
class Stretch:
    """A stretch without a gap, on the uniform grid.

    Attributes:
        values: float64 [samples, columns].
        index: int64, the rows of the first stream that it was made of.
        bridged: samples between rows that are more than 1.5 usual steps apart.
    """

    values: Floats
    index: npt.NDArray[np.int64]
    bridged: int


def usual_step(seconds: Floats) -> float:
    """Return the usual step between rows in the unit of ``seconds``, or 0 when there is none."""
    steps = np.diff(seconds)
    steps = steps[steps > 0]
    if not len(steps):
        return 0.0
    median = float(np.median(steps))
    usual = steps[(steps >= 0.5 * median) & (steps <= 1.5 * median)]
    return float(usual.mean()) if len(usual) else median


def stretches(stream: Stream, step: float) -> list[Stream]:
    """Split a stream at its gaps, and leave out rows with the time of the row before."""
    fresh = stream.part(np.flatnonzero(np.diff(stream.seconds, prepend=-np.inf) != 0))
    steps = np.diff(fresh.seconds)
    gaps = (steps < 0) | (steps > max(LONGEST_STEP * step, LONGEST_TIME))
    bounds = [0, *(np.flatnonzero(gaps) + 1).tolist(), len(fresh.seconds)]
    pairs = itertools.pairwise(bounds)
    return [fresh.part(slice(first, last)) for first, last in pairs if last > first]


def uniform(streams: Sequence[Stream], rate: float) -> list[Stretch]:
    """Bring the streams of one or more sensors onto one uniform grid.

    Args:
        streams: of the sensors of one board, on one clock.
        rate: samples a second of the grid.

    Returns:
        the stretches that all streams cover, of at least two samples, with the columns of the
        streams side by side.

    Raises:
        HarmcuError: the clock was set back, and not in every stream: nobody knows which moments
            belong together.
    """
    # Rows far apart and few are no slow sensor: without a bound, two of them would be a stretch.
    steps = [min(usual_step(stream.seconds), LONGEST_STEP / rate) for stream in streams]
    parts = [stretches(stream, step) for stream, step in zip(streams, steps, strict=True)]
    eras = [_eras(part) for part in parts]
    if len({max(numbers, default=0) for numbers in eras}) > 1:
        raise HarmcuError(
            "times step back in one of its files and not in the other; cut both there and load "
            "the pieces"
        )
    found = []
    for group in _overlapping(parts, eras):
        first = max(float(part.seconds[0]) for part in group)
        last = min(float(part.seconds[-1]) for part in group)
        # A rounding error must not cost the last sample.
        samples = int((last - first) * rate + 1e-6) + 1
        if samples >= 2:
            grid = first + np.arange(samples) / rate
            values = np.hstack([_interpolate(part, grid) for part in group])
            bridged = max(
                _bridged(part, grid, step) for part, step in zip(group, steps, strict=True)
            )
            found.append(Stretch(values, _covered(group[0], first, last), bridged))
    return found


def _eras(parts: Sequence[Stream]) -> list[int]:
    """Return of each stretch how often the clock was set back before it.

    Rows that were written out of their order step back, too, but less.
    """
    steps = [before.seconds[-1] - part.seconds[0] for before, part in itertools.pairwise(parts)]
    return [0, *np.cumsum([step > LONGEST_TIME for step in steps]).tolist()] if parts else []


def _overlapping(
    parts: Sequence[list[Stream]], eras: Sequence[list[int]]
) -> list[tuple[Stream, ...]]:
    """Return the combinations of stretches, one of each stream, that share some time of one era."""
    groups: list[tuple[tuple[Stream, ...], int]] = [
        ((part,), era) for part, era in zip(parts[0], eras[0], strict=True)
    ]
    for others, theirs in zip(parts[1:], eras[1:], strict=True):
        begins = np.array([other.seconds[0] for other in others])
        ends = np.array([other.seconds[-1] for other in others])
        groups = [
            ((*group, others[number]), era)
            for group, era in groups
            for number in np.flatnonzero(
                (np.array(theirs) == era)
                & (
                    np.maximum(begins, max(part.seconds[0] for part in group))
                    < np.minimum(ends, min(part.seconds[-1] for part in group))
                )
            )
        ]
    return [group for group, _ in groups]


def _interpolate(part: Stream, grid: Floats) -> Floats:
    columns = [np.interp(grid, part.seconds, column) for column in part.values.T]
    return np.stack(columns, axis=1)


def _bridged(part: Stream, grid: Floats, step: float) -> int:
    wide = np.flatnonzero(np.diff(part.seconds) > 1.5 * step)
    # A grid point on a row is that row, in spite of rounding errors.
    after = np.searchsorted(grid, part.seconds[wide] + 1e-3 * step)
    before = np.searchsorted(grid, part.seconds[wide + 1] - 1e-3 * step)
    return int(np.maximum(before - after, 0).sum())


def _covered(part: Stream, first: float, last: float) -> npt.NDArray[np.int64]:
    inside = (part.seconds >= first) & (part.seconds <= last)
    return part.index[inside]
