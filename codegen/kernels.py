"""Chooses the kernel of every operator and works out its constants.

The rules are those of TensorFlow Lite Micro's prepare functions (tensorflow/lite/micro/kernels/
``*_common.cc`` and tensorflow/lite/kernels/``kernel_util.cc``): the same floating-point operations
in the same order and precision, because one bit of a multiplier is one bit of an output. Where
TFLM refuses a model, so does this module.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from codegen import packing
from codegen.graph import (
    Activation,
    ConcatenationOptions,
    ConvOptions,
    FullyConnectedOptions,
    Operator,
    Padding,
    PoolOptions,
    SoftmaxOptions,
    Tensor,
    TensorType,
)
from trainer.errors import HarmcuError

INT8_MIN, INT8_MAX = -128, 127

# An int32 sum of this many products of a weight and an offset input cannot overflow.
_MAX_PRODUCTS = (2**31 - 1) // (255 * 128)
# The same for a plain sum of offset inputs.
_MAX_SUMMANDS = (2**31 - 1) // 255
# The sum of exponentials in SOFTMAX is Q12.19.
_MAX_SOFTMAX_DEPTH = 2**12 - 1
_SOFTMAX_DIFF_INTEGER_BITS = 5
# Larger windows only occur in damaged files; every product of sizes stays within int32.
_MAX_WINDOW = 2**20

# Initialisers of a struct by member; a pair is a harmcu_extent, height first.
Fields = Mapping[str, "int | tuple[int, int] | Fields"]


@dataclass(frozen=True)
class Struct:
    """A constant of one of the types in harmcu/kernels.h, as designated initialisers."""

    type: str
    name: str
    fields: Fields


@dataclass(frozen=True, eq=False)
class Weights:
    """What is behind a ``harmcu_weights``; all arrays but ``weights`` have one value a channel."""

    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.int8]
    has_short_rescale: bool

    @property
    def nbytes(self) -> int:
        """Bytes of flash."""
        arrays = (self.weights, self.bias, self.multiplier, self.shift)
        return sum(array.nbytes for array in arrays)


@dataclass(frozen=True, eq=False)
class Layer:
    """One operator, ready to be written as C.

    Attributes:
        operator: where it comes from.
        inputs: the activations that it reads.
        output: the activation that it writes.
        source: file in firmware/src/kernels/ that holds the kernel; empty when the output is the
            input under another shape and nothing is to be done.
        structs: constants that the calls name.
        calls: C statements; ``input0``, ``input1``... and ``output`` are the activations.
        weights: None for layers without.
        macs: multiplications of a weight and an input, padding included.
        workspace: int16 values that the kernel needs while it runs; the calls name them
            ``workspace``.
    """

    operator: Operator
    inputs: tuple[Tensor, ...]
    output: Tensor
    source: str
    structs: tuple[Struct, ...]
    calls: tuple[str, ...]
    weights: Weights | None = None
    macs: int = 0
    workspace: int = 0

    @property
    def is_in_place(self) -> bool:
        """Whether the output takes over the bytes of the input."""
        return not self.source


def lower(operator: Operator) -> Layer:
    """Chooses the kernel for one operator.

    Raises:
        HarmcuError: the aot engine cannot run it; the message names the layer and says what to do.
    """
    rule = _RULES.get(operator.name)
    if rule is None:
        raise _refusal(operator, "the operator is not among those of the aot engine")
    if len(operator.outputs) != 1:
        raise _refusal(operator, f"it has {len(operator.outputs)} outputs instead of one")
    return rule(operator)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Splits a non-negative factor into multiplier * 2^(shift - 31).

    Returns:
        The multiplier, 0 or in [2^30, 2^31), and the shift; as TFLM's QuantizeMultiplier, which
        rounds halves away from zero and makes factors below 2^-32 zero.
    """
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def _refusal(operator: Operator, reason: str) -> HarmcuError:
    return HarmcuError(
        f"{operator.label} does not fit the aot engine: {reason}; change the layer, or use "
        "--engine tflm, which may still run it"
    )


def _require(condition: bool, operator: Operator, reason: str) -> None:
    if not condition:
        raise _refusal(operator, reason)


