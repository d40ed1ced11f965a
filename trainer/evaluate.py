"""What a model is worth: figures over held-out windows, from decisions alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.golden import Engine, run
from trainer.recording import Recording, six_axes
from trainer.sample_path import Samples, windows
from trainer.spec import Channel, Quantization, Spec
from trainer.splits import natural_order

Indices = npt.NDArray[np.int64]

BINS = 15
"""Bins of the calibration error, as in its source."""


@dataclass(frozen=True)
class Decisions:
    """What a model said about windows, and what was true.

    Attributes:
        truth: int64 [windows], label indices.
        said: int64 [windows], label indices or ``sample_path.UNKNOWN``.
        subjects: str [windows].
        scores: int8 [windows, labels], as the engine gave them.
        samples: int8 [windows, window, channels], what the engine saw.
        recordings: int64 [windows], which of the recordings each window is from, from 0.
    """

    truth: Indices
    said: Indices
    subjects: npt.NDArray[np.str_]
    scores: Samples
    samples: Samples
    recordings: Indices

    @property
    def likeliest(self) -> Indices:
        """Return the label of the largest score, whatever the decision made of it."""
        return np.asarray(np.argmax(self.scores, axis=1), np.int64)


def check_axes(channels: Sequence[Channel], recording: Recording) -> None:
    """Check that a recording has what a model reads.

    Raises:
        HarmcuError: it lacks an axis; zeros in its place would be another movement.
    """
    lacks = [channel.axis for channel in channels if channel.axis not in recording.axes]
    if lacks:
        raise HarmcuError(
            f"{recording.source} has no {', '.join(lacks)}, which the model reads; take recordings "
            "of the same sensors"
        )


def decide(spec: Spec, engine: Engine, recordings: Sequence[Recording]) -> Decisions:
    """Run recordings through the whole integer path, each as a stream of its own.

    Args:
        spec: the model's.
        engine: the model, int8 windows to int8 scores.
        recordings: their labels must be the spec's.

    Raises:
        HarmcuError: a label is not the model's, or no recording is as long as a window.
    """
    traces = []
    for recording in recordings:
        if recording.label not in spec.labels:
            raise HarmcuError(
                f"{recording.source} is labelled {recording.label!r}, which the model does not "
                f"know; evaluate on {', '.join(map(repr, spec.labels))}"
            )
        check_axes(spec.channels, recording)
        counts = six_axes(recording)
        traces.append(run(spec, engine, counts, recording.rate_millihertz, recording.label))
    number = [len(trace.decisions) for trace in traces]
    if not sum(number):
        raise HarmcuError(
            f"none of {len(recordings)} recordings is as long as the model's window of "
            f"{spec.window} samples; give longer ones"
        )
    return Decisions(
        truth=np.repeat(np.array([trace.truth for trace in traces], np.int64), number),
        said=np.concatenate([trace.decisions for trace in traces]),
        subjects=np.repeat(np.array([r.subject for r in recordings], np.str_), number),
        scores=np.concatenate([trace.scores for trace in traces]),
        samples=np.concatenate([windows(t.samples, spec.window, spec.hop) for t in traces]),
        recordings=np.repeat(np.arange(len(recordings)), number),
    )


def figures(decisions: Decisions, labels: Sequence[str]) -> dict[str, Any]:
    """Return the figures of ``metrics.json``.

    Args:
        decisions: of at least one window.
        labels: the classes, in the order of the indices.

    Returns:
        ``windows``, ``accuracy``, ``macro_f1`` over the labels that occur, ``per_class`` (label to
        precision, recall, f1, support), ``per_subject`` (subject to accuracy) and ``confusion``
        (rows: truth; columns: what was said, last of all "unknown"). A precision, recall or F1
        with nothing to divide by is 0, as in scikit-learn.
    """
    confusion = confusion_matrix(decisions, len(labels))
    right = np.diag(confusion[:, : len(labels)])
    support, said = confusion.sum(axis=1), confusion.sum(axis=0)[: len(labels)]
    recall, precision = _ratio(right, support), _ratio(right, said)
    f1 = _ratio(2 * right, support + said)
    return {
        "windows": len(decisions.truth),
        "accuracy": float(np.mean(decisions.truth == decisions.said)),
        "macro_f1": float(f1[support + said > 0].mean()),
        "per_class": {
            label: {
                "precision": float(precision[index]),
                "recall": float(recall[index]),
                "f1": float(f1[index]),
                "support": int(support[index]),
            }
            for index, label in enumerate(labels)
        },
        "per_subject": {
            subject: float(np.mean((decisions.truth == decisions.said)[chosen]))
            for subject in sorted(set(decisions.subjects.tolist()), key=natural_order)
            for chosen in [decisions.subjects == subject]
        },
        "confusion": confusion.tolist(),
    }


def calibration(decisions: Decisions, output: Quantization) -> dict[str, Any]:
    """Return how far scores are from the share of windows that are right at such a score.

    The expected calibration error of Guo et al., "On Calibration of Modern Neural Networks", arXiv
    1706.04599, equation 3: over equal bins of the largest score, the mean of |accuracy -
    confidence|, weighted by windows.

    Returns:
        ``error`` and ``bins`` (low, high, windows, confidence, accuracy), empty bins left out.
    """
    largest = decisions.scores.max(axis=1).astype(np.float64)
    confidence = (largest - output.zero_point) * output.scale
    right = decisions.likeliest == decisions.truth
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    bins = [
        {
            "low": number / BINS,
            "high": (number + 1) / BINS,
            "windows": int(chosen.sum()),
            "confidence": float(confidence[chosen].mean()),
            "accuracy": float(right[chosen].mean()),
        }
        for number in range(BINS)
        for chosen in [place == number]
        if chosen.any()
    ]
    gaps = [each["windows"] * abs(each["accuracy"] - each["confidence"]) for each in bins]
    return {"error": sum(gaps) / len(right), "bins": bins}


def quantization(decisions: Decisions, float_scores: npt.NDArray[np.float32]) -> dict[str, float]:
    """Return the accuracy of the largest score: of int8, of floating point, and their difference.

    Args:
        decisions: of int8.
        float_scores: float32 [windows, labels], of the network before it became int8.
    """
    of_int8 = float(np.mean(decisions.likeliest == decisions.truth))
    of_float = float(np.mean(float_scores.argmax(axis=1) == decisions.truth))
    return {
        "float_accuracy": of_float,
        "int8_accuracy": of_int8,
        "int8_minus_float": of_int8 - of_float,
    }


def difference(decisions: Decisions, scores: Samples) -> dict[str, float | int]:
    """Return how far other kernels are from those that evaluated.

    Args:
        decisions: of the kernels that evaluated.
        scores: int8 [windows, labels] of the other kernels.

    Returns:
        the shares of windows with any other score and with another largest score, and the largest
        difference in steps of int8.
    """
    steps = np.abs(scores.astype(np.int64) - decisions.scores)
    return {
        "scores_differ": float(np.mean(steps.any(axis=1))),
        "largest_differ": float(np.mean(scores.argmax(axis=1) != decisions.likeliest)),
        "most_steps": int(steps.max()),
    }


def confusion_matrix(decisions: Decisions, labels: int) -> Indices:
    """Return int64 [labels, labels + 1]: windows by truth and by what was said, last: unknown."""
    matrix = np.zeros((labels, labels + 1), np.int64)
    # UNKNOWN is -1, which NumPy reads as the last column.
    np.add.at(matrix, (decisions.truth, decisions.said), 1)
    return matrix


def _ratio(part: Indices, whole: Indices) -> npt.NDArray[np.float64]:
    return part / np.maximum(whole, 1)
