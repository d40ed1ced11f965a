"""UNIDIRECTIONAL_SEQUENCE_LSTM with int8 activations and an int16 cell state.

The constants are those of TFLM's lstm_eval_common.cc: every gate has a factor for its sums over the
input and one for those over the hidden state, both to Q3.12; what leaves the gates is Q0.15.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codegen import macs, packing
from codegen.graph import Activation, LstmOptions, Operator, Tensor, TensorType
from codegen.kernels.layer import Fields, Layer, Struct, Table
from codegen.kernels.rules import activation, quantize_multiplier, refusal, require, scaled
from codegen.memory import Overlap

# Places among the inputs (lstm_shared.h), gates in the order input, forget, cell, output.
_INPUT_WEIGHTS, _HIDDEN_WEIGHTS, _BIASES = range(1, 5), range(5, 9), range(12, 16)
_VARIANTS = {"peephole": range(9, 12), "projection": range(16, 18), "layer norm": range(20, 24)}
_HIDDEN, _CELL, _OPERANDS = 18, 19, 24

_GATE_SCALE = 2.0**-12
_GATE_OUTPUT_SCALE = 2.0**-15
_INT16_MIN, _INT16_MAX = -(2**15), 2**15 - 1
_MAX_VALUES = 2**15


@dataclass(frozen=True, eq=False)
class _Part:
    """The sums over the input or over the hidden state.

    Attributes:
        weights: int8 [gate, unit, value].
        factors: multiplier and shift of each gate.
    """

    weights: npt.NDArray[np.int8]
    factors: list[tuple[int, int]]


def lstm(operator: Operator) -> Layer:
    """An LSTM layer over all steps of a window; its state starts at zero."""
    options = operator.options
    assert isinstance(options, LstmOptions)
    _check_kind(operator, options)
    source, output = activation(operator, operator.inputs[0]), operator.outputs[0]
    activation(operator, output)
    hidden, cell = (
        _state(operator, _HIDDEN, TensorType.INT8),
        _state(operator, _CELL, TensorType.INT16),
    )
    steps, inputs = _steps(operator, options, source, output)
    units = output.shape[2]
    require(
        hidden.elements == cell.elements == units and max(inputs, units) <= _MAX_VALUES,
        operator,
        f"its states have {hidden.elements} and {cell.elements} values for {units} units",
    )
    parts = (
        _part(operator, _INPUT_WEIGHTS, source.scale, (units, inputs)),
        _part(operator, _HIDDEN_WEIGHTS, hidden.scale, (units, units)),
    )
    bias = np.stack([_bias(operator, place, units) for place in _BIASES])
    fields: Fields = {
        "steps": steps,
        "inputs": inputs,
        "units": units,
        "input_offset": -source.zero_point,
        "hidden_offset": -hidden.zero_point,
        "weights": "weights",
        "bias": "bias",
        "has_short_rescale": int(_has_short_rescale(parts, bias)),
        **_scales("input_scale", parts[0]),
        **_scales("hidden_scale", parts[1]),
        **_cell_fields(operator, options, cell),
        "output_scale": _to_the_right(operator, _GATE_OUTPUT_SCALE**2 / hidden.scale),
        "output_stride": units if options.keeps_all_steps else 0,
    }
    # Every step reads its input before it writes its output.
    written_before_the_last_read = (steps - 1) if options.keeps_all_steps else min(1, steps - 1)
    padded_inputs, padded_units = packing.lstm_values(inputs), packing.lstm_values(units)
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="lstm.c",
        structs=(Struct("harmcu_lstm_layer", "layer", fields),),
        calls=("harmcu_lstm(&layer, input0, output, workspace);",),
        macs=macs.of(operator),
        workspace=padded_inputs + padded_units + units,
        tables=(
            Table("weights", packing.lstm(*(part.weights for part in parts))),
            Table("bias", np.ascontiguousarray(bias.T)),
        ),
        overlap=Overlap(max(0, written_before_the_last_read * (units - inputs))),
    )


def _check_kind(operator: Operator, options: LstmOptions) -> None:
    require(len(operator.inputs) == _OPERANDS, operator, f"it has {len(operator.inputs)} inputs")
    for name, places in _VARIANTS.items():
        given = any(operator.inputs[place] is not None for place in places)
        require(not given, operator, f"it has {name} weights")
    require(options.is_plain, operator, "its recurrent weights are diagonal")
    require(
        options.activation is Activation.TANH,
        operator,
        f"its activation is {options.activation.name} instead of TANH",
    )


def _steps(
    operator: Operator, options: LstmOptions, source: Tensor, output: Tensor
) -> tuple[int, int]:
    """Steps and values a step."""
    batch = 1 if options.is_time_major else 0
    written = source.shape[:2] if options.keeps_all_steps else (1, 1)
    require(
        len(source.shape) == len(output.shape) == 3
        and output.shape[:2] == written
        and source.shape[batch] == 1,
        operator,
        f"its input has the shape {list(source.shape)} and its output {list(output.shape)} "
        "instead of one batch of steps",
    )
    return source.shape[1 - batch], source.shape[2]


def _state(operator: Operator, place: int, kind: TensorType) -> Tensor:
    tensor = operator.inputs[place]
    if tensor is None or not tensor.is_variable:
        raise refusal(operator, "it has no state of its own")
    require(tensor.type is kind, operator, f"its state is {tensor.type.label}, not {kind.label}")
    require(tensor.is_quantized_once, operator, f"its state {tensor.name!r} needs one scale")
    return tensor


def _part(operator: Operator, places: range, input_scale: float, shape: tuple[int, int]) -> _Part:
    tensors = [_weights(operator, place, shape) for place in places]
    # GetQuantizedConvolutionMultipler rounds the product to float32.
    products = [np.float32(input_scale) * np.float32(tensor.scale) for tensor in tensors]
    matrices = [np.frombuffer(t.data or b"", dtype=np.int8).reshape(shape) for t in tensors]
    return _Part(
        weights=np.stack(matrices),
        factors=[scaled(operator, float(product) / _GATE_SCALE) for product in products],
    )


def _weights(operator: Operator, place: int, shape: tuple[int, int]) -> Tensor:
    tensor = operator.inputs[place]
    if tensor is None or tensor.data is None:
        raise refusal(operator, "its weights are missing or not constant; a coupled input gate")
    require(
        tensor.type is TensorType.INT8,
        operator,
        f"its weights are {tensor.type.label} instead of int8",
    )
    require(
        tensor.shape == shape,
        operator,
        f"weights of the shape {list(tensor.shape)} do not fit its input and output",
    )
    require(
        tensor.is_quantized_once and tensor.zero_point == 0,
        operator,
        "its weights are not quantised symmetrically with one scale",
    )
    return tensor


def _bias(operator: Operator, place: int, units: int) -> npt.NDArray[np.int32]:
    tensor = operator.inputs[place]
    if tensor is None or tensor.data is None or tensor.type is not TensorType.INT32:
        raise refusal(operator, "its bias is not a constant int32 tensor")
    require(tensor.elements == units, operator, f"its bias has {tensor.elements} values")
    return np.frombuffer(tensor.data, dtype="<i4").astype(np.int32)


def _has_short_rescale(parts: tuple[_Part, _Part], bias: npt.NDArray[np.int32]) -> bool:
    """Whether ``step_short`` in firmware/src/kernels/lstm.c gives the exact result."""
    shifts = [shift for part in parts for _, shift in part.factors]
    sums = [packing.largest_sums(part.weights) for part in parts]
    totals = np.stack([sums[0] + np.abs(bias.astype(np.int64)), sums[1]])
    return (
        all(-31 <= shift <= -1 for shift in shifts)
        and bool((totals < 2**30).all())
        # The sums of the second gate of each pair are computed 512-fold.
        and all(bool((part_sums[1::2] < 2**22).all()) for part_sums in sums)
    )


def _scales(name: str, part: _Part) -> Fields:
    return {name: tuple(_scale(*factor) for factor in part.factors)}


def _scale(multiplier: int, shift: int) -> Fields:
    """A ``harmcu_lstm_scale``, whose shift is to the right."""
    half = 1 << (-shift - 1) if shift < 0 else 0
    return {"multiplier": multiplier, "half": half, "shift": -shift}


def _to_the_right(operator: Operator, real: float) -> Fields:
    multiplier, shift = quantize_multiplier(real)
    require(shift < 0, operator, "the scale of its state is too small")
    return _scale(multiplier, shift)


def _cell_fields(operator: Operator, options: LstmOptions, cell: Tensor) -> Fields:
    """Factors and limits of the cell state (CreateLstmCellStateInfo, LstmTanh)."""
    fraction, exponent = np.frexp(cell.scale)
    power = int(exponent) - 1
    require(
        fraction == 0.5 and -24 <= power <= 0 and cell.zero_point == 0,
        operator,
        f"its cell state has the scale {cell.scale:g} instead of a power of two below one",
    )
    limit = min(int(min(options.cell_clip / cell.scale, _INT16_MAX)), _INT16_MAX)
    is_clipped = options.cell_clip > 0
    left = 15 + power - 3
    return {
        "cell_scale": _to_the_right(operator, _GATE_OUTPUT_SCALE**2 / cell.scale),
        "cell_min": -limit if is_clipped else _INT16_MIN,
        "cell_max": limit if is_clipped else _INT16_MAX,
        "tanh_multiplier": 3 << max(left, 0),
        "tanh_rounding": (1 << max(-left, 0)) >> 1,
        "tanh_shift": max(-left, 0),
    }
