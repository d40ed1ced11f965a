"""The C of every stage against the NumPy model, bit for bit, over the whole range."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from native import Stages

from trainer.sample_path import decide, quantize, windows
from trainer.spec import Channel, Decision
from trainer.units import Scale, apply_scale, scale_for

EVERY_COUNT = np.arange(-32768, 32768, dtype="<i2")
QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(
    ("unit", "lsb"), [("g", 0.000122), ("deg/s", 0.07), ("m/s^2", 0.0012), ("rad/s", 0.00106)]
)
def test_scaling_every_reading(stages: Stages, unit: str, lsb: float) -> None:
    scale = scale_for(unit, lsb)
    found = stages("scale", EVERY_COUNT.tobytes(), (scale.multiplier, scale.shift))
    assert np.frombuffer(found, "<i2").tolist() == apply_scale(EVERY_COUNT, scale).tolist()


@QUICK
@given(st.integers(1, 32767), st.integers(1, 30))
def test_scaling_with_any_factor(stages: Stages, multiplier: int, shift: int) -> None:
    found = stages("scale", EVERY_COUNT.tobytes(), (multiplier, shift))
    expected = apply_scale(EVERY_COUNT, Scale(multiplier, shift))
    assert np.frombuffer(found, "<i2").tolist() == expected.tolist()


@QUICK
@given(st.sampled_from([1, -1]), st.integers(1, 32767), st.integers(1, 30), st.integers(-128, 127))
def test_quantising_every_count(
    stages: Stages, sign: int, multiplier: int, shift: int, zero_point: int
) -> None:
    found = stages("quantize", EVERY_COUNT.tobytes(), (sign * multiplier, shift, zero_point))
    counts = np.zeros((65536, 6), np.int16)
    counts[:, 0] = EVERY_COUNT
    channel = Channel("x", "ax", "g", 1.0, sign, multiplier, shift, zero_point)
    assert np.frombuffer(found, np.int8).tolist() == quantize(counts, (channel,))[:, 0].tolist()


@QUICK
@given(st.data())
def test_windows(stages: Stages, data: st.DataObject) -> None:
    window = data.draw(st.integers(1, 30))
    hop = data.draw(st.integers(1, window))
    channels = data.draw(st.integers(1, 6))
    samples = data.draw(arrays(np.int8, (data.draw(st.integers(0, 100)), channels)))
    found = stages("window", samples.tobytes(), (window, hop, channels))
    assert found == windows(samples, window, hop).tobytes()


@QUICK
@given(st.data())
def test_decisions(stages: Stages, data: st.DataObject) -> None:
    labels = data.draw(st.integers(2, 8))
    smoothing = data.draw(st.integers(1, 32))
    thresholds = data.draw(st.lists(st.integers(-128, 127), min_size=labels, max_size=labels))
    scores = data.draw(arrays(np.int8, (data.draw(st.integers(0, 60)), labels)))
    reset = data.draw(st.integers(0, 60))
    found = stages("decision", scores.tobytes(), (labels, smoothing, reset, *thresholds))
    said = np.frombuffer(found, "<i2").reshape(-1, 2)
    rule = Decision(tuple(thresholds), smoothing)
    expected = [*decide(scores[:reset], rule), *decide(scores[reset:], rule)]
    assert said[:, 0].tolist() == expected
    for index, score in enumerate(said[:, 1].tolist()):
        first = reset if index >= reset else 0
        past = scores[max(first, index - smoothing + 1) : index + 1].astype(int)
        assert score == past.sum(axis=0).max() // len(past)
