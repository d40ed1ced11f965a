"""What `harmcu bench` measures, on models whose costs can be known otherwise."""

import os
import shutil

import numpy as np
import pytest
from bench_models import BENCH, bench
from cli import harmcu, harmcu_json
from hypothesis import given
from hypothesis import strategies as st
from random_models import OPERATORS, Model, schema

from host_tools import bench as benchmark
from host_tools import measuring
from trainer import tflm
from trainer.bundle import Bundle
from trainer.errors import HarmcuError

KEYS = {
    "macs",
    "instructions",
    "instructions_per_mac",
    "ram_bytes",
    "stack_bytes",
    "flash_bytes",
    "weights_bytes",
    "exact",
    "estimate",
    "layers",
}


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            # In CI a missing tool is a failure, never a silent skip.
            say = pytest.fail if "CI" in os.environ else pytest.skip
            say(f"{tool} is missing; install gcc-arm-none-eabi and qemu-system-arm")


def dense(outputs: int) -> bytes:
    """One dense layer."""
    model = Model(seed=outputs)
    source = model.activation((1, 16), 0.1, 0)
    values = model.rng.integers(-127, 128, (outputs, 16)).astype(np.int8)
    weights = model.constant(values, [0.01])
    result = model.activation((1, outputs), 0.3, 0)
    options = schema.FullyConnectedOptionsT()
    kind = schema.BuiltinOptions.FullyConnectedOptions
    model.add(OPERATORS.FULLY_CONNECTED, [source.index, weights], result, kind, options)
    return model.finish(source, result)


def test_figures_of_the_bench_cnn() -> None:
    cost = benchmark.measure(bench("cnn.tflite"), "cnn")
    assert cost.exact is True
    assert cost.macs == sum(layer.macs for layer in cost.layers) == 270_528
    assert len(cost.layers) == 10
    by_layer = sum(layer.instructions for layer in cost.layers)
    # Calls, the copy of the scores, and what the compiler makes of a function called once.
    assert abs(cost.instructions - by_layer) < 0.01 * by_layer + 200
    assert abs(cost.estimate - cost.instructions) < 0.1 * cost.instructions
    for layer in cost.layers:
        # The cost of a softmax depends on its input; it is small.
        if layer.operator != "SOFTMAX":
            assert abs(layer.estimate - layer.instructions) < 0.1 * layer.instructions
    assert 0 < cost.stack_bytes < 512
    assert cost.flash_bytes > cost.weights_bytes > 7_750


def over_map(channels: int, kernel: tuple[int, int], stride: int, outputs: int | None) -> bytes:
    """A convolution over a map of 15 by 11 with SAME padding; depthwise without ``outputs``."""
    model = Model(seed=channels)
    source = model.activation((1, 15, 11, channels), 0.1, -128)
    name = "DepthwiseConv2DOptions" if outputs is None else "Conv2DOptions"
    options = getattr(schema, f"{name}T")()
    options.padding = schema.Padding.SAME
    options.strideH = options.strideW = stride
    options.dilationHFactor = options.dilationWFactor = 1
    if outputs is None:
        options.depthMultiplier = 1
    count = outputs or channels
    shape = (1, *kernel, channels) if outputs is None else (outputs, *kernel, channels)
    values = model.rng.integers(-127, 128, shape).astype(np.int8)
    result = model.activation((1, -(-15 // stride), -(-11 // stride), count), 0.2, -128)
    code = OPERATORS.DEPTHWISE_CONV_2D if outputs is None else OPERATORS.CONV_2D
    operands = [source.index, model.constant(values, [0.01])]
    kind = getattr(schema.BuiltinOptions, name)
    return model.finish(source, model.add(code, operands, result, kind, options))


@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "outputs"),
    [
        (1, (3, 3), 1, 8),
        (5, (3, 4), 1, 6),
        (8, (5, 3), 2, 10),
        (6, (7, 4), 1, None),
    ],
)
def test_estimate_of_layers_over_maps(
    channels: int, kernel: tuple[int, int], stride: int, outputs: int | None
) -> None:
    """On shapes to which the estimate was not fitted."""
    cost = benchmark.measure(over_map(channels, kernel, stride, outputs), "map")
    assert abs(cost.estimate - cost.instructions) < 0.1 * cost.instructions


def test_kernels_keep_their_own_level_of_optimisation() -> None:
    model = bench("cnn.tflite")
    fast, small = (benchmark.measure(model, "cnn", level) for level in ("-O2", "-Os"))
    assert abs(small.instructions - fast.instructions) < 0.01 * fast.instructions


def test_counts_are_the_same_in_every_run() -> None:
    assert benchmark.measure(dense(8), "dense") == benchmark.measure(dense(8), "dense")


@given(st.lists(st.integers(1, 10**6), min_size=3, max_size=20))
def test_ticks_give_back_every_single_instruction(spans: list[int]) -> None:
    times = [sum(spans[: place + 1]) * 64 for place in range(len(spans))]
    ticks = [-(-time // 40) - 1 for time in times]
    assert measuring._spans(ticks) == [span - spans[1] for span in spans[2:]]


def test_flags_reach_the_compiler() -> None:
    with pytest.raises(HarmcuError, match="no-such-flag"):
        benchmark.measure(dense(4), "dense", "--no-such-flag")


def test_without_tflm_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflm, "is_installed", lambda: False)
    cost = benchmark.measure(dense(4), "dense")
    assert cost.exact is None
    assert "not compared" in benchmark.rows(cost)["exact"]


def test_command_on_a_file_and_a_bundle(made_up: Bundle) -> None:
    bench("cnn.tflite")
    for path in (BENCH / "cnn.tflite", made_up.path):
        document = harmcu_json("bench", path, "--hop", 8)
        assert set(document) >= KEYS
        assert document["exact"] is True
        assert document["hop"] == 8


def test_what_is_no_model_is_refused(made_up: Bundle) -> None:
    result = harmcu("bench", made_up.path / "spec.json", code=1)
    assert "TFLite file" in result.stderr
    assert "No such file" in harmcu("bench", "absent.tflite", code=1).stderr
