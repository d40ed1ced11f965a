"""Estimates how many instructions a layer takes on a Cortex-M4, without running it.

Each kernel's loops give the terms, and ``benchmarks/fit_estimate.py`` the factors: a least-squares
fit to what ``harmcu bench`` counts for layers of many shapes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from codegen import map_estimate
from codegen.estimate_factors import FACTORS
from codegen.kernels import Layer


def instructions(layer: Layer) -> int:
    """Return the expected instructions of one layer."""
    kernel, counts = terms(layer)
    factors = FACTORS[kernel]
    return round(sum(f * count for f, count in zip(factors, counts, strict=True)))


def terms(layer: Layer) -> tuple[str, tuple[int, ...]]:
    """Return the name of a layer's kernel and how often each of its loops runs."""
    name, output = layer.operator.name, layer.output.elements
    if name == "CONV_2D":
        return map_estimate.convolution(layer)
    if layer.source == "depthwise_conv1d.c":
        return "DEPTHWISE_CONV_1D", map_estimate.depthwise_conv1d(layer)
    if name == "DEPTHWISE_CONV_2D":
        return name, map_estimate.depthwise_conv2d(layer)
    if name == "FULLY_CONNECTED":
        outputs = len(layer.weights.bias) if layer.weights else 1
        rows = output // outputs
        quads = math.ceil(layer.macs / (rows * outputs) / 4)
        blocks = rows * math.ceil(outputs / 4)
        return name, (1, output, blocks, blocks * quads)
    if name in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        return name, map_estimate.pool(layer)
    if name in ("MEAN", "SUM", "REDUCE_MAX"):
        return ("MEAN" if name == "SUM" else name), _reduction(layer)
    if name in ("ADD", "MUL"):
        return name, (_rows(layer), output)
    if name == "LOGISTIC":
        return name, (1, output)
    if name in ("PAD", "PADV2", "STRIDED_SLICE"):
        return "WALK", _walk(layer, 0 if name == "STRIDED_SLICE" else output)
    if name == "SOFTMAX":
        rows = output // layer.output.shape[-1]
        return name, (rows, output)
    if name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        is_short = layer.structs[0].fields["has_short_rescale"]
        return "LSTM" if is_short else "LSTM_LONG", _lstm(layer)
    if layer.source == "copy_blocks.c":
        return "COPY", _copy(layer)
    return "REQUANTIZE", (1, output)


def _reduction(layer: Layer) -> tuple[int, ...]:
    """Return the quads of outputs and their values, and those computed one by one."""
    fields = cast(Mapping[str, int], layer.structs[0].fields)
    count = fields["reduced_outer"] * fields["reduced_inner"]
    groups = fields["outer"] * fields["middle"]
    quads = groups * (fields["inner"] // 4) if fields["reduced_outer"] == 1 else 0
    single = layer.output.elements - 4 * quads
    return 1, quads, quads * count, single, single * count


def _copy(layer: Layer) -> tuple[int, ...]:
    """Return the calls, the blocks, and what memcpy() moves: 16 bytes, four, and single ones."""
    totals = [0, 0, 0, 0]
    for part in layer.structs:
        count, size = (cast(int, part.fields[name]) for name in ("count", "size"))
        pieces = (1, size // 16, size % 16 // 4, size % 4)
        totals = [total + count * n for total, n in zip(totals, pieces, strict=True)]
    return len(layer.structs), *totals


def _lstm(layer: Layer) -> tuple[int, ...]:
    """Return the steps, the steps of all units, and the turns of their loops over values."""
    fields = layer.structs[0].fields
    steps, inputs, units = (cast(int, fields[name]) for name in ("steps", "inputs", "units"))
    turns = math.ceil(inputs / 8) + math.ceil(units / 8)
    return 1, steps * turns, steps * units, steps * units * turns


def _walk_of(layer: Layer) -> Mapping[str, tuple[int, ...]]:
    fields = layer.structs[0].fields
    return cast(Mapping[str, tuple[int, ...]], fields.get("walk", fields))


def _rows(layer: Layer) -> int:
    return math.prod(_walk_of(layer)["size"][:-1])


def _walk(layer: Layer, filled: int) -> tuple[int, ...]:
    """Return the rows of a walk, bytes that are copied at once, values one by one, and filled."""
    walk, rows = _walk_of(layer), _rows(layer)
    values = rows * walk["size"][-1]
    is_dense = walk["first"][-1] == walk["second"][-1] == 1
    return 1, rows, values * is_dense, values * (not is_dense), filled