def _scaled(operator: Operator, real: float) -> tuple[int, int]:
    multiplier, shift = quantize_multiplier(real)
    _require(shift <= 30, operator, f"its scales ask for a factor of {real:g}")
    return multiplier, shift


def _activation(operator: Operator, tensor: Tensor | None) -> Tensor:
    """Checks that ``tensor`` is a computed int8 tensor with one scale."""
    if tensor is None or tensor.data is not None or tensor.is_variable:
        raise _refusal(operator, "an input is missing, a constant or a state")
    _require(
        tensor.type is TensorType.INT8,
        operator,
        f"tensor {tensor.name!r} is {tensor.type.label} instead of int8",
    )
    _require(
        tensor.is_quantized_once and INT8_MIN <= tensor.zero_point <= INT8_MAX,
        operator,
        f"tensor {tensor.name!r} needs one scale and a zero point within int8",
    )
    _require(tensor.elements > 0, operator, f"tensor {tensor.name!r} is empty")
    return tensor


def _unary(operator: Operator, most_inputs: int = 1) -> tuple[Tensor, Tensor]:
    """Input and output of a layer whose other inputs, if any, are constants."""
    count = len(operator.inputs)
    _require(1 <= count <= most_inputs, operator, f"it has {count} inputs")
    for tensor in operator.inputs[1:]:
        _require(
            tensor is None or tensor.data is not None,
            operator,
            "an input that should be constant is computed",
        )
    return _activation(operator, operator.inputs[0]), _activation(operator, operator.outputs[0])


def _weighted(operator: Operator) -> tuple[Tensor, Tensor]:
    """Input and output of a layer with weights and perhaps a bias."""
    _require(len(operator.inputs) >= 2, operator, "it has no weights")
    return _unary(operator, 3)


def _map(operator: Operator, tensor: Tensor) -> tuple[int, int, int]:
    """Height, width and channels of a tensor with batch 1."""
    _require(
        len(tensor.shape) == 4 and tensor.shape[0] == 1,
        operator,
        f"tensor {tensor.name!r} has the shape {list(tensor.shape)} instead of [1, height, width, "
        "channels]",
    )
    _, height, width, channels = tensor.shape
    return height, width, channels


def _map_fields(tensor: Tensor) -> Fields:
    _, height, width, channels = tensor.shape
    return {"height": height, "width": width, "channels": channels}


def _activation_range(operator: Operator, output: Tensor, kind: Activation) -> tuple[int, int]:
    """The fused activation as limits on quantised values (CalculateActivationRangeQuantized)."""
    real_limits = {
        Activation.NONE: (None, None),
        Activation.RELU: (0.0, None),
        Activation.RELU6: (0.0, 6.0),
        Activation.RELU_N1_TO_1: (-1.0, 1.0),
    }
    _require(kind in real_limits, operator, f"it fuses the activation {kind.name}")
    low, high = real_limits[kind]
    quantized_low = INT8_MIN if low is None else _quantized(operator, output, low)
    quantized_high = INT8_MAX if high is None else _quantized(operator, output, high)
    return max(INT8_MIN, quantized_low), min(INT8_MAX, quantized_high)


def _quantized(operator: Operator, output: Tensor, real: float) -> int:
    # TFLM divides in float32; the quotient of the rounded operands decides the integer.
    with np.errstate(over="ignore"):
        quotient = float(np.float32(real) / np.float32(output.scale))
    _require(abs(quotient) < 2**31, operator, "the scale of its output is too small")
    steps = math.floor(abs(quotient) + 0.5)
    return output.zero_point + (steps if quotient >= 0 else -steps)


def _output_fields(operator: Operator, output: Tensor, kind: Activation) -> Fields:
    low, high = _activation_range(operator, output, kind)
    return {"offset": output.zero_point, "min": low, "max": high}


