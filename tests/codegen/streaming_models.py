"""Int8 models that can run as a stream, written without a converter."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from random_models import OPERATORS, SCALES, ZERO_POINTS, Activation, Model, schema

VALID, SAME = schema.Padding.VALID, schema.Padding.SAME
RELU = schema.ActivationFunctionType.RELU
NONE = schema.ActivationFunctionType.NONE

_MEAN_AFTER_RELU = 50


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
    values = model.rng.integers(-127, 128, shape).astype(np.int8)
    weights = model.constant(values, scales, axis)
    per_channel = [float(s) for s in np.float32(source.scale) * np.float32(scales)]
    # Takes the mean away, as training does: otherwise most channels would always be saturated.
    mean = _MEAN_AFTER_RELU if source.zero_point == -128 else -source.zero_point
    totals = values.astype(np.int64).sum(axis=tuple(i for i in range(4) if i != axis))
    bias = (model.rng.integers(-2000, 2000, channels) - mean * totals).astype(np.int32)
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
    # Inputs of some 60 times weights of some 75 at a scale of 2**-8.
    scale = source.scale * 0.3 * 60 * math.sqrt(taps) / 64
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
    scale = features.scale * 0.02 * 75 * math.sqrt(inputs)
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
"""First channels and blocks of a network of 9,070 parameters for six labels."""


@dataclass(frozen=True)
class StreamExample:
    """A random model that can stream, and a hop that it allows."""

    model: bytes = field(repr=False)
    window: int
    channels: int
    hop: int
    layers: tuple[str, ...]

    def samples(self, windows: int) -> npt.NDArray[np.int8]:
        """A stream of changing level and strength with so many windows: int8 [count, channels]."""
        count = self.window + (windows - 1) * self.hop
        return changing(count, self.channels, seed=len(self.model))

    def cut(self, samples: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """The windows of a stream."""
        starts = range(0, len(samples) - self.window + 1, self.hop)
        return np.stack([samples[start : start + self.window] for start in starts])


def changing(count: int, channels: int, seed: int) -> npt.NDArray[np.int8]:
    """Int8 [count, channels] whose level and strength change every few samples."""
    rng = np.random.default_rng(seed)
    stretch = np.cumsum(rng.random(count) < 0.1)
    level = rng.uniform(-128, 128, (stretch[-1] + 1, channels))[stretch]
    strength = 200 * rng.random((stretch[-1] + 1, channels))[stretch] ** 3
    values = level + strength * rng.uniform(-1, 1, (count, channels))
    return np.clip(np.round(values), -128, 127).astype(np.int8)


@st.composite
def streams(draw: DrawFn) -> StreamExample:
    """Models of random layers over time, with branches that join again and one or two pools."""
    model = Model(draw(st.integers(0, 2**16)))
    window, channels = draw(st.integers(24, 90)), draw(st.integers(1, 6))
    source = model.activation((1, window, 1, channels), draw(SCALES), draw(ZERO_POINTS))
    x, stride, names = source, 1, []
    for _ in range(draw(st.integers(1, 4))):
        left = x.shape[1]
        kinds = ["convolution", "depthwise", "maximum", "average", "branches", "quantize"]
        kind = draw(st.sampled_from(kinds))
        size = draw(st.integers(1, min(5, left)))
        step = draw(st.sampled_from([1, 1, 2, 3] if stride < 4 else [1]))
        if kind in ("convolution", "depthwise"):
            count = draw(st.integers(1, 9)) if kind == "convolution" else None
            dilation = draw(st.integers(1, (left - 1) // (size - 1))) if size > 1 else 1
            layer = Convolution(
                channels=count,
                kernel=size,
                stride=step,
                dilation=min(dilation, 3),
                padding=SAME if size == step == 1 else VALID,
                activation=draw(st.sampled_from([RELU, NONE])),
            )
            x = convolve(model, x, layer)
        elif kind in ("maximum", "average"):
            code = OPERATORS.MAX_POOL_2D if kind == "maximum" else OPERATORS.AVERAGE_POOL_2D
            x = pool(model, x, code, size, step)
        elif kind == "branches":
            step = 1
            x = branches(model, x, draw)
        else:
            step = 1
            kind_of = schema.BuiltinOptions.QuantizeOptions
            scaled = model.activation(x.shape, x.scale * 1.3, draw(ZERO_POINTS))
            options = schema.QuantizeOptionsT()
            x = model.add(OPERATORS.QUANTIZE, [x.index], scaled, kind_of, options)
        stride *= step
        names.append(kind)
    choices = [("MEAN",), ("SUM",), ("REDUCE_MAX",), ("MEAN", "REDUCE_MAX")]
    pools = draw(st.sampled_from(choices))
    parts = [reduce_time(model, x, getattr(OPERATORS, name)) for name in pools]
    result = concatenate(model, parts) if len(parts) > 1 else parts[0]
    if draw(st.booleans()):
        result = classify(model, result, draw(st.integers(2, 7)))
    hop = stride * draw(st.integers(1, max(1, window // stride)))
    return StreamExample(model.finish(source, result), window, channels, hop, (*names, *pools))


def branches(model: Model, source: Activation, draw: DrawFn) -> Activation:
    """Joins two paths that look equally far, or pass every column on."""
    kernel = draw(st.integers(1, min(3, source.shape[1])))
    wide = convolve(model, source, Convolution(draw(st.integers(1, 4)), kernel, activation=NONE))
    other = convolve(model, source, Convolution(draw(st.integers(1, 4)), kernel, activation=NONE))
    kind = schema.BuiltinOptions.QuantizeOptions
    same = model.activation(other.shape, wide.scale, wide.zero_point)
    model.add(OPERATORS.QUANTIZE, [other.index], same, kind, schema.QuantizeOptionsT())
    return concatenate(model, [wide, same])
