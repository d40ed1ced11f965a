"""Estimates how many instructions a layer takes on a Cortex-M4, without running it.

Each kernel's loops give the terms, and ``benchmarks/fit_estimate.py`` the factors: a least-squares
fit to what ``harmcu bench`` counts for layers of many shapes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

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
    source = layer.inputs[0].elements
    if name == "CONV_2D":
        is_shared = layer.calls[0].startswith("harmcu_conv1d")
        if is_shared:
            return "CONV_1D", _conv1d(layer)
        return ("CONV_ROWS" if _blocks(layer)[1] else name), _conv2d(layer)
    if layer.source == "depthwise_conv1d.c":
        return "DEPTHWISE_CONV_1D", _depthwise_conv1d(layer)
    if name == "DEPTHWISE_CONV_2D":
        return name, _depthwise_conv2d(layer)
    if name == "FULLY_CONNECTED":
        outputs = len(layer.weights.bias) if layer.weights else 1
        rows = output // outputs
        quads = math.ceil(layer.macs / (rows * outputs) / 4)
        blocks = rows * math.ceil(outputs / 4)
        return name, (1, output, blocks, blocks * quads)
    if name in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        return name, _pool(layer)
    if name == "REDUCE_MAX":
        return name, (1, output, source)
    if name in ("MEAN", "SUM"):
        return "MEAN", _mean(layer)
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
    return ("COPY" if layer.source == "copy_blocks.c" else "REQUANTIZE"), (1, output)


def _sizes(layer: Layer) -> tuple[int, int, int]:
    """Return positions, output channels and values under the filter."""
    channels = layer.output.shape[3]
    positions = layer.output.elements // channels
    return positions, channels, layer.macs // layer.output.elements


def _blocks(layer: Layer) -> tuple[int, int]:
    """Return the blocks of four positions, and those of them without a look at the border."""
    fields = layer.structs[0].fields
    window = cast(Mapping[str, tuple[int, int]], fields["window"])
    inside, outside = (
        cast(Mapping[str, int], fields[name]) for name in ("input_map", "output_map")
    )
    blocks = math.ceil(outside["height"] * outside["width"] / 4)
    if window["size"][0] > 1 or window["dilation"][1] > 1 or fields["groups"] != 1:
        return blocks, 0
    (_, stride), (_, pad), (_, size) = window["stride"], window["pad"], window["size"]
    starts = range(0, outside["width"] - 3, 4)
    reach = inside["width"] - size - 3 * stride
    return blocks, outside["height"] * sum(0 <= x * stride - pad <= reach for x in starts)


def _conv2d(layer: Layer) -> tuple[int, ...]:
    _, channels, values = _sizes(layer)
    blocks, plain = _blocks(layer)
    groups = cast(int, layer.structs[0].fields["groups"])
    pairs = blocks * groups * math.ceil(channels / groups / 2)
    quads = math.ceil(values / 4)
    share = (blocks - plain) / blocks
    gathered = (round(share * count) for count in _gathered(layer, 4 * blocks))
    return blocks * groups, pairs, pairs * math.ceil(values / 8), plain * quads, *gathered


def _gathered(layer: Layer, positions: int) -> tuple[int, int, int, int]:
    """Return how often a CONV_2D gathers a row, a run of values, four of them, and single ones.

    Args:
        layer: as ``append_receptive_field`` in firmware/src/kernels/conv2d.c goes through it.
        positions: that are gathered, those repeated to fill the last block included.
    """
    fields = layer.structs[0].fields
    window = cast(Mapping[str, tuple[int, int]], fields["window"])
    inside, outside = (
        cast(Mapping[str, int], fields[name]) for name in ("input_map", "output_map")
    )
    groups = cast(int, fields["groups"])
    depth = inside["channels"] // groups
    across = _taps_inside(window, 1, inside["width"], outside["width"])
    is_run = window["dilation"][1] == 1 and groups == 1
    rows = Counter(
        end - first
        for first, end in _taps_inside(window, 0, inside["height"], outside["height"]).elements()
    )
    totals = [0, 0, 0, 0]
    for (first, end), times in across.items():
        taps = end - first
        row = [first * depth, *([-taps * depth] if is_run else [-depth] * taps)]
        row.append((window["size"][1] - end) * depth)
        for height, count in rows.items():
            outer = window["size"][0] - height
            runs = [window["size"][1] * depth] * outer + row * height
            counts = (window["size"][0], len(runs), *_quads_and_singles(runs))
            totals = [t + times * count * n for t, n in zip(totals, counts, strict=True)]
    factor = groups * positions / (outside["height"] * outside["width"])
    rows_, runs_, quads, singles = (round(factor * total) for total in totals)
    return rows_, runs_, quads, singles


def _taps_inside(
    window: Mapping[str, tuple[int, int]], axis: int, size: int, outputs: int
) -> Counter[tuple[int, int]]:
    """Count the positions along an axis by the first tap over the map and the one behind it."""
    stride, pad, dilation, taps = (
        window[name][axis] for name in ("stride", "pad", "dilation", "size")
    )
    counts: Counter[tuple[int, int]] = Counter()
    for position in range(outputs):
        start = position * stride - pad
        first = min(taps, max(0, -(start // dilation)))
        counts[first, max(first, min(taps, -((start - size) // dilation)))] += 1
    return counts


def _quads_and_singles(runs: Sequence[int]) -> tuple[int, int]:
    """Return how many quads and single values are written; runs of the map are negative.

    What lies outside the map, or does not begin with a quad, is written value by value.
    """
    quads = singles = place = 0
    for run in runs:
        head = min(-run, -place % 4) if run < 0 else run
        body = max(0, -run - head) // 4
        quads += body
        singles += abs(run) - 4 * body
        place += abs(run)
    return quads, singles


def _conv1d(layer: Layer) -> tuple[int, ...]:
    positions, channels, values = _sizes(layer)
    depth = layer.inputs[0].shape[3]
    taps = values // depth
    blocks = math.ceil(positions / 4)
    pairs = blocks * math.ceil(channels / 2)
    return 1, blocks * depth, pairs, pairs * taps, pairs * values // 8


def _depthwise_conv1d(layer: Layer) -> tuple[int, ...]:
    positions, channels, taps = _sizes(layer)
    outputs, inputs = layer.output.elements, layer.inputs[0].elements
    assert layer.weights is not None
    # Both maps as long: single steps.
    is_slow = taps > 6 or positions < 4 or not layer.weights.has_short_rescale
    is_slow |= inputs // outputs > 1
    walked = outputs * is_slow
    return channels, outputs - walked, inputs, walked, walked * math.ceil(taps / 2)


def _depthwise_conv2d(layer: Layer) -> tuple[int, ...]:
    positions, channels, _ = _sizes(layer)
    is_plain = channels == layer.inputs[0].shape[3]
    quads = channels // 4 if is_plain else 0
    single = channels - 4 * quads
    fields = layer.structs[0].fields
    window = cast(Mapping[str, tuple[int, int]], fields["window"])
    inside, outside = (
        cast(Mapping[str, int], fields[name]) for name in ("input_map", "output_map")
    )
    rows, columns = (
        sum((end - first) * count for (first, end), count in counts.items())
        for counts in (
            _taps_inside(window, 0, inside["height"], outside["height"]),
            _taps_inside(window, 1, inside["width"], outside["width"]),
        )
    )
    loops = (positions, rows * outside["width"], rows * columns)
    return quads, *(quads * count for count in loops), *(single * count for count in loops)


def _mean(layer: Layer) -> tuple[int, ...]:
    """Return the quads of outputs and their values, and those computed one by one."""
    fields = cast(Mapping[str, int], layer.structs[0].fields)
    count = fields["reduced_outer"] * fields["reduced_inner"]
    groups = fields["outer"] * fields["middle"]
    quads = groups * (fields["inner"] // 4) if fields["reduced_outer"] == 1 else 0
    single = layer.output.elements - 4 * quads
    return 1, quads, quads * count, single, single * count


def _pool(layer: Layer) -> tuple[int, ...]:
    _, height, width, channels = layer.output.shape
    positions = height * width
    # Without padding, so a little too many at the borders.
    taps = max(1, layer.inputs[0].elements // layer.output.elements)
    if layer.operator.name == "AVERAGE_POOL_2D":
        return positions, positions * channels, positions * channels * taps, 0, 0
    quads, single = channels // 4 * positions, channels % 4 * positions
    return positions, quads, quads * taps, single, single * taps


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
