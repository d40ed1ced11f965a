"""Layers with weights: CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from codegen import macs, packing
from codegen.graph import ConvOptions, FullyConnectedOptions, Operator, Tensor, TensorType
from codegen.kernels.layer import Fields, Layer, Struct, Weights
from codegen.kernels.maps import (
    feature_map,
    lying,
    map_fields,
    window_fields,
    window_overlap,
)
from codegen.kernels.rules import output_fields, refusal, require, scaled, unary
from codegen.memory import Overlap

# An int32 sum of this many products of a weight and an offset input cannot overflow.
_MAX_PRODUCTS = (2**31 - 1) // (255 * 128)


def _weighted(operator: Operator) -> tuple[Tensor, Tensor]:
    """Input and output of a layer with weights and perhaps a bias."""
    require(len(operator.inputs) >= 2, operator, "it has no weights")
    return unary(operator, 3)


def _filter(operator: Operator, rank: int) -> Tensor:
    """The constant weights of a layer, checked."""
    weights = operator.inputs[1]
    if weights is None or weights.data is None:
        raise refusal(operator, "its weights are not constant")
    require(
        weights.type is TensorType.INT8,
        operator,
        f"its weights are {weights.type.label} instead of int8",
    )
    require(len(weights.shape) == rank, operator, f"its weights have {len(weights.shape)} axes")
    require(
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
        raise refusal(operator, "its bias is not a constant int32 tensor")
    require(tensor.elements == channels, operator, f"its bias has {tensor.elements} values")
    return np.frombuffer(tensor.data, dtype="<i4").astype(np.int32)


def _weight_scales(
    operator: Operator, weights: Tensor, axis: int, channels: int
) -> npt.NDArray[np.float32]:
    """One scale an output channel."""
    quantization = weights.quantization
    assert quantization is not None
    if len(quantization.scales) == 1:
        return np.broadcast_to(quantization.scales, (channels,))
    require(
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
    pairs = [scaled(operator, factor) for factor in factors]
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


def conv2d(operator: Operator) -> Layer:
    """CONV_2D, grouped or not; the weights are packed for pairs of products."""
    source, output = _weighted(operator)
    weights = _filter(operator, 4)
    channels, height, width, group_inputs = weights.shape
    inputs, outputs = feature_map(operator, source)[2], feature_map(operator, output)[2]
    groups = inputs // group_inputs
    require(
        outputs == channels and inputs % group_inputs == 0 and outputs % groups == 0,
        operator,
        f"weights of the shape {list(weights.shape)} do not fit its input and output",
    )
    taps = height * width * group_inputs
    matrix = _int8(weights).reshape(channels, taps)
    packed = np.concatenate([packing.conv2d(part) for part in np.split(matrix, groups)])
    call = "harmcu_conv2d(&layer, &weights, input0, output, workspace);"
    layer = _convolution(operator, matrix, packed, groups, "conv2d.c", call)
    axis = _only_axis(source.shape, output.shape, weights.shape)
    size = weights.shape[axis or 1]
    if (
        axis is None
        or groups > 1
        or _steps(operator, axis) != (1, 1)
        or not packing.shares_columns(size, inputs)
    ):
        return replace(layer, workspace=packing.column_values(taps))
    call = f"harmcu_conv1d_{size}(&layer, &weights, input0, output, workspace);"
    return replace(layer, calls=(call,), workspace=packing.shared_column_values(size, inputs))


def depthwise_conv2d(operator: Operator) -> Layer:
    """DEPTHWISE_CONV_2D with any channel multiplier."""
    options = operator.options
    assert isinstance(options, ConvOptions)
    source, output = _weighted(operator)
    weights = _filter(operator, 4)
    batch, height, width, channels = weights.shape
    inputs, outputs = feature_map(operator, source)[2], feature_map(operator, output)[2]
    require(
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
    stride, dilation = _steps(operator, axis)
    if dilation != 1:
        return layer
    return replace(
        layer,
        source="depthwise_conv1d.c",
        calls=("harmcu_depthwise_conv1d(&layer, &weights, input0, output, workspace);",),
        workspace=packing.row_values(output.shape[axis], stride, weights.shape[axis]),
        # The kernel reads the whole of a channel before it writes it.
        overlap=Overlap(None, step=channels),
    )


def _only_axis(*shapes: tuple[int, ...]) -> int | None:
    """The axis, 1 or 2, along which maps and filter extend, when the other one is 1 in all."""
    for axis in (1, 2):
        if all(shape[3 - axis] == 1 for shape in shapes):
            return axis
    return None


def _steps(operator: Operator, axis: int) -> tuple[int, int]:
    """Stride and dilation of a convolution along axis 1 or 2."""
    options = operator.options
    assert isinstance(options, ConvOptions)
    if axis == 1:
        return options.stride_height, options.dilation_height
    return options.stride_width, options.dilation_width


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
    require(taps <= _MAX_PRODUCTS, operator, f"its sums have {taps} terms")
    source, output = _weighted(operator)
    weights = _filter(operator, 4)
    axis = 0 if source_file == "conv2d.c" else 3
    dilation = (options.dilation_height, options.dilation_width)
    window = window_fields(operator, options, weights.shape[1:3], dilation)
    fields: Fields = {
        "input_map": map_fields(source),
        "output_map": map_fields(output),
        "window": window,
        "groups": groups,
        "input_offset": -source.zero_point,
        "output": output_fields(operator, output, options.activation),
    }
    if weights.shape[2] == 1:
        fields = lying(fields)
    scales = _weight_scales(operator, weights, axis, channels)
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source=source_file,
        structs=(Struct("harmcu_conv_layer", "layer", fields),),
        weights=_packed(operator, matrix, packed, _channel_factors(source, output, scales)),
        calls=(call,),
        macs=macs.of(operator),
        # Only an ungrouped CONV_2D reads all that is under some positions before it writes them.
        overlap=window_overlap(source, output, window, packing.POSITIONS)
        if axis == 0 and groups == 1
        else None,
    )


def fully_connected(operator: Operator) -> Layer:
    """FULLY_CONNECTED, quantised per tensor or per channel."""
    options = operator.options
    assert isinstance(options, FullyConnectedOptions)
    require(options.plain_weights, operator, "its weights are stored shuffled")
    source, output = _weighted(operator)
    weights = _filter(operator, 2)
    outputs, inputs = weights.shape
    rows = output.elements // outputs
    require(
        output.shape[-1:] == (outputs,) and source.elements == rows * inputs,
        operator,
        f"weights of the shape {list(weights.shape)} do not fit its input and output",
    )
    require(inputs <= _MAX_PRODUCTS, operator, f"its sums have {inputs} terms")
    matrix = _int8(weights)
    fields: Fields = {
        "rows": rows,
        "inputs": inputs,
        "outputs": outputs,
        "input_offset": -source.zero_point,
        "output": output_fields(operator, output, options.activation),
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
        macs=macs.of(operator),
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
        require(bias.is_quantized_once, operator, "its bias has no single scale")
        exact_product = source.scale * weights.scale
        require(
            abs(exact_product - bias.scale) / output.scale <= 0.02,
            operator,
            "the scale of its bias is not the product of those of input and weights",
        )
    return [product / output.scale] * len(scales)
