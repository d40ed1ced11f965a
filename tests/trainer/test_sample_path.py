import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trainer.recording import AXES
from trainer.sample_path import UNKNOWN, decide, quantize, window_starts, windows
from trainer.spec import Channel, Decision


def channel(axis: str, sign: int, multiplier: int, shift: int, zero_point: int) -> Channel:
    return Channel(axis, axis, "g", 8192.0, sign, multiplier, shift, zero_point)


@given(
    st.integers(-32768, 32767),
    st.sampled_from([1, -1]),
    st.integers(1, 32767),
    st.integers(1, 30),
    st.integers(-128, 127),
)
def test_quantisation_is_the_stated_rule(
    count: int, sign: int, multiplier: int, shift: int, zero_point: int
) -> None:
    counts = np.full((1, 6), count, np.int16)
    found = quantize(counts, (channel("gy", sign, multiplier, shift, zero_point),))
    # The rule in real numbers: round half up, then clamp.
    exact = int(np.floor(sign * count * multiplier / 2**shift + 0.5)) + zero_point
    assert found.tolist() == [[max(-128, min(127, exact))]]


def test_channels_read_their_axes_in_the_models_order() -> None:
    counts = np.array([[256, 512, 768, 1024, 1280, 1536]], np.int16)
    channels = tuple(channel(axis, 1, 1 << 7, 15, 0) for axis in reversed(AXES))
    assert quantize(counts, channels).tolist() == [[6, 5, 4, 3, 2, 1]]


@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 20))
def test_windows_are_slices(samples: int, window: int, hop: int) -> None:
    stream = np.arange(samples, dtype=np.int8)[:, None]
    cut = windows(stream, window, hop)
    starts = window_starts(samples, window, hop)
    assert len(cut) == len(starts) == (max(0, (samples - window) // hop + 1))
    for start, one in zip(starts, cut, strict=True):
        assert (one == stream[start : start + window]).all()


@given(
    arrays(np.int8, st.tuples(st.integers(0, 12), st.integers(2, 5))),
    st.integers(1, 6),
    st.lists(st.integers(-128, 127), min_size=5, max_size=5),
)
def test_decisions_are_those_of_a_plain_loop(
    scores: "np.typing.NDArray[np.int8]", smoothing: int, thresholds: list[int]
) -> None:
    labels = scores.shape[1]
    found = decide(scores, Decision(tuple(thresholds[:labels]), smoothing))
    for index in range(len(scores)):
        past = scores[max(0, index - smoothing + 1) : index + 1].astype(int)
        sums = past.sum(axis=0).tolist()
        best = sums.index(max(sums))
        expected = best if sums[best] >= thresholds[best] * len(past) else UNKNOWN
        assert found[index] == expected
