"""The path of a sample after resampling, in integers: quantise, window, decide.

This is the NumPy model that training and evaluation use. ``firmware/src/`` holds the other
implementation; golden vectors and the tests prove the two equal, bit for bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.recording import AXES, Counts
from trainer.spec import Channel, Decision

Samples = npt.NDArray[np.int8]

UNKNOWN = -1
"""The label index of a decision that no threshold let through."""


def quantize(counts: Counts, channels: tuple[Channel, ...]) -> Samples:
    """Turn six-axis counts into the model's int8 samples.

    ``clamp(((sign * count * multiplier + 2**(shift-1)) >> shift) + zero_point)`` for each
    channel, with an arithmetic shift.

    Args:
        counts: int16 [samples, 6] in the order of ``trainer.recording.AXES``.
        channels: what the model sees, in order.

    Returns:
        int8 [samples, channels].
    """
    columns = [AXES.index(channel.axis) for channel in channels]
    multiplier = np.array([channel.sign * channel.multiplier for channel in channels], np.int64)
    shift = np.array([channel.shift for channel in channels], np.int64)
    zero_point = np.array([channel.zero_point for channel in channels], np.int64)
    product = counts[:, columns].astype(np.int64) * multiplier + (np.int64(1) << (shift - 1))
    samples: Samples = np.clip((product >> shift) + zero_point, -128, 127).astype(np.int8)
    return samples


def window_starts(samples: int, window: int, hop: int) -> npt.NDArray[np.int64]:
    """Return where the windows of a stream of ``samples`` start: 0, hop, 2 * hop, ..."""
    return np.arange(0, max(0, samples - window + 1), hop, dtype=np.int64)


def windows(samples: Samples, window: int, hop: int) -> Samples:
    """Cut a stream into overlapping windows.

    Args:
        samples: int8 [samples, channels].
        window: samples a window.
        hop: samples between the starts of two windows.

    Returns:
        int8 [windows, window, channels], contiguous.
    """
    starts = window_starts(len(samples), window, hop)
    return np.ascontiguousarray(samples[starts[:, None] + np.arange(window)])


def decide(scores: Samples, decision: Decision) -> npt.NDArray[np.int64]:
    """Turn the scores of consecutive windows of one stream into label indices.

    Scores are summed over the last ``smoothing`` windows (fewer at the start). The largest sum
    wins, the first of equals; it stands when it reaches its label's threshold times the number
    of windows summed, else the decision is ``UNKNOWN``.

    Args:
        scores: int8 [windows, labels].
        decision: thresholds in int8 score units, and smoothing in windows.

    Returns:
        int64 [windows]: label indices, or ``UNKNOWN``.
    """
    summed, count = smoothed(scores, decision.smoothing)
    best = np.argmax(summed, axis=1)
    thresholds = np.asarray(decision.thresholds, np.int64)[best] * count
    reached = summed[np.arange(len(scores)), best] >= thresholds
    return np.where(reached, best, UNKNOWN)


def smoothed(
    scores: Samples, smoothing: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sum the scores of each window and those before it.

    Args:
        scores: int8 [windows, labels].
        smoothing: windows to sum; fewer at the start.

    Returns:
        int64 [windows, labels], the sums, and int64 [windows], how many windows each is of.
    """
    total = np.cumsum(scores, axis=0, dtype=np.int64)
    summed = total.copy()
    summed[smoothing:] -= total[:-smoothing]
    return summed, np.minimum(np.arange(len(scores)) + 1, smoothing)
