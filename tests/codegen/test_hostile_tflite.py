"""Files that someone wrote to do harm, and what a reader must not spend on them."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import peak_memory
import pytest
import work_done
from host_engine import HostCompiler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_bundle import made_up_model
from random_models import OPERATORS, Model, packed, parsed, schema

from codegen import aot, float_model, stream_engine, tflite, tflm
from trainer.errors import HarmcuError

MODEL = made_up_model(5)


MANY_LINES = 10_000_000
"""Of Python: about two seconds of one processor."""


def refusal(data: bytes) -> str:
    """Gives what the one message says that a hostile file may lead to, without much work."""
    with work_done.at_most(MANY_LINES), pytest.raises(HarmcuError) as error:
        aot.generate(data, "hostile", "0" * 64)
    message = str(error.value)
    assert ";" in message
    assert message.isprintable()
    assert len(message) < 1500
    return message


def word(position: int, value: int) -> bytes:
    """Gives the model with one 32-bit word replaced."""
    return MODEL[:position] + value.to_bytes(4, "little", signed=value < 0) + MODEL[position + 4 :]


@pytest.mark.parametrize("value", [0, 1, 4, 2**31 - 1, 2**31, 2**32 - 1, 2**30, len(MODEL)])
def test_a_root_that_lies_elsewhere(value: int) -> None:
    refusal(word(0, value))


@pytest.mark.parametrize("value", [0, 4, -4, -(2**31), 2**31 - 1])
def test_a_table_whose_vtable_lies_elsewhere(value: int) -> None:
    """The root's; a vtable may even be the table itself."""
    refusal(word(int.from_bytes(MODEL[:4], "little"), value))


