"""The C of a nearest-neighbour model against the integers that define it."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from host_engine import REPOSITORY, HostCompiler
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_bundle import write_knn_bundle
from random_knn import MODELS, made_up_knn, windows_of

from codegen import boards, knn, project
from codegen.aot import AotModel
from host_tools import bench, emulator, verify
from host_tools.build import build
from trainer import golden
from trainer.errors import HarmcuError
from trainer.knn import FEATURE_RANGE, STATISTICS, Knn, statistics, to_bytes
from trainer.sample_path import Samples


def generate(model: Knn) -> AotModel:
    return knn.generate(to_bytes(model), "test model", "ab" * 32)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_random_models_are_exact(host_compiler: HostCompiler, data: st.DataObject) -> None:
    model = data.draw(MODELS)
    windows = data.draw(windows_of(model))
    scores = host_compiler.scores(generate(model), windows, model.labels)
    assert scores.tolist() == model.run(windows).tolist()


@settings(max_examples=40, deadline=None)
@given(
    statistic=st.integers(0, STATISTICS - 1),
    window=st.integers(2, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_statistic_is_exact_to_its_last_bit(
    host_compiler: HostCompiler, statistic: int, window: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    windows = (rng.integers(-128, 124) + rng.integers(0, 5, (8, window, 1))).astype(np.int8)
    model = of_one_statistic(statistic, windows)
    scores = host_compiler.scores(generate(model), windows, model.labels)
    assert scores.tolist() == model.run(windows).tolist()


@pytest.mark.parametrize("statistic", range(STATISTICS))
def test_a_mean_between_two_integers_is_exact(host_compiler: HostCompiler, statistic: int) -> None:
    firsts = np.array([0, -1, 1, -2, -5, 7, -128, 124])
    windows = (firsts[:, None, None] + np.array([0, 0, 2, 0])[:, None]).astype(np.int8)
    model = of_one_statistic(statistic, windows)
    scores = host_compiler.scores(generate(model), windows, model.labels)
    assert scores.tolist() == model.run(windows).tolist()


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_feature_stops_at_the_end_of_its_range(host_compiler: HostCompiler, sign: int) -> None:
    """What is far beyond the end less what is 47 before it must be the 47th prototype."""
    windows = np.zeros((2, 8, 1), np.int8)
    model = of_one_statistic(0, windows)
    offset = np.zeros(STATISTICS, np.int64)
    offset[:2] = -sign * np.array([5000, FEATURE_RANGE - 47])
    projection = np.zeros((1, STATISTICS), np.int64)
    projection[0, :2] = 2, -2
    model = dataclasses.replace(model, offset=offset, projection=projection)
    scores = host_compiler.scores(generate(model), windows, model.labels)
    assert scores.tolist() == model.run(windows).tolist()
    assert scores.argmax(1).tolist() == [47 * sign % 5] * 2


def of_one_statistic(statistic: int, windows: Samples) -> Knn:
    """A model of one statistic, less the first window's, which gives neighbours other labels."""
    places = np.arange(-128, 128)
    return Knn(
        window=windows.shape[1],
        channels=1,
        labels=5,
        offset=statistics(windows[:1])[0],
        multiplier=np.full(STATISTICS, 2),
        shift=np.full(STATISTICS, 1),
        projection=2 * (np.arange(STATISTICS) == statistic)[None],
        projection_shift=1,
        prototypes=places[:, None].astype(np.int8),
        prototype_labels=places % 5,
        neighbours=1,
    )


def test_the_largest_sums_fit(host_compiler: HostCompiler) -> None:
    """The longest window, saturated features and the largest weights."""
    model = made_up_knn(window=4096, channels=6, discriminants=2)
    features = STATISTICS * 6
    model = dataclasses.replace(
        model,
        offset=np.full(features, -(2**30)),
        multiplier=np.full(features, 32767),
        shift=np.full(features, 1),
        projection=np.array([[8191] * features, [-8191] * features]),
        projection_shift=30,
    )
    assert FEATURE_RANGE * 8191 * features + (1 << 29) < 2**31
    windows = np.full((3, 4096, 6), 127, np.int8)
    windows[1], windows[2, ::2] = -128, -128
    scores = host_compiler.scores(generate(model), windows, model.labels)
    assert scores.tolist() == model.run(windows).tolist()


def test_the_same_model_gives_the_same_formatted_text(tmp_path: Path) -> None:
    first, second = generate(made_up_knn()), generate(made_up_knn())
    assert first == second
    head = first.files["model_aot.c"].split("*/")[0]
    for fact in ("test model", "ab" * 32, f"{first.macs} MACs", "12 prototypes"):
        assert fact in head
    for name, text in first.files.items():
        assert text.isascii()
        (tmp_path / name).write_text(text)
        style = f"--style=file:{REPOSITORY / '.clang-format'}"
        clang_format = Path(sys.executable).with_name("clang-format")
        subprocess.run([clang_format, "--dry-run", "--Werror", style, tmp_path / name], check=True)


def test_tflm_is_refused(tmp_path: Path) -> None:
    bundle = write_knn_bundle(tmp_path / "bundle")
    with pytest.raises(HarmcuError, match="use the engine aot"):
        project.generate(bundle, boards.load("mps2_an386"), "tflm")


@pytest.mark.usefixtures("cortex_m_tools")
def test_every_stage_is_exact_on_the_emulated_cortex_m4(tmp_path: Path) -> None:
    bundle = write_knn_bundle(tmp_path / "bundle")
    files = project.generate(bundle, boards.load("mps2_an386"), "aot")
    assert not any(name.startswith("tflm/") for name in files)
    program = build(project.write(tmp_path / "project", files))
    found = verify.in_bulk(program, bundle.spec, golden.traces(bundle.golden))
    assert found.windows == found.equal > 50
    assert emulator.instructions(found.ticks, found.tick_hz) < 100_000


@pytest.mark.usefixtures("cortex_m_tools")
def test_bench_measures_it() -> None:
    model = made_up_knn(window=128, channels=6, labels=6, per_label=40, discriminants=5)
    cost = bench.measure(to_bytes(model), "knn")
    assert cost.exact is True
    assert cost.macs == 54 * 5 + 240 * 5 == sum(layer.macs for layer in cost.layers)
    assert abs(cost.estimate - cost.instructions) < 0.1 * cost.instructions
    assert cost.flash_bytes > cost.weights_bytes > 240 * 6
    assert bench.measure_stream(to_bytes(model), "knn", 32) == knn.WHY_WHOLE
