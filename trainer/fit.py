"""The training loop: augment, quantise, fit; in floating point first, then aware of int8."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tf_keras

from trainer import augment, backend, checkpoint, windows
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

ROTATION_DEGREES = 10.0
SCALE_SPREAD = 0.1
# arXiv 1710.09412 finds 0.1 to 0.4 useful.
MIXUP_ALPHA = 0.2

AWARE_SHARE = 0.2
"""Epochs of quantisation-aware training, as a share of those in floating point."""

REPRESENTATIVE_WINDOWS = 256

AVERAGED_SHARE = 0.25
"""Weights are averaged over this last part of the floating-point epochs (arXiv 1803.05407)."""


@dataclass(frozen=True)
class Material:
    """What a network is fitted to.

    Attributes:
        train: recordings that train.
        validation: recordings of other subjects, which only watch.
        checkpoint: file that keeps what is trained so far, and to go on from if it is there; None:
            nothing is kept.
    """

    train: Sequence[Recording]
    validation: Sequence[Recording]
    labels: tuple[str, ...]
    channels: tuple[Channel, ...]
    window: int
    hop: int
    checkpoint: Path | None = None


@dataclass
class History:
    """The training curves: one value an epoch, floating point first.

    Attributes:
        float_epochs: how many of the epochs were in floating point.
        kept_epoch: the epoch whose weights were kept after an interruption, from 1, or 0 for those
            that quantisation-aware training began with; None when nothing interrupted.
    """

    float_epochs: int
    loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    kept_epoch: int | None = None

    def last(self) -> dict[str, float]:
        """Return the values of the last epoch, as facts for ``Progress``."""
        return {"loss": self.loss[-1], "validation accuracy": self.validation_accuracy[-1]}


def fit(
    model: tf_keras.Model, material: Material, epochs: int, seed: int, progress: Progress
) -> tuple[tf_keras.Model, History]:
    """Train a network and return its quantisation-aware form, and the curves.

    Every epoch draws from generators of its own, made of ``seed`` and its number: a training that
    goes on from a checkpoint ends with the same weights as one that was never interrupted. Ctrl-C
    ends the training; the weights of the epoch that was best on validation subjects are kept.

    Args:
        model: untrained, from ``trainer.models.build``.
        material: recordings and how the model sees them.
        epochs: passes over the training windows in floating point; quantisation-aware training
            adds ``AWARE_SHARE`` to them.
        seed: of the augmentation and the order.
        progress: hears of every epoch.

    Raises:
        KeyboardInterrupt: before the first epoch has ended.
        HarmcuError: a checkpoint is damaged, or cannot be written.
    """
    aware_epochs = max(1, round(AWARE_SHARE * epochs))
    run = _Run(material, seed, History(epochs), progress)
    saved = checkpoint.load(material.checkpoint) if material.checkpoint else None
    first_averaged = epochs - max(1, round(AVERAGED_SHARE * epochs))
    if saved is None or saved["phase"] == "train":
        try:
            run.phase("train", model, epochs, LEARNING_RATE, first_averaged, saved)
        except KeyboardInterrupt:
            run.keep_best(model)
            return quantization_aware(model, representative(material)), run.history
        model.set_weights(run.average.weights)
        saved = None
    else:
        model.set_weights(_listed(saved, "float"))
    run.floating = model.get_weights()
    aware = quantization_aware(model, representative(material))
    try:
        run.phase("train int8", aware, aware_epochs, AWARE_LEARNING_RATE, aware_epochs, saved)
    except KeyboardInterrupt:
        run.keep_best(aware)
    return aware, run.history


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


Weights = list[npt.NDArray[np.float32]]


@dataclass
class _Average:
    """The mean of the weights of several epochs."""

    weights: Weights = field(default_factory=list)
    epochs: int = 0

    def add(self, model: tf_keras.Model) -> None:
        self.epochs += 1
        weights = model.get_weights()
        old = self.weights or weights
        self.weights = [o + (w - o) / self.epochs for o, w in zip(old, weights, strict=True)]


@dataclass
class _Run:
    """A training under way.

    Attributes:
        average: of the last epochs in floating point.
        floating: what the floating-point epochs ended with; empty before.
        best: weights of the epoch of this phase that was best on validation subjects.
        best_epoch: its number, from 1 over all phases; 0: none yet.
    """

    material: Material
    seed: int
    history: History
    progress: Progress
    average: _Average = field(default_factory=_Average)
    floating: Weights = field(default_factory=list)
    best: Weights = field(default_factory=list)
    best_epoch: int = 0

    def phase(
        self,
        name: str,
        model: tf_keras.Model,
        epochs: int,
        learning_rate: float,
        first_averaged: int,
        saved: checkpoint.State | None,
    ) -> None:
        """Train for some epochs, from the beginning or from where a checkpoint ends."""
        _compile(model)
        self.best, self.best_epoch, done = [], 0, 0
        if saved is not None:
            done = self._restore(model, saved)
        self.progress(name, done, epochs, {})
        for epoch in range(done, epochs):
            number = len(self.history.loss)
            rng = np.random.default_rng([self.seed, number])
            backend.seed_layers(model, int(rng.integers(2**31)))
            rate = learning_rate * _decay(epoch / epochs)
            _epoch(model, self.material, rate, rng, self.history)
            if epoch >= first_averaged:
                self.average.add(model)
            accuracy = self.history.validation_accuracy
            if not self.best_epoch or accuracy[-1] > accuracy[self.best_epoch - 1]:
                self.best, self.best_epoch = model.get_weights(), number + 1
            self._save(name, epoch + 1, model)
            self.progress(name, epoch + 1, epochs, self.history.last())

    def keep_best(self, model: tf_keras.Model) -> None:
        """Give a network the best weights of the phase that was interrupted."""
        if not self.best_epoch and not self.floating:
            raise KeyboardInterrupt
        # An interrupted epoch may have left one curve longer than the other.
        del self.history.loss[len(self.history.validation_accuracy) :]
        if self.best:
            model.set_weights(self.best)
        self.history.kept_epoch = self.best_epoch

    def _save(self, phase: str, epochs: int, model: tf_keras.Model) -> None:
        if self.material.checkpoint is None:
            return
        variables = [variable.numpy() for variable in model.optimizer.variables]
        state = {
            "phase": np.array(phase),
            "epochs": np.array(epochs),
            "loss": np.array(self.history.loss),
            "validation_accuracy": np.array(self.history.validation_accuracy),
            "averaged": np.array(self.average.epochs),
            "best_epoch": np.array(self.best_epoch),
            **_named("weights", model.get_weights()),
            **_named("optimizer", variables),
            **_named("average", self.average.weights),
            **_named("float", self.floating),
            **_named("best", self.best),
        }
        checkpoint.save(self.material.checkpoint, state)

    def _restore(self, model: tf_keras.Model, saved: checkpoint.State) -> int:
        model.set_weights(_listed(saved, "weights"))
        model.optimizer.build(model.trainable_variables)
        values = _listed(saved, "optimizer")
        for variable, value in zip(model.optimizer.variables, values, strict=True):
            variable.assign(value)
        self.history.loss = saved["loss"].tolist()
        self.history.validation_accuracy = saved["validation_accuracy"].tolist()
        self.average = _Average(_listed(saved, "average"), int(saved["averaged"]))
        self.best, self.best_epoch = _listed(saved, "best"), int(saved["best_epoch"])
        return int(saved["epochs"])


def _named(name: str, arrays: Weights) -> checkpoint.State:
    return {f"{name}_{place:04d}": array for place, array in enumerate(arrays)}


def _listed(state: checkpoint.State, name: str) -> Weights:
    return [state[key] for key in sorted(state) if re.fullmatch(rf"{name}_\d+", key)]


def _compile(model: tf_keras.Model) -> None:
    model.compile(
        optimizer=tf_keras.optimizers.Adam(),
        loss=tf_keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
    )


def _epoch(
    model: tf_keras.Model,
    material: Material,
    learning_rate: float,
    rng: np.random.Generator,
    history: History,
) -> None:
    model.optimizer.learning_rate.assign(learning_rate)
    samples, targets = _training_windows(material, rng)
    result = model.fit(to_real(samples), targets, batch_size=BATCH, shuffle=False, verbose=0)
    history.loss.append(float(result.history["loss"][0]))
    history.validation_accuracy.append(validation_accuracy(model, material))


def _training_windows(material: Material, rng: np.random.Generator) -> tuple[Samples, augment.Soft]:
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
