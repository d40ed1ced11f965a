from typing import Any

import numpy as np
import pytest

from trainer import backend
from trainer import temperature as temperature_of
from trainer.quantize import convert, post_training, quantization_aware, to_real
from trainer.tflm import Tflm


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    backend.start(1)


def a_network() -> Any:
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((32, 1, 6), name="window")
    x = layers.Conv2D(8, (5, 1), activation="relu")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(4, name="logits")(x)
    return tf_keras.Model(inputs, layers.Softmax()(x))


@pytest.mark.parametrize("temperature", [0.3, 0.5, 1.5])
def test_the_temperature_that_was_there_is_found(temperature: float) -> None:
    from trainer import temperature as temperatures

    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (20_000, 5))
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(5, p=row) for row in right])
    said = np.exp(logits * temperature)
    said /= said.sum(axis=1, keepdims=True)
    assert temperatures.fitted(said, labels) == pytest.approx(temperature, rel=0.1)


@pytest.mark.parametrize("make", ["aware", "after"])
def test_only_scores_change_and_no_largest(make: str) -> None:
    from trainer import temperature as temperatures

    samples = np.random.default_rng(2).integers(-128, 128, (64, 32, 6)).astype(np.int8)
    network = a_network()
    ready = quantization_aware(network, samples) if make == "aware" else post_training(network)
    before = ready.predict(to_real(samples), verbose=0)
    plain = Tflm(convert(ready, samples)).run(samples)
    temperatures.fold(ready, 0.4)
    after = ready.predict(to_real(samples), verbose=0)
    sharp = Tflm(convert(ready, samples)).run(samples)
    logs = np.log(before) / 0.4
    expected = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    assert after == pytest.approx(expected, abs=0.02)
    assert (sharp.max(axis=1) > plain.max(axis=1)).all()
    rows = np.arange(len(plain))
    # Where two labels tied, either is the largest.
    assert (plain[rows, sharp.argmax(axis=1)] >= plain.max(axis=1) - 1).all()


def test_the_loss_of_large_logits_is_finite() -> None:
    logits = np.array([[1000.0, 999.0], [-1000.0, 1000.0]])
    expected = (np.log1p(np.exp(-1.0)) + 2000.0) / 2
    assert temperature_of._loss(logits, np.array([0, 0])) == pytest.approx(expected)