def _window_fields(
    operator: Operator,
    options: ConvOptions | PoolOptions,
    filter_size: tuple[int, ...],
    dilation: tuple[int, int],
) -> Fields:
    """Window of a convolution or pool; checks the output's shape against it."""
    source, result = operator.inputs[0], operator.outputs[0]
    assert source is not None
    strides = (options.stride_height, options.stride_width)
    pads = []
    for axis in (0, 1):
        reach = (filter_size[axis] - 1) * dilation[axis] + 1
        _require(
            min(strides[axis], dilation[axis], filter_size[axis]) > 0
            and max(reach, strides[axis]) <= _MAX_WINDOW,
            operator,
            "its filter, stride or dilation is out of range",
        )
        size, stride = source.shape[axis + 1], strides[axis]
        if options.padding is Padding.SAME:
            expected = -(-size // stride)
        else:
            expected = (size - reach) // stride + 1
        _require(
            result.shape[axis + 1] == expected,
            operator,
            f"its output has the shape {list(result.shape)}, which does not follow from the input "
            f"{list(source.shape)}",
        )
        pads.append(max((expected - 1) * stride + reach - size, 0) // 2)
    return {
        "size": (filter_size[0], filter_size[1]),
        "stride": strides,
        "dilation": dilation,
        "pad": (pads[0], pads[1]),
    }


def _filter(operator: Operator, rank: int) -> Tensor:
    """The constant weights of a layer, checked."""
    weights = operator.inputs[1]
    if weights is None or weights.data is None:
        raise _refusal(operator, "its weights are not constant")
    _require(
        weights.type is TensorType.INT8,
        operator,
        f"its weights are {weights.type.label} instead of int8",
    )
    _require(len(weights.shape) == rank, operator, f"its weights have {len(weights.shape)} axes")
    _require(
        weights.quantization is not None and not weights.quantization.zero_points.any(),
        operator,
        "its weights are not quantised symmetrically",
    )
    return weights


def _bias(operator: Operator, channels: int) -> npt.NDArray[np.int32]:
    tensor = operator.inputs[2] if len(operator.inputs) == 3 else None
    if tensor is None:
        return np.zeros(channels, dtype=np.int32)
    if tensor.data is None or tensor.type is not TensorType.INT32:
        raise _refusal(operator, "its bias is not a constant int32 tensor")
    _require(tensor.elements == channels, operator, f"its bias has {tensor.elements} values")
    return np.frombuffer(tensor.data, dtype="<i4").astype(np.int32)


def _weight_scales(
    operator: Operator, weights: Tensor, axis: int, channels: int
) -> npt.NDArray[np.float32]:
    """One scale an output channel."""
    quantization = weights.quantization
    assert quantization is not None
    if len(quantization.scales) == 1:
        return np.broadcast_to(quantization.scales, (channels,))
    _require(
        quantization.axis == axis and len(quantization.scales) == channels,
        operator,
        f"its weights are quantised along axis {quantization.axis} instead of {axis}",
    )
    return quantization.scales


def _int8(weights: Tensor) -> npt.NDArray[np.int8]:
    assert weights.data is not None
    return np.frombuffer(weights.data, dtype=np.int8).reshape(weights.shape)


def _packed(
    operator: Operator,
    matrix: npt.NDArray[np.int8],
    packed: npt.NDArray[np.int8],
    factors: list[float],
) -> Weights:
    """Puts together the constants of a layer with weights.

    Args:
        operator: for its bias, and for messages.
        matrix: the weights, [output channel, value].
        packed: the same as the kernel reads them.
        factors: input * weight / output scale of each channel.
    """
    pairs = [_scaled(operator, factor) for factor in factors]
    bias = _bias(operator, len(factors))
    # A multiplier of zero gives zero with any shift; this one allows the short form.
    shift = np.array([shift if multiplier else -1 for multiplier, shift in pairs], dtype=np.int8)
    is_short = packing.has_short_rescale(matrix, bias, shift)
    return Weights(
        weights=packed,
        bias=bias,
        multiplier=np.array([multiplier for multiplier, _ in pairs], dtype=np.int32),
        shift=-shift if is_short else shift,
        has_short_rescale=is_short,
    )


def _channel_factors(
    source: Tensor, output: Tensor, scales: npt.NDArray[np.float32]
) -> list[float]:
    """The factor of each channel in double precision (PopulateConvolutionQuantizationParams)."""
    return [source.scale * float(scale) / output.scale for scale in scales]


def _conv2d(operator: Operator) -> Layer:
    source, output = _weighted(operator)
    weights = _filter(operator, 4)
    channels, height, width, group_inputs = weights.shape
    inputs, outputs = _map(operator, source)[2], _map(operator, output)[2]
    groups = inputs // group_inputs
    _require(
        outputs == channels and inputs % group_inputs == 0 and outputs % groups == 0,
        operator,
        f"weights of the shape {list(weights.shape)} do not fit its input and output",
    )
    taps = height * width * group_inputs
    matrix = _int8(weights).reshape(channels, taps)
    packed = np.concatenate([packing.conv2d(part) for part in np.split(matrix, groups)])
    call = "harmcu_conv2d(&layer, &weights, input0, output, workspace);"
    layer = _convolution(operator, matrix, packed, groups, "conv2d.c", call)
    return replace(layer, workspace=packing.column_values(taps))


def _depthwise_conv2d(operator: Operator) -> Layer:
    options = operator.options
    assert isinstance(options, ConvOptions)
    source, output = _weighted(operator)
    weights = _filter(operator, 4)
    batch, height, width, channels = weights.shape
    inputs, outputs = _map(operator, source)[2], _map(operator, output)[2]
    _require(
        batch == 1 and outputs == channels == inputs * options.depth_multiplier,
        operator,
        f"weights of the shape {list(weights.shape)} do not fit its input and output",
    )
    flat = _int8(weights).reshape(height * width, channels)
    call = "harmcu_depthwise_conv2d(&layer, &weights, input0, output);"
    layer = _convolution(operator, flat.T, flat.ravel(), 1, "depthwise_conv2d.c", call)
    axis = _only_axis(source.shape, output.shape, weights.shape)
    if axis is None or channels != inputs:
        return layer
    dilation = (options.dilation_height, options.dilation_width)[axis - 1]
    if dilation != 1:
        return layer
    stride = (options.stride_height, options.stride_width)[axis - 1]
    return replace(
        layer,
        source="depthwise_conv1d.c",
        calls=("harmcu_depthwise_conv1d(&layer, &weights, input0, output, workspace);",),
        workspace=packing.row_values(output.shape[axis], stride, weights.shape[axis]),
    )


def _only_axis(*shapes: tuple[int, ...]) -> int | None:
    """The axis, 1 or 2, along which maps and filter extend, when the other one is 1 in all."""
    for axis in (1, 2):
        if all(shape[3 - axis] == 1 for shape in shapes):
            return axis
    return None


def _convolution(
    operator: Operator,
    matrix: npt.NDArray[np.int8],
    packed: npt.NDArray[np.int8],
    groups: int,
    source_file: str,
    call: str,
) -> Layer:
    """What both convolutions share.

    Args:
        operator: shapes of weights, input and output are checked against each other.
        matrix: the weights, [output channel, tap].
        packed: the same as the kernel reads them.
        groups: of a CONV_2D.
        source_file: file in firmware/src/kernels/.
        call: C statement.
    """
    options = operator.options
    assert isinstance(options, ConvOptions)
    channels, taps = matrix.shape
    _require(taps <= _MAX_PRODUCTS, operator, f"its sums have {taps} terms")
    source, output = _weighted(operator)
    weights = _filter(operator, 4)
    axis = 0 if source_file == "conv2d.c" else 3
    dilation = (options.dilation_height, options.dilation_width)
    fields: Fields = {
        "input_map": _map_fields(source),
        "output_map": _map_fields(output),
        "window": _window_fields(operator, options, weights.shape[1:3], dilation),
        "groups": groups,
        "input_offset": -source.zero_point,
        "output": _output_fields(operator, output, options.activation),
    }
    if weights.shape[2] == 1:
        fields = _lying(fields)
    scales = _weight_scales(operator, weights, axis, channels)
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source=source_file,
        structs=(Struct("harmcu_conv_layer", "layer", fields),),
        weights=_packed(operator, matrix, packed, _channel_factors(source, output, scales)),
        calls=(call,),
        macs=output.elements * taps,
    )


def _lying(fields: Fields) -> Fields:
    """Exchanges height and width of a map that is one wide.

    It lies in memory like this anyway, and kernels are fastest along the width.
    """
    source, result, window = fields["input_map"], fields["output_map"], fields["window"]
    assert isinstance(source, Mapping)
    assert isinstance(result, Mapping)
    assert isinstance(window, Mapping)
    if source["width"] != 1 or result["width"] != 1:
        return fields

    def turned(sizes: Fields) -> Fields:
        return {**sizes, "height": sizes["width"], "width": sizes["height"]}

    window = {name: pair[::-1] for name, pair in window.items() if isinstance(pair, tuple)}
    return {**fields, "input_map": turned(source), "output_map": turned(result), "window": window}


def _fully_connected(operator: Operator) -> Layer:
    options = operator.options
    assert isinstance(options, FullyConnectedOptions)
    _require(options.plain_weights, operator, "its weights are stored shuffled")
    source, output = _weighted(operator)
    weights = _filter(operator, 2)
    outputs, inputs = weights.shape
    rows = output.elements // outputs
    _require(
        output.shape[-1:] == (outputs,) and source.elements == rows * inputs,
        operator,
        f"weights of the shape {list(weights.shape)} do not fit its input and output",
    )
    _require(inputs <= _MAX_PRODUCTS, operator, f"its sums have {inputs} terms")
    matrix = _int8(weights)
    fields: Fields = {
        "rows": rows,
        "inputs": inputs,
        "outputs": outputs,
        "input_offset": -source.zero_point,
        "output": _output_fields(operator, output, options.activation),
    }
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="fully_connected.c",
        structs=(Struct("harmcu_fully_connected_layer", "layer", fields),),
        weights=_packed(
            operator,
            matrix,
            packing.fully_connected(matrix),
            _dense_factors(operator, source, output),
        ),
        calls=("harmcu_fully_connected(&layer, &weights, input0, output);",),
        macs=rows * outputs * inputs,
    )


