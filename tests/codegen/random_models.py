"""Random int8 .tflite files, written directly: no converter, so any shape and scale is in reach.

Sizes, strides, zero points and the like are drawn by hypothesis, so a failure shrinks to a small
model; the weights come from a generator whose seed is drawn.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import flatbuffers
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

INT8, INT16, INT32 = schema.TensorType.INT8, schema.TensorType.INT16, schema.TensorType.INT32
OPERATORS = schema.BuiltinOperator
ACTIVATIONS = st.sampled_from(
    [
        schema.ActivationFunctionType.NONE,
        schema.ActivationFunctionType.RELU,
        schema.ActivationFunctionType.RELU6,
        schema.ActivationFunctionType.RELU_N1_TO_1,
    ]
)
ZERO_POINTS = st.one_of(st.sampled_from([-128, 127, 0]), st.integers(-128, 127))
SCALES = st.floats(-8, 1).map(lambda exponent: float(np.float32(2.0**exponent)))
# How much larger or smaller than the natural one a layer's output scale is, as a power of two.
# Whole powers lead to ties, on which roundings differ.
SPREADS = st.one_of(st.integers(-3, 3), st.floats(-3, 3), st.floats(-14, 20))


def packed(model: schema.ModelT) -> bytes:
    """Writes a model of the object interface as a file."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def parsed(data: bytes) -> schema.ModelT:
    """Reads a file into the object interface, to change it."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))


@dataclass(frozen=True)
class Activation:
    """A computed tensor of the model under construction."""

    index: int
    shape: tuple[int, ...]
    scale: float
    zero_point: int


@dataclass
class Model:
    """A .tflite file under construction, with one input."""

    seed: int
    tensors: list[schema.TensorT] = field(default_factory=list)
    buffers: list[schema.BufferT] = field(default_factory=lambda: [schema.BufferT()])
    codes: list[int] = field(default_factory=list)
    operators: list[schema.OperatorT] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def activation(self, shape: tuple[int, ...], scale: float, zero_point: int) -> Activation:
        """Adds a tensor that is computed, or the model's input."""
        # Beyond these limits, where only long chains lead, TFLM refuses to prepare some layers.
        bounded = float(np.float32(min(max(scale, 2.0**-20), 2.0**20)))
        index = self._tensor(shape, INT8, 0, [bounded], [zero_point], 0)
        return Activation(index, shape, bounded, zero_point)

    def constant(
        self,
        values: npt.NDArray[np.int8] | npt.NDArray[np.int32],
        scales: list[float] | None = None,
        axis: int = 0,
    ) -> int:
        """Adds a constant; gives its index."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype=np.uint8)
        self.buffers.append(buffer)
        kind = INT8 if values.dtype == np.int8 else INT32
        zeros = [0] * len(scales) if scales else None
        return self._tensor(values.shape, kind, len(self.buffers) - 1, scales, zeros, axis)

    def state(self, shape: tuple[int, ...], kind: int, scale: float, zero_point: int = 0) -> int:
        """Adds a tensor that an operator remembers; gives its index."""
        index = self._tensor(shape, kind, 0, [scale], [zero_point], 0)
        self.tensors[index].isVariable = True
        return index

    def add(
        self,
        code: int,
        inputs: list[int],
        output: Activation,
        kind: int = 0,
        options: object = None,
    ) -> Activation:
        """Adds an operator; ``kind`` is the number of its options' type."""
        if code not in self.codes:
            self.codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = self.codes.index(code)
        operator.inputs = inputs
        operator.outputs = [output.index]
        operator.builtinOptionsType = kind
        operator.builtinOptions = options
        self.operators.append(operator)
        return output

    def finish(self, source: Activation, result: Activation) -> bytes:
        """Writes the file."""
        graph = schema.SubGraphT()
        graph.tensors = self.tensors
        graph.inputs, graph.outputs = [source.index], [result.index]
        graph.operators = self.operators
        model = schema.ModelT()
        model.version = 3
        model.operatorCodes = [_operator_code(code) for code in self.codes]
        model.subgraphs = [graph]
        model.buffers = self.buffers
        return packed(model)

    def _tensor(
        self,
        shape: tuple[int, ...],
        kind: int,
        buffer: int,
        scales: list[float] | None,
        zero_points: list[int] | None,
        axis: int,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name = f"net/layer_{len(self.tensors)}/Out"
        tensor.shape = list(shape)
        tensor.type = kind
        tensor.buffer = buffer
        if scales is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = zero_points
            tensor.quantization.quantizedDimension = axis
        self.tensors.append(tensor)
        return len(self.tensors) - 1


@dataclass(frozen=True)
class Example:
    """A finished model with the shape of its input and what it is made of."""

    model: bytes = field(repr=False)
    input_shape: tuple[int, ...]
    outputs: int
    layers: tuple[str, ...]

    def windows(self, count: int) -> npt.NDArray[np.int8]:
        """Random windows and the two extreme ones."""
        rng = np.random.default_rng(len(self.model))
        windows = rng.integers(-128, 128, (count, *self.input_shape)).astype(np.int8)
        windows[0], windows[1] = -128, 127
        return windows


Layer = Callable[[DrawFn, Model, Activation], Activation]


def _operator_code(code: int) -> schema.OperatorCodeT:
    raw = schema.OperatorCodeT()
    raw.builtinCode = code
    raw.deprecatedBuiltinCode = min(code, 127)
    raw.version = 1
    return raw


def _out_size(size: int, filter_size: int, stride: int, dilation: int, padding: int) -> int:
    if padding == schema.Padding.SAME:
        return -(-size // stride)
    return (size - (filter_size - 1) * dilation - 1) // stride + 1


def _weighted(
    draw: DrawFn,
    model: Model,
    source: Activation,
    shape: tuple[int, ...],
    axis: int,
    taps: int,
) -> tuple[list[int], float]:
    """Weights and bias; gives the operator's inputs and a fitting output scale."""
    channels = shape[axis]
    count = channels if draw(st.booleans()) else 1
    base = draw(SCALES) / 64
    scales = [float(s) for s in np.float32(base * 2.0 ** model.rng.uniform(-3, 3, count))]
    weights = model.rng.integers(-128, 128, shape).astype(np.int8)
    inputs = [source.index, model.constant(weights, scales, axis)]
    per_channel = np.float32(source.scale) * np.float32(scales)
    if draw(st.booleans()):
        # Mostly of the size of the sum, now and then as large as an int32 gets.
        limit = draw(st.sampled_from([taps * 2000, taps * 2000, 2**31 - 1]))
        bias = model.rng.integers(-limit, limit, channels).astype(np.int32)
        inputs.append(model.constant(bias, [float(s) for s in per_channel]))
    elif axis == 0 and len(shape) == 2 and draw(st.booleans()):
        # An absent bias may also be written as -1; TFLM's convolutions crash on that.
        inputs.append(-1)
    natural = source.scale * base * math.sqrt(taps) * 75 * 128 / 64
    return inputs, float(np.float32(natural * 2.0 ** draw(SPREADS)))


def _padding_for(draw: DrawFn, sizes: list[tuple[int, int]]) -> int:
    fits = all(size >= reach for size, reach in sizes)
    return draw(st.sampled_from([schema.Padding.SAME, schema.Padding.VALID])) if fits else 0


def _window(draw: DrawFn, height: int, width: int) -> tuple[tuple[int, int], ...]:
    """Kernel, stride and dilation; over time alone, mostly in single steps, where that fits."""
    if 1 in (height, width) and draw(st.booleans()):
        # Some sizes have a kernel of their own.
        size = draw(st.one_of(st.sampled_from([3, 5]), st.integers(1, 9)))
        stride = draw(st.sampled_from([1, 1, 1, 2]))
        dilation = draw(st.sampled_from([1, 1, 1, 2]))
        pairs = (size, 1), (stride, draw(st.integers(1, 2))), (dilation, 1)
        return pairs if width == 1 else tuple((across, along) for along, across in pairs)
    kernel = (draw(st.integers(1, 6)), draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 4)), draw(st.integers(1, 3)))
    return kernel, stride, (draw(st.integers(1, 3)), draw(st.integers(1, 2)))


