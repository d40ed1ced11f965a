"""The training loop: augment, quantise, fit; in floating point first, then aware of int8."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import tf_keras

from trainer import augment, windows
from trainer.progress import Progress
from trainer.quantize import quantization_aware, to_real
from trainer.recording import Counts, Recording
from trainer.sample_path import Samples, quantize
from trainer.spec import Channel

# These were chosen on validation subjects of the training parts, never on test subjects.
BATCH = 64
LEARNING_RATE = 4e-3
AWARE_LEARNING_RATE = 4e-4
LABEL_SMOOTHING = 0.05

ROTATION_DEGREES = 20.0
SCALE_SPREAD = 0.1
# arXiv 1710.09412 finds 0.1 to 0.4 useful.
MIXUP_ALPHA = 0.3

AWARE_SHARE = 0.2
"""Epochs of quantisation-aware training, as a share of those in floating point."""

REPRESENTATIVE_WINDOWS = 256

STEPS_PER_EXECUTION = 16
"""Batches that TensorFlow trains before Python is asked again; it changes no result."""

Pass = tuple[Samples, augment.Soft]
"""The training windows of one epoch in random order, and the shares of their labels."""

AVERAGED_SHARE = 0.25
"""Weights are averaged over this last part of the floating-point epochs (arXiv 1803.05407)."""


@dataclass(frozen=True)
class Material:
    """What a network is fitted to.

    Attributes:
        train: recordings that train.
        validation: recordings of other subjects, which only watch.
    """

    train: Sequence[Recording]
    validation: Sequence[Recording]
    labels: tuple[str, ...]
    channels: tuple[Channel, ...]
    window: int
    hop: int


@dataclass
class History:
    """The training curves: one value an epoch, floating point first.

    Attributes:
        float_epochs: how many of the epochs were in floating point.
    """

    float_epochs: int
    loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)

    def last(self) -> dict[str, float]:
        """Return the values of the last epoch, as facts for ``Progress``."""
        return {"loss": self.loss[-1], "validation accuracy": self.validation_accuracy[-1]}


def fit(
    model: tf_keras.Model, material: Material, epochs: int, seed: int, progress: Progress
) -> tuple[tf_keras.Model, History]:
    """Train a network and return its quantisation-aware form, and the curves.

    Args:
        model: untrained, from ``trainer.models.build``.
        material: recordings and how the model sees them.
        epochs: passes over the training windows in floating point; quantisation-aware training
            adds ``AWARE_SHARE`` to them.
        seed: of the augmentation and the order.
        progress: hears of every epoch.
    """
    last_epochs = aware_epochs(epochs)
    history = History(epochs)
    average = _Average()
    first_averaged = epochs - max(1, round(AVERAGED_SHARE * epochs))
    with closing(_passes(material, epochs + last_epochs, seed)) as passes:
        progress("train", 0, epochs, {})
        for epoch in _epochs(model, material, passes, epochs, LEARNING_RATE, history):
            if epoch > first_averaged:
                average.add(model)
            progress("train", epoch, epochs, history.last())
        model.set_weights(average.weights)
        aware = quantization_aware(model, representative(material))
        progress("train int8", 0, last_epochs, {})
        for epoch in _epochs(aware, material, passes, last_epochs, AWARE_LEARNING_RATE, history):
            progress("train int8", epoch, last_epochs, history.last())
    return aware, history


def aware_epochs(epochs: int) -> int:
    """Return the epochs of quantisation-aware training that follow ``epochs`` in floating point."""
    return max(1, round(AWARE_SHARE * epochs))


def representative(material: Material) -> Samples:
    """Return training windows as they are, int8 [windows, window, channels], to set ranges by."""
    cut = windows.cut(material.train, material.labels, material.window, material.window)
    every = max(1, len(cut.counts) // REPRESENTATIVE_WINDOWS)
    return _quantize(cut.counts[::every], material.channels)


def validation_accuracy(model: tf_keras.Model, material: Material) -> float:
    """Return the share of validation windows that a network names right."""
    cut = windows.cut(material.validation, material.labels, material.window, material.hop)
    real = to_real(_quantize(cut.counts, material.channels))
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
    material: Material,
    passes: Iterator[Pass],
    epochs: int,
    learning_rate: float,
    history: History,
) -> Iterator[int]:
    """Train for some epochs under a falling learning rate, and yield the number done."""
    model.compile(
        optimizer=tf_keras.optimizers.Adam(),
        loss=tf_keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    for epoch in range(epochs):
        model.optimizer.learning_rate.assign(learning_rate * _decay(epoch / epochs))
        samples, targets = next(passes)
        result = model.fit(to_real(samples), targets, batch_size=BATCH, shuffle=False, verbose=0)
        history.loss.append(float(result.history["loss"][0]))
        history.validation_accuracy.append(validation_accuracy(model, material))
        yield epoch + 1


def _passes(material: Material, number: int, seed: int) -> Generator[Pass, None, None]:
    """Yield fresh training windows again and again; the next come while the last ones train."""
    rng = np.random.default_rng(seed)
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_training_windows, material, rng)
        for left in reversed(range(number)):
            ready = coming.result()
            if left:
                coming = ahead.submit(_training_windows, material, rng)
            yield ready


def _training_windows(material: Material, rng: np.random.Generator) -> Pass:
    """Return fresh training windows in random order: int8 samples and the shares of the labels.

    Every epoch cuts the recordings at other places.
    """
    spare = [max(0, len(r.counts) - material.window) for r in material.train]
    offsets = [int(rng.integers(0, min(material.hop, most + 1))) for most in spare]
    cut = windows.cut(material.train, material.labels, material.window, material.hop, offsets)
    order = rng.permutation(len(cut.counts))
    counts = augment.rotate(cut.counts[order], ROTATION_DEGREES, rng)
    counts = augment.scale(counts, SCALE_SPREAD, rng)
    targets = np.eye(len(material.labels), dtype=np.float32)[cut.labels[order]]
    counts, targets = augment.mixup(counts, targets, MIXUP_ALPHA, rng)
    return _quantize(counts, material.channels), targets


def _quantize(counts: Counts, channels: tuple[Channel, ...]) -> Samples:
    """Return int8 [windows, window, channels] of int16 [windows, window, 6]."""
    number, window, axes = counts.shape
    return quantize(counts.reshape(-1, axes), channels).reshape(number, window, len(channels))


def _decay(progress: float) -> float:
    """Return the cosine schedule's factor (arXiv 1608.03983): 1 at the start, 0 at the end."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))
