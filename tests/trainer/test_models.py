import itertools

import numpy as np
import pytest

from trainer import backend, models
from trainer.errors import HarmcuError
from trainer.models import Shape

SHAPE = Shape(window=128, hop=32, channels=6, labels=7)


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    backend.start(1)


def test_every_module_is_an_architecture() -> None:
    assert models.names() == ("cnn",)


@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_sizes(size: str) -> None:
    model = models.build("cnn", size, SHAPE)
    assert model.input_shape == (None, 128, 1, 6)
    assert model.output_shape == (None, 7)
    scores = model.predict(np.zeros((2, 128, 1, 6), np.float32), verbose=0)
    assert scores.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_sizes_are_in_order() -> None:
    parameters = [
        models.build("cnn", size, SHAPE).count_params() for size in ("tiny", "small", "base")
    ]
    assert parameters == sorted(parameters)
    assert parameters[-1] < 18_000


def test_old_columns_are_right_for_the_next_window() -> None:
    """The property that the streaming engine rests on: shifting by a hop shifts the columns."""
    import tf_keras

    model = models.build("cnn", "tiny", SHAPE)
    columns = tf_keras.Model(model.inputs, model.get_layer("pointwise_3_relu").output)
    stream = np.random.default_rng(1).normal(size=(160, 1, 6)).astype(np.float32)
    before, after = columns.predict(np.stack([stream[:128], stream[32:]]), verbose=0)
    shift = 32 // 4
    assert after[:-shift] == pytest.approx(before[shift:], abs=1e-5)


def test_the_least_window_gives_one_column() -> None:
    from trainer.models import cnn

    for size in cnn.SIZES:
        least = cnn.least_window(cnn.SIZES[size])
        model = models.build("cnn", size, Shape(least, 4, 3, 2))
        assert model.get_layer("pointwise_3_relu").output_shape[1] == 1
        with pytest.raises(HarmcuError, match="choose a longer window"):
            models.build("cnn", size, Shape(least - 1, 4, 3, 2))


@pytest.mark.parametrize(
    ("architecture", "size", "shape", "message"),
    [
        ("rnn", "tiny", SHAPE, "unknown architecture 'rnn'; choose one of cnn"),
        ("cnn", "huge", SHAPE, "unknown size of cnn 'huge'; choose one of tiny, small, base"),
        ("cnn", "tiny", Shape(128, 30, 6, 7), "hop 30 is not a multiple of 4"),
    ],
)
def test_what_does_not_fit_is_refused(
    architecture: str, size: str, shape: Shape, message: str
) -> None:
    with pytest.raises(HarmcuError, match=message):
        models.build(architecture, size, shape)


def test_layer_names_do_not_depend_on_what_was_built_before() -> None:
    one, two = (models.build("cnn", "tiny", SHAPE) for _ in range(2))
    for first, second in itertools.zip_longest(one.layers, two.layers):
        assert first.name == second.name
