"""Whole recordings as a board sees them: activities, transitions, and what has no name.

Windows of labelled intervals alone say how often a window is right. A stream says how long it takes
until an activity is recognised, and how often movement that is none of the labels is taken for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer import interval
from trainer.golden import Engine, Trace, run
from trainer.recording import LabelledStream
from trainer.spec import Spec

OTHER = -2
"""The truth of a window whose samples are all outside of intervals that the model knows."""

MIXED = -3
"""The truth of a window that an interval begins or ends in."""

Indices = npt.NDArray[np.int64]
Seconds = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bout:
    """An interval of a known label, in seconds from the start of its stream."""

    label: int
    start: float
    end: float


@dataclass(frozen=True)
class Watched:
    """A stream, and what a model said about it.

    Attributes:
        trace: through the whole integer path.
        truth: int64 [windows], label indices, ``OTHER`` or ``MIXED``.
        touched: bool [windows, labels], whether a window has a sample of a bout of each label.
        ends: float64 [windows], when each window is complete, in seconds from the start.
        bouts: in the order of time.
    """

    trace: Trace
    truth: Indices
    touched: Flags
    ends: Seconds
    bouts: tuple[Bout, ...]


def watch(spec: Spec, engine: Engine, streams: Sequence[LabelledStream]) -> list[Watched]:
    """Run whole recordings through the path."""
    return [_watch(spec, engine, stream) for stream in streams]


def _watch(spec: Spec, engine: Engine, stream: LabelledStream) -> Watched:
    rate = stream.rate_millihertz / 1000
    bouts = tuple(
        Bout(spec.labels.index(each.label), each.first / rate, (each.last + 1) / rate)
        for each in stream.intervals
        if each.label in spec.labels
    )
    trace = run(spec, engine, stream.counts, stream.rate_millihertz)
    starts = np.arange(len(trace.decisions)) * spec.hop / (spec.rate_millihertz / 1000)
    ends = starts + spec.window / (spec.rate_millihertz / 1000)
    truth = np.full(len(starts), OTHER, np.int64)
    # Half a sample: times of samples are not exact in floating point.
    half = 0.5 / rate
    touched = np.zeros((len(starts), len(spec.labels)), bool)
    for bout in bouts:
        overlaps = (ends > bout.start + half) & (starts < bout.end - half)
        truth[overlaps] = MIXED
        touched[overlaps, bout.label] = True
        truth[(starts >= bout.start - half) & (ends <= bout.end + half)] = bout.label
    return Watched(trace, truth, touched, ends, bouts)


def false_events(watched: Watched, label: int, said: Flags) -> int:
    """Count the runs of consecutive windows that take other movement for a label.

    Runs that reach into a bout of the label do not count: there the label came early or stayed
    late, which is a matter of time and no event of its own (the overfill, as against the insertion,
    of Ward et al., "Performance Metrics for Activity Recognition", ACM TIST 2, 2011).

    Args:
        watched: a stream.
        label: index of the label.
        said: bool [windows], where the decision is this label.
    """
    starts = np.flatnonzero(np.diff(said.astype(np.int8), prepend=0) == 1)
    if not len(starts):
        return 0
    run = np.cumsum(np.diff(said.astype(np.int8), prepend=0) == 1) - 1
    in_other = np.bincount(run[said & (watched.truth == OTHER)], minlength=len(starts))
    in_bout = np.bincount(run[said & watched.touched[:, label]], minlength=len(starts))
    return int(((in_other > 0) & (in_bout == 0)).sum())


def other_hours(spec: Spec, watched: Sequence[Watched]) -> float:
    """Return how long other movement lasted: a hop for every window of nothing else."""
    windows = sum(int((each.truth == OTHER).sum()) for each in watched)
    return windows * spec.hop / (spec.rate_millihertz / 1000) / 3600


def figures(spec: Spec, watched: Sequence[Watched]) -> dict[str, Any]:
    """Return ``continuous`` of ``metrics.json``.

    Returns:
        ``hours`` of all streams; ``bouts`` and ``detected``, those with a right decision before
        their end; ``delay_seconds`` (median, ninth_decile), from the start of a detected bout to
        its first right decision; ``windows_right``, the share of windows within a bout; and, of
        other movement, ``other_hours``, ``false_events``, runs of windows that are given one and
        the same label, ``false_events_per_hour``, and ``false_events_interval``, how many an hour
        may be expected (low, high, confidence); the last two None where there is no other movement.
    """
    delays = [delay for each in watched for delay in _delays(each)]
    found = [delay for delay in delays if delay is not None]
    right = [each.trace.decisions == each.truth for each in watched]
    inside = [each.truth >= 0 for each in watched]
    hours = other_hours(spec, watched)
    mistaken = sum(
        false_events(each, label, each.trace.decisions == label)
        for each in watched
        for label in range(len(spec.labels))
    )
    windows = sum(int(each.sum()) for each in inside)
    right_windows = sum(int((r & i).sum()) for r, i in zip(right, inside, strict=True))
    return {
        "hours": sum(len(w.trace.counts) / w.trace.rate_millihertz * 1000 for w in watched) / 3600,
        "bouts": len(delays),
        "detected": len(found),
        "delay_seconds": {
            "median": float(np.quantile(found, 0.5)) if found else None,
            "ninth_decile": float(np.quantile(found, 0.9)) if found else None,
        },
        "windows_right": right_windows / windows if windows else None,
        "other_hours": hours,
        "false_events": mistaken,
        "false_events_per_hour": mistaken / hours if hours else None,
        "false_events_interval": _expected(mistaken, hours) if hours else None,
    }


def _expected(events: int, hours: float) -> dict[str, float]:
    low, high = interval.poisson(events)
    return {"low": low / hours, "high": high / hours, "confidence": interval.CONFIDENCE}


def _delays(watched: Watched) -> list[float | None]:
    """Return the seconds until each bout is recognised; None for one that never is."""
    delays: list[float | None] = []
    for bout in watched.bouts:
        right = watched.trace.decisions == bout.label
        # A window that lies before the bout says nothing about it.
        at = watched.ends[right & (watched.ends > bout.start) & (watched.ends <= bout.end)]
        delays.append(float(at[0] - bout.start) if len(at) else None)
    return delays
