import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_bundle import made_up_spec

from trainer import continuous, thresholds
from trainer.continuous import OTHER, Watched
from trainer.golden import Trace
from trainer.sample_path import decide
from trainer.spec import Spec

LABELS = ("walk", "sit")


def a_spec(hours_each: float = 0.0) -> Spec:
    """A spec with a hop so long that a window counts for that many hours."""
    spec = made_up_spec(b"", LABELS)
    hop = round(hours_each * 3600 * 50) or 16
    return dataclasses.replace(spec, hop=hop)


def watched_of(scores: list[tuple[int, int]], truth: list[int]) -> Watched:
    rows = np.array(scores, np.int8).reshape(-1, 2)
    empty = np.zeros((0, 6), np.int16)
    trace = Trace(50_000, empty, empty, empty.astype(np.int8), rows, np.zeros(len(rows), np.int64))
    labels = np.array(truth, np.int64)
    touched = labels[:, None] == np.arange(2)
    return Watched(trace, labels, touched, np.zeros(len(rows)), ())


STREAM = st.lists(
    st.tuples(
        st.sampled_from([-128, -60, 0, 60, 127]),
        st.sampled_from([-128, -60, 0, 60, 127]),
        st.sampled_from([0, 1, OTHER]),
    ),
    min_size=1,
    max_size=12,
)


@given(stream=STREAM, threshold=st.integers(-128, 127), label=st.integers(0, 1))
def test_events_are_those_that_the_figures_count(
    stream: list[tuple[int, int, int]], threshold: int, label: int
) -> None:
    watched = watched_of([row[:2] for row in stream], [row[2] for row in stream])
    best = watched.trace.scores.argmax(axis=1)
    reached = watched.trace.scores.max(axis=1).astype(np.int64)
    named = best == label
    events = thresholds._events(watched, label, np.where(named, reached, -129))
    expected = continuous.false_events(watched, label, named & (reached >= threshold))
    assert events[threshold + 128] == expected


def persons(seed: int, hours: float, per_hour: float, learnt: float = 0.0) -> Watched:
    """Other movement with peaks whose logits are exponential, and windows of the labels.

    Args:
        seed: of the peaks.
        hours: of other movement.
        per_hour: peaks an hour.
        learnt: how far a network has learnt to push the peaks down, in logits.
    """
    rng = np.random.default_rng(seed)
    windows = round(hours * 3600)
    scores = np.full((windows, 2), -128)
    scores[:, 1] = -1
    at = rng.choice(windows // 2, rng.poisson(hours * per_hour), replace=False) * 2
    peaks = 1 / (1 + np.exp(-rng.exponential(1.0, len(at)) + learnt))
    scores[at, 0] = np.clip(np.floor(256 * peaks) - 128, -128, 127)
    rows = [*map(tuple, scores.tolist()), *[(120, -120)] * 50, *[(-120, 120)] * 50]
    return watched_of(rows, [OTHER] * windows + [0] * 50 + [1] * 50)


def a_second() -> Spec:
    return dataclasses.replace(a_spec(), hop=50)


NEW_HOURS = 10.0
NEW = persons(100, NEW_HOURS, 50.0)


def new_people_are_mistaken(parts: list[list[Watched]]) -> float:
    """Return the false events an hour of people who chose no threshold."""
    decision = thresholds.choose(a_second(), parts)
    assert decision is not None
    again = dataclasses.replace(decision, smoothing=1)
    return continuous.false_events(NEW, 0, decide(NEW.trace.scores, again) == 0) / NEW_HOURS


def test_a_few_people_allow_as_many_events_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest score of an hour is passed again within an hour: the tail is followed beyond."""
    monkeypatch.setattr(thresholds, "SMOOTHINGS", (1,))
    rates = [new_people_are_mistaken([[persons(seed, 1.0, 50.0)]]) for seed in range(12)]
    # One label of two has half of an event an hour; an unlucky hour gets a few.
    assert 0.1 < np.mean(rates) < 1.5
    assert max(rates) < 6


def test_what_was_learnt_by_heart_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thresholds, "SMOOTHINGS", (1,))
    known, unknown = persons(1, 4.0, 50.0, learnt=3.0), persons(2, 1.0, 50.0)
    assert new_people_are_mistaken([[known]]) > 5
    assert new_people_are_mistaken([[known], [unknown]]) < 3


def test_a_label_is_as_strict_as_its_own_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thresholds, "SMOOTHINGS", (1,))
    decision = thresholds.choose(a_second(), [[persons(1, 0.5, 50.0)]])
    assert decision is not None
    # What is taken for label 1 never has more than half of the scores.
    assert decision.thresholds[0] > 100 > 20 > decision.thresholds[1] >= 0
    calm = watched_of([(-128, -1)] * 100, [1] * 50 + [OTHER] * 50)
    decision = thresholds.choose(a_second(), [[calm]])
    assert decision is not None
    assert decision.thresholds[0] == -128


def test_without_other_movement_nothing_is_chosen() -> None:
    assert thresholds.choose(a_second(), [[], [watched_of([(0, 1)], [0])]]) is None


@given(stream=STREAM, threshold=st.integers(-128, 127), label=st.integers(0, 1))
def test_right_windows_are_those_that_a_threshold_lets_through(
    stream: list[tuple[int, int, int]], threshold: int, label: int
) -> None:
    watched = watched_of([row[:2] for row in stream], [row[2] for row in stream])
    scores = watched.trace.scores
    right = (scores.argmax(axis=1) == label) & (watched.truth == label)
    expected = int((right & (scores[:, label] >= threshold)).sum())
    table = thresholds._table(2, [watched, watched], 1)
    assert table[label].right[threshold + 128] == 2 * expected
