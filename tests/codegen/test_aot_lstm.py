"""LSTM layers: stacks of them, what is refused, and when only the last step is kept."""

from collections.abc import Callable

import numpy as np
import pytest
from bench_models import bench
from host_engine import HostCompiler
from random_models import (
    INT8,
    OPERATORS,
    Activation,
    LstmScales,
    Model,
    lstm_over,
    one_step,
    packed,
    parsed,
    schema,
)
from tflm_oracle import tflm_scores

from codegen import aot
from trainer.errors import HarmcuError

STEPS, DEPTH, UNITS = 12, 6, 10


def windows(count: int) -> np.ndarray:
    return np.random.default_rng(7).integers(-128, 128, (count, STEPS, DEPTH)).astype(np.int8)


def assert_exact(compiler: HostCompiler, model: bytes, outputs: int) -> aot.AotModel:
    generated = aot.generate(model, "lstm", "0" * 64)
    scores = compiler.scores(generated, windows(4), outputs)
    assert scores.tolist() == tflm_scores(model, windows(4)).tolist()
    return generated


def begun() -> tuple[Model, Activation]:
    model = Model(seed=11)
    return model, model.activation((1, STEPS, DEPTH), 0.02, -7)


def test_stack_with_quantize_between(host_compiler: HostCompiler) -> None:
    """Two layers, a requantisation, the last step, a dense layer and softmax."""
    model, source = begun()
    first = lstm_over(model, source, UNITS, LstmScales(zero_point=5))
    scaled = model.activation(first.shape, 0.009, -3)
    kind = schema.BuiltinOptions.QuantizeOptions
    model.add(OPERATORS.QUANTIZE, [first.index], scaled, kind, schema.QuantizeOptionsT())
    second = lstm_over(model, scaled, UNITS, LstmScales(hidden=0.0062, cell=2.0**-13))
    last = one_step(model, second, STEPS - 1)
    weights = model.constant(model.rng.integers(-127, 128, (4, UNITS)).astype(np.int8), [0.02])
    dense = model.activation((1, 4), 0.01, 0)
    kind = schema.BuiltinOptions.FullyConnectedOptions
    options = schema.FullyConnectedOptionsT()
    model.add(OPERATORS.FULLY_CONNECTED, [last.index, weights], dense, kind, options)
    scores = model.activation((1, 4), 1 / 256, -128)
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    kind = schema.BuiltinOptions.SoftmaxOptions
    model.add(OPERATORS.SOFTMAX, [dense.index], scores, kind, softmax)
    assert_exact(host_compiler, model.finish(source, scores), 4)


@pytest.mark.parametrize(("step", "is_last"), [(STEPS - 1, True), (STEPS - 2, False), (0, False)])
def test_last_step_alone_is_kept(host_compiler: HostCompiler, step: int, is_last: bool) -> None:
    model, source = begun()
    steps = lstm_over(model, source, UNITS, LstmScales())
    generated = assert_exact(
        host_compiler, model.finish(source, one_step(model, steps, step)), UNITS
    )
    assert f".output_stride = {0 if is_last else UNITS}," in generated.files["model_aot.c"]
    assert (generated.arena_bytes < STEPS * (UNITS + DEPTH)) == is_last


def test_all_steps_are_kept_where_something_else_reads_them(host_compiler: HostCompiler) -> None:
    model, source = begun()
    steps = lstm_over(model, source, UNITS, LstmScales())
    last = one_step(model, steps, STEPS - 1)
    largest = model.activation((1, UNITS), steps.scale, steps.zero_point)
    axes = model.constant(np.array([1], dtype=np.int32))
    kind = schema.BuiltinOptions.ReducerOptions
    model.add(OPERATORS.REDUCE_MAX, [steps.index, axes], largest, kind, schema.ReducerOptionsT())
    joined = model.activation((1, 2 * UNITS), steps.scale, steps.zero_point)
    options = schema.ConcatenationOptionsT()
    options.axis = 1
    kind = schema.BuiltinOptions.ConcatenationOptions
    model.add(OPERATORS.CONCATENATION, [last.index, largest.index], joined, kind, options)
    assert_exact(host_compiler, model.finish(source, joined), 2 * UNITS)


def test_bench_lstm_keeps_one_step_of_its_states() -> None:
    generated = aot.generate(bench("lstm64x1.tflite"), "bench", "0" * 64)
    # 768 bytes in, the first 6 of them under the 64 out; as int16, 8 + 64 columns and 64 cells.
    assert generated.arena_lower_bound == 768 + 64 - 6 + 2 * (8 + 64 + 64)
    assert generated.arena_bytes < generated.arena_lower_bound + 4


def _set(place: str, value: object) -> Callable[[schema.ModelT], None]:
    """Changes tensor ``<index>.<field>`` or ``options.<field>``; a bare index is the operand."""

    def change(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        operator = graph.operators[0]
        head, _, name = place.partition(".")
        if head == "options":
            setattr(operator.builtinOptions, name, value)
        elif not name:
            operator.inputs = [*operator.inputs]
            operator.inputs[int(head)] = value
        else:
            tensor = graph.tensors[operator.inputs[int(head)]]
            setattr(tensor.quantization if name in ("scale", "zeroPoint") else tensor, name, value)

    return change


def _quantise_per_unit(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    quantization = graph.tensors[graph.operators[0].inputs[1]].quantization
    quantization.scale, quantization.zeroPoint = [0.01] * UNITS, [0] * UNITS


def _narrow_cell(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.operators[0].inputs[19]].type = INT8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("9", 1), "it has peephole weights"),
        (_set("16", 1), "it has projection weights"),
        (_set("20", 1), "it has layer norm weights"),
        (_set("1", -1), "coupled input gate"),
        (_set("options.fusedActivationFunction", 1), "its activation is RELU instead of TANH"),
        (_set("options.diagonalRecurrentTensors", True), "recurrent weights are diagonal"),
        (_set("options.timeMajor", True), "instead of one batch of steps"),
        (_set("18.isVariable", False), "before it is written"),
        (_narrow_cell, "its state is int8, not int16"),
        (_set("19.scale", [0.0003]), "scale 0.0003 instead of a power of two"),
        (_set("3.zeroPoint", [4]), "not quantised symmetrically with one scale"),
        (_quantise_per_unit, "not quantised symmetrically with one scale"),
    ],
)
def test_what_tflm_does_not_run_is_refused(
    change: Callable[[schema.ModelT], None], message: str
) -> None:
    model, source = begun()
    data = model.finish(source, lstm_over(model, source, UNITS, LstmScales()))
    aot.generate(data, "lstm", "0" * 64)
    changed = parsed(data)
    change(changed)
    with pytest.raises(HarmcuError, match=message) as refusal:
        aot.generate(packed(changed), "lstm", "0" * 64)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in str(refusal.value)
