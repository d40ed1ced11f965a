"""The model with float ends against the int8 model inside it, on TensorFlow Lite Micro."""

import numpy as np
import pytest
import tflite
from bench_models import BENCH, bench
from hypothesis import given, settings
from random_models import Example, chains, packed, parsed
from tflite_micro.python.tflite_micro import runtime
from tflm_oracle import tflm_scores

from codegen import float_model
from trainer.errors import HarmcuError


def run(model: bytes, values: np.ndarray) -> np.ndarray:
    """Run windows of float32, each from a fresh state."""
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
    shape = interpreter.get_input_details(0)["shape"]
    scores = []
    for window in values.astype(np.float32):
        interpreter.reset()
        interpreter.set_input(window.reshape(shape), 0)
        interpreter.invoke()
        scores.append(interpreter.get_output(0).ravel())
    return np.array(scores)


def quantization(model: bytes) -> tuple[tuple[float, int], tuple[float, int]]:
    graph = tflite.Model.GetRootAsModel(model, 0).Subgraphs(0)
    tensors = [graph.Tensors(graph.Inputs(0)), graph.Tensors(graph.Outputs(0))]
    source, result = (
        (float(t.Quantization().Scale(0)), int(t.Quantization().ZeroPoint(0))) for t in tensors
    )
    return source, result


@pytest.mark.parametrize("name", ["cnn", "lstm16x1"])
def test_bench_models_inside(name: str) -> None:
    model, windows = bench(f"{name}.tflite"), np.load(BENCH / f"{name}_x.npy")[:4]
    (scale, zero_point), (out_scale, out_zero_point) = quantization(model)
    gain, offset = np.linspace(0.5, 2, 6), np.linspace(-1, 1, 6)
    wrapped = float_model.wrap(model, gain.astype(np.float32), offset.astype(np.float32))
    values = ((windows.astype(float) - zero_point) * scale - offset) / gain
    expected = (tflm_scores(model, windows).astype(float) - out_zero_point) * out_scale
    assert run(wrapped, values) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(chains())
def test_random_models_inside(example: Example) -> None:
    windows = example.windows(3)
    (scale, zero_point), (out_scale, out_zero_point) = quantization(example.model)
    channels = tflite.Model.GetRootAsModel(example.model, 0).Subgraphs(0).Tensors(0).Shape(3)
    one, nothing = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    wrapped = float_model.wrap(example.model, one, nothing)
    found = run(wrapped, (windows.astype(float) - zero_point) * scale)
    scores = tflm_scores(example.model, windows).astype(float)
    expected = (scores.reshape(found.shape) - out_zero_point) * out_scale
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_file_is_whole_and_the_same_again() -> None:
    """The object interface reads all of it and packs it anew; what was aligned is so still."""
    model = bench("cnn.tflite")
    gain, offset = np.ones(6, np.float32), np.zeros(6, np.float32)
    wrapped = float_model.wrap(model, gain, offset)
    assert wrapped == float_model.wrap(model, gain, offset)
    assert len(wrapped) < len(model) + 2048
    windows = np.random.default_rng(1).normal(size=(2, 128, 6))
    assert (run(packed(parsed(wrapped)), windows) == run(wrapped, windows)).all()
    old, new = alignments(model), alignments(wrapped)
    assert len(old) > 10
    assert new == [*old, 0, 0]


def alignments(model: bytes) -> list[int]:
    """Return by how much the data of each buffer miss a multiple of 16 bytes."""
    root = tflite.Model.GetRootAsModel(model, 0)
    start = address(np.frombuffer(model, np.uint8))
    contents = [root.Buffers(index).DataAsNumpy() for index in range(root.BuffersLength())]
    return [(address(c) - start) % 16 for c in contents if isinstance(c, np.ndarray)]


def address(data: np.ndarray) -> int:
    return int(data.__array_interface__["data"][0])


def test_a_damaged_model_is_refused() -> None:
    with pytest.raises(HarmcuError):
        float_model.wrap(b"TFL3", np.ones(6, np.float32), np.zeros(6, np.float32))
