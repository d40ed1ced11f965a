"""``lstm`` from training to int8: one short training on made-up recordings."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_up import a_material, a_recording

from codegen import tflite, tflm
from trainer import backend, windows
from trainer.models import lstm
from trainer.progress import silent
from trainer.spec import INPUT, OUTPUT
from trainer.tflm import Tflm, measure_arena
from trainer.training import Material, Trained

WINDOW = 24


def material() -> Material:
    recordings = [
        a_recording(label=label, seed=seed, samples=150)
        for seed, label in enumerate(("walk", "sit"))
    ]
    return a_material(recordings, WINDOW, hop=7)


def train() -> Trained:
    backend.start(3)
    return lstm.train("tiny", material(), 1, 3, silent)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train()


def test_it_is_the_fused_int8_operator(trained: Trained) -> None:
    graph = tflite.read(trained.model)
    assert graph.operator_names.count("UNIDIRECTIONAL_SEQUENCE_LSTM") == 1
    assert [o.name for o in graph.operators].count("UNIDIRECTIONAL_SEQUENCE_LSTM") == 2
    assert graph.has_state
    assert graph.input.elements == WINDOW * 6
    assert (graph.input.scale, graph.input.zero_point) == (INPUT.scale, INPUT.zero_point)
    assert (graph.output.scale, graph.output.zero_point) == (OUTPUT.scale, OUTPUT.zero_point)
    # One scale for every dense layer: Arduino's TFLM libraries know no more.
    dense = [o.inputs[1] for o in graph.operators if o.name == "FULLY_CONNECTED"]
    assert len(dense) == 2
    assert all(weights is not None and weights.is_quantized_once for weights in dense)


def test_tflm_runs_it_window_by_window(trained: Trained) -> None:
    """Near the floating-point network, and no window remembers the one before."""
    seen = material()
    cut = windows.cut(seen.train, seen.labels, WINDOW, 7)
    samples = windows.quantized(cut.counts, seen.channels)
    engine = Tflm(trained.model)
    scores = engine.run(samples)
    assert (engine.run(samples[::-1])[::-1] == scores).all()
    assert len(np.unique(scores, axis=0)) > 5
    right = float(np.mean(scores.argmax(axis=1) == cut.labels))
    assert trained.float_accuracy == pytest.approx(right, abs=0.1)


def test_the_tflm_engine_is_written_for_it(trained: Trained) -> None:
    arena = measure_arena(trained.model)
    written = tflm.generate(trained.model, "lstm", "ab" * 32, arena.bytes)
    assert "AddUnidirectionalSequenceLSTM" in written.operators
    text = written.files["tflm_engine.cpp"]
    assert text.index("interpreter->Reset()") < text.index("interpreter->Invoke()")


def test_there_is_no_training_aware_of_int8(trained: Trained) -> None:
    assert len(trained.history.loss) == trained.history.float_epochs == 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_file(trained: Trained) -> None:
    assert train().model == trained.model


@pytest.mark.slow
def test_another_process_trains_the_same_model() -> None:
    """Also with other hash randomisation."""
    code = "import sys, test_lstm; sys.stdout.buffer.write(test_lstm.train().model)"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    models = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert models[0] == models[1]
    assert len(models[0]) > 5000
