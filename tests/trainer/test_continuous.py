"""Streams of which it is known what should come out."""

import dataclasses

import numpy as np
import pytest
from made_up_bundle import made_up_spec

from trainer import continuous
from trainer.continuous import MIXED, OTHER
from trainer.recording import Interval, LabelledStream
from trainer.sample_path import Samples
from trainer.spec import Channel, Decision, Spec

LABELS = ("walk", "sit")


def a_spec(threshold: int = -128, smoothing: int = 1) -> Spec:
    """Window 32, hop 16, 50 Hz; the samples are the counts."""
    spec = made_up_spec(b"", LABELS)
    channel = Channel("ax", "ax", "g", 8192.0, 1, 1 << 14, 14, 0)
    decision = Decision((threshold, threshold), smoothing)
    return dataclasses.replace(spec, channels=(channel,), decision=decision)


def engine(windows: Samples) -> Samples:
    """Score "walk" by the last sample, and "sit" by its opposite."""
    last = windows[:, -1, 0]
    return np.stack([last, -last], axis=1).astype(np.int8)


def a_stream(counts: list[int], *intervals: tuple[str, int, int]) -> LabelledStream:
    six = np.zeros((len(counts), 6), np.int16)
    six[:, 0] = counts
    return LabelledStream(six, 50_000, "1", tuple(Interval(*each) for each in intervals), "made up")


def test_windows_know_what_they_are_of() -> None:
    stream = a_stream([1] * 200, ("walk", 48, 111), ("jump", 112, 151))
    (watched,) = continuous.watch(a_spec(), engine, [stream])
    # Windows 0-31, 16-47, 32-63, 48-79, 64-95, 80-111, 96-127, 112-143, ...
    walk = 0
    expected = [OTHER, OTHER, MIXED, walk, walk, walk, MIXED, OTHER, OTHER, OTHER, OTHER]
    assert watched.truth.tolist() == expected
    assert watched.ends[0] == pytest.approx(32 / 50)


def test_delays_and_false_events() -> None:
    counts = [-50] * 64 + [50] * 96 + [-50] * 96
    stream = a_stream(counts, ("walk", 48, 159))
    found = continuous.figures(a_spec(), continuous.watch(a_spec(), engine, [stream]))
    assert (found["bouts"], found["detected"]) == (1, 1)
    # Walking starts at sample 48; the window that ends with sample 79 is the first to say so.
    assert found["delay_seconds"]["median"] == pytest.approx((80 - 48) / 50)
    # Sitting is said before and after: once each, however many windows long.
    assert found["false_events"] == 2
    hours = found["other_hours"]
    assert hours == pytest.approx((2 + 5) * 16 / 50 / 3600)
    assert found["false_events_per_hour"] == pytest.approx(2 / hours)
    expected = found["false_events_interval"]
    assert expected["low"] < 2 / hours < expected["high"] == pytest.approx(7.2247 / hours, 1e-4)
    assert found["hours"] == pytest.approx(256 / 50 / 3600)
    assert found["windows_right"] == 1.0


def test_a_bout_that_is_never_recognised_has_no_delay() -> None:
    stream = a_stream([-50] * 100, ("walk", 10, 89))
    found = continuous.figures(a_spec(), continuous.watch(a_spec(), engine, [stream]))
    assert (found["bouts"], found["detected"]) == (1, 0)
    assert found["delay_seconds"] == {"median": None, "ninth_decile": None}
    assert found["windows_right"] == 0.0


def test_what_is_refused_is_no_event() -> None:
    spec = a_spec(threshold=60)
    found = continuous.figures(spec, continuous.watch(spec, engine, [a_stream([50] * 300)]))
    assert found["false_events"] == 0


def test_another_rate_than_the_model_s() -> None:
    stream = dataclasses.replace(a_stream([50] * 400, ("walk", 100, 299)), rate_millihertz=100_000)
    (watched,) = continuous.watch(a_spec(), engine, [stream])
    assert watched.bouts[0].start == pytest.approx(1.0)
    # From 1 s to 3 s there is room for windows of 0.64 s that start every 0.32 s.
    assert (watched.truth == 0).sum() == 4


def test_a_label_that_stays_too_long_is_no_event_of_its_own() -> None:
    # Walking is said from sample 48 to 159 in one run, but the bout is shorter.
    counts = [-50] * 64 + [50] * 96 + [-50] * 96
    for bout, false in ((("walk", 100, 111), 2), (("sit", 100, 111), 3)):
        (watched,) = continuous.watch(a_spec(), engine, [a_stream(counts, bout)])
        said = watched.trace.decisions
        found = [continuous.false_events(watched, label, said == label) for label in (0, 1)]
        assert sum(found) == false
