"""Lays weights out as the kernels read them, and finds which layers may rescale the short way."""

import numpy as np
import numpy.typing as npt

_QUAD = 4
POSITIONS = 4
# How many values one turn of CONV_2D's inner loop takes, and of the LSTM's.
_COLUMN_STEP = 8
_LSTM_STEP = 8
# What is added to the first gate of a pair.
_LOWER_BYTE_OFFSET = 128
# How many taps harmcu_depthwise_conv1d() handles in registers.
_SLIDING_TAPS = 6
_SHORTEST_SHIFT, _LONGEST_SHIFT = -1, -22
_SHORT_TOTAL = 2**30
# The largest distance of an int8 input from its zero point.
_MOST_INPUT = 255


def conv2d(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Packs one group of a CONV_2D; see firmware/src/kernels/pairs.h.

    Args:
        weights: int8 [channels, values].

    Returns:
        One dimension: [two channels][quad of four values][pair: values 0 and 2, or 1 and 3]
        [value of the pair][channel], zeros beyond the ends.
    """
    return _interleaved(weights, 1, _COLUMN_STEP)


def fully_connected(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Packs a FULLY_CONNECTED; see firmware/src/kernels/pairs.h.

    Args:
        weights: int8 [channels, values].

    Returns:
        One dimension: [block of 4 channels][quad of 4 values][pair: values 0 and 2, or 1 and 3]
        [half of the block][value of the pair][channel of the half], zeros beyond the ends.
    """
    return _interleaved(weights, 2, _QUAD)


def lstm(inputs: npt.NDArray[np.int8], hidden: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Packs the weights of an LSTM; see firmware/src/kernels/lstm.c.

    Args:
        inputs: int8 [gate, unit, value of the input].
        hidden: int8 [gate, unit, value of the hidden state].

    Returns:
        Two dimensions: [unit][input, then hidden state: quad of four values][pair: values 0 and
        2, or 1 and 3][pair of gates][value of the pair][gate of the pair], zeros beyond the ends,
        128 added to the first gate of each pair.
    """
    return np.concatenate([_gate_pairs(inputs), _gate_pairs(hidden)], axis=1)


def _gate_pairs(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    gates, units, values = weights.shape
    padded = np.zeros((gates, units, lstm_values(values)), np.uint8)
    padded[:, :, :values] = weights.view(np.uint8)
    padded[0::2] += _LOWER_BYTE_OFFSET
    # Axes: pair of gates, gate of the pair, unit, quad, value of the pair, pair.
    split = padded.reshape(gates // 2, 2, units, -1, 2, 2)
    return np.ascontiguousarray(split.transpose(2, 3, 5, 0, 4, 1)).reshape(units, -1).view(np.int8)


def lstm_values(values: int) -> int:
    """How many values a row of an LSTM's weights has, padding included."""
    return _rounded_up(values, _LSTM_STEP)


def _interleaved(weights: npt.NDArray[np.int8], halves: int, step: int) -> npt.NDArray[np.int8]:
    channels, values = weights.shape
    shape = (_rounded_up(channels, 2 * halves), _rounded_up(values, step))
    padded = np.zeros(shape, np.int8)
    padded[:channels, :values] = weights
    # Axes: block, half, channel of the half, quad, value of the pair, pair.
    split = padded.reshape(-1, halves, 2, shape[1] // _QUAD, 2, 2)
    return np.ascontiguousarray(split.transpose(0, 3, 5, 1, 4, 2)).ravel()


def column_values(values: int) -> int:
    """How many int16 four columns of ``values`` inputs take."""
    return _rounded_up(values, _COLUMN_STEP) * POSITIONS


def shares_columns(taps: int, channels: int) -> bool:
    """Whether there is a kernel whose output positions share columns of one input position each."""
    return taps in (3, 5) and channels % _COLUMN_STEP == 0


def shared_column_values(taps: int, channels: int) -> int:
    """How many int16 the columns under four neighbouring output positions take."""
    return (POSITIONS + taps - 1) * channels


def row_values(outputs: int, stride: int, taps: int) -> int:
    """How many int16 the workspace of a one-dimensional DEPTHWISE_CONV_2D takes.

    The taps of one channel, at least ``_SLIDING_TAPS``, and the inputs under all its outputs.
    """
    reach = max(_rounded_up(taps, 2), _SLIDING_TAPS)
    return reach + (outputs - 1) * stride + reach


def _rounded_up(count: int, step: int) -> int:
    return -(-count // step) * step


def has_short_rescale(
    weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], shift: npt.NDArray[np.int8]
) -> bool:
    """Whether ``harmcu_finish_short`` in firmware/src/kernels/finish.h gives the exact result.

    Args:
        weights: int8 [channels, values].
        bias: int32 [channels].
        shift: int8 [channels], those of multipliers that are zero already set to -1.
    """
    totals = largest_sums(weights) + np.abs(bias.astype(np.int64))
    is_small = bool((totals < _SHORT_TOTAL).all())
    return is_small and bool(((shift <= _SHORTEST_SHIFT) & (shift >= _LONGEST_SHIFT)).all())


def largest_sums(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """The largest magnitude that the sums of weights [..., values] with inputs can have."""
    sums: npt.NDArray[np.int64] = np.abs(weights.astype(np.int64)).sum(axis=-1)
    return sums * _MOST_INPUT