def _dense_factors(operator: Operator, source: Tensor, output: Tensor) -> list[float]:
    """Factors of FULLY_CONNECTED, which treats one scale differently from several.

    With one scale, the product of input and weight scale is rounded to float32 before it is
    divided (GetQuantizedConvolutionMultipler); with one a channel it is not.
    """
    weights = _filter(operator, 2)
    scales = _weight_scales(operator, weights, 0, weights.shape[0])
    if not weights.is_quantized_once:
        return _channel_factors(source, output, scales)
    product = float(np.float32(source.scale) * np.float32(weights.scale))
    bias = operator.inputs[2] if len(operator.inputs) == 3 else None
    if bias is not None:
        _require(bias.is_quantized_once, operator, "its bias has no single scale")
        exact_product = source.scale * weights.scale
        _require(
            abs(exact_product - bias.scale) / output.scale <= 0.02,
            operator,
            "the scale of its bias is not the product of those of input and weights",
        )
    return [product / output.scale] * len(scales)


def _pool2d(kernel: str) -> Callable[[Operator], Layer]:
    def rule(operator: Operator) -> Layer:
        options = operator.options
        assert isinstance(options, PoolOptions)
        source, output = _unary(operator)
        _, _, channels = _map(operator, source)
        _require(_map(operator, output)[2] == channels, operator, "it changes the channels")
        # PoolingPrepare: the difference in float32, the limit in double precision.
        difference = float(abs(np.float32(source.scale) - np.float32(output.scale)))
        _require(
            difference <= 1.0e-6 and source.zero_point == output.zero_point,
            operator,
            "its input and output are quantised differently",
        )
        size = (options.filter_height, options.filter_width)
        fields: Fields = {
            "input_map": _map_fields(source),
            "output_map": _map_fields(output),
            "window": _window_fields(operator, options, size, (1, 1)),
            "output": _output_fields(operator, output, options.activation),
        }
        if size[1] == 1:
            fields = _lying(fields)
        return Layer(
            operator=operator,
            inputs=(source,),
            output=output,
            source="pool2d.c",
            structs=(Struct("harmcu_pool_layer", "layer", fields),),
            calls=(f"{kernel}(&layer, input0, output);",),
        )

    return rule


