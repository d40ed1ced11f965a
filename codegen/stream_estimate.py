"""Estimates the instructions of what only a streaming engine has; see codegen/estimate.py.

The factors are what was counted under QEMU for the trainer's networks.
"""

import math
from collections.abc import Iterable

from codegen import estimate
from codegen.kernels import Layer

# DEPTHWISE_CONV_2D at few positions: four channels; two positions of them; a tap of those.
_QUAD, _PAIR, _TAP = 156.0, 69.0, 19.3
# Columns joined with kept ones, and a sample put into its place.
_KEEP, _SAMPLE = 180, 30
# Pools, for each channel: a pass over new columns and a column of it; the end of a window and a
# block of it, for a mean or sum and for a maximum.
_PASS, _COLUMN = 10.0, 2.3
_MEAN, _MEAN_BLOCK = 25.0, 6.0
_MAX, _MAX_BLOCK = 5.0, 1.3


def layers(step: Iterable[Layer]) -> int:
    """Return the instructions of the layers of a step."""
    return sum(_layer(layer) for layer in step if not layer.is_in_place)


def keeping(buffers: int, samples: int) -> int:
    """Return the instructions of a step for what is kept in so many buffers."""
    return buffers * _KEEP + samples * _SAMPLE


def pushing(channels: int, columns: int) -> int:
    """Return the instructions of a step for the pool of its last columns."""
    return round(channels * (_PASS + columns * _COLUMN))


def pooled(operator: str, channels: int, blocks: int) -> int:
    """Return the instructions of a reduction at the end of a window."""
    if operator == "REDUCE_MAX":
        return round(channels * (_MAX + blocks * _MAX_BLOCK))
    return round(channels * (_MEAN + blocks * _MEAN_BLOCK))


def _layer(layer: Layer) -> int:
    if layer.source != "depthwise_columns.c":
        return estimate.instructions(layer)
    _, height, width, channels = layer.output.shape
    pairs = math.ceil(height * width / 2)
    taps = layer.macs // layer.output.elements
    return round(math.ceil(channels / 4) * (_QUAD + pairs * (_PAIR + taps * _TAP)))
