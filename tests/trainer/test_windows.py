import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_up import a_recording

from trainer import sample_path, windows
from trainer.errors import HarmcuError
from trainer.recording import AXES, Counts, six_axes
from trainer.spec import Channel
from trainer.units import to_counts

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=6)


@given(lengths=LENGTHS, window=st.integers(1, 40), hop=st.integers(1, 40), data=st.data())
def test_windows_are_pieces_of_one_recording(
    lengths: list[int], window: int, hop: int, data: st.DataObject
) -> None:
    recordings = [
        a_recording(samples=length, subject=f"s{index}", seed=index)
        for index, length in enumerate(lengths)
    ]
    offsets = [data.draw(st.integers(0, length)) for length in lengths]
    # The plain way, sample by sample.
    expected = [
        (recording.subject, recording.counts[start : start + window])
        for recording, offset in zip(recordings, offsets, strict=True)
        for start in range(offset, len(recording.counts) - window + 1, hop)
    ]
    if not expected:
        with pytest.raises(HarmcuError, match="choose a shorter window"):
            windows.cut(recordings, ["walk"], window, hop, offsets)
        return
    cut = windows.cut(recordings, ["walk"], window, hop, offsets)
    assert cut.subjects.tolist() == [subject for subject, _ in expected]
    assert (cut.counts == np.array([counts for _, counts in expected])).all()
    assert cut.labels.tolist() == [0] * len(expected)


def test_labels_are_numbered_in_the_given_order() -> None:
    recordings = [a_recording(label="sit"), a_recording(label="walk")]
    assert windows.cut(recordings, ["walk", "sit"], 300, 1).labels.tolist() == [1, 0]


def test_rates_must_agree() -> None:
    with pytest.raises(HarmcuError, match="119 Hz and generated 0 50 Hz"):
        windows.common_rate([a_recording(), a_recording(rate_millihertz=119_000)])


def test_axes_that_all_have() -> None:
    acceleration = ("ax", "ay", "az")
    assert windows.common_axes([a_recording(), a_recording(axes=acceleration)]) == acceleration
    with pytest.raises(HarmcuError, match="no axis in common"):
        windows.common_axes([a_recording(axes=("ax",)), a_recording(axes=("gy",))])


@given(
    spread=st.sampled_from([0, 1, 30, 500, 5_000, 40_000]),
    centre=st.integers(-32768, 32767),
    seed=st.integers(0, 99),
)
def test_scaling_fills_int8(spread: int, centre: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = centre + spread * rng.standard_normal((2000, 6))
    recording = dataclasses.replace(
        a_recording(), counts=np.clip(noise, -32768, 32767).astype(np.int16)
    )
    channels = windows.channel_scaling([recording])
    assert [channel.axis for channel in channels] == list(AXES)
    samples = sample_path.quantize(recording.counts, channels)
    for channel in channels:
        assert 1 <= channel.multiplier < 2**15
        assert 1 <= channel.shift <= 30
        assert -128 <= channel.zero_point <= 127
    assert len({(c.multiplier, c.shift) for c in channels[:3]}) == 1
    if spread == 500 and abs(centre) < 1_500:
        assert samples.max() > 100
        assert samples.min() < -100
        assert np.mean(np.abs(samples.astype(int)) >= 127) < 0.003


def test_one_gain_a_sensor_keeps_gravity_in_proportion() -> None:
    counts = np.zeros((400, 6), np.int16)
    counts[:200, 0] = to_counts(1.0, "g")
    counts[200:, 2] = to_counts(-0.5, "g")
    counts[::2, 4] = to_counts(90.0, "deg/s")
    recording = dataclasses.replace(a_recording(), counts=counts)
    channels = windows.channel_scaling([recording])
    samples = sample_path.quantize(six_axes(recording), channels).astype(int)
    step_x = samples[0, 0] - samples[-1, 0]
    step_z = samples[0, 2] - samples[-1, 2]
    assert step_x == pytest.approx(2 * step_z, abs=2)
    assert step_x > 100


@given(counts=arrays(np.int16, (3, 5, 6)), axes=st.permutations(AXES), seed=st.integers(0, 99))
def test_whole_windows_are_quantised_as_streams_are(
    counts: Counts, axes: list[str], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    channels = tuple(
        Channel(axis, axis, "g", 8192.0, 1, int(rng.integers(1, 32768)), 15, int(zero_point))
        for axis, zero_point in zip(axes[:4], rng.integers(-128, 128, 4), strict=True)
    )
    found = windows.quantized(counts, channels)
    assert found.shape == (3, 5, 4)
    for got, window in zip(found, counts, strict=True):
        assert (got == sample_path.quantize(window, channels)).all()


@pytest.mark.parametrize("gain", [1.0, 0.5, 2**-14, 0.999999, 0.4999999, 1.9999999, 0.1, 1 / 3])
def test_a_gain_in_fixed_point(gain: float) -> None:
    """In 15 bits: as near as half a step, but where rounding up would need a sixteenth bit."""
    multiplier, shift = windows.fixed_point(gain)
    assert 1 << 14 <= multiplier < 1 << 15
    assert multiplier / 2**shift == pytest.approx(gain, rel=2**-15)