def conv2d(draw: DrawFn, model: Model, source: Activation) -> Activation:
    _, height, width, channels = source.shape
    kernel, stride, dilation = _window(draw, height, width)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = _padding_for(draw, [(height, reach[0]), (width, reach[1])])
    divisors = [n for n in range(1, channels + 1) if channels % n == 0]
    groups = draw(st.sampled_from([1, 1, 1, *divisors]))
    outputs = groups * draw(st.integers(1, 8))
    shape = (outputs, *kernel, channels // groups)
    taps = math.prod(shape[1:])
    inputs, scale = _weighted(draw, model, source, shape, 0, taps)
    size = [
        _out_size(s, k, t, d, padding)
        for s, k, t, d in zip((height, width), kernel, stride, dilation, strict=True)
    ]
    options = schema.Conv2DOptionsT()
    options.padding = padding
    options.strideH, options.strideW = stride
    options.dilationHFactor, options.dilationWFactor = dilation
    options.fusedActivationFunction = draw(ACTIVATIONS)
    output = model.activation((1, *size, outputs), scale, draw(ZERO_POINTS))
    kind = schema.BuiltinOptions.Conv2DOptions
    return model.add(OPERATORS.CONV_2D, inputs, output, kind, options)


def depthwise_conv2d(draw: DrawFn, model: Model, source: Activation) -> Activation:
    _, height, width, channels = source.shape
    kernel, stride, dilation = _window(draw, height, width)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = _padding_for(draw, [(height, reach[0]), (width, reach[1])])
    multiplier = draw(st.sampled_from([1, 1, 2, 3]))
    shape = (1, *kernel, channels * multiplier)
    inputs, scale = _weighted(draw, model, source, shape, 3, kernel[0] * kernel[1])
    size = [
        _out_size(s, k, t, d, padding)
        for s, k, t, d in zip((height, width), kernel, stride, dilation, strict=True)
    ]
    options = schema.DepthwiseConv2DOptionsT()
    options.padding = padding
    options.strideH, options.strideW = stride
    options.dilationHFactor, options.dilationWFactor = dilation
    options.depthMultiplier = multiplier
    options.fusedActivationFunction = draw(ACTIVATIONS)
    output = model.activation((1, *size, shape[3]), scale, draw(ZERO_POINTS))
    kind = schema.BuiltinOptions.DepthwiseConv2DOptions
    return model.add(OPERATORS.DEPTHWISE_CONV_2D, inputs, output, kind, options)


def _pool2d(code: int) -> Layer:
    def pool(draw: DrawFn, model: Model, source: Activation) -> Activation:
        _, height, width, channels = source.shape
        kernel, stride, _ = _window(draw, height, width)
        padding = _padding_for(draw, [(height, kernel[0]), (width, kernel[1])])
        size = [
            _out_size(s, k, t, 1, padding)
            for s, k, t in zip((height, width), kernel, stride, strict=True)
        ]
        options = schema.Pool2DOptionsT()
        options.padding = padding
        options.strideH, options.strideW = stride
        options.filterHeight, options.filterWidth = kernel
        options.fusedActivationFunction = draw(ACTIVATIONS)
        output = model.activation((1, *size, channels), source.scale, source.zero_point)
        kind = schema.BuiltinOptions.Pool2DOptions
        return model.add(code, [source.index], output, kind, options)

    return pool


max_pool2d = _pool2d(OPERATORS.MAX_POOL_2D)
average_pool2d = _pool2d(OPERATORS.AVERAGE_POOL_2D)


def _reduce(code: int, rescales: bool) -> Layer:
    def reduce(draw: DrawFn, model: Model, source: Activation) -> Activation:
        rank = len(source.shape)
        axes = draw(st.lists(st.integers(0, rank - 1), min_size=1, max_size=rank, unique=True))
        keep = draw(st.booleans())
        kept = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
        dropped = [size for axis, size in enumerate(source.shape) if axis not in axes]
        # Negative and repeated axes mean the same.
        written = [axis - rank if draw(st.booleans()) else axis for axis in axes]
        written += draw(st.sampled_from([[], written[:1]]))
        options = schema.ReducerOptionsT()
        options.keepDims = keep
        scale, zero_point = source.scale, source.zero_point
        if rescales and draw(st.booleans()):
            scale, zero_point = scale * 2.0 ** draw(SPREADS), draw(ZERO_POINTS)
        shape = tuple(kept if keep else dropped)
        output = model.activation(shape, scale, zero_point)
        indices = model.constant(np.array(written, dtype=np.int32))
        kind = schema.BuiltinOptions.ReducerOptions
        return model.add(code, [source.index, indices], output, kind, options)

    return reduce


mean = _reduce(OPERATORS.MEAN, rescales=True)
total = _reduce(OPERATORS.SUM, rescales=True)
reduce_max = _reduce(OPERATORS.REDUCE_MAX, rescales=False)


def fully_connected(draw: DrawFn, model: Model, source: Activation) -> Activation:
    keeps_rank = len(source.shape) > 1 and draw(st.booleans())
    depth = source.shape[-1] if keeps_rank else math.prod(source.shape)
    outputs = draw(st.integers(1, 12))
    inputs, scale = _weighted(draw, model, source, (outputs, depth), 0, depth)
    options = schema.FullyConnectedOptionsT()
    options.keepNumDims = keeps_rank
    options.fusedActivationFunction = draw(ACTIVATIONS)
    shape = (*source.shape[:-1], outputs) if keeps_rank else (1, outputs)
    output = model.activation(shape, scale, draw(ZERO_POINTS))
    kind = schema.BuiltinOptions.FullyConnectedOptions
    return model.add(OPERATORS.FULLY_CONNECTED, inputs, output, kind, options)


def concatenation(draw: DrawFn, model: Model, source: Activation) -> Activation:
    """Joins the source with itself and with requantised and reshaped copies of itself."""
    rank = len(source.shape)
    axis = draw(st.integers(0, rank - 1))
    if rank == 4 and axis == 0:
        axis = 3
    parts = [source.index]
    for _ in range(draw(st.integers(1, 3))):
        copy = draw(st.sampled_from(["same", "quantize"]))
        part = source
        if copy == "quantize":
            part = model.activation(source.shape, source.scale, source.zero_point)
            kind = schema.BuiltinOptions.QuantizeOptions
            model.add(OPERATORS.QUANTIZE, [source.index], part, kind, schema.QuantizeOptionsT())
        parts.append(part.index)
    shape = list(source.shape)
    shape[axis] *= len(parts)
    options = schema.ConcatenationOptionsT()
    options.axis = axis - rank if draw(st.booleans()) else axis
    output = model.activation(tuple(shape), source.scale, source.zero_point)
    kind = schema.BuiltinOptions.ConcatenationOptions
    return model.add(OPERATORS.CONCATENATION, parts, output, kind, options)


def softmax(draw: DrawFn, model: Model, source: Activation) -> Activation:
    options = schema.SoftmaxOptionsT()
    options.beta = draw(st.sampled_from([1.0, 1.0, 0.25, 3.0]))
    output = model.activation(source.shape, 1 / 256, -128)
    kind = schema.BuiltinOptions.SoftmaxOptions
    return model.add(OPERATORS.SOFTMAX, [source.index], output, kind, options)


def quantize(draw: DrawFn, model: Model, source: Activation) -> Activation:
    scale = source.scale * 2.0 ** draw(SPREADS)
    output = model.activation(source.shape, scale, draw(ZERO_POINTS))
    kind = schema.BuiltinOptions.QuantizeOptions
    return model.add(OPERATORS.QUANTIZE, [source.index], output, kind, schema.QuantizeOptionsT())


def reshape(draw: DrawFn, model: Model, source: Activation) -> Activation:
    count = math.prod(source.shape)
    divisors = [n for n in range(1, count + 1) if count % n == 0]
    first = draw(st.sampled_from(divisors))
    shape = draw(
        st.sampled_from([(1, count), (1, first, 1, count // first), (1, first, count // first)])
    )
    options = schema.ReshapeOptionsT()
    options.newShape = list(shape)
    output = model.activation(shape, source.scale, source.zero_point)
    indices = model.constant(np.array(shape, dtype=np.int32))
    kind = schema.BuiltinOptions.ReshapeOptions
    return model.add(OPERATORS.RESHAPE, [source.index, indices], output, kind, options)


def _other_operand(draw: DrawFn, model: Model, source: Activation) -> tuple[int, float]:
    """The second operand of ADD or MUL: its index and its scale."""
    rank = len(source.shape)
    axes = draw(st.lists(st.integers(0, rank - 1), max_size=rank, unique=True)) if rank else []
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(source.shape))
    kinds = ["itself", "copy", "constant", "shorter constant", *(["mean"] if axes else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "itself":
        return source.index, source.scale
    exponent = draw(st.one_of(st.integers(-6, 6), st.floats(-6, 6)))
    scale = float(np.float32(source.scale * 2.0**exponent))
    if "constant" in kind:
        if kind == "shorter constant":
            shape = shape[draw(st.integers(0, rank)) :]
        values = np.array(model.rng.integers(-128, 128, shape), dtype=np.int8)
        index = model.constant(values, [scale])
        model.tensors[index].quantization.zeroPoint = [draw(ZERO_POINTS)]
        return index, scale
    part = model.activation(source.shape if kind == "copy" else shape, scale, draw(ZERO_POINTS))
    if kind == "copy":
        number = schema.BuiltinOptions.QuantizeOptions
        model.add(OPERATORS.QUANTIZE, [source.index], part, number, schema.QuantizeOptionsT())
    else:
        options = schema.ReducerOptionsT()
        options.keepDims = True
        indices = model.constant(np.array(axes, dtype=np.int32))
        number = schema.BuiltinOptions.ReducerOptions
        model.add(OPERATORS.MEAN, [source.index, indices], part, number, options)
    return part.index, part.scale


def _arithmetic(code: int, options_type: type, kind: int) -> Layer:
    def arithmetic(draw: DrawFn, model: Model, source: Activation) -> Activation:
        other, scale = _other_operand(draw, model, source)
        natural = max(source.scale, scale) if code == OPERATORS.ADD else source.scale * scale * 64
        operands = [source.index, other]
        if draw(st.booleans()):
            operands.reverse()
        options = options_type()
        options.fusedActivationFunction = draw(ACTIVATIONS)
        ratios = st.one_of(st.integers(-3, 6), st.floats(-3, 6))
        spread = draw(ratios if code == OPERATORS.ADD else SPREADS)
        output = model.activation(source.shape, natural * 2.0**spread, draw(ZERO_POINTS))
        return model.add(code, operands, output, kind, options)

    return arithmetic


add = _arithmetic(OPERATORS.ADD, schema.AddOptionsT, schema.BuiltinOptions.AddOptions)
mul = _arithmetic(OPERATORS.MUL, schema.MulOptionsT, schema.BuiltinOptions.MulOptions)


def logistic(_: DrawFn, model: Model, source: Activation) -> Activation:
    if source.scale >= 8:
        # TFLM's multiplier ends there.
        smaller = model.activation(source.shape, 4.0, 0)
        source = model.add(OPERATORS.QUANTIZE, [source.index], smaller)
    output = model.activation(source.shape, 1 / 256, -128)
    return model.add(OPERATORS.LOGISTIC, [source.index], output)


def pad(draw: DrawFn, model: Model, source: Activation) -> Activation:
    pairs = [(draw(st.integers(0, 2)), draw(st.integers(0, 3))) for _ in source.shape]
    if len(source.shape) == 4:
        pairs[0] = (0, 0)
    shape = tuple(a + n + b for n, (a, b) in zip(source.shape, pairs, strict=True))
    output = model.activation(shape, source.scale, source.zero_point)
    inputs = [source.index, model.constant(np.array(pairs, dtype=np.int32))]
    if draw(st.booleans()):
        return model.add(OPERATORS.PAD, inputs, output)
    value = np.array([draw(st.integers(-128, 127))], dtype=np.int8)
    inputs.append(model.constant(value, [output.scale]))
    model.tensors[inputs[2]].quantization.zeroPoint = [output.zero_point]
    return model.add(OPERATORS.PADV2, inputs, output)


def strided_slice(draw: DrawFn, model: Model, source: Activation) -> Activation:
    options = schema.StridedSliceOptionsT()
    begins, ends, steps, shape = [], [], [], []
    for axis, size in enumerate(source.shape):
        step = draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
        low, high = sorted(draw(st.lists(st.integers(0, size), min_size=2, max_size=2)))
        low, high = min(low, size - 1), max(high, min(low, size - 1) + 1)
        taken = range(low, high, step) if step > 0 else range(high - 1, low - 1, step)
        # The end of a backward slice that reaches index 0 can only be written as a mask.
        ends_at = taken.stop
        if taken.stop < 0 or (ends_at in (0, size) and step > 0 and draw(st.booleans())):
            options.endMask |= 1 << axis if taken.stop in (-1, size) else 0
            ends_at = draw(st.integers(-9, 9)) if options.endMask >> axis & 1 else ends_at
        begins_at = taken.start - size if draw(st.booleans()) else taken.start
        if taken.start == (0 if step > 0 else size - 1) and draw(st.booleans()):
            options.beginMask |= 1 << axis
            begins_at = draw(st.integers(-9, 9))
        if len(taken) == 1 and axis and draw(st.booleans()):
            options.shrinkAxisMask |= 1 << axis
            # A begin beyond the axis is out of reach, so no mask may move it.
            options.beginMask &= ~(1 << axis)
            begins_at, ends_at = taken.start, draw(st.integers(-9, 9))
            step = 1
        else:
            shape.append(len(taken))
        begins.append(begins_at)
        ends.append(ends_at)
        steps.append(step)
    output = model.activation(tuple(shape), source.scale, source.zero_point)
    constants = [model.constant(np.array(v, dtype=np.int32)) for v in (begins, ends, steps)]
    kind = schema.BuiltinOptions.StridedSliceOptions
    inputs = [source.index, *constants]
    return model.add(OPERATORS.STRIDED_SLICE, inputs, output, kind, options)


def _as_steps(draw: DrawFn, model: Model, source: Activation) -> tuple[Activation, bool]:
    """The source as steps of values, and whether time is the first axis."""
    count = math.prod(source.shape)
    steps = draw(st.sampled_from([n for n in range(1, min(count, 24) + 1) if count % n == 0]))
    is_time_major = draw(st.booleans())
    shape = (steps, 1, count // steps) if is_time_major else (1, steps, count // steps)
    options = schema.ReshapeOptionsT()
    options.newShape = list(shape)
    result = model.activation(shape, source.scale, source.zero_point)
    indices = model.constant(np.array(shape, dtype=np.int32))
    kind = schema.BuiltinOptions.ReshapeOptions
    model.add(OPERATORS.RESHAPE, [source.index, indices], result, kind, options)
    return result, is_time_major


@dataclass(frozen=True)
class LstmScales:
    """How an LSTM is quantised, and how large its numbers are.

    ``reach`` is the size of the gates before their activation, which saturates near 8.
    """

    hidden: float = 2.0**-7
    zero_point: int = 0
    cell: float = 2.0**-12
    reach: float = 1.0
    largest_bias: int = 1000
    clip: float = 10.0


def lstm_over(
    model: Model, source: Activation, units: int, scales: LstmScales, is_time_major: bool = False
) -> Activation:
    """Adds an LSTM with random weights over the steps of a tensor of three axes."""
    depth = source.shape[2]
    operands = [source.index]
    for scale, values in ((source.scale, depth), (scales.hidden, units)):
        natural = scales.reach / (scale * 75 * 75 * math.sqrt(values))
        for _ in range(4):
            own = [float(np.float32(natural * 2.0 ** model.rng.uniform(-2, 2)))]
            weights = model.rng.integers(-128, 128, (units, values)).astype(np.int8)
            operands.append(model.constant(weights, own))
    operands += [-1, -1, -1]
    for _ in range(4):
        limit = scales.largest_bias
        bias = model.rng.integers(-limit, limit, units).astype(np.int32)
        operands.append(model.constant(bias, [1.0]))
    operands += [-1, -1]
    operands.append(model.state((1, units), INT8, scales.hidden, scales.zero_point))
    operands.append(model.state((1, units), INT16, scales.cell))
    operands += [-1] * 4
    options = schema.UnidirectionalSequenceLSTMOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    options.cellClip = scales.clip
    options.timeMajor = is_time_major
    output = model.activation((*source.shape[:2], units), scales.hidden, scales.zero_point)
    kind = schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions
    return model.add(OPERATORS.UNIDIRECTIONAL_SEQUENCE_LSTM, operands, output, kind, options)


def lstm(draw: DrawFn, model: Model, source: Activation) -> Activation:
    steps, is_time_major = _as_steps(draw, model, source)
    units = draw(st.sampled_from([1, 2, 3, 5, 8, 9, 16, 21]))
    scales = LstmScales(
        hidden=draw(st.sampled_from([2.0**-7, 0.0062, 0.02, 2.0**-10])),
        zero_point=draw(ZERO_POINTS),
        cell=2.0 ** draw(st.integers(-15, -9)),
        reach=2.0 ** draw(st.one_of(st.floats(-3, 3), st.floats(-10, 14))),
        largest_bias=draw(st.sampled_from([1000, 100_000, 2**31 - 1])),
        clip=draw(st.sampled_from([10.0, 0.0, 0.37])),
    )
    return lstm_over(model, steps, units, scales, is_time_major)


def one_step(model: Model, source: Activation, step: int) -> Activation:
    """Adds the slice that an LSTM layer without return_sequences is exported with."""
    options = schema.StridedSliceOptionsT()
    options.beginMask = options.endMask = 0b101
    options.shrinkAxisMask = 0b010
    bounds = ([0, step, 0], [0, step + 1, 0], [1, 1, 1])
    constants = [model.constant(np.array(values, dtype=np.int32)) for values in bounds]
    output = model.activation(source.shape[::2], source.scale, source.zero_point)
    kind = schema.BuiltinOptions.StridedSliceOptions
    inputs = [source.index, *constants]
    return model.add(OPERATORS.STRIDED_SLICE, inputs, output, kind, options)


LAYERS: dict[str, Layer] = {
    "conv2d": conv2d,
    "depthwise_conv2d": depthwise_conv2d,
    "max_pool2d": max_pool2d,
    "average_pool2d": average_pool2d,
    "mean": mean,
    "reduce_max": reduce_max,
    "fully_connected": fully_connected,
    "concatenation": concatenation,
    "softmax": softmax,
    "quantize": quantize,
    "reshape": reshape,
    "sum": total,
    "add": add,
    "mul": mul,
    "logistic": logistic,
    "pad": pad,
    "strided_slice": strided_slice,
    "lstm": lstm,
}
_ON_MAPS = ["conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d"]


def _input(draw: DrawFn) -> tuple[Model, Activation]:
    model = Model(draw(st.integers(0, 2**16)))
    if draw(st.booleans()):
        shape = (1, draw(st.integers(1, 14)), draw(st.integers(1, 6)), draw(st.integers(1, 8)))
    else:
        channels = draw(st.one_of(st.integers(1, 12), st.sampled_from([8, 16])))
        time = draw(st.integers(1, 30))
        shape = (1, *draw(st.sampled_from([(time, 1), (1, time)])), channels)
    return model, model.activation(shape, draw(SCALES), draw(ZERO_POINTS))


def models(name: str) -> SearchStrategy[Example]:
    """Models of one layer."""

    @st.composite
    def one(draw: DrawFn) -> Example:
        model, source = _input(draw)
        result = LAYERS[name](draw, model, source)
        return Example(model.finish(source, result), source.shape, math.prod(result.shape), (name,))

    return one()


@st.composite
def chains(draw: DrawFn) -> Example:
    """Models of several layers, with branches that join again."""
    model, source = _input(draw)
    tensor, names = source, []
    for _ in range(draw(st.integers(2, 6))):
        choices = [n for n in LAYERS if len(tensor.shape) == 4 or n not in _ON_MAPS]
        if math.prod(tensor.shape) > 2000:
            choices = ["reduce_max", "mean"]
        if not tensor.shape:
            choices = ["quantize"]
        names.append(draw(st.sampled_from(choices)))
        tensor = LAYERS[names[-1]](draw, model, tensor)
    return Example(
        model.finish(source, tensor), source.shape, math.prod(tensor.shape), tuple(names)
    )


def one_layer(code: int) -> bytes:
    """A model of one operator without options, from and to four values."""
    model = Model(seed=0)
    source = model.activation((1, 4), 0.1, 0)
    result = model.activation((1, 4), 0.1, 0)
    return model.finish(source, model.add(code, [source.index], result, 0, None))
