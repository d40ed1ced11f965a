"""Streams against the full windows of TensorFlow Lite Micro's own kernels, byte for byte."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from bench_models import bench
from host_engine import HostCompiler
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import example as explicit
from random_models import OPERATORS, Model
from streaming_models import (
    SAME,
    SMALL,
    VALID,
    Convolution,
    StreamExample,
    changing,
    classify,
    cnn,
    convolve,
    reduce_time,
    streams,
)
from tflm_oracle import tflm_scores

from codegen import stream_engine, streaming, tflite
from codegen.aot import AotModel

WINDOWS = 12
FEW = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
MANY = settings(FEW, max_examples=60, derandomize=False)


@pytest.fixture(autouse=True)
def _even_when_it_does_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small models must stream too, whatever the estimate says."""
    monkeypatch.setattr(streaming, "_check_gain", lambda *_: None)


def generate(model: bytes, hop: int) -> AotModel:
    return stream_engine.generate(model, "test", hashlib.sha256(model).hexdigest(), hop)


def assert_exact(compiler: HostCompiler, example: StreamExample) -> None:
    generated = generate(example.model, example.hop)
    assert generated.stream is not None, generated.why_whole
    samples = example.samples(WINDOWS)
    scores = compiler.stream_scores(generated, samples, example.window, example.hop)
    assert scores.tolist() == tflm_scores(example.model, example.cut(samples)).tolist()


@FEW
@given(example=streams())
def test_random_streams(host_compiler: HostCompiler, example: StreamExample) -> None:
    assert_exact(host_compiler, example)


@pytest.mark.slow
@MANY
@given(example=streams())
def test_random_streams_at_length(host_compiler: HostCompiler, example: StreamExample) -> None:
    assert_exact(host_compiler, example)


@pytest.mark.parametrize(
    ("window", "hop"), [(128, 64), (128, 16), (128, 12), (128, 4), (128, 128), (132, 64), (129, 16)]
)
def test_the_trainers_network(host_compiler: HostCompiler, window: int, hop: int) -> None:
    """Of 132 samples the last layer makes 24 columns, whole steps; of 129 it leaves two over."""
    example = StreamExample(cnn(window, *SMALL), window, 6, hop, ())
    assert_exact(host_compiler, example)


@pytest.mark.parametrize("hop", [1, 2, 3, 5])
def test_convolutions_at_a_few_columns(host_compiler: HostCompiler, hop: int) -> None:
    """Fewer than the four positions that are computed together, or one more."""
    model = Model(seed=hop)
    x = source = model.activation((1, 40, 1, 8), 1 / 32, 0)
    for taps in (5, 3, 1):
        x = convolve(model, x, Convolution(8, taps))
    x = reduce_time(model, x, OPERATORS.MEAN)
    data = model.finish(source, classify(model, x, 3))
    assert_exact(host_compiler, StreamExample(data, 40, 8, hop, ()))


def test_a_reset_begins_a_new_stream(host_compiler: HostCompiler) -> None:
    """In the middle of a step, of a hop and of the first window."""
    example = StreamExample(cnn(128, *SMALL), 128, 6, 16, ())
    samples = changing(700, 6, seed=5)
    resets = [0, 200, 217, 301, 500]
    generated = generate(example.model, example.hop)
    found = host_compiler.stream_scores(generated, samples, 128, 16, resets)
    ends = [*resets[1:], len(samples)]
    parts = [samples[start:end] for start, end in zip(resets, ends, strict=True)]
    windows = np.concatenate([example.cut(part) for part in parts if len(part) >= 128])
    expected = tflm_scores(example.model, windows)
    assert len(np.unique(expected, axis=0)) > 10
    assert found.tolist() == expected.tolist()


def _model(layer: Convolution, pools: bool = True) -> bytes:
    model = Model(seed=1)
    source = model.activation((1, 40, 1, 3), 1 / 32, 0)
    x = convolve(model, source, layer)
    if pools:
        x = reduce_time(model, x, OPERATORS.MEAN)
    return model.finish(source, classify(model, x, 3) if pools else x)


@pytest.mark.parametrize(
    ("model", "hop", "reason"),
    [
        (_model(Convolution(4, 5, padding=SAME)), 8, r"layer 0 \(CONV_2D.*pads the time axis"),
        (_model(Convolution(4, 5, stride=4)), 10, "hop 10 is not a multiple of 4"),
        (_model(Convolution(4, 5), pools=False), 8, "no layer averages over time"),
        (_model(Convolution(4, 40, padding=VALID)), 40, "instructions and those of a whole window"),
    ],
)
def test_why_a_model_takes_whole_windows(
    model: bytes, hop: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    generated = generate(model, hop)
    assert generated.stream is None
    assert "harmcu_engine_invoke" in generated.files["model_aot.c"]
    with pytest.raises(streaming.CannotStreamError, match=reason) as raised:
        streaming.plan(tflite.read(model), hop)
    assert generated.why_whole == str(raised.value)


@pytest.mark.parametrize("name", ["cnn.tflite", "lstm16x1.tflite"])
def test_reference_models_take_whole_windows(name: str) -> None:
    """One pads the time axis, the other keeps a state."""
    assert "layer 0" in generate(bench(name), 16).why_whole


@settings(FEW, max_examples=60)
@given(example=streams())
@explicit(example=StreamExample(cnn(128, *SMALL), 128, 6, 16, ()))
def test_overlaps_of_a_step_keep_the_promise_of_the_kernel(example: StreamExample) -> None:
    """A layer reads and writes behind the columns that are kept, not where its buffers begin."""
    stream = streaming.plan(tflite.read(example.model), example.hop)
    for layer in stream.step:
        source = layer.operator.inputs[0]
        adjusted = stream_engine._between_buffers(stream, layer).overlap
        if adjusted is None or source is None or layer.is_in_place:
            continue
        read = stream.offsets[layer.operator.index, 0]
        written = stream.buffers[stream.timeline.root(layer.output).root].kept_bytes
        places = range(read + written + 400)
        for output in (0, 40, 200):
            for place in places:
                if adjusted.allows(place, output):
                    assert layer.overlap is not None
                    assert layer.overlap.allows(place + read, output + written)


def test_no_window_is_kept() -> None:
    """What lives from step to step is what the layers still need, by hand for one layer."""
    generated = generate(_model(Convolution(4, 5)), 8)
    assert generated.stream is not None
    step = generated.stream.samples
    blocks = -(-36 // 8)
    # 4 samples that a filter of 5 still needs, those of a step, and int16 sums by block.
    assert generated.stream.state_bytes == (4 + step) * 3 + blocks * 4 * 2


def test_the_same_model_gives_the_same_bytes() -> None:
    model = cnn(64, 8, [(5, 8), (3, 8)])
    assert generate(model, 16) == generate(model, 16)
    assert generate(model, 16) != replace(generate(model, 32), why_whole="")
