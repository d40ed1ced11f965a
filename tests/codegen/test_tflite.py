"""The reader: what it reads, and that no file, however damaged, brings it down."""

import numpy as np
import pytest
import work_done
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_models import OPERATORS, Model, packed, parsed, schema

from codegen import aot, tflite
from codegen.graph import TensorType
from trainer.errors import HarmcuError


def small_model() -> bytes:
    """Convolution, mean, dense layer and softmax on a 1x8x1x3 input."""
    model = Model(seed=5)
    source = model.activation((1, 8, 1, 3), 0.05, 3)
    weights = model.constant(model.rng.integers(-127, 128, (4, 3, 1, 3)).astype(np.int8), [0.01])
    bias = model.constant(np.arange(4, dtype=np.int32), [0.0005])
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = 1
    options.dilationHFactor = options.dilationWFactor = 1
    kind = schema.BuiltinOptions.Conv2DOptions
    result = model.activation((1, 6, 1, 4), 0.1, -5)
    model.add(OPERATORS.CONV_2D, [source.index, weights, bias], result, kind, options)
    axes = model.constant(np.array([1, 2], dtype=np.int32))
    pooled = model.activation((1, 4), 0.1, -5)
    kind = schema.BuiltinOptions.ReducerOptions
    model.add(OPERATORS.MEAN, [result.index, axes], pooled, kind, schema.ReducerOptionsT())
    scores = model.activation((1, 4), 1 / 256, -128)
    kind = schema.BuiltinOptions.SoftmaxOptions
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    model.add(OPERATORS.SOFTMAX, [pooled.index], scores, kind, softmax)
    return model.finish(source, scores)


MODEL = small_model()
MANY_LINES = 1_000_000
"""Of Python: what damaged files have led to takes an eighth of it at most."""


def test_reads_what_the_file_says() -> None:
    graph = tflite.read(MODEL)
    assert graph.operator_names == ("CONV_2D", "MEAN", "SOFTMAX")
    assert graph.input.shape == (1, 8, 1, 3)
    assert (graph.input.type, graph.input.zero_point) == (TensorType.INT8, 3)
    assert graph.input.scale == np.float32(0.05)
    assert graph.output.shape == (1, 4)
    assert (graph.output.scale, graph.output.zero_point) == (1 / 256, -128)
    weights = graph.operators[0].inputs[1]
    assert weights is not None
    assert weights.data is not None
    assert bytes(weights.data) == Model(5).rng.integers(-127, 128, 36).astype(np.int8).tobytes()
    assert not graph.has_state


def assert_no_traceback(data: bytes) -> None:
    try:
        with work_done.at_most(MANY_LINES):
            model = aot.generate(data, "damaged", "0" * 64)
    except HarmcuError as error:
        message = str(error)
        assert "\n" not in message
        assert ";" in message
    else:
        assert sum(map(len, model.files.values())) < 1_000_000


@pytest.mark.parametrize("length", range(0, len(MODEL), 7))
def test_truncated_file(length: int) -> None:
    assert_no_traceback(MODEL[:length])


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(0, len(MODEL) - 1), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_changed_bytes(changes: list[tuple[int, int]]) -> None:
    data = bytearray(MODEL)
    for position, value in changes:
        data[position] = value
    assert_no_traceback(bytes(data))


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, len(MODEL) // 4 - 1),
    st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**16, 2**24]) | st.integers(0, 4000),
)
def test_changed_words(position: int, value: int) -> None:
    data = bytearray(MODEL)
    data[4 * position : 4 * position + 4] = value.to_bytes(4, "little")
    assert_no_traceback(bytes(data))


@given(st.binary(max_size=200))
def test_anything_else(data: bytes) -> None:
    assert_no_traceback(data)
    assert_no_traceback(b"\x1c\0\0\0TFL3" + data)


def test_huge_file_is_refused() -> None:
    with pytest.raises(HarmcuError, match="train a smaller one"):
        tflite.read(b"\0" * (tflite.MAX_MODEL_BYTES + 1))


def test_float_model_is_refused() -> None:
    model = parsed(MODEL)
    for tensor in model.subgraphs[0].tensors:
        tensor.type = schema.TensorType.FLOAT32
        tensor.buffer = 0
    with pytest.raises(HarmcuError, match=r"float32.*full integer quantisation"):
        tflite.read(packed(model))


