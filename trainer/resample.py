"""From the sensor's rate to the model's: a polyphase low-pass filter in integers.

``firmware/src/resample.c`` is the other implementation; both give the same bits. The position
between two input samples is counted exactly, as a fraction with the reduced ratio's denominator,
so that an hour of samples does not drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.recording import Counts

COEFFICIENT_BITS = 14
"""Coefficients are Q14: 16384 is 1.0, which a phase that needs no filtering has to hold."""

MAX_PHASES = 64
"""Rows of the table where the ratio needs more: a time error of 1/128 input sample."""

LOBES = 6
"""Zero crossings of the sinc on each side, at the lower of the two rates."""

KAISER_BETA = 5.65
"""Stop band of about 60 dB: beta = 0.1102 (A - 8.7), Kaiser 1974."""

PASS_BAND = 0.8
"""The half-amplitude point, as a share of the lower rate's Nyquist frequency: 20 Hz of 25 Hz."""


@dataclass(frozen=True)
class ResampleTable:
    """The filter from ``source_millihertz`` to ``target_millihertz``.

    Attributes:
        step, denominator: one output every ``step / denominator`` input samples, reduced.
        coefficients: int16 [phases, taps] in Q14, oldest sample first; every row sums to 16384.
    """

    source_millihertz: int
    target_millihertz: int
    step: int
    denominator: int
    coefficients: npt.NDArray[np.int16]

    @property
    def phases(self) -> int:
        """Rows of the table."""
        return int(self.coefficients.shape[0])

    @property
    def taps(self) -> int:
        """Input samples that one output sees."""
        return int(self.coefficients.shape[1])


@cache
def design(source_millihertz: int, target_millihertz: int) -> ResampleTable:
    """Design the filter between two rates: a Kaiser-windowed sinc, rounded to Q14.

    Equal rates give one phase of one tap, the identity.

    Raises:
        HarmcuError: a rate is not positive, or the rates are more than a factor of 32 apart.
    """
    if source_millihertz <= 0 or target_millihertz <= 0:
        raise HarmcuError("a sample rate of 0 Hz or less cannot be resampled; check the rate")
    divisor = math.gcd(source_millihertz, target_millihertz)
    step, denominator = source_millihertz // divisor, target_millihertz // divisor
    if step == denominator:
        rows = [[1 << COEFFICIENT_BITS]]
    else:
        ratio = max(1.0, step / denominator)
        if ratio > 32 or denominator / step > 32:
            raise HarmcuError(
                f"{source_millihertz / 1000:g} Hz and {target_millihertz / 1000:g} Hz are more "
                "than a factor of 32 apart; choose a rate of the model nearer to the sensor's"
            )
        taps = 2 * math.ceil(LOBES * ratio)
        rows = [_row(fraction, taps, PASS_BAND / ratio) for fraction in _fractions(denominator)]
    coefficients = np.array(rows, np.int16)
    coefficients.setflags(write=False)
    return ResampleTable(source_millihertz, target_millihertz, step, denominator, coefficients)


def _fractions(denominator: int) -> list[float]:
    """Return the position of each row between two input samples."""
    if denominator <= MAX_PHASES:
        return [row / denominator for row in range(denominator)]
    return [(row + 0.5) / MAX_PHASES for row in range(MAX_PHASES)]


def _row(fraction: float, taps: int, cutoff: float) -> list[int]:
    """Return one row: the kernel sampled ``fraction`` after the tap ``taps / 2 - 1``, in Q14."""
    half = taps / 2
    distances = [tap - (half - 1) - fraction for tap in range(taps)]
    kernel = [
        _sinc(cutoff * d) * _bessel_i0(KAISER_BETA * math.sqrt(max(0.0, 1.0 - (d / half) ** 2)))
        for d in distances
    ]
    total = math.fsum(kernel)
    row = [round(value / total * (1 << COEFFICIENT_BITS)) for value in kernel]
    # A constant input must come out unchanged, so the largest tap takes what rounding left over.
    largest = max(range(taps), key=lambda tap: row[tap])
    row[largest] += (1 << COEFFICIENT_BITS) - sum(row)
    return row


def _sinc(x: float) -> float:
    return 1.0 if x == 0.0 else math.sin(math.pi * x) / (math.pi * x)


def _bessel_i0(x: float) -> float:
    """Return the modified Bessel function of order 0, by its power series."""
    term = total = 1.0
    k = 0
    while term > total * 1e-17:
        k += 1
        term *= (x / (2 * k)) ** 2
        total += term
    return total


def resample(counts: Counts, table: ResampleTable) -> Counts:
    """Resample a whole stream, exactly as the board does sample by sample.

    The first input sample fills the filter's history, so that a stream does not start with a
    step from zero. Input i ends the history of every output whose phase, counted in
    1/denominator of an input sample, falls into [0, denominator) after it.

    Args:
        counts: int16 [samples, axes].
        table: from ``design``.

    Returns:
        int16 [outputs, axes]; ``ceil(samples * denominator / step)`` outputs.
    """
    samples = len(counts)
    outputs = -(-samples * table.denominator // table.step)
    positions = np.arange(outputs, dtype=np.int64) * table.step
    newest, phase = np.divmod(positions, table.denominator)
    rows = table.coefficients[phase * table.phases // table.denominator]
    padded = np.concatenate([np.repeat(counts[:1], table.taps - 1, axis=0), counts])
    sums = np.zeros((outputs, counts.shape[1]), np.int64)
    for tap in range(table.taps):
        sums += padded[newest + tap].astype(np.int64) * rows[:, tap : tap + 1]
    rounded = (sums + (1 << (COEFFICIENT_BITS - 1))) >> COEFFICIENT_BITS
    resampled: Counts = np.clip(rounded, -32768, 32767).astype(np.int16)
    return resampled
