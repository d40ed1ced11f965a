"""Fits codegen/estimate_factors.py to what the emulated Cortex-M4F counts.

Run it after kernels change:

python benchmarks/fit_estimate.py > codegen/estimate_factors.py
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "codegen"))

from random_models import OPERATORS
from single_layers import (
    arithmetic,
    convolution,
    dense,
    elementwise,
    joined,
    over_map,
    padded,
    pool,
    recurrent,
    reduction,
    sliced,
)
from streaming_models import cnn

from codegen import estimate, kernels, stream_estimate, streaming, tflite
from host_tools import bench


def examples() -> list[bytes]:
    """Layers as models for activity recognition have them."""
    shapes = [(64, 6, 16, 5, 2), (64, 16, 32, 1, 1), (30, 32, 48, 1, 1), (32, 48, 32, 3, 1)]
    shapes += [(128, 3, 8, 9, 1), (20, 24, 24, 5, 1), (60, 8, 64, 1, 1), (16, 64, 6, 1, 1)]
    shapes += [(64, 6, 10, 1, 1), (40, 16, 7, 1, 1), (50, 9, 5, 3, 2), (24, 3, 17, 7, 1)]
    models = [convolution(*shape) for shape in shapes]
    models += [
        convolution(t, c, 0, k, s)
        for t, c, k, s in [
            (64, 16, 5, 1),
            (32, 32, 5, 1),
            (40, 24, 3, 2),
            (50, 8, 9, 1),
            (30, 6, 5, 1),
            (30, 3, 3, 1),
            (20, 64, 7, 1),
            (64, 24, 3, 1),
        ]
    ]
    models += [convolution(*s) for s in [(40, 16, 24, 5, 1), (24, 64, 16, 3, 1), (60, 8, 8, 3, 1)]]
    models += [convolution(*s) for s in [(32, 16, 24, 1, 1), (30, 8, 32, 3, 2), (24, 32, 8, 4, 2)]]
    models += [
        convolution(*s)
        for s in [
            (12, 8, 16, 3, 1, 6),
            (20, 3, 8, 3, 2, 9),
            (9, 4, 8, 3, 1, 5),
            (10, 16, 4, 2, 1, 5),
        ]
    ]
    models += [
        over_map((28, 28), 1, 8, (3, 3), 2),
        over_map((14, 14), 8, 16, (3, 3)),
        over_map((12, 10), 3, 6, (5, 3)),
        over_map((64, 6), 1, 8, (5, 5)),
        over_map((20, 15), 3, 5, (3, 3), dilation=2),
        over_map((24, 12), 8, 9, (2, 3), dilation=2),
        over_map((16, 8), 8, 12, (3, 3), groups=4),
        over_map((12, 12), 6, 6, (3, 2), groups=3),
        over_map((40, 5), 1, 12, (5, 1)),
        over_map((60, 3), 1, 8, (4, 3)),
        over_map((20, 5), 16, 16, (1, 1)),
        over_map((17, 4), 10, 7, (1, 1)),
        over_map((24, 10), 1, 16, (10, 4), 2),
        over_map((18, 3), 8, 6, (1, 1)),
        over_map((15, 2), 12, 5, (1, 1)),
        over_map((30, 5), 4, 11, (1, 1)),
        over_map((16, 2), 10, 24, (3, 2)),
        over_map((12, 7), 5, 3, (3, 3)),
    ]
    models += [
        over_map(size, channels, 0, kernel, stride)
        for size, channels, kernel, stride in [
            ((25, 5), 16, (3, 3), 1),
            ((16, 16), 8, (3, 3), 2),
            ((40, 2), 12, (5, 1), 1),
            ((30, 3), 6, (3, 3), 1),
            ((21, 4), 5, (5, 1), 1),
        ]
    ]
    models += [
        convolution(t, c, 0, 3, s, w)
        for t, c, s, w in [(12, 8, 1, 6), (20, 16, 2, 9), (12, 6, 1, 6), (16, 3, 1, 8)]
    ]
    models += [
        convolution(t, c, 0, k, s, w)
        for t, c, k, s, w in [
            (24, 3, 10, 1, 8),
            (12, 8, 2, 1, 6),
            (20, 6, 5, 2, 9),
            (24, 8, 7, 1, 8),
        ]
    ]
    models += [dense(*s) for s in [(32, 6), (64, 12), (96, 32), (200, 5), (16, 64)]]
    for code in (OPERATORS.MAX_POOL_2D, OPERATORS.AVERAGE_POOL_2D):
        sizes = [(64, 32, 2), (32, 16, 4), (40, 6, 2), (24, 3, 8), (15, 64, 3)]
        models += [pool(code, *s) for s in sizes]
        models += [pool(code, *s) for s in [(14, 6, 2, 14), (60, 8, 3, 3), (10, 16, 2, 10)]]
    for code in (OPERATORS.MEAN, OPERATORS.REDUCE_MAX):
        sizes = [(32, 32), (16, 64), (64, 16), (8, 8), (20, 3), (8, 1), (100, 2)]
        models += [reduction(code, *s) for s in sizes]
        models += [reduction(code, *s, over=(3,)) for s in [(32, 6), (16, 24), (50, 16)]]
    # What a softmax costs depends on how far its inputs lie apart.
    models += [elementwise(OPERATORS.SOFTMAX, n, s) for n in (2, 6, 12, 20) for s in (0.05, 0.2)]
    models += [elementwise(OPERATORS.QUANTIZE, n) for n in (6, 100, 400)]
    models += [elementwise(OPERATORS.LOGISTIC, n) for n in (6, 100, 400)]
    for code in (OPERATORS.ADD, OPERATORS.MUL):
        for first, second in [((1, 20), (1, 20)), ((1, 128), (1, 128))]:
            models.append(arithmetic(code, first, second))
        for time, channels in [(64, 8), (32, 32), (16, 3)]:
            models.append(arithmetic(code, (1, time, 1, channels), (channels,)))
    models += [
        sliced(*s) for s in [(128, 64, 127, 1), (64, 16, 0, 2), (32, 6, 1, 3), (64, 1, 0, 2)]
    ]
    models += [padded(*s) for s in [(32, 16, 2, 2), (64, 6, 4, 0), (128, 32, 1, 1)]]
    for reach in (0.2, 20.0):
        for shape in [(16, 6, 16), (32, 3, 8), (16, 9, 32), (8, 32, 32), (8, 64, 64), (8, 6, 64)]:
            models.append(recurrent(*shape, reach))
    shapes = [
        (1, 8),
        (1, 64),
        (1, 200),
        (64, 8),
        (30, 16),
        (20, 6),
        (12, 40),
        (40, 3),
        (50, 24),
        (30, 13),
    ]
    return models + [joined(*shape) for shape in shapes]


STREAMS = [
    (window, first, blocks, hop)
    for first, blocks in [
        (24, [(5, 40), (5, 56), (3, 64)]),
        (16, [(3, 32), (5, 48)]),
        (8, [(5, 16), (3, 24), (3, 32)]),
        (32, [(3, 64), (3, 96)]),
    ]
    for window, hop in [(128, 64), (128, 16), (128, 8), (96, 4), (256, 32)]
]
"""Networks of the trainer's family: window, channels, blocks and hop."""


