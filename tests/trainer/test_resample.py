import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, special

from trainer.errors import HarmcuError
from trainer.recording import Counts
from trainer.resample import MAX_PHASES, design, resample

RATES = [119_000, 99_800, 50_000, 20_000]


@pytest.mark.parametrize("rate", RATES)
def test_tables(rate: int) -> None:
    table = design(rate, 50_000)
    assert table.step * 50_000 == table.denominator * rate
    assert math.gcd(table.step, table.denominator) == 1
    rows = table.coefficients.astype(int)
    assert (rows.sum(axis=1) == 1 << 14).all()
    # Every sum of products with int16 samples stays within an int32.
    assert np.abs(rows).sum(axis=1).max() < 1 << 16


@pytest.mark.parametrize(
    ("source", "target"), [(119_000, 50_000), (20_000, 50_000), (99_871, 50_000)]
)
def test_the_filter_is_a_sinc_under_a_kaiser_window(source: int, target: int) -> None:
    """By SciPy's Bessel function: six lobes at the lower rate, 0.8 of its band, 60 dB."""
    table = design(source, target)
    ratio = max(1.0, source / target)
    taps = 2 * math.ceil(6 * ratio)
    fractions = np.arange(table.phases) / table.denominator
    if table.denominator > 64:
        fractions = (np.arange(64) + 0.5) / 64
    distances = np.arange(taps) - (taps / 2 - 1) - fractions[:, None]
    window = special.i0(5.65 * np.sqrt(np.maximum(0.0, 1 - (distances / (taps / 2)) ** 2)))
    kernel = np.sinc(0.8 / ratio * distances) * window
    expected = kernel / kernel.sum(axis=1, keepdims=True) * 16384
    off = np.abs(table.coefficients - expected)
    # The largest tap of a row takes what rounding leaves over, so that a row sums to one.
    largest = table.coefficients.argmax(axis=1)
    off[np.arange(table.phases), largest] = 0.0
    assert table.coefficients.shape == expected.shape
    assert off.max() < 0.5 + 1e-6


@pytest.mark.parametrize(("source", "target"), [(1_600_000, 50_000), (50_000, 1_600_000)])
def test_rates_may_be_a_factor_of_32_apart(source: int, target: int) -> None:
    assert design(source, target).step * target == design(source, target).denominator * source


def test_equal_rates_change_nothing() -> None:
    counts = np.arange(-300, 300, dtype=np.int16).reshape(100, 6)
    assert (resample(counts, design(50_000, 50_000)) == counts).all()


@pytest.mark.parametrize(
    ("rate", "hertz"),
    [(r, h) for r in RATES for h in (1.0, 4.0, 8.0) if h <= r / 1000 * 0.3],
)
def test_a_tone_comes_through(rate: int, hertz: float) -> None:
    """Against the analytic signal: a sine in is the same sine out, late by half the filter."""
    table = design(rate, 50_000)
    counts = _tone(hertz, rate, 4.0)
    out = resample(counts, table)[60:, 0].astype(float)
    delay = (table.taps / 2) / (rate / 1000) if table.taps > 1 else 0.0
    time = (np.arange(len(out)) + 60) / 50.0 - delay
    expected = 10_000 * np.sin(2 * np.pi * hertz * time)
    assert np.abs(out - expected).max() < 10_000 * 0.012


@pytest.mark.parametrize("rate", [119_000, 99_800])
def test_what_the_model_cannot_represent_is_removed(rate: int) -> None:
    for hertz in (31.0, 38.0, 45.0):
        out = resample(_tone(hertz, rate, 4.0), design(rate, 50_000))[60:, 0]
        assert np.abs(out.astype(float)).max() < 10_000 * 0.004


NOISE = np.random.default_rng(1).integers(-9000, 9000, (400, 1)).astype(np.int16)
SQUARES = np.where(np.arange(400) // 20 % 2, 32767, -32768).astype(np.int16)[:, None]


@pytest.mark.parametrize("counts", [NOISE, SQUARES], ids=["noise", "squares"])
def test_an_independent_implementation_agrees(counts: Counts) -> None:
    """SciPy's polyphase filter with the same coefficients, 119 Hz to 50 Hz: 50 up, 119 down."""
    table = design(119_000, 50_000)
    # Row r holds the kernel r/50 input samples late; interleaved, oldest first, it is one filter.
    kernel = table.coefficients[:, ::-1].T.reshape(-1).astype(float) / (1 << 14)
    expected = signal.upfirdn(kernel, counts[:, 0].astype(float), up=50, down=119)
    out = resample(counts, table)[20:150, 0]
    expected = np.clip(expected[20:150], -32768, 32767)
    assert np.abs(out - expected).max() <= 0.5 + 1e-6


@settings(deadline=None)
@given(st.integers(1, 300), st.sampled_from([*RATES, 118_731, 12_345]))
def test_the_number_of_outputs(samples: int, rate: int) -> None:
    table = design(rate, 50_000)
    out = resample(np.zeros((samples, 2), np.int16), table)
    assert len(out) == math.ceil(samples * 50_000 / rate)
    assert table.phases <= MAX_PHASES


@settings(deadline=None)
@given(st.integers(-32768, 32767), st.sampled_from(RATES))
def test_rest_stays_rest(level: int, rate: int) -> None:
    """From the first sample on: a stream does not start with a step from zero."""
    out = resample(np.full((50, 6), level, np.int16), design(rate, 50_000))
    assert (out == level).all()


@pytest.mark.parametrize(
    ("source", "target"),
    [(0, 50_000), (50_000, 0), (50_000, 1_000), (1_600_001, 50_000), (50_000, 1_600_001)],
)
def test_impossible_rates_are_refused(source: int, target: int) -> None:
    with pytest.raises(HarmcuError):
        design(source, target)


def _tone(hertz: float, rate: int, seconds: float) -> "np.typing.NDArray[np.int16]":
    time = np.arange(int(seconds * rate / 1000)) / (rate / 1000)
    tone: np.typing.NDArray[np.int16] = np.rint(
        10_000 * np.sin(2 * np.pi * hertz * time)[:, None]
    ).astype(np.int16)
    return tone
