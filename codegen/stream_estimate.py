"""Estimates the instructions of a streaming engine; see codegen/estimate.py.

What only it has is fitted by benchmarks/fit_estimate.py to what whole hops take.
"""

import math
from dataclasses import dataclass

from codegen import estimate
from codegen.estimate_factors import FACTORS
from codegen.kernels import Layer


@dataclass(frozen=True, eq=False)
class Work:
    """What a hop does.

    Attributes:
        steps: of a hop.
        step: layers of each.
        head: layers at the end of a window, reductions over time left out.
        samples: of a step.
        kept: buffers of which columns are kept from step to step.
        pushed: channels and columns of what each step adds to a pool.
        pooled: operator, channels and blocks of each reduction over time.
    """

    steps: int
    step: tuple[Layer, ...]
    head: tuple[Layer, ...]
    samples: int
    kept: int
    pushed: tuple[tuple[int, int], ...]
    pooled: tuple[tuple[str, int, int], ...]


def instructions(work: Work) -> int:
    """Return the expected instructions of a hop."""
    known, counts = terms(work)
    return known + round(sum(f * n for f, n in zip(FACTORS["STREAM"], counts, strict=True)))


def terms(work: Work) -> tuple[int, tuple[int, ...]]:
    """Return the instructions of layers that whole windows have too, and what else is done.

    That is, for DEPTHWISE_CONV_2D at few positions, four channels, two positions of them and a tap
    of those; buffers and samples; and channels of pools, for each column of a step, and for each
    block of a mean and of a maximum.
    """
    steps = [layer for layer in work.step if not layer.is_in_place]
    few = [_few_columns(layer) for layer in steps if layer.source == "depthwise_columns.c"]
    known = work.steps * sum(
        estimate.instructions(layer) for layer in steps if layer.source != "depthwise_columns.c"
    )
    known += sum(estimate.instructions(layer) for layer in work.head if not layer.is_in_place)
    quads, pairs, taps = (sum(counts) for counts in zip(*few, strict=True)) if few else (0, 0, 0)
    each_step = (
        quads,
        pairs,
        taps,
        work.kept,
        work.samples,
        sum(channels for channels, _ in work.pushed),
        sum(channels * columns for channels, columns in work.pushed),
    )
    means = [pool for pool in work.pooled if pool[0] != "REDUCE_MAX"]
    maxima = [pool for pool in work.pooled if pool[0] == "REDUCE_MAX"]
    at_end = [
        count
        for pools in (means, maxima)
        for count in (sum(p[1] for p in pools), sum(p[1] * p[2] for p in pools))
    ]
    return known, (*(work.steps * count for count in each_step), *at_end)


def pooled(operator: str, channels: int, blocks: int) -> int:
    """Return the instructions of one reduction over time at the end of a window."""
    mean, mean_block, maximum, max_block = FACTORS["STREAM"][-4:]
    once, each = (maximum, max_block) if operator == "REDUCE_MAX" else (mean, mean_block)
    return round(channels * (once + blocks * each))


def _few_columns(layer: Layer) -> tuple[int, int, int]:
    _, height, width, channels = layer.output.shape
    quads, pairs = math.ceil(channels / 4), math.ceil(height * width / 2)
    taps = layer.macs // layer.output.elements
    return quads, quads * pairs, quads * pairs * taps
