"""Fits codegen/estimate_factors.py to what the emulated Cortex-M4F counts.

Run it after kernels change:

python benchmarks/fit_estimate.py > codegen/estimate_factors.py
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "codegen"))

from random_models import OPERATORS, Activation, LstmScales, Model, lstm_over, schema
from streaming_models import cnn

from codegen import estimate, kernels, stream_estimate, streaming, tflite
from host_tools import bench

ReLU = schema.ActivationFunctionType.RELU


def _weights(model: Model, shape: tuple[int, ...], channels: int, source: Activation) -> list[int]:
    weights = model.constant(model.rng.integers(-127, 128, shape).astype(np.int8), [0.01])
    bias = model.constant(
        model.rng.integers(-900, 900, channels).astype(np.int32), [source.scale * 0.01]
    )
    return [source.index, weights, bias]


def convolution(
    time: int, inputs: int, outputs: int, taps: int, stride: int, width: int = 1
) -> bytes:
    """A (taps, 1) convolution, depthwise when ``outputs`` is 0; (taps, 3) on a map with a width."""
    model = Model(seed=time)
    source = model.activation((1, time, width, inputs), 0.1, -128)
    across = 1 if width == 1 else 3
    is_depthwise = outputs == 0
    options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = stride
    options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = ReLU
    size = (time - taps) // stride + 1
    channels = outputs or inputs
    shape = (1 if is_depthwise else outputs, taps, across, inputs)
    columns = (width - across) // stride + 1
    result = model.activation((1, size, columns, channels), 0.2, -128)
    operands = _weights(model, shape, channels, source)
    kinds = schema.BuiltinOptions
    if is_depthwise:
        options.depthMultiplier = 1
        model.add(
            OPERATORS.DEPTHWISE_CONV_2D, operands, result, kinds.DepthwiseConv2DOptions, options
        )
    else:
        model.add(OPERATORS.CONV_2D, operands, result, kinds.Conv2DOptions, options)
    return model.finish(source, result)


def over_map(
    size: tuple[int, int],
    inputs: int,
    outputs: int,
    kernel: tuple[int, int],
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> bytes:
    """A convolution over a map with SAME padding, or with VALID when it is dilated or grouped."""
    model = Model(seed=size[0])
    source = model.activation((1, *size, inputs), 0.1, -128)
    options = schema.Conv2DOptionsT()
    is_same = dilation == groups == 1
    options.padding = schema.Padding.SAME if is_same else schema.Padding.VALID
    options.strideH = options.strideW = stride
    options.dilationHFactor = options.dilationWFactor = dilation
    options.fusedActivationFunction = ReLU
    reach = [0 if is_same else (taps - 1) * dilation for taps in kernel]
    shape = [(n - 1 - r) // stride + 1 for n, r in zip(size, reach, strict=True)]
    result = model.activation((1, *shape, outputs), 0.2, -128)
    operands = _weights(model, (outputs, *kernel, inputs // groups), outputs, source)
    kind = schema.BuiltinOptions.Conv2DOptions
    model.add(OPERATORS.CONV_2D, operands, result, kind, options)
    return model.finish(source, result)


def dense(inputs: int, outputs: int) -> bytes:
    """A dense layer."""
    model = Model(seed=inputs)
    source = model.activation((1, inputs), 0.1, -128)
    result = model.activation((1, outputs), 0.2, 0)
    operands = _weights(model, (outputs, inputs), outputs, source)
    kind = schema.BuiltinOptions.FullyConnectedOptions
    model.add(OPERATORS.FULLY_CONNECTED, operands, result, kind, schema.FullyConnectedOptionsT())
    return model.finish(source, result)


def pool(code: int, time: int, channels: int, size: int) -> bytes:
    """A pool over ``size`` samples."""
    model = Model(seed=time)
    source = model.activation((1, time, 1, channels), 0.1, -128)
    result = model.activation((1, time // size, 1, channels), 0.1, -128)
    options = schema.Pool2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.filterHeight = size
    options.strideW = options.filterWidth = 1
    kind = schema.BuiltinOptions.Pool2DOptions
    model.add(code, [source.index], result, kind, options)
    return model.finish(source, result)


def reduction(code: int, time: int, channels: int) -> bytes:
    """A reduction over time."""
    model = Model(seed=time)
    source = model.activation((1, time, 1, channels), 0.1, -128)
    result = model.activation((1, channels), 0.1, -128)
    axes = model.constant(np.array([1, 2], dtype=np.int32))
    kind = schema.BuiltinOptions.ReducerOptions
    model.add(code, [source.index, axes], result, kind, schema.ReducerOptionsT())
    return model.finish(source, result)


def elementwise(code: int, count: int, scale: float = 0.1) -> bytes:
    """Softmax, logistic or quantize."""
    model = Model(seed=count)
    source = model.activation((1, count), scale, -128)
    result = model.activation((1, count), 1 / 256, -128)
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    is_softmax = code == OPERATORS.SOFTMAX
    kind = schema.BuiltinOptions.SoftmaxOptions if is_softmax else 0
    model.add(code, [source.index], result, kind, options if is_softmax else None)
    return model.finish(source, result)


def joined(count: int) -> bytes:
    """A concatenation of a tensor with itself."""
    model = Model(seed=count)
    source = model.activation((1, count), 0.1, 0)
    result = model.activation((1, 2 * count), 0.1, 0)
    options = schema.ConcatenationOptionsT()
    options.axis = 1
    kind = schema.BuiltinOptions.ConcatenationOptions
    operands = [source.index, source.index]
    model.add(OPERATORS.CONCATENATION, operands, result, kind, options)
    return model.finish(source, result)


def arithmetic(code: int, first: tuple[int, ...], second: tuple[int, ...]) -> bytes:
    """ADD or MUL of a tensor and a constant, which is repeated where it is smaller."""
    model = Model(seed=sum(first))
    source = model.activation(first, 0.1, 3)
    values = model.rng.integers(-128, 128, second).astype(np.int8)
    result = model.activation(first, 0.2 if code == OPERATORS.ADD else 0.05, -5)
    is_add = code == OPERATORS.ADD
    kinds = schema.BuiltinOptions
    kind, options = (
        (kinds.AddOptions, schema.AddOptionsT())
        if is_add
        else (kinds.MulOptions, schema.MulOptionsT())
    )
    operands = [source.index, model.constant(values, [0.05])]
    model.add(code, operands, result, kind, options)
    return model.finish(source, result)


def sliced(time: int, channels: int, begin: int, step: int) -> bytes:
    """Every ``step``-th sample from ``begin`` on."""
    model = Model(seed=time)
    source = model.activation((1, time, channels), 0.1, 0)
    size = len(range(begin, time, step))
    result = model.activation((1, size, channels), 0.1, 0)
    bounds = ([0, begin, 0], [1, time, channels], [1, step, 1])
    constants = [model.constant(np.array(values, dtype=np.int32)) for values in bounds]
    kind = schema.BuiltinOptions.StridedSliceOptions
    options = schema.StridedSliceOptionsT()
    model.add(OPERATORS.STRIDED_SLICE, [source.index, *constants], result, kind, options)
    return model.finish(source, result)


def padded(time: int, channels: int, before: int, after: int) -> bytes:
    """Zeros before and after a signal."""
    model = Model(seed=time)
    source = model.activation((1, time, 1, channels), 0.1, 0)
    result = model.activation((1, before + time + after, 1, channels), 0.1, 0)
    pairs = np.array([(0, 0), (before, after), (0, 0), (0, 0)], dtype=np.int32)
    model.add(OPERATORS.PAD, [source.index, model.constant(pairs)], result)
    return model.finish(source, result)


def recurrent(steps: int, inputs: int, units: int, reach: float) -> bytes:
    """An LSTM, whose scales allow the short form of rescaling where ``reach`` is small."""
    model = Model(seed=units)
    source = model.activation((1, steps, inputs), 0.02, 3)
    return model.finish(source, lstm_over(model, source, units, LstmScales(reach=reach)))


def examples() -> list[bytes]:
    """Layers as models for activity recognition have them."""
    shapes = [(64, 6, 16, 5, 2), (64, 16, 32, 1, 1), (30, 32, 48, 1, 1), (32, 48, 32, 3, 1)]
    shapes += [(128, 3, 8, 9, 1), (20, 24, 24, 5, 1), (60, 8, 64, 1, 1), (16, 64, 6, 1, 1)]
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
        models += [pool(code, *s) for s in [(64, 32, 2), (32, 16, 4), (40, 6, 2), (24, 3, 8)]]
    for code in (OPERATORS.MEAN, OPERATORS.REDUCE_MAX):
        sizes = [(32, 32), (16, 64), (64, 16), (8, 8), (20, 3), (8, 1), (100, 2)]
        models += [reduction(code, *s) for s in sizes]
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
    return models + [joined(n) for n in (8, 64, 200)]


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
    factors = _not_negative(table, target)
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
        counts[kernel].append(bench.measure(model, kernel).layers[0].instructions)
    print('"""Instructions for each turn of a kernel\'s loops; see codegen/estimate.py."""\n')
    print("# Written by benchmarks/fit_estimate.py.")
    print("FACTORS: dict[str, tuple[float, ...]] = {")
    fitted: dict[str, np.ndarray] = {}
    for kernel in sorted(rows):
        measured = np.array(counts[kernel], float)
        # Relative errors count, and no loop takes time back.
        table = np.array(rows[kernel], float) / measured[:, None]
        factors = _not_negative(table, np.ones(len(measured)))
        error = np.abs(table @ factors - 1).max()
        print(f"{kernel}: within {error:.1%}", file=sys.stderr)
        fitted[kernel] = factors
    # What a stream does besides its layers is measured with them.
    estimate.FACTORS.update((kernel, tuple(factors)) for kernel, factors in fitted.items())
    fitted["STREAM"] = stream_factors()
    for kernel in sorted(fitted):
        print(f'    "{kernel}": ({", ".join(f"{f:.2f}" for f in fitted[kernel])}),')
    print("}")


def _not_negative(table: np.ndarray, target: np.ndarray) -> np.ndarray:
    used = np.ones(table.shape[1], bool)
    while True:
        factors = np.zeros(table.shape[1])
        factors[used] = np.linalg.lstsq(table[:, used], target, rcond=None)[0]
        if (factors >= 0).all():
            return factors
        used &= factors >= 0


if __name__ == "__main__":
    main()
