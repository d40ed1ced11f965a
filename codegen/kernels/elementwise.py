"""Layers that compute each value from the one at its place: QUANTIZE; and SOFTMAX."""

from codegen.graph import Operator, SoftmaxOptions
from codegen.kernels.layer import Fields, Layer, Struct
from codegen.kernels.rules import (
    INT8_MIN,
    quantize_multiplier,
    require,
    rescale_struct,
    scaled,
    unary,
)

# The sum of exponentials in SOFTMAX is Q12.19.
_MAX_SOFTMAX_DEPTH = 2**12 - 1
_SOFTMAX_DIFF_INTEGER_BITS = 5


def softmax(operator: Operator) -> Layer:
    """SOFTMAX over the last axis."""
    options = operator.options
    assert isinstance(options, SoftmaxOptions)
    source, output = unary(operator)
    require(
        source.shape == output.shape and len(source.shape) >= 1,
        operator,
        "its input and output have different shapes",
    )
    require(
        output.zero_point == INT8_MIN and output.scale == 1 / 256,
        operator,
        "its output must have the scale 1/256 and the zero point -128",
    )
    depth = source.shape[-1]
    require(depth <= _MAX_SOFTMAX_DEPTH, operator, f"it spans {depth} values")
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
    require(real > 1, operator, f"beta {beta:g} times its input's scale is too small")
    multiplier, shift = quantize_multiplier(real)
    largest = (2**_SOFTMAX_DIFF_INTEGER_BITS - 1) * 2**fraction_bits
    return multiplier, shift, -(largest >> shift)


def quantize(operator: Operator) -> Layer:
    """QUANTIZE from int8 to int8: another scale, another zero point."""
    source, output = unary(operator)
    require(source.elements == output.elements, operator, "it changes the number of values")
    multiplier, shift = scaled(operator, source.scale / output.scale)
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="requantize.c",
        structs=(rescale_struct(source, output, multiplier, shift),),
        calls=(f"harmcu_requantize(&scale, {source.elements}, input0, output);",),
    )
