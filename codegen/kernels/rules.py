"""What the rules of all operators share: checks of tensors, and factors in fixed point."""

import math

import numpy as np

from codegen.graph import Activation, Operator, Tensor, TensorType
from codegen.kernels.layer import Fields, Struct
from trainer.errors import HarmcuError

INT8_MIN, INT8_MAX = -128, 127


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


def refusal(operator: Operator, reason: str, advice: str = "change the layer") -> HarmcuError:
    """The error that says why an operator does not fit, and what to do."""
    return HarmcuError(
        f"{operator.label} does not fit the aot engine: {reason}; {advice}, or use --engine tflm, "
        "which may still run it"
    )


def require(condition: bool, operator: Operator, reason: str) -> None:
    """Refuses the operator unless ``condition`` holds."""
    if not condition:
        raise refusal(operator, reason)


def scaled(operator: Operator, real: float) -> tuple[int, int]:
    """Gives multiplier and shift of a factor, which must be one that kernels can apply."""
    multiplier, shift = quantize_multiplier(real)
    require(shift <= 30, operator, f"its scales ask for a factor of {real:g}")
    return multiplier, shift


def activation(operator: Operator, tensor: Tensor | None) -> Tensor:
    """Checks that ``tensor`` is a computed int8 tensor with one scale."""
    if tensor is None or tensor.data is not None or tensor.is_variable:
        raise refusal(operator, "an input is missing, a constant or a state")
    return quantized(operator, tensor)


def quantized(operator: Operator, tensor: Tensor | None) -> Tensor:
    """Checks that ``tensor``, computed or constant, is int8 with one scale."""
    if tensor is None:
        raise refusal(operator, "an input is missing")
    require(
        tensor.type is TensorType.INT8,
        operator,
        f"tensor {tensor.name!r} is {tensor.type.label} instead of int8",
    )
    require(
        tensor.is_quantized_once and INT8_MIN <= tensor.zero_point <= INT8_MAX,
        operator,
        f"tensor {tensor.name!r} needs one scale and a zero point within int8",
    )
    require(tensor.elements > 0, operator, f"tensor {tensor.name!r} is empty")
    return tensor


def unary(operator: Operator, most_inputs: int = 1) -> tuple[Tensor, Tensor]:
    """Input and output of a layer whose other inputs, if any, are constants."""
    count = len(operator.inputs)
    require(1 <= count <= most_inputs, operator, f"it has {count} inputs")
    for tensor in operator.inputs[1:]:
        require(
            tensor is None or tensor.data is not None,
            operator,
            "an input that should be constant is computed",
        )
    return activation(operator, operator.inputs[0]), activation(operator, operator.outputs[0])


def require_same_quantization(operator: Operator, source: Tensor, output: Tensor) -> None:
    """Checks that two tensors have the same scale and zero point."""
    require(
        source.scale == output.scale and source.zero_point == output.zero_point,
        operator,
        f"tensors {source.name!r} and {output.name!r} are quantised differently",
    )


def activation_range(operator: Operator, output: Tensor, kind: Activation) -> tuple[int, int]:
    """The fused activation as limits on quantised values (CalculateActivationRangeQuantized)."""
    real_limits = {
        Activation.NONE: (None, None),
        Activation.RELU: (0.0, None),
        Activation.RELU6: (0.0, 6.0),
        Activation.RELU_N1_TO_1: (-1.0, 1.0),
    }
    require(kind in real_limits, operator, f"it fuses the activation {kind.name}")
    low, high = real_limits[kind]
    quantized_low = INT8_MIN if low is None else _quantized(operator, output, low)
    quantized_high = INT8_MAX if high is None else _quantized(operator, output, high)
    return max(INT8_MIN, quantized_low), min(INT8_MAX, quantized_high)


def _quantized(operator: Operator, output: Tensor, real: float) -> int:
    # TFLM divides in float32; the quotient of the rounded operands decides the integer.
    with np.errstate(over="ignore"):
        quotient = float(np.float32(real) / np.float32(output.scale))
    require(abs(quotient) < 2**31, operator, "the scale of its output is too small")
    steps = math.floor(abs(quotient) + 0.5)
    return output.zero_point + (steps if quotient >= 0 else -steps)


def output_fields(operator: Operator, output: Tensor, kind: Activation) -> Fields:
    """A ``harmcu_output_range`` with the fused activation."""
    low, high = activation_range(operator, output, kind)
    return {"offset": output.zero_point, "min": low, "max": high}


def rescale_struct(source: Tensor, output: Tensor, multiplier: int, shift: int) -> Struct:
    """A ``harmcu_rescaling`` from one quantisation to another."""
    fields: Fields = {
        "input_offset": -source.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "output": {"offset": output.zero_point, "min": INT8_MIN, "max": INT8_MAX},
    }
    return Struct("harmcu_rescaling", "scale", fields)
