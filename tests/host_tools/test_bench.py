"""What `harmcu bench` measures, on models whose costs can be known otherwise."""

import os
import re
import shutil

import pytest
from bench_models import BENCH, bench
from cli import harmcu, harmcu_json
from hypothesis import given
from hypothesis import strategies as st
from random_models import OPERATORS
from single_layers import dense, joined, over_map, pool, reduction

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


@pytest.mark.parametrize(
    "model",
    [
        over_map((15, 11), 1, 8, (3, 3)),
        over_map((15, 11), 5, 6, (3, 4)),
        over_map((15, 11), 8, 10, (5, 3), 2),
        over_map((15, 11), 6, 0, (7, 4)),
        over_map((13, 9), 20, 0, (3, 3), 2),
        over_map((50, 6), 1, 12, (5, 1)),
        over_map((21, 3), 14, 9, (1, 1)),
        pool(OPERATORS.MAX_POOL_2D, 39, 20, 3),
        pool(OPERATORS.MAX_POOL_2D, 20, 7, 2, 20),
        pool(OPERATORS.AVERAGE_POOL_2D, 28, 5, 2, 28),
        reduction(OPERATORS.MEAN, 25, 12, over=(3,)),
        reduction(OPERATORS.REDUCE_MAX, 45, 18),
        joined(64, 12),
    ],
)
def test_estimate_of_layers(model: bytes) -> None:
    """On shapes to which the estimate was not fitted."""
    cost = benchmark.measure(model, "layer")
    assert cost.estimate == pytest.approx(cost.instructions, rel=0.1)


def test_kernels_keep_their_own_level_of_optimisation() -> None:
    model = bench("cnn.tflite")
    fast, small = (benchmark.measure(model, "cnn", level) for level in ("-O2", "-Os"))
    assert abs(small.instructions - fast.instructions) < 0.01 * fast.instructions


def test_counts_are_the_same_in_every_run() -> None:
    assert benchmark.measure(dense(16, 8), "dense") == benchmark.measure(dense(16, 8), "dense")


@given(st.lists(st.integers(1, 10**6), min_size=3, max_size=20))
def test_ticks_give_back_every_single_instruction(spans: list[int]) -> None:
    times = [sum(spans[: place + 1]) * 64 for place in range(len(spans))]
    ticks = [-(-time // 40) - 1 for time in times]
    assert measuring._spans(ticks) == [span - spans[1] for span in spans[2:]]


def test_flags_reach_the_compiler() -> None:
    with pytest.raises(HarmcuError, match="no-such-flag"):
        benchmark.measure(dense(16, 4), "dense", "--no-such-flag")


def test_flags_that_a_shell_would_not_take_are_refused() -> None:
    with pytest.raises(HarmcuError, match=r"--cflags .*closing quotation; write flags as for"):
        benchmark.measure(dense(16, 4), "dense", '"x')
    with pytest.raises(HarmcuError, match=r"--nonsense.*; check the flags"):
        benchmark.measure(dense(16, 4), "dense", "--nonsense")


def test_without_tflm_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflm, "is_installed", lambda: False)
    cost = benchmark.measure(dense(16, 4), "dense")
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
    assert re.fullmatch(r"harmcu: .*spec\.json: .*TFLite file.*; .+\n", result.stderr)
    for path, said in (("absent.tflite", "no such file"), (os.devnull, "no file, or none of a")):
        assert f"{path}: {said}" in harmcu("bench", path, code=1).stderr