def test_float_tensor_inside_is_refused_with_its_layer() -> None:
    model = parsed(MODEL)
    model.subgraphs[0].tensors[3].type = schema.TensorType.FLOAT32
    with pytest.raises(HarmcuError, match=r"layer 0 \(CONV_2D, .*float32 instead of int8.*tflm"):
        aot.check(tflite.read(packed(model)))


def test_several_subgraphs_are_refused() -> None:
    model = parsed(MODEL)
    model.subgraphs = [model.subgraphs[0], model.subgraphs[0]]
    with pytest.raises(HarmcuError, match="2 subgraphs"):
        tflite.read(packed(model))


def test_several_inputs_are_refused() -> None:
    model = parsed(MODEL)
    model.subgraphs[0].inputs = [0, 0]
    with pytest.raises(HarmcuError, match="2 inputs"):
        tflite.read(packed(model))


@pytest.mark.parametrize("shape", [[-1, 8, 1, 3], [1, -1, 1, 3]])
def test_negative_dimension_is_refused(shape: list[int]) -> None:
    model = parsed(MODEL)
    model.subgraphs[0].tensors[0].shape = shape
    with pytest.raises(HarmcuError, match="fixed shape"):
        tflite.read(packed(model))


def test_open_batch_is_read_and_open_window_is_refused() -> None:
    model = parsed(MODEL)
    model.subgraphs[0].tensors[0].shapeSignature = [-1, 8, 1, 3]
    assert tflite.read(packed(model)).input.shape == (1, 8, 1, 3)
    model.subgraphs[0].tensors[0].shapeSignature = [-1, -1, 1, 3]
    with pytest.raises(HarmcuError, match="every dimension but the batch fixed"):
        tflite.read(packed(model))


def test_larger_batch_is_refused() -> None:
    model = parsed(MODEL)
    model.subgraphs[0].tensors[0].shape = [2, 8, 1, 3]
    with pytest.raises(HarmcuError, match="batch of 1"):
        tflite.read(packed(model))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_unusable_scale_is_refused(scale: float) -> None:
    model = parsed(MODEL)
    model.subgraphs[0].tensors[3].quantization.scale = [scale]
    with pytest.raises(HarmcuError, match="not a positive number"):
        tflite.read(packed(model))


def test_shared_tables_do_not_multiply_the_work() -> None:
    """A thousand layers that all point to the same large weights."""
    model = Model(seed=1)
    source = model.activation((1, 1, 1, 48), 0.1, 0)
    weights = model.constant(np.ones((48, 1, 1, 48), dtype=np.int8) * 3, [0.01])
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    options.dilationHFactor = options.dilationWFactor = 1
    tensor = source
    for _ in range(tflite.MAX_OPERATORS):
        result = model.activation((1, 1, 1, 48), 0.1, 0)
        kind = schema.BuiltinOptions.Conv2DOptions
        inputs = [tensor.index, weights]
        tensor = model.add(OPERATORS.CONV_2D, inputs, result, kind, options)
    generated = aot.generate(model.finish(source, tensor), "deep", "0" * 64)
    # One activation, which every layer overwrites, and four columns of 48 int16.
    assert generated.arena_bytes == 48 + 384


@pytest.mark.parametrize("content", [b"", MODEL[:7], MODEL[:4] + b"TFL2" + MODEL[8:], b"TFL3" * 9])
def test_a_file_without_the_mark_is_no_model(content: bytes) -> None:
    if content[4:8] == b"TFL3":
        with pytest.raises(HarmcuError, match="the model file is damaged"):
            tflite.read(content)
    else:
        with pytest.raises(HarmcuError, match="lacks the mark TFL3"):
            tflite.read(content)


@pytest.mark.parametrize("axis", [-1, 1, 2, 4, 1 << 30])
def test_scales_of_no_dimension_are_refused(axis: int) -> None:
    model = parsed(MODEL)
    weights = model.subgraphs[0].tensors[1].quantization
    weights.scale, weights.zeroPoint = [0.01] * 4, [0] * 4
    weights.quantizedDimension = axis
    with pytest.raises(HarmcuError, match="has 4 scales, which match no dimension"):
        tflite.read(packed(model))


def test_types_have_the_numbers_of_the_schema() -> None:
    for kind in TensorType:
        assert getattr(schema.TensorType, kind.name) == kind.value