def _reduced_axes(operator: Operator, source: Tensor) -> set[int]:
    axes = operator.inputs[1] if len(operator.inputs) == 2 else None
    if axes is None or axes.data is None or axes.type is not TensorType.INT32:
        raise _refusal(operator, "its axes are not a constant int32 tensor")
    rank = len(source.shape)
    values = [int(axis) for axis in np.frombuffer(axes.data, dtype="<i4")]
    _require(
        all(-rank <= axis < rank for axis in values), operator, f"it reduces the axes {values}"
    )
    return {axis % rank for axis in values}


def _reduce_fields(operator: Operator, source: Tensor, output: Tensor) -> dict[str, int]:
    """Merges the axes of a reduction into the five of ``harmcu_reduce_layer``."""
    axes = _reduced_axes(operator, source)
    kept = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
    dropped = [size for axis, size in enumerate(source.shape) if axis not in axes]
    _require(
        list(output.shape) in (kept, dropped),
        operator,
        f"its output has the shape {list(output.shape)}, which does not follow from the input "
        f"{list(source.shape)}",
    )
    names = ("outer", "reduced_outer", "middle", "reduced_inner", "inner")
    fields = dict.fromkeys(names, 1)
    place = 0
    for axis, size in enumerate(source.shape):
        if size == 1:
            continue
        # Odd places are the reduced ones.
        if (place % 2 == 1) != (axis in axes):
            place += 1
        _require(place < len(names), operator, "it reduces three or more separate groups of axes")
        fields[names[place]] *= size
    if fields["reduced_inner"] == fields["inner"] == 1:
        # One group of reduced axes: as the inner one, along which the kernels are fastest.
        fields |= {"reduced_inner": fields["reduced_outer"], "reduced_outer": 1}
        fields |= {"inner": fields["middle"], "middle": 1}
    return fields


