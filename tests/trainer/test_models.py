"""The architectures: what they have in common, and what each promises."""

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import a_material, a_recording

from trainer import backend, models
from trainer.errors import HarmcuError
from trainer.progress import silent
from trainer.spec import OUTPUT
from trainer.tflm import Tflm
from trainer.training import Shape

SHAPE = Shape(window=128, hop=32, channels=6, labels=7)
NETWORKS = ("cnn", "lstm")


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    backend.start(1)


def build(architecture: str, size: str, shape: Shape) -> Any:
    import importlib

    return importlib.import_module(f"trainer.models.{architecture}").build(size, shape)


def test_every_module_is_an_architecture() -> None:
    assert models.names() == ("cnn", "knn", "lstm")


@pytest.mark.parametrize("architecture", NETWORKS)
@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_sizes(architecture: str, size: str) -> None:
    model = build(architecture, size, SHAPE)
    assert model.input_shape == (None, 128, 1, 6)
    assert model.output_shape == (None, 7)
    scores = model.predict(np.zeros((2, 128, 1, 6), np.float32), verbose=0)
    assert scores.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_sizes_are_in_order(architecture: str) -> None:
    parameters = [
        build(architecture, size, SHAPE).count_params() for size in ("tiny", "small", "base")
    ]
    assert parameters == sorted(parameters)


def test_cnn_stays_small() -> None:
    assert build("cnn", "base", SHAPE).count_params() < 22_000


def test_lstm_is_the_network_of_the_tutorial_with_another_end() -> None:
    """Six labels see the maximum, too; untrained weights lose a tenth of the tutorial's penalty."""
    model = build("lstm", "base", Shape(128, 64, 6, 6))
    assert model.count_params() == 66_886 + 64 * 6
    squares = sum(float(np.sum(np.square(weights))) for weights in model.get_weights())
    assert float(sum(model.losses)) == pytest.approx(0.00015 * squares / 2, rel=1e-4)


def test_lstm_fits_any_hop() -> None:
    assert build("lstm", "tiny", Shape(31, 7, 2, 3)).output_shape == (None, 3)


def test_old_columns_are_right_for_the_next_window() -> None:
    """The property that the streaming engine rests on: shifting by a hop shifts the columns."""
    import tf_keras

    model = build("cnn", "tiny", SHAPE)
    columns = tf_keras.Model(model.inputs, model.get_layer("pointwise_3_relu").output)
    stream = np.random.default_rng(1).normal(size=(160, 1, 6)).astype(np.float32)
    before, after = columns.predict(np.stack([stream[:128], stream[32:]]), verbose=0)
    shift = 32 // 4
    assert after[:-shift] == pytest.approx(before[shift:], abs=1e-5)


def test_the_least_window_gives_one_column() -> None:
    from trainer.models import cnn

    for size in cnn.SIZES:
        least = cnn.least_window(cnn.SIZES[size])
        model = build("cnn", size, Shape(least, 4, 3, 2))
        assert model.get_layer("pointwise_3_relu").output_shape[1] == 1
        with pytest.raises(HarmcuError, match="choose --window 40 or longer, or --arch knn"):
            build("cnn", size, Shape(least - 1, 4, 3, 2))


def test_a_hop_that_does_not_fit_is_refused() -> None:
    with pytest.raises(HarmcuError, match="hop 30 is not a multiple of 4"):
        build("cnn", "tiny", Shape(128, 30, 6, 7))


@pytest.mark.parametrize(
    ("architecture", "size", "message"),
    [
        ("cmn", "tiny", "unknown architecture 'cmn'; did you mean 'cnn'"),
        ("cnn", "huge", "unknown size of cnn 'huge'; choose one of tiny, small, base"),
    ],
)
def test_what_does_not_exist_is_refused(architecture: str, size: str, message: str) -> None:
    with pytest.raises(HarmcuError, match=message):
        models.train(architecture, size, a_material([]), 1, 1, silent)


def test_layer_names_do_not_depend_on_what_was_built_before() -> None:
    one, two = (build("cnn", "tiny", SHAPE) for _ in range(2))
    for first, second in itertools.zip_longest(one.layers, two.layers):
        assert first.name == second.name


ONE_FILE = '''
"""The mean of the window into a dense layer."""
import tf_keras
from tf_keras import layers

from trainer import fit
from trainer.training import Recipe

SIZES = {"only": 0}
RECIPE = Recipe(1, 8, 0.01, 0.001, 0.0, 0.0, 0.0, 0.2)


def train(size, material, epochs, seed, progress):
    shape = material.shape
    inputs = layers.Input((shape.window, 1, shape.channels))
    x = layers.GlobalAveragePooling2D()(inputs)
    outputs = layers.Softmax()(layers.Dense(shape.labels)(x))
    return fit.train(tf_keras.Model(inputs, outputs), RECIPE, material, epochs, seed, progress)
'''


def test_an_architecture_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mean_dense.py").write_text(ONE_FILE)
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    material = a_material([a_recording(label=label) for label in ("walk", "sit")])
    assert "mean_dense" in models.names()
    trained = models.train("mean_dense", "only", material, None, 1, silent)
    assert trained.parameters == 6 * 2 + 2
    # One epoch, as its recipe says, and one that is aware of int8.
    assert len(trained.history.loss) == 2
    scores = Tflm(trained.model).run(np.zeros((1, 128, 6), np.int8))
    assert (scores.astype(float) - OUTPUT.zero_point).sum() * OUTPUT.scale == pytest.approx(1, 0.02)
    sys.modules.pop("trainer.models.mean_dense")
