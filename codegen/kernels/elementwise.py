"""Layers that compute each value from those at its place, and SOFTMAX."""

import math

import numpy as np
import numpy.typing as npt

from codegen.fixed_point import high_multiply, rounding_shift
from codegen.fixed_point import logistic as exact_logistic
from codegen.graph import ArithmeticOptions, Operator, SoftmaxOptions, Tensor
from codegen.kernels.layer import Fields, Layer, Struct, Table
from codegen.kernels.rules import (
    INT8_MAX,
    INT8_MIN,
    activation,
    output_fields,
    quantize_multiplier,
    quantized,
    require,
    rescale_struct,
    scaled,
    unary,
)
from codegen.kernels.walk import broadcast_strides, walk_fields
from codegen.memory import IN_PLACE

# ADD scales its inputs up by this power of two before it rescales them.
_ADD_HEADROOM = 20
# LOGISTIC computes on Q4.27.
_LOGISTIC_INTEGER_BITS = 4
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
        overlap=IN_PLACE,
    )


def add(operator: Operator) -> Layer:
    """ADD of activations, or of one and a constant, with broadcasting."""
    operands, output = _operands(operator)
    twice_the_larger = 2 * max(tensor.scale for tensor in operands)
    first, second = (_fraction(operator, tensor.scale / twice_the_larger) for tensor in operands)
    total = _fraction(operator, twice_the_larger / (2**_ADD_HEADROOM * output.scale))
    fields: Fields = {
        "walk": _broadcast(operator, operands, output),
        "first": {"offset": -operands[0].zero_point, "multiplier": first[0], "shift": first[1]},
        "second": {"offset": -operands[1].zero_point, "multiplier": second[0], "shift": second[1]},
        "multiplier": total[0],
        "shift": total[1],
        "output": _arithmetic_output(operator, output),
    }
    return _arithmetic(operator, operands, output, Struct("harmcu_add_layer", "layer", fields))


def mul(operator: Operator) -> Layer:
    """MUL of activations, or of one and a constant, with broadcasting."""
    operands, output = _operands(operator)
    multiplier, shift = scaled(operator, operands[0].scale * operands[1].scale / output.scale)
    fields: Fields = {
        "walk": _broadcast(operator, operands, output),
        "first_offset": -operands[0].zero_point,
        "second_offset": -operands[1].zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "output": _arithmetic_output(operator, output),
    }
    return _arithmetic(operator, operands, output, Struct("harmcu_mul_layer", "layer", fields))


def logistic(operator: Operator) -> Layer:
    """LOGISTIC as a table of its 256 results."""
    source, output = unary(operator)
    require(source.elements == output.elements, operator, "it changes the number of values")
    require(output.zero_point == INT8_MIN, operator, "the zero point of its output must be -128")
    call = f"harmcu_look_up({{results}}, {source.elements}, input0, output);"
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="look_up.c",
        structs=(),
        calls=(call,),
        tables=(Table("results", _logistic_results(operator, source)),),
        overlap=IN_PLACE,
    )


def _logistic_results(operator: Operator, source: Tensor) -> npt.NDArray[np.int8]:
    """LOGISTIC of every int8, from -128 up (LogisticPrepare, reference_integer_ops::Logistic)."""
    fraction_bits = 31 - _LOGISTIC_INTEGER_BITS
    multiplier, shift = quantize_multiplier(source.scale * 2.0**fraction_bits)
    require(0 <= shift <= 30, operator, "the scale of its input is out of range")
    radius = ((2**_LOGISTIC_INTEGER_BITS - 1) << fraction_bits) >> shift
    results = []
    for value in range(INT8_MIN, INT8_MAX + 1):
        difference = value - source.zero_point
        if abs(difference) >= radius:
            results.append(INT8_MIN if difference <= -radius else INT8_MAX)
            continue
        exact = exact_logistic(high_multiply(difference << shift, multiplier))
        results.append(min(rounding_shift(exact, 31 - 8) + INT8_MIN, INT8_MAX))
    return np.array(results, dtype=np.int8)


def _operands(operator: Operator) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Both operands of ADD or MUL, a constant one last; either order gives the same bits."""
    require(len(operator.inputs) == 2, operator, f"it has {len(operator.inputs)} inputs")
    first, second = (quantized(operator, tensor) for tensor in operator.inputs)
    if first.data is not None:
        first, second = second, first
    activation(operator, first)
    return (first, second), activation(operator, operator.outputs[0])


def _fraction(operator: Operator, real: float) -> tuple[int, int]:
    """Multiplier and shift to the right of a factor below one.

    As QuantizeMultiplierSmallerThanOneExp, which refuses the same.
    """
    multiplier, shift = quantize_multiplier(real)
    require(real < 1 and shift <= 0, operator, "its output has too small a scale for its inputs")
    return multiplier, -shift


def _broadcast(operator: Operator, operands: tuple[Tensor, Tensor], output: Tensor) -> Fields:
    first, second = (tensor.shape for tensor in operands)
    rank = max(len(first), len(second))
    padded = [(1,) * (rank - len(shape)) + shape for shape in (first, second)]
    # Where one is 1, the other decides; where both are larger, they have to be the same.
    result = tuple(b if a == 1 else a for a, b in zip(*padded, strict=True))
    fits = all(
        size in (1, whole) for shape in padded for size, whole in zip(shape, result, strict=True)
    )
    require(
        fits and output.elements == math.prod(result) and output.shape == result,
        operator,
        f"the shapes {list(first)} and {list(second)} do not give that of its output, "
        f"{list(output.shape)}",
    )
    strides = [broadcast_strides(shape, result) for shape in padded]
    return walk_fields(operator, result, *strides)


def _arithmetic_output(operator: Operator, output: Tensor) -> Fields:
    options = operator.options
    assert isinstance(options, ArithmeticOptions)
    return output_fields(operator, output, options.activation)


def _arithmetic(
    operator: Operator, operands: tuple[Tensor, Tensor], output: Tensor, struct: Struct
) -> Layer:
    constant = operands[1].data
    name = operator.name.lower()
    second = "input1" if constant is None else "{constant}"
    table = () if constant is None else (Table("constant", np.frombuffer(constant, np.int8)),)
    return Layer(
        operator=operator,
        inputs=operands if constant is None else operands[:1],
        output=output,
        source="arithmetic.c",
        structs=(struct,),
        calls=(f"harmcu_{name}(&layer, input0, {second}, output);",),
        tables=table,
        overlap=IN_PLACE if _may_overwrite(operator, operands[0], output) else None,
    )


def _may_overwrite(operator: Operator, first: Tensor, output: Tensor) -> bool:
    """Whether the output may lie where the operator's first input lies."""
    return first is operator.inputs[0] and first.elements == output.elements