def _mean(operator: Operator) -> Layer:
    source, output = _unary(operator, 2)
    fields = _reduce_fields(operator, source, output)
    count = fields["reduced_outer"] * fields["reduced_inner"]
    _require(count <= _MAX_SUMMANDS, operator, f"its sums have {count} terms")
    multiplier, shift = _mean_factor(operator, source.scale / output.scale, count)
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="reduce.c",
        structs=(
            Struct("harmcu_reduce_layer", "layer", fields),
            _rescale_struct(source, output, multiplier, shift),
        ),
        calls=("harmcu_mean(&layer, &scale, input0, output);",),
    )


def _mean_factor(operator: Operator, real: float, count: int) -> tuple[int, int]:
    """Folds the division by ``count`` into the multiplier (QuantizedMeanOrSum)."""
    multiplier, shift = _scaled(operator, real)
    headroom = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << headroom) // count, shift - headroom


def _rescale_struct(source: Tensor, output: Tensor, multiplier: int, shift: int) -> Struct:
    fields: Fields = {
        "input_offset": -source.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "output": {"offset": output.zero_point, "min": INT8_MIN, "max": INT8_MAX},
    }
    return Struct("harmcu_rescaling", "scale", fields)


def _reduce_max(operator: Operator) -> Layer:
    source, output = _unary(operator, 2)
    _require_same_quantization(operator, source, output)
    fields = _reduce_fields(operator, source, output)
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="reduce.c",
        structs=(Struct("harmcu_reduce_layer", "layer", fields),),
        calls=("harmcu_reduce_max(&layer, input0, output);",),
    )


def _require_same_quantization(operator: Operator, source: Tensor, output: Tensor) -> None:
    _require(
        source.scale == output.scale and source.zero_point == output.zero_point,
        operator,
        f"tensors {source.name!r} and {output.name!r} are quantised differently",
    )


