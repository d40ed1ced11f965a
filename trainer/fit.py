"""The training loop of networks: augment, quantise, fit; in floating point, then aware of int8."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

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

STEPS_PER_EXECUTION = 16
"""Batches that TensorFlow trains before Python is asked again; it changes no result."""

Pass = tuple[Samples, augment.Soft]
"""The training windows of one epoch in random order, and the shares of their labels."""

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
    last_epochs = 0 if recipe.aware_learning_rate is None else aware_epochs(epochs)
    history = History(epochs)
    average = _Average()
    first_averaged = epochs - max(1, round(AVERAGED_SHARE * epochs))
    with closing(_passes(recipe, material, epochs + last_epochs, seed)) as passes:
        progress("train", 0, epochs, {})
        for epoch in _epochs(
            model, recipe, material, passes, epochs, recipe.learning_rate, history
        ):
            if epoch > first_averaged:
                average.add(model)
            progress("train", epoch, epochs, history.last())
        model.set_weights(average.weights)
        if recipe.aware_learning_rate is None:
            return post_training(model), history
        aware = quantization_aware(model, representative(material))
        progress("train int8", 0, last_epochs, {})
        for epoch in _epochs(
            aware, recipe, material, passes, last_epochs, recipe.aware_learning_rate, history
        ):
            progress("train int8", epoch, last_epochs, history.last())
    return aware, history


def aware_epochs(epochs: int) -> int:
    """Return the epochs of quantisation-aware training that follow ``epochs`` in floating point."""
    return max(1, round(AWARE_SHARE * epochs))


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


def _epochs(
    model: tf_keras.Model,
    recipe: Recipe,
    material: Material,
    passes: Iterator[Pass],
    epochs: int,
    learning_rate: float,
    history: History,
) -> Iterator[int]:
    """Train for some epochs under a falling learning rate, and yield the number done."""
    model.compile(
        optimizer=tf_keras.optimizers.Adam(),
        loss=tf_keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    for epoch in range(epochs):
        model.optimizer.learning_rate.assign(learning_rate * _decay(epoch / epochs))
        samples, targets = next(passes)
        result = model.fit(
            to_real(samples), targets, batch_size=recipe.batch, shuffle=False, verbose=0
        )
        history.loss.append(float(result.history["loss"][0]))
        history.validation_accuracy.append(validation_accuracy(model, material))
        yield epoch + 1


def _passes(
    recipe: Recipe, material: Material, number: int, seed: int
) -> Generator[Pass, None, None]:
    """Yield fresh training windows again and again; the next come while the last ones train."""
    rng = np.random.default_rng(seed)
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_training_windows, recipe, material, rng)
        for left in reversed(range(number)):
            ready = coming.result()
            if left:
                coming = ahead.submit(_training_windows, recipe, material, rng)
            yield ready


def _training_windows(recipe: Recipe, material: Material, rng: np.random.Generator) -> Pass:
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
