"""Models of a single layer with random weights, by its size."""

import numpy as np
from random_models import OPERATORS, Activation, LstmScales, Model, lstm_over, schema

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
    _add_convolution(model, _weights(model, shape, channels, source), result, options)
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
    """A convolution over a map with SAME padding, or with VALID when it is dilated or grouped.

    Depthwise when ``outputs`` is 0.
    """
    model = Model(seed=size[0])
    source = model.activation((1, *size, inputs), 0.1, -128)
    is_depthwise = outputs == 0
    options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
    is_same = dilation == groups == 1
    options.padding = schema.Padding.SAME if is_same else schema.Padding.VALID
    options.strideH = options.strideW = stride
    options.dilationHFactor = options.dilationWFactor = dilation
    options.fusedActivationFunction = ReLU
    reach = [0 if is_same else (taps - 1) * dilation for taps in kernel]
    shape = [(n - 1 - r) // stride + 1 for n, r in zip(size, reach, strict=True)]
    channels = outputs or inputs
    result = model.activation((1, *shape, channels), 0.2, -128)
    filters = (1 if is_depthwise else outputs, *kernel, inputs // groups)
    _add_convolution(model, _weights(model, filters, channels, source), result, options)
    return model.finish(source, result)


def _add_convolution(
    model: Model,
    operands: list[int],
    result: Activation,
    options: schema.Conv2DOptionsT | schema.DepthwiseConv2DOptionsT,
) -> None:
    kinds = schema.BuiltinOptions
    if isinstance(options, schema.DepthwiseConv2DOptionsT):
        options.depthMultiplier = 1
        model.add(
            OPERATORS.DEPTHWISE_CONV_2D, operands, result, kinds.DepthwiseConv2DOptions, options
        )
    else:
        model.add(OPERATORS.CONV_2D, operands, result, kinds.Conv2DOptions, options)


def dense(inputs: int, outputs: int) -> bytes:
    """A dense layer."""
    model = Model(seed=inputs)
    source = model.activation((1, inputs), 0.1, -128)
    result = model.activation((1, outputs), 0.2, 0)
    operands = _weights(model, (outputs, inputs), outputs, source)
    kind = schema.BuiltinOptions.FullyConnectedOptions
    model.add(OPERATORS.FULLY_CONNECTED, operands, result, kind, schema.FullyConnectedOptionsT())
    return model.finish(source, result)


def pool(code: int, time: int, channels: int, size: int, width: int = 1) -> bytes:
    """A pool over ``size`` samples, and as many columns of a map with a width."""
    model = Model(seed=time)
    source = model.activation((1, time, width, channels), 0.1, -128)
    across = min(size, width)
    result = model.activation((1, time // size, width // across, channels), 0.1, -128)
    options = schema.Pool2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.filterHeight = size
    options.strideW = options.filterWidth = across
    kind = schema.BuiltinOptions.Pool2DOptions
    model.add(code, [source.index], result, kind, options)
    return model.finish(source, result)


def reduction(code: int, time: int, channels: int, over: tuple[int, ...] = (1, 2)) -> bytes:
    """A reduction over time, or over channels."""
    model = Model(seed=time)
    source = model.activation((1, time, 1, channels), 0.1, -128)
    result = model.activation((1, channels) if 1 in over else (1, time, 1), 0.1, -128)
    axes = model.constant(np.array(over, dtype=np.int32))
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


def joined(rows: int, count: int) -> bytes:
    """A concatenation of the rows of a tensor with themselves."""
    model = Model(seed=count)
    source = model.activation((1, rows, count), 0.1, 0)
    result = model.activation((1, rows, 2 * count), 0.1, 0)
    options = schema.ConcatenationOptionsT()
    options.axis = 2
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