SHAPES = [[2**31 - 1] * 6, [-(2**31)] * 3, [2**31 - 1], [65536, 65536], [1] * 7, [0, 2**31 - 1]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tensor", [0, 1, 3])
def test_a_shape_of_any_size(tensor: int, shape: list[int]) -> None:
    model = parsed(MODEL)
    model.subgraphs[0].tensors[tensor].shape = shape
    refusal(packed(model))


@pytest.mark.parametrize(
    ("operator", "inputs", "outputs"),
    [
        (0, None, [0]),  # onto the graph's input
        (1, [4, 4], [3]),  # round in a circle
        (2, [9, 9, 9], [9]),  # onto itself
        (0, [2**31 - 1], None),
        (0, [-2, -(2**31)], None),
        (0, None, []),
        (0, [0] * 65, None),
    ],
)
def test_layers_in_a_circle_or_out_of_reach(
    operator: int, inputs: list[int] | None, outputs: list[int] | None
) -> None:
    model = parsed(MODEL)
    changed = model.subgraphs[0].operators[operator]
    changed.inputs = changed.inputs if inputs is None else inputs
    changed.outputs = changed.outputs if outputs is None else outputs
    refusal(packed(model))


ABSURD_SCALES = [1e-45, 1e-30, 3.4e38, float("inf"), float("nan"), -0.0, -1.0]
ABSURD_ZERO_POINTS = [-129, 128, 2**31, -(2**63), 2**63 - 1]


ABSURD = [(scale, 0) for scale in ABSURD_SCALES] + [(None, zero) for zero in ABSURD_ZERO_POINTS]


@pytest.mark.parametrize("tensor", [0, 1, 2, 3, 5, 6, 7, 8])
def test_absurd_quantisation_is_refused_or_computed(
    host_compiler: HostCompiler, tensor: int
) -> None:
    """What the generator takes, UBSan must find nothing in."""
    taken = [made for scale, zero in ABSURD if (made := _quantized(tensor, scale, zero))]
    windows = np.random.default_rng(1).integers(-128, 128, (3, 32 * 6)).astype(np.int8)
    for made in taken[:2]:
        assert host_compiler.scores(made, windows, 5).shape == (3, 5)


def _quantized(tensor: int, scale: float | None, zero_point: int) -> aot.AotModel | None:
    """Gives the engine for a tensor with another quantisation, or None when it is refused."""
    model = parsed(MODEL)
    changed = model.subgraphs[0].tensors[tensor].quantization
    changed.scale = changed.scale if scale is None else [scale] * len(changed.scale)
    changed.zeroPoint = [zero_point] * len(changed.scale)
    return quiet(lambda: aot.generate(packed(model), "absurd", "0" * 64))


_Result = TypeVar("_Result")


def quiet(use: Callable[[], _Result]) -> _Result | None:
    """Gives what ``use`` does, or None when it refuses in one short and printable line."""
    try:
        return use()
    except HarmcuError as error:
        message = str(error)
    assert message.isprintable()
    assert len(message) < 1500
    return None


def test_a_name_goes_into_messages_and_is_short_and_quiet() -> None:
    model = parsed(MODEL)
    model.subgraphs[0].tensors[0].name = b"\x1b[2J\r\n*/ \xe2\x80\xae" + b"n" * 50_000
    model.subgraphs[0].tensors[0].type = schema.TensorType.FLOAT32
    assert "\\x1b[2J" in refusal(packed(model))


@pytest.mark.parametrize("reader", [aot, tflm])
def test_an_operator_of_ones_own_is_named_quietly(reader: object) -> None:
    model = parsed(MODEL)
    model.operatorCodes[0].builtinCode = OPERATORS.CUSTOM
    model.operatorCodes[0].deprecatedBuiltinCode = OPERATORS.CUSTOM
    model.operatorCodes[0].customCode = b"\x1b]0;mine\x07\n"
    data = packed(model)
    with pytest.raises(HarmcuError) as error:
        tflm.generate(data, "x", "0" * 64, 1) if reader is tflm else aot.generate(data, "x", "0")
    assert str(error.value).isprintable()


def dense(layers: int, size: int) -> bytes:
    """Dense layers that share one matrix of size x size."""
    model = Model(seed=1)
    source = model.activation((1, size), 0.1, 0)
    weights = model.constant(np.ones((size, size), np.int8), [0.01])
    result = source
    for _ in range(layers):
        kind = schema.BuiltinOptions.FullyConnectedOptions
        output = model.activation((1, size), 0.1, 0)
        options = schema.FullyConnectedOptionsT()
        model.add(OPERATORS.FULLY_CONNECTED, [result.index, weights], output, kind, options)
        result = output
    return model.finish(source, result)


def test_shared_constants_claim_no_gigabytes() -> None:
    assert "bytes of constants" in refusal(dense(1000, 1000))


def test_shared_scales_claim_no_gigabytes() -> None:
    """Thousands of tensors that point at one long list of scales."""
    count, many = 300_000, 7001
    model = parsed(MODEL)
    graph = model.subgraphs[0]
    long = graph.tensors[6]
    long.shape, long.buffer = [count], 0
    long.quantization.scale = np.full(count, 0.5, np.float32)
    long.quantization.zeroPoint = None
    while len(graph.tensors) < many:
        graph.tensors.append(graph.tensors[3])
    data = bytearray(packed(model))
    assert len(data) < tflite.MAX_MODEL_BYTES
    first = list_of(bytes(data), many)
    shared = first + 4 * 6 + int.from_bytes(data[first + 4 * 6 :][:4], "little")
    for index in range(many - 20, many):
        place = first + 4 * index
        data[place : place + 4] = ((shared - place) % 2**32).to_bytes(4, "little")
    assert "scales" in refusal(bytes(data))


def list_of(data: bytes, count: int) -> int:
    """Gives where the only list of ``count`` offsets into the file has its first one."""
    found = []
    for position in range(0, len(data) - 4 * count - 3, 4):
        if int.from_bytes(data[position : position + 4], "little") == count:
            offsets = np.frombuffer(data, "<u4", count, position + 4)
            places = position + 4 + 4 * np.arange(count) + offsets
            found += [position + 4] if (places < len(data)).all() else []
    assert len(found) == 1
    return found[0]


def test_thousands_of_buffers_are_none_of_ours() -> None:
    model = parsed(MODEL)
    model.buffers += [schema.BufferT()] * tflite.MAX_TENSORS
    assert "buffers" in refusal(packed(model))


def test_a_table_that_no_layer_uses_may_not_lie_outside_of_what_is_exported() -> None:
    """The float model carries every table over, also those that the reader has no need of."""
    model = parsed(MODEL)
    model.buffers += [schema.BufferT()] * (101 - len(model.buffers))
    data = packed(model)
    last = list_of(data, 101) + 4 * 100
    for offset in (2**32 - 1, 2**32 - last - 4, len(data)):
        damaged = data[:last] + offset.to_bytes(4, "little") + data[last + 4 :]
        tflite.read(damaged)
        with pytest.raises(HarmcuError, match="outside itself"):
            float_model.wrap(damaged, np.ones(6, np.float32), np.ones(6, np.float32))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(MODEL) // 4 - 1),
            st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**24]) | st.integers(0, 4000),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_every_reader_of_the_file_refuses_in_words(changes: list[tuple[int, int]]) -> None:
    words = np.frombuffer(MODEL, "<u4").copy()
    for position, value in changes:
        words[position] = value
    data = words.tobytes()
    ones = np.ones(6, np.float32)
    quiet(lambda: stream_engine.generate(data, "x", "0" * 64, 16))
    quiet(lambda: tflm.generate(data, "x", "0" * 64, 1000))
    quiet(lambda: float_model.wrap(data, ones, ones))


@pytest.mark.slow
def test_the_largest_model_is_read_within_500_megabytes(tmp_path: Path) -> None:
    """And generated; in a process of its own, whose memory is its own."""
    (tmp_path / "large.tflite").write_bytes(dense(1, 2000))
    code = (
        "import sys; from pathlib import Path; from codegen import aot\n"
        "made = aot.generate(Path(sys.argv[1]).read_bytes(), 'large', '0' * 64)\n"
        "assert made.weights_bytes > 3 << 20\n"
    )
    assert peak_memory.resident(code, tmp_path / "large.tflite") < 500e6
