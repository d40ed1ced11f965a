"""The training loop of networks: augment, quantise, fit; in floating point, then aware of int8."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import tf_keras

from trainer import augment, windows
from trainer.progress import Progress
from trainer.quantize import convert, post_training, quantization_aware, to_real
from trainer.sample_path import Samples
from trainer.training import History, Material, Recipe, Trained

AWARE_SHARE = 0.2
"""Epochs of quantisation-aware training, as a share of those in floating point."""

REPRESENTATIVE_WINDOWS = 256

AVERAGED_SHARE = 0.25
"""Weights are averaged over this last part of the floating-point epochs (arXiv 1803.05407)."""


def train(
    model: tf_keras.Model,
    recipe: Recipe,
    material: Material,
    epochs: int | None,
    seed: int,
    progress: Progress,
) -> Trained:
    """Train a network as its recipe says and convert it.

    Args:
        model: untrained, float [batch, window, 1, channels] to probabilities [batch, labels].
        recipe: the architecture's.
        material: recordings and how the model sees them.
        epochs: passes over the training windows in floating point; None: the recipe's.
        seed: of the augmentation and the order.
        progress: hears of every epoch.
    """
    chosen = recipe.epochs if epochs is None else epochs
    ready, history = fit(model, recipe, material, chosen, seed, progress)
    progress("convert", 0, 1, {})
    converted = convert(ready, representative(material))
    progress("convert", 1, 1, {"bytes": len(converted)})
    return Trained(
        converted,
        int(model.count_params()),
        history,
        validation_accuracy(model, material),
        lambda samples: model.predict(to_real(samples), batch_size=1024, verbose=0),
    )


def fit(
    model: tf_keras.Model,
    recipe: Recipe,
    material: Material,
    epochs: int,
    seed: int,
    progress: Progress,
) -> tuple[tf_keras.Model, History]:
    """Train a network and return its form for the converter, and the curves.

    ``model`` itself ends with the weights of the floating-point training. Quantisation-aware
    training, where the recipe asks for it, adds ``AWARE_SHARE`` to the epochs.
    """
    rng = np.random.default_rng(seed)
    history = History(epochs)
    average = _Average()
    _compile(model, recipe)
    first_averaged = epochs - max(1, round(AVERAGED_SHARE * epochs))
    progress("train", 0, epochs, {})
    for epoch in range(epochs):
        learning_rate = recipe.learning_rate * _decay(epoch / epochs)
        _epoch(model, recipe, material, learning_rate, rng, history)
        if epoch >= first_averaged:
            average.add(model)
        progress("train", epoch + 1, epochs, history.last())
    model.set_weights(average.weights)
    if recipe.aware_learning_rate is None:
        return post_training(model), history
    aware = quantization_aware(model, representative(material))
    aware_epochs = max(1, round(AWARE_SHARE * epochs))
    _compile(aware, recipe)
    progress("train int8", 0, aware_epochs, {})
    for epoch in range(aware_epochs):
        learning_rate = recipe.aware_learning_rate * _decay(epoch / aware_epochs)
        _epoch(aware, recipe, material, learning_rate, rng, history)
        progress("train int8", epoch + 1, aware_epochs, history.last())
    return aware, history


def representative(material: Material) -> Samples:
    """Return training windows as they are, int8 [windows, window, channels], to set ranges by."""
    cut = windows.cut(material.train, material.labels, material.window, material.window)
    every = max(1, len(cut.counts) // REPRESENTATIVE_WINDOWS)
    return windows.quantized(cut.counts[::every], material.channels)


def validation_accuracy(model: tf_keras.Model, material: Material) -> float:
    """Return the share of validation windows that a network names right."""
    cut = windows.cut(material.validation, material.labels, material.window, material.hop)
    real = to_real(windows.quantized(cut.counts, material.channels))
    said = model.predict(real, batch_size=1024, verbose=0).argmax(axis=1)
    return float(np.mean(said == cut.labels))


class _Average:
    """The mean of the weights of several epochs."""

    def __init__(self) -> None:
        self.weights: list[npt.NDArray[np.float32]] = []
        self._epochs = 0

    def add(self, model: tf_keras.Model) -> None:
        self._epochs += 1
        weights = model.get_weights()
        old = self.weights or weights
        self.weights = [o + (w - o) / self._epochs for o, w in zip(old, weights, strict=True)]


def _compile(model: tf_keras.Model, recipe: Recipe) -> None:
    model.compile(
        optimizer=tf_keras.optimizers.Adam(),
        loss=tf_keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
    )


def _epoch(
    model: tf_keras.Model,
    recipe: Recipe,
    material: Material,
    learning_rate: float,
    rng: np.random.Generator,
    history: History,
) -> None:
    model.optimizer.learning_rate.assign(learning_rate)
    samples, targets = _training_windows(recipe, material, rng)
    result = model.fit(to_real(samples), targets, batch_size=recipe.batch, shuffle=False, verbose=0)
    history.loss.append(float(result.history["loss"][0]))
    history.validation_accuracy.append(validation_accuracy(model, material))


def _training_windows(
    recipe: Recipe, material: Material, rng: np.random.Generator
) -> tuple[Samples, augment.Soft]:
    """Return fresh training windows in random order: int8 samples and the shares of the labels.

    Every epoch cuts the recordings at other places.
    """
    spare = [max(0, len(r.counts) - material.window) for r in material.train]
    offsets = [int(rng.integers(0, min(material.hop, most + 1))) for most in spare]
    cut = windows.cut(material.train, material.labels, material.window, material.hop, offsets)
    order = rng.permutation(len(cut.counts))
    counts = augment.rotate(cut.counts[order], recipe.rotation_degrees, rng)
    counts = augment.scale(counts, recipe.scale_spread, rng)
    targets = np.eye(len(material.labels), dtype=np.float32)[cut.labels[order]]
    counts, targets = augment.mixup(counts, targets, recipe.mixup_alpha, rng)
    return windows.quantized(counts, material.channels), targets


def _decay(progress: float) -> float:
    """Return the cosine schedule's factor (arXiv 1608.03983): 1 at the start, 0 at the end."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))
