"""The training loop of networks: augment, quantise, fit; in floating point, then aware of int8."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import tf_keras

from trainer import augment, backend, checkpoint, temperature, windows
from trainer.errors import HarmcuError
from trainer.progress import Progress
from trainer.quantize import convert, post_training, quantization_aware, to_real
from trainer.recording import Recording
from trainer.sample_path import Samples
from trainer.training import History, Material, Recipe, Trained

AWARE_SHARE = 0.2
"""Epochs of quantisation-aware training, as a share of those in floating point."""

REPRESENTATIVE_WINDOWS = 256

OTHER_SHARE = 0.5
"""Windows of other movement, of which no label is likelier than another, for each window that has
one, at most (outlier exposure, arXiv 1812.04606)."""

STEPS_PER_EXECUTION = 128
"""Batches that TensorFlow trains before Python is asked again, and can hear of Ctrl-C; it changes
no result."""

AVERAGED_SHARE = 0.25
"""Weights are averaged over this last part of the floating-point epochs (arXiv 1803.05407)."""

Weights = list[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Pass:
    """What one epoch trains on.

    Attributes:
        samples: int8 [windows, window, channels], in random order.
        targets: the shares of their labels.
        layer_seed: of what layers draw at random.
    """

    samples: Samples
    targets: augment.Soft
    layer_seed: int


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

    Raises:
        KeyboardInterrupt: before the first epoch has ended.
        HarmcuError: the training diverges; a checkpoint is damaged, or cannot be written.
    """
    chosen = recipe.epochs if epochs is None else epochs
    ready, history = fit(model, recipe, material, chosen, seed, progress)
    progress("convert", 0, 1, {})
    if not material.other:
        # Thresholds against other movement need the upper end of the scores less crowded.
        temperature.fold(ready, _temperature(ready, material))
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

    Every epoch draws from a generator of its own, made of ``seed`` and its number: a training that
    goes on from a checkpoint ends with the same weights as one that was never interrupted. Ctrl-C
    ends the training; the weights of the epoch that was best on validation subjects are kept.

    Raises:
        KeyboardInterrupt: before the first epoch has ended.
        HarmcuError: the training diverges; a checkpoint is damaged, or cannot be written.
    """
    run = _Run(recipe, material, seed, History(epochs), progress)
    saved = checkpoint.load(material.checkpoint) if material.checkpoint else None
    first_averaged = epochs - max(1, round(AVERAGED_SHARE * epochs))
    if saved is None or saved["phase"] == "train":
        try:
            run.phase("train", model, epochs, recipe.learning_rate, first_averaged, saved)
            model.set_weights(run.average.weights)
        except KeyboardInterrupt:
            run.keep_best(model)
        saved = None
    else:
        model.set_weights(_listed(saved, "float"))
    if recipe.aware_learning_rate is None:
        return post_training(model), run.history
    aware = quantization_aware(model, representative(material))
    if run.history.kept_epoch is not None:
        return aware, run.history
    run.floating = model.get_weights()
    last = aware_epochs(epochs)
    try:
        run.phase("train int8", aware, last, recipe.aware_learning_rate, last, saved)
    except KeyboardInterrupt:
        run.keep_best(aware)
    return aware, run.history


def aware_epochs(epochs: int) -> int:
    """Return the epochs of quantisation-aware training that follow ``epochs`` in floating point."""
    return max(1, round(AWARE_SHARE * epochs))


def representative(material: Material) -> Samples:
    """Return training windows as they are, int8 [windows, window, channels], to set ranges by."""
    cut = windows.cut(material.train, material.labels, material.window, material.window)
    every = max(1, len(cut.counts) // REPRESENTATIVE_WINDOWS)
    return windows.quantized(cut.counts[::every], material.channels)


def _temperature(model: tf_keras.Model, material: Material) -> float:
    cut = windows.cut(material.validation, material.labels, material.window, material.hop)
    real = to_real(windows.quantized(cut.counts, material.channels))
    return temperature.fitted(model.predict(real, batch_size=1024, verbose=0), cut.labels)


def validation_accuracy(model: tf_keras.Model, material: Material) -> float:
    """Return the share of validation windows that a network names right."""
    cut = windows.cut(material.validation, material.labels, material.window, material.hop)
    real = to_real(windows.quantized(cut.counts, material.channels))
    said = model.predict(real, batch_size=1024, verbose=0).argmax(axis=1)
    return float(np.mean(said == cut.labels))


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

    recipe: Recipe
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
        model.compile(
            optimizer=tf_keras.optimizers.Adam(),
            loss=tf_keras.losses.CategoricalCrossentropy(
                label_smoothing=self.recipe.label_smoothing
            ),
            steps_per_execution=STEPS_PER_EXECUTION,
        )
        # Otherwise the first batch makes the optimiser's variables, and TensorFlow traces it twice.
        model.optimizer.build(model.trainable_variables)
        self.best, self.best_epoch, done = [], 0, 0
        if saved is not None:
            done = self._restore(model, saved)
        self.progress(name, done, epochs, {})
        with closing(self._passes(epochs - done)) as passes:
            for epoch, ready in enumerate(passes, start=done):
                self._epoch(model, ready, learning_rate * _decay(epoch / epochs))
                if epoch >= first_averaged:
                    self.average.add(model)
                self._save(name, epoch + 1, model)
                self.progress(name, epoch + 1, epochs, self.history.last())

    def _passes(self, number: int) -> Generator[Pass, None, None]:
        """Yield what the next epochs train on; each is made while the one before it trains."""
        first = len(self.history.loss)
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(_pass, self.recipe, self.material, self.seed, first)
            for epoch in range(first, first + number):
                ready = coming.result()
                if epoch + 1 < first + number:
                    coming = ahead.submit(_pass, self.recipe, self.material, self.seed, epoch + 1)
                yield ready

    def _epoch(self, model: tf_keras.Model, ready: Pass, learning_rate: float) -> None:
        backend.seed_layers(model, ready.layer_seed)
        model.optimizer.learning_rate.assign(learning_rate)
        result = model.fit(
            to_real(ready.samples),
            ready.targets,
            batch_size=self.recipe.batch,
            shuffle=False,
            verbose=0,
        )
        loss, accuracy = self.history.loss, self.history.validation_accuracy
        loss.append(_finite(float(result.history["loss"][0]), len(loss) + 1))
        accuracy.append(validation_accuracy(model, self.material))
        if not self.best_epoch or accuracy[-1] > accuracy[self.best_epoch - 1]:
            self.best, self.best_epoch = model.get_weights(), len(loss)

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
        values = _listed(saved, "optimizer")
        for variable, value in zip(model.optimizer.variables, values, strict=True):
            variable.assign(value)
        self.history.loss = saved["loss"].tolist()
        self.history.validation_accuracy = saved["validation_accuracy"].tolist()
        self.average = _Average(_listed(saved, "average"), int(saved["averaged"]))
        self.best, self.best_epoch = _listed(saved, "best"), int(saved["best_epoch"])
        return int(saved["epochs"])


def _finite(loss: float, epoch: int) -> float:
    if not math.isfinite(loss):
        raise HarmcuError(
            f"the loss of epoch {epoch} is no finite number: the training has diverged; look for "
            "constant or clipped recordings with `harmcu data inspect`, or try another --seed, "
            "--size or --arch"
        )
    return loss


def _named(name: str, arrays: Weights) -> checkpoint.State:
    return {f"{name}_{place:04d}": array for place, array in enumerate(arrays)}


def _listed(state: checkpoint.State, name: str) -> Weights:
    return [state[key] for key in sorted(state) if re.fullmatch(rf"{name}_\d+", key)]


def _pass(recipe: Recipe, material: Material, seed: int, epoch: int) -> Pass:
    """Make what an epoch trains on; every epoch cuts the recordings at other places.

    Args:
        recipe: how windows are augmented.
        material: the recordings.
        seed: of the training.
        epoch: its number, from 0 over all phases.
    """
    rng = np.random.default_rng([seed, epoch])
    layer_seed = int(rng.integers(2**31))
    cut = _cut(material.train, material.labels, material, rng)
    counts, targets = cut.counts, np.eye(len(material.labels), dtype=np.float32)[cut.labels]
    if material.other:
        other = _cut(material.other, ("",), material, rng).counts
        other = other[rng.permutation(len(other))[: int(OTHER_SHARE * len(counts))]]
        alike = np.full((len(other), len(material.labels)), 1 / len(material.labels), np.float32)
        counts, targets = np.concatenate([counts, other]), np.concatenate([targets, alike])
    order = rng.permutation(len(counts))
    counts = augment.rotate(counts[order], recipe.rotation_degrees, rng)
    counts = augment.scale(counts, recipe.scale_spread, rng)
    counts, targets = augment.mixup(counts, targets[order], recipe.mixup_alpha, rng)
    return Pass(windows.quantized(counts, material.channels), targets, layer_seed)


def _cut(
    recordings: Sequence[Recording],
    labels: tuple[str, ...],
    material: Material,
    rng: np.random.Generator,
) -> windows.Windows:
    spare = [max(0, len(r.counts) - material.window) for r in recordings]
    offsets = [int(rng.integers(0, min(material.hop, most + 1))) for most in spare]
    return windows.cut(recordings, labels, material.window, material.hop, offsets)


def _decay(progress: float) -> float:
    """Return the cosine schedule's factor (arXiv 1608.03983): 1 at the start, 0 at the end."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))
