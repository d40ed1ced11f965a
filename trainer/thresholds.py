"""The decision ``unknown``: thresholds and smoothing, chosen on people who do not test the model.

A false event is rare, and few people were recorded: a threshold just above the largest score that
they gave in other movement is passed by the next person. So the rate of each label's false events
is followed along its tail, which is taken to fall as a power of what a score p leaves to the other
labels, 1 - p, to where it has fallen to the label's share of ``MOST_PER_HOUR`` (peaks over a
threshold: Pickands, Annals of Statistics 3, 1975, with an exponential tail in -log(1 - p)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer import continuous, sample_path
from trainer.continuous import OTHER, Watched
from trainer.spec import Decision, Spec

MOST_PER_HOUR = 1.0
"""False events in an hour of other movement."""

SMOOTHINGS = (1, 2, 3, 4, 6, 8)
"""Windows whose scores are summed; more would take long to notice what has changed."""

TAIL_EVENTS = 20
"""Largest false events of a label that its tail is measured on."""

LEAST, MOST = -128, 127
"""Thresholds are int8 scores."""

_THRESHOLDS = np.arange(LEAST, MOST + 1)
_SURENESS = -np.log((MOST - _THRESHOLDS + 0.5) / (MOST - LEAST + 1))

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Label:
    """What the thresholds of one label come to; both int64 [256], from ``LEAST`` to ``MOST``.

    Attributes:
        events: false events in other movement.
        right: windows named right.
    """

    events: Numbers
    right: Numbers


def choose(spec: Spec, parts: Sequence[Sequence[Watched]]) -> Decision | None:
    """Choose thresholds and smoothing.

    Every label has the same share of ``MOST_PER_HOUR``, and the strictest threshold that one of the
    parts asks for. Of the smoothings, the one is taken that names the most windows right.

    Args:
        spec: the model's; its own decision does not matter.
        parts: streams of validation subjects, and of training subjects, whom the model knows: there
            are more of them, but a network may have learnt by heart what they did.

    Returns:
        the decision, or None where no stream holds other movement.
    """
    telling = [part for part in parts if continuous.other_hours(spec, part)]
    if not telling:
        return None
    labels = len(spec.labels)
    allowed = [MOST_PER_HOUR * continuous.other_hours(spec, part) / labels for part in telling]
    best, chosen = -1, None
    for smoothing in SMOOTHINGS:
        tables = [_table(labels, part, smoothing) for part in telling]
        thresholds = tuple(
            max(_threshold(t[label].events, most) for t, most in zip(tables, allowed, strict=True))
            for label in range(labels)
        )
        right = sum(
            int(table[label].right[threshold - LEAST])
            for table in tables
            for label, threshold in enumerate(thresholds)
        )
        if right > best:
            best, chosen = right, Decision(thresholds, smoothing)
    return chosen


def _threshold(events: Numbers, allowed: float) -> int:
    """Return the least threshold at which so many false events are to be expected.

    Args:
        events: int64 [256], false events at every threshold.
        allowed: how many there may be; usually a part of one.
    """
    # A higher threshold can split an event into two; a tail only falls.
    tail = np.maximum.accumulate(events[::-1])[::-1]
    if tail[-1] > allowed:
        return MOST
    start = int(np.argmax(tail <= max(TAIL_EVENTS, allowed)))
    if tail[start] <= allowed:
        return int(_THRESHOLDS[start])
    # The smallest of these events, not the gap below it.
    start = int(np.flatnonzero(tail == tail[start])[-1])
    # The mean excess over the start: the integral of the tail, divided by its height there.
    excess = float(np.diff(_SURENESS[start:]) @ tail[start:-1]) / int(tail[start])
    end = _SURENESS[start] + excess * math.log(int(tail[start]) / allowed)
    place = int(np.searchsorted(_SURENESS, end))
    return int(_THRESHOLDS[min(place, len(_THRESHOLDS) - 1)])


def _table(labels: int, watched: Sequence[Watched], smoothing: int) -> list[_Label]:
    events = np.zeros((labels, len(_THRESHOLDS)), np.int64)
    right = np.zeros((labels, len(_THRESHOLDS)), np.int64)
    for each in watched:
        summed, count = sample_path.smoothed(each.trace.scores, smoothing)
        best = summed.argmax(axis=1)
        # The largest threshold that a window reaches: sums are compared with threshold * count.
        reached = summed[np.arange(len(best)), best] // count
        for label in range(labels):
            named = best == label
            own = reached[named & (each.truth == label)] - LEAST
            right[label] += np.bincount(own, minlength=len(_THRESHOLDS))[::-1].cumsum()[::-1]
            events[label] += _events(each, label, np.where(named, reached, LEAST - 1))
    return [_Label(e, r) for e, r in zip(events, right, strict=True)]


def _events(watched: Watched, label: int, reached: Numbers) -> Numbers:
    """Return int64 [256], the false events of a label at every threshold.

    As ``continuous.false_events`` counts them. Windows join their runs from the surest on, so that
    one pass serves all thresholds.

    Args:
        watched: a stream.
        label: its index.
        reached: int64 [windows], the largest threshold at which a window is named so; below
            ``LEAST`` for none.
    """
    others = np.concatenate([[0], np.cumsum(watched.truth == OTHER)])
    touched = np.concatenate([[0], np.cumsum(watched.touched[:, label])])

    def is_event(first: int, end: int) -> bool:
        return bool(others[end] > others[first] and touched[end] == touched[first])

    # Runs by either end; an end is one past the last window.
    end_of: dict[int, int] = {}
    first_of: dict[int, int] = {}
    events = np.zeros(len(_THRESHOLDS), np.int64)
    count, level = 0, len(_THRESHOLDS)
    surest = np.argsort(-reached, kind="stable")
    for window in surest[: int((reached >= LEAST).sum())].tolist():
        place = int(reached[window]) - LEAST
        if place < level:
            events[place + 1 : level + 1] = count
            level = place
        first, end = first_of.pop(window, window), end_of.pop(window + 1, window + 1)
        count += is_event(first, end) - is_event(first, window) - is_event(window + 1, end)
        end_of[first], first_of[end] = end, first
    events[: level + 1] = count
    return events