def _concatenation(operator: Operator) -> Layer:
    options = operator.options
    assert isinstance(options, ConcatenationOptions)
    output = _activation(operator, operator.outputs[0])
    inputs = tuple(_activation(operator, tensor) for tensor in operator.inputs)
    rank = len(output.shape)
    _require(-rank <= options.axis < rank, operator, f"it joins along axis {options.axis}")
    _require(options.activation is Activation.NONE, operator, "it fuses an activation")
    axis = options.axis % rank
    for tensor in inputs:
        _require_same_quantization(operator, tensor, output)
    expected = list(output.shape)
    expected[axis] = sum(t.shape[axis] if len(t.shape) == rank else 0 for t in inputs)
    others = [t.shape[:axis] + t.shape[axis + 1 :] for t in (*inputs, output)]
    _require(
        list(output.shape) == expected and len(set(others)) == 1,
        operator,
        "the shapes of its inputs do not add up to that of its output",
    )
    count = math.prod(output.shape[:axis])
    stride = output.elements // count
    structs, calls, offset = [], [], 0
    for number, tensor in enumerate(inputs):
        size = tensor.elements // count
        fields: Fields = {"count": count, "size": size, "stride": stride}
        structs.append(Struct("harmcu_blocks", f"part{number}", fields))
        target = f"output + {offset}" if offset else "output"
        calls.append(f"harmcu_copy_blocks(&part{number}, input{number}, {target});")
        offset += size
    return Layer(
        operator=operator,
        inputs=inputs,
        output=output,
        source="copy_blocks.c",
        structs=tuple(structs),
        calls=tuple(calls),
    )


def _softmax(operator: Operator) -> Layer:
    options = operator.options
    assert isinstance(options, SoftmaxOptions)
    source, output = _unary(operator)
    _require(
        source.shape == output.shape and len(source.shape) >= 1,
        operator,
        "its input and output have different shapes",
    )
    _require(
        output.zero_point == INT8_MIN and output.scale == 1 / 256,
        operator,
        "its output must have the scale 1/256 and the zero point -128",
    )
    depth = source.shape[-1]
    _require(depth <= _MAX_SOFTMAX_DEPTH, operator, f"it spans {depth} values")
    multiplier, shift, diff_min = _softmax_factor(operator, options.beta, source.scale)
    fields: Fields = {
        "rows": source.elements // depth,
        "depth": depth,
        "multiplier": multiplier,
        "shift": shift,
        "diff_min": diff_min,
    }
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="softmax.c",
        structs=(Struct("harmcu_softmax_layer", "layer", fields),),
        calls=("harmcu_softmax(&layer, input0, output);",),
    )


def _softmax_factor(operator: Operator, beta: float, scale: float) -> tuple[int, int, int]:
    """Factor from differences to Q5.26 (PreprocessSoftmaxScaling, CalculateInputRadius)."""
    fraction_bits = 31 - _SOFTMAX_DIFF_INTEGER_BITS
    real = min(beta * scale * 2.0**fraction_bits, 2.0**31 - 1)
    _require(real > 1, operator, f"beta {beta:g} times its input's scale is too small")
    multiplier, shift = quantize_multiplier(real)
    largest = (2**_SOFTMAX_DIFF_INTEGER_BITS - 1) * 2**fraction_bits
    return multiplier, shift, -(largest >> shift)


def _quantize(operator: Operator) -> Layer:
    source, output = _unary(operator)
    _require(source.elements == output.elements, operator, "it changes the number of values")
    multiplier, shift = _scaled(operator, source.scale / output.scale)
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="requantize.c",
        structs=(_rescale_struct(source, output, multiplier, shift),),
        calls=(f"harmcu_requantize(&scale, {source.elements}, input0, output);",),
    )


def _reshape(operator: Operator) -> Layer:
    source, output = _unary(operator, 2)
    _require(source.elements == output.elements, operator, "it changes the number of values")
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="",
        structs=(),
        calls=(),
    )


_RULES: dict[str, Callable[[Operator], Layer]] = {
    "AVERAGE_POOL_2D": _pool2d("harmcu_average_pool2d"),
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv2d,
    "EXPAND_DIMS": _reshape,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pool2d("harmcu_max_pool2d"),
    "MEAN": _mean,
    "QUANTIZE": _quantize,
    "REDUCE_MAX": _reduce_max,
    "RESHAPE": _reshape,
    "SOFTMAX": _softmax,
    "SQUEEZE": _reshape,
}
