"""The decision ``unknown``: thresholds and smoothing, chosen on validation subjects.

Among all thresholds of all labels, and a few lengths of smoothing, that keep false events in other
movement to ``MOST_PER_HOUR``, those are chosen that name the most windows right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer import continuous, sample_path
from trainer.continuous import Watched
from trainer.spec import Decision, Spec

MOST_PER_HOUR = 1.0
"""False events in an hour of other movement."""

SMOOTHINGS = (1, 2, 3, 4, 6, 8)
"""Windows whose scores are summed; more would take long to notice what has changed."""

MOST_EVENTS = 100
"""More are never allowed: that would be a hundred hours of other movement."""

LEAST, MOST = -128, 127
"""Thresholds are int8 scores."""


@dataclass(frozen=True)
class _Label:
    """What the thresholds of one label come to; both int64 [256], from ``LEAST`` to ``MOST``.

    Attributes:
        events: false events in other movement.
        right: windows named right.
    """

    events: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]


def choose(spec: Spec, watched: Sequence[Watched]) -> Decision | None:
    """Choose thresholds and smoothing.

    Args:
        spec: the model's; its own decision does not matter.
        watched: streams of validation subjects.

    Returns:
        the decision, or None where the streams hold no other movement. Where no threshold keeps to
        ``MOST_PER_HOUR``, the one with the fewest false events.
    """
    hours = continuous.other_hours(spec, watched)
    if not hours:
        return None
    allowed = min(math.floor(hours * MOST_PER_HOUR), MOST_EVENTS)
    best: tuple[int, int] | None = None
    chosen: Decision | None = None
    for smoothing in SMOOTHINGS:
        table = _table(len(spec.labels), watched, smoothing)
        thresholds, events, right = _spend(table, allowed)
        value = (max(0, events - allowed), -right)
        if best is None or value < best:
            best, chosen = value, Decision(thresholds, smoothing)
    return chosen


def _table(labels: int, watched: Sequence[Watched], smoothing: int) -> list[_Label]:
    events = np.zeros((labels, MOST - LEAST + 1), np.int64)
    right = np.zeros((labels, MOST - LEAST + 1), np.int64)
    for each in watched:
        summed, count = sample_path.smoothed(each.trace.scores, smoothing)
        best = summed.argmax(axis=1)
        # The largest threshold that a window reaches: sums are compared with threshold * count.
        reached = summed[np.arange(len(best)), best] // count
        for label in range(labels):
            named = best == label
            _count_right(right[label], reached[named & (each.truth == label)])
            _count_events(events[label], each, label, reached, named)
    return [_Label(e, r) for e, r in zip(events, right, strict=True)]


def _count_right(right: npt.NDArray[np.int64], reached: npt.NDArray[np.int64]) -> None:
    at_least = np.bincount(reached - LEAST, minlength=len(right))[::-1].cumsum()[::-1]
    right += at_least


def _count_events(
    events: npt.NDArray[np.int64],
    watched: Watched,
    label: int,
    reached: npt.NDArray[np.int64],
    named: npt.NDArray[np.bool_],
) -> None:
    first = LEAST
    # The count changes at scores that occur only; between them it stays.
    for value in np.unique(reached[named]):
        false = continuous.false_events(watched, label, named & (reached >= value))
        events[first - LEAST : int(value) - LEAST + 1] += false
        first = int(value) + 1


def _spend(table: Sequence[_Label], allowed: int) -> tuple[tuple[int, ...], int, int]:
    """Divide the false events that are allowed among the labels so that most windows are right.

    Returns:
        the thresholds, their false events, and the windows that they name right.
    """
    # For each number of events so far: the most windows right, and the thresholds that give it.
    plans: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    for label in table:
        longer: dict[int, tuple[int, tuple[int, ...]]] = {}
        for spent, (right, thresholds) in plans.items():
            for events, gained, threshold in _options(label, allowed):
                total = (right + gained, (*thresholds, threshold))
                if spent + events not in longer or total[0] > longer[spent + events][0]:
                    longer[spent + events] = total
        fitting = {spent: plan for spent, plan in longer.items() if spent <= allowed}
        plans = fitting or dict([min(longer.items())])
    events, (right, thresholds) = max(plans.items(), key=lambda item: (item[1][0], -item[0]))
    return thresholds, events, right


def _options(label: _Label, allowed: int) -> list[tuple[int, int, int]]:
    """Return (events, right, threshold) for each number of events that a label may have."""
    options = []
    fewest = int(label.events.min())
    for events in range(fewest, max(fewest, allowed) + 1):
        at = np.flatnonzero(label.events == events)
        if len(at):
            # The lowest threshold names the most windows; the first of equals refuses the least.
            place = int(at[np.argmax(label.right[at])])
            options.append((events, int(label.right[place]), place + LEAST))
    return options
