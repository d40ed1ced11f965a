"""Int8 models that can run as a stream, written without a converter."""

import math
from dataclasses import dataclass

import numpy as np
from random_models import (
    OPERATORS,
    Activation,
    Model,
    schema,
)

VALID, SAME = schema.Padding.VALID, schema.Padding.SAME
RELU = schema.ActivationFunctionType.RELU
NONE = schema.ActivationFunctionType.NONE


@dataclass(frozen=True)
class Convolution:
    """A (kernel, 1) convolution; ``channels`` is None for a depthwise one."""

    channels: int | None
    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: int = VALID
    activation: int = RELU


def convolve(model: Model, source: Activation, layer: Convolution) -> Activation:
    """Adds a convolution over time, whose output spreads over the whole int8 range."""
    _, columns, width, inputs = source.shape
    is_depthwise = layer.channels is None
    channels = layer.channels or inputs
    taps = layer.kernel * (1 if is_depthwise else inputs)
    shape = (1, layer.kernel, 1, channels) if is_depthwise else (channels, layer.kernel, 1, inputs)
    scales = [float(s) for s in np.float32(2.0 ** model.rng.uniform(-9, -7, channels))]
    axis = 3 if is_depthwise else 0
    weights = model.constant(model.rng.integers(-127, 128, shape).astype(np.int8), scales, axis)
    per_channel = [float(s) for s in np.float32(source.scale) * np.float32(scales)]
    bias = model.rng.integers(-2000, 2000, channels).astype(np.int32)
    options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = layer.padding, layer.stride, 1
    options.dilationHFactor, options.dilationWFactor = layer.dilation, 1
    options.fusedActivationFunction = layer.activation
    if is_depthwise:
        options.depthMultiplier = 1
    reach = (layer.kernel - 1) * layer.dilation + 1
    rows = (columns - reach) // layer.stride + 1
    if layer.padding == SAME:
        rows = -(-columns // layer.stride)
    # Products of weights up to 127 at a scale of about 2**-8, over the root of their number.
    scale = source.scale * 0.3 * 60 * math.sqrt(taps) / 128
    zero_point = -128 if layer.activation == RELU else int(model.rng.integers(-128, 128))
    output = model.activation((1, rows, width, channels), scale, zero_point)
    name = "DepthwiseConv2DOptions" if is_depthwise else "Conv2DOptions"
    code = OPERATORS.DEPTHWISE_CONV_2D if is_depthwise else OPERATORS.CONV_2D
    kind = getattr(schema.BuiltinOptions, name)
    inputs_of = [source.index, weights, model.constant(bias, per_channel)]
    return model.add(code, inputs_of, output, kind, options)


def pool(model: Model, source: Activation, code: int, size: int, stride: int) -> Activation:
    """Adds a maximum or average pool over time."""
    _, columns, width, channels = source.shape
    options = schema.Pool2DOptionsT()
    options.padding, options.strideH, options.strideW = VALID, stride, 1
    options.filterHeight, options.filterWidth = size, 1
    options.fusedActivationFunction = NONE
    shape = (1, (columns - size) // stride + 1, width, channels)
    output = model.activation(shape, source.scale, source.zero_point)
    kind = schema.BuiltinOptions.Pool2DOptions
    return model.add(code, [source.index], output, kind, options)


def reduce_time(model: Model, source: Activation, code: int) -> Activation:
    """Adds a global average (MEAN) or maximum (REDUCE_MAX) over time and width."""
    axes = model.constant(np.array([1, 2], np.int32))
    output = model.activation((1, source.shape[3]), source.scale, source.zero_point)
    kind = schema.BuiltinOptions.ReducerOptions
    return model.add(code, [source.index, axes], output, kind, schema.ReducerOptionsT())


def concatenate(model: Model, parts: list[Activation]) -> Activation:
    """Joins along the last axis."""
    shape = (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))
    options = schema.ConcatenationOptionsT()
    options.axis = len(shape) - 1
    output = model.activation(shape, parts[0].scale, parts[0].zero_point)
    kind = schema.BuiltinOptions.ConcatenationOptions
    indices = [part.index for part in parts]
    return model.add(OPERATORS.CONCATENATION, indices, output, kind, options)


def classify(model: Model, features: Activation, labels: int) -> Activation:
    """Adds a dense layer and softmax."""
    inputs = features.shape[-1]
    values = model.rng.integers(-127, 128, (labels, inputs)).astype(np.int8)
    weights = model.constant(values, [0.02])
    # So wide that a softmax tells the labels apart.
    scale = features.scale * 0.02 * 75 * math.sqrt(inputs) / 40
    logits = model.activation((1, labels), scale, 3)
    kind = schema.BuiltinOptions.FullyConnectedOptions
    dense = schema.FullyConnectedOptionsT()
    model.add(OPERATORS.FULLY_CONNECTED, [features.index, weights], logits, kind, dense)
    scores = model.activation((1, labels), 1 / 256, -128)
    options = schema.SoftmaxOptionsT()
    options.beta = min(1.0, 0.1 / scale)
    kind = schema.BuiltinOptions.SoftmaxOptions
    return model.add(OPERATORS.SOFTMAX, [logits.index], scores, kind, options)


def cnn(window: int, first: int, blocks: list[tuple[int, int]], labels: int = 6) -> bytes:
    """The layers of trainer/models/cnn.py with random weights.

    Args:
        window: samples of six channels.
        first: channels of the first convolution.
        blocks: (kernel, channels) of the separable blocks.
        labels: outputs.
    """
    model = Model(seed=1)
    source = model.activation((1, window, 1, 6), 1 / 32, 0)
    x = convolve(model, source, Convolution(first, 5, stride=2))
    for number, (kernel, channels) in enumerate(blocks):
        x = convolve(model, x, Convolution(None, kernel))
        x = convolve(model, x, Convolution(channels, 1))
        if number == 0:
            x = pool(model, x, OPERATORS.MAX_POOL_2D, 2, 2)
    average = reduce_time(model, x, OPERATORS.MEAN)
    maximum = reduce_time(model, x, OPERATORS.REDUCE_MAX)
    joined = concatenate(model, [average, maximum])
    return model.finish(source, classify(model, joined, labels))


SMALL = (24, [(5, 40), (5, 56), (3, 64)])
"""trainer/models/cnn.py's ``small``: some 9,000 parameters."""
