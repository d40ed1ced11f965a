"""Counts how often the loops of kernels run that move a window over a map.

For codegen/estimate.py. The kernels lie in firmware/src/kernels/: conv2d.c, depthwise_conv1d.c,
depthwise_conv2d.c, pool2d.c.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from codegen.kernels import Layer

POSITIONS = 4
"""That CONV_2D computes at once."""

STEP = 8
"""Values of a column that one turn of its inner loop takes."""

Taps = Counter[tuple[int, int]]
"""How many positions along an axis have their first tap over the map, and the one behind the last,
at such places."""


@dataclass(frozen=True)
class Move:
    """A window that moves over a map; pairs are height and width.

    Attributes:
        inside, outside: input and output.
        window: ``size``, ``stride``, ``dilation`` and ``pad``.
    """

    inside: tuple[int, int]
    outside: tuple[int, int]
    window: Mapping[str, tuple[int, int]]

    @property
    def positions(self) -> int:
        """Positions of the output."""
        return math.prod(self.outside)

    def taps(self, axis: int) -> Taps:
        """Count the taps over the map along an axis."""
        stride, pad, dilation, taps = (
            self.window[name][axis] for name in ("stride", "pad", "dilation", "size")
        )
        counts: Taps = Counter()
        for position in range(self.outside[axis]):
            start = position * stride - pad
            first = min(taps, max(0, -(start // dilation)))
            last = -((start - self.inside[axis]) // dilation)
            counts[first, max(first, min(taps, last))] += 1
        return counts

    def tap_rows(self) -> int:
        """Rows of taps over the map, at all positions."""
        return self.outside[1] * _total(self.taps(0))

    def tap_count(self) -> int:
        """Taps over the map, at all positions."""
        return _total(self.taps(0)) * _total(self.taps(1))

    def runs(self) -> int:
        """Runs of neighbours that have all taps over the map; each other position is one, too."""
        stride, pad = self.window["stride"][1], self.window["pad"][1]
        reach = (self.window["size"][1] - 1) * self.window["dilation"][1]
        starts = (x * stride - pad for x in range(self.outside[1]))
        within = sum(0 <= start < self.inside[1] - reach for start in starts)
        return self.outside[0] * (self.outside[1] - within + (within > 0))


def convolution(layer: Layer) -> tuple[str, tuple[int, ...]]:
    """Return the name and the counts of a CONV_2D's kernel."""
    if layer.calls[0].startswith("harmcu_conv1d"):
        return "CONV_1D", _conv1d(layer)
    move = _move(layer)
    groups = cast(int, layer.structs[0].fields["groups"])
    blocks = math.ceil(move.positions / POSITIONS)
    plain = _plain_blocks(move, layer.inputs[0].shape[3]) if groups == 1 else 0
    channels = layer.output.shape[3] // groups
    values = layer.macs // layer.output.elements
    pairs = blocks * groups * (channels // 2)
    rest = blocks * groups * (channels % 2)
    gathered = _gathered(layer, move, groups)
    share = (blocks - plain) * POSITIONS / move.positions
    return "CONV_2D", (
        (blocks - plain) * groups,
        plain,
        pairs,
        rest,
        (pairs + rest) * math.ceil(values / STEP),
        plain * math.ceil(values / 4),
        *(round(share * count) for count in gathered),
    )


def depthwise_conv1d(layer: Layer) -> tuple[int, ...]:
    """Return how often the loops of harmcu_depthwise_conv1d() run."""
    channels, outputs, inputs = (
        layer.output.shape[3],
        layer.output.elements,
        layer.inputs[0].elements,
    )
    taps = layer.macs // outputs
    assert layer.weights is not None
    is_slow = taps > 6 or outputs < POSITIONS * channels or not layer.weights.has_short_rescale
    # Where both maps are as long, in single steps.
    is_slow |= inputs // outputs > 1
    walked = outputs * is_slow
    return channels, outputs - walked, inputs, walked, walked * math.ceil(taps / 2)


def depthwise_conv2d(layer: Layer) -> tuple[int, ...]:
    """Return how often the loops of harmcu_depthwise_conv2d() run, by quads and single channels."""
    channels, move = layer.output.shape[3], _move(layer)
    assert layer.weights is not None
    is_plain = channels == layer.inputs[0].shape[3] and layer.weights.has_short_rescale
    quads = channels // 4 if is_plain else 0
    single = channels - 4 * quads
    every = (move.positions, move.tap_rows(), move.tap_count())
    return quads, *(quads * n for n in (move.runs(), *every)), *(single * n for n in every)


def pool(layer: Layer) -> tuple[int, ...]:
    """Return how often the loops of harmcu_max_pool2d() or harmcu_average_pool2d() run."""
    channels, move = layer.output.shape[3], _move(layer)
    rows, taps = move.tap_rows(), move.tap_count()
    if layer.operator.name == "AVERAGE_POOL_2D":
        return move.positions, *(channels * n for n in (move.positions, rows, taps))
    quads, single = channels // 4, channels % 4
    # The first tap is where the search begins.
    compared = taps - move.positions
    return move.positions, rows, *(n * m for n in (quads, single) for m in (rows, compared))


def _move(layer: Layer) -> Move:
    fields = layer.structs[0].fields
    inside, outside = (
        cast(Mapping[str, int], fields[name]) for name in ("input_map", "output_map")
    )
    return Move(
        (inside["height"], inside["width"]),
        (outside["height"], outside["width"]),
        cast(Mapping[str, tuple[int, int]], fields["window"]),
    )


def _total(taps: Taps) -> int:
    return sum((end - first) * count for (first, end), count in taps.items())


def _conv1d(layer: Layer) -> tuple[int, ...]:
    channels, depth = layer.output.shape[3], layer.inputs[0].shape[3]
    values = layer.macs // layer.output.elements
    blocks = math.ceil(layer.output.elements // channels / POSITIONS)
    pairs = blocks * math.ceil(channels / 2)
    return 1, blocks * depth, pairs, pairs * (values // depth), pairs * values // STEP


def _plain_blocks(move: Move, inputs: int) -> int:
    """Return the blocks of four positions without a look at the border, as harmcu_conv2d() does."""
    if move.window["size"][0] > 1 or move.window["dilation"][1] > 1:
        return 0
    stride, pad, size = (move.window[name][1] for name in ("stride", "pad", "size"))
    spare = 0 if size * inputs % 4 == 0 else 2 // inputs + 1
    reach = move.inside[1] - size - (POSITIONS - 1) * stride - spare
    width = move.outside[1]
    # Blocks follow each other over the ends of rows.
    places = (first % width for first in range(0, move.positions, POSITIONS))
    return sum(x + POSITIONS <= width and 0 <= x * stride - pad <= reach for x in places)


def _gathered(layer: Layer, move: Move, groups: int) -> tuple[int, int, int, int]:
    """Return how often a CONV_2D gathers a row, a run of values, four of them, and single ones.

    As append_receptive_field() goes through all positions.
    """
    depth = layer.inputs[0].shape[3] // groups
    is_run = move.window["dilation"][1] == 1 and groups == 1
    height, width = move.window["size"]
    rows = Counter(end - first for first, end in move.taps(0).elements())
    totals = [0, 0, 0, 0]
    for (first, end), times in move.taps(1).items():
        taps = end - first
        row = [first * depth, *([-taps * depth] if is_run else [-depth] * taps)]
        row.append((width - end) * depth)
        for inner, count in rows.items():
            runs = [width * depth] * (height - inner) + row * inner
            filled = sum(run != 0 for run in runs)
            counts = (height, filled, *_quads_and_singles(runs))
            totals = [t + groups * times * count * n for t, n in zip(totals, counts, strict=True)]
    rows_, runs_, quads, singles = totals
    return rows_, runs_, quads, singles


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
