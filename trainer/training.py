"""What goes into the training of a model and what comes out, whatever its architecture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.recording import Recording
from trainer.sample_path import Samples
from trainer.spec import Channel


@dataclass(frozen=True)
class Shape:
    """What a model has to fit: samples and channels of a window, labels, and the hop in samples."""

    window: int
    hop: int
    channels: int
    labels: int


@dataclass(frozen=True)
class Material:
    """What a model is fitted to.

    Attributes:
        train: recordings that train.
        validation: recordings of other subjects, which only watch.
        checkpoint: file that keeps what is trained so far, and to go on from if it is there; None:
            nothing is kept.
        other: stretches of the training subjects, each as long as a window at least, that are none
            of the labels; empty where the data have no such.
    """

    train: Sequence[Recording]
    validation: Sequence[Recording]
    labels: tuple[str, ...]
    channels: tuple[Channel, ...]
    window: int
    hop: int
    checkpoint: Path | None = None
    other: Sequence[Recording] = ()

    @property
    def shape(self) -> Shape:
        """What a model of this material has to fit."""
        return Shape(self.window, self.hop, len(self.channels), len(self.labels))


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: passes over the training windows in floating point, unless the user says otherwise.
        batch: windows a step.
        learning_rate: of Adam, at the start; a cosine takes it to 0.
        aware_learning_rate: the same for quantisation-aware training; None: the network is
            quantised after training, by the ranges that representative windows show.
        label_smoothing: the share of every target that is spread over all labels.
        rotation_degrees: standard deviation of random rotations.
        scale_spread: standard deviation of random factors around 1.
        mixup_alpha: of ``augment.mixup``.
    """

    epochs: int
    batch: int
    learning_rate: float
    aware_learning_rate: float | None
    label_smoothing: float
    rotation_degrees: float
    scale_spread: float
    mixup_alpha: float


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


@dataclass(frozen=True)
class Trained:
    """A model and how it came to be.

    Attributes:
        model: the content of the model's file.
        parameters: numbers that training chose.
        history: the training curves; without an epoch where none was run.
        float_accuracy: share of validation windows that were named right before any rounding;
            None for a model that is integer by nature.
        float_scores: int8 [windows, window, channels] to the scores before any rounding, float32
            [windows, labels]; None likewise.
    """

    model: bytes
    parameters: int
    history: History
    float_accuracy: float | None
    float_scores: Callable[[Samples], npt.NDArray[np.float32]] | None