def stream_factors() -> np.ndarray:
    """Fit what is left of hops when their layers are taken away."""
    rows, rests, totals = [], [], []
    for window, first, blocks, hop in STREAMS:
        model = cnn(window, first, blocks)
        known, terms = stream_estimate.terms(streaming.plan(tflite.read(model), hop).work)
        cost = bench.measure_stream(model, "stream", hop)
        rows.append(terms)
        rests.append(cost.instructions - known)
        totals.append(cost.instructions)
    weights = np.array(totals, float)
    table = np.array(rows, float) / weights[:, None]
    target = np.array(rests) / weights
    factors, _ = nnls(table, target)
    print(f"STREAM: within {np.abs(table @ factors - target).max():.1%}", file=sys.stderr)
    return factors


def main() -> None:
    """Measure, fit and print the module."""
    rows: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    counts: dict[str, list[int]] = defaultdict(list)
    for model in examples():
        (operator,) = tflite.read(model).operators
        kernel, terms = estimate.terms(kernels.lower(operator))
        rows[kernel].append(terms)
        # The old factors are not for these terms, if those have changed.
        estimate.FACTORS[kernel] = (0.0,) * len(terms)
        counts[kernel].append(bench.measure(model, kernel).layers[0].instructions)
    print('"""Instructions for each turn of a kernel\'s loops; see codegen/estimate.py."""\n')
    print("# Written by benchmarks/fit_estimate.py.")
    print("FACTORS: dict[str, tuple[float, ...]] = {")
    fitted: dict[str, np.ndarray] = {}
    for kernel in sorted(rows):
        measured = np.array(counts[kernel], float)
        # Relative errors count, and no loop takes time back.
        table = np.array(rows[kernel], float) / measured[:, None]
        factors, _ = nnls(table, np.ones(len(measured)))
        error = np.abs(table @ factors - 1).max()
        print(f"{kernel}: within {error:.1%}", file=sys.stderr)
        fitted[kernel] = factors
    # What a stream does besides its layers is measured with them.
    estimate.FACTORS.update((kernel, tuple(factors)) for kernel, factors in fitted.items())
    fitted["STREAM"] = stream_factors()
    for kernel in sorted(fitted):
        print(f'    "{kernel}": ({", ".join(f"{f:.2f}" for f in fitted[kernel])}),')
    print("}")


if __name__ == "__main__":
    main()
