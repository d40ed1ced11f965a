"""Evaluation where tflite-micro has no wheel: macOS, Windows, Arm."""

import copy
import dataclasses

import numpy as np
import pytest

from codegen import boards, project
from trainer import evaluator, report, tflm
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.exhibits import Exhibits
from trainer.tflm import Tflm


@pytest.fixture
def no_tflm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflm, "is_installed", lambda: False)


def test_tflm_comes_first(trained: Bundle) -> None:
    assert evaluator.name(trained.model) == tflm.NAME == trained.metrics["kernels"]


@pytest.mark.usefixtures("no_tflm")
def test_the_reference_kernels_are_within_a_step_of_tflm(trained: Bundle) -> None:
    rng = np.random.default_rng(1)
    windows = rng.integers(-128, 128, (200, trained.spec.window, 6)).astype(np.int8)
    steps = evaluator.load(trained.model)(windows).astype(int) - Tflm(trained.model).run(windows)
    assert np.abs(steps).max() <= 1
    assert np.mean(steps.any(axis=1)) < 0.02
    assert evaluator.name(trained.model) == "TensorFlow's reference kernels"


def test_an_arena_that_was_not_measured_is_not_guessed(trained: Bundle, shown: Exhibits) -> None:
    metrics = copy.deepcopy(trained.metrics)
    metrics["tflm_arena_bytes"] = None
    unmeasured = dataclasses.replace(trained, metrics=metrics)
    board = boards.load("mps2_an386")
    files = project.generate(unmeasured, board, "aot")
    assert "aot/model_aot.c" in files
    assert not any(name.startswith("tflm/") for name in files)
    with pytest.raises(HarmcuError, match="arena was not measured"):
        project.generate(unmeasured, board, "tflm")
    assert "arena" not in report.render(unmeasured.spec, metrics, shown)
