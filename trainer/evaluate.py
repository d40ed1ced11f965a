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
from trainer.spec import Spec
from trainer.splits import natural_order

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Decisions:
    """What a model said about windows, and what was true.

    Attributes:
        truth: int64 [windows], label indices.
        said: int64 [windows], label indices or ``sample_path.UNKNOWN``.
        subjects: str [windows].
    """

    truth: Indices
    said: Indices
    subjects: npt.NDArray[np.str_]


def decide(spec: Spec, engine: Engine, recordings: Sequence[Recording]) -> Decisions:
    """Run recordings through the whole integer path, each as a stream of its own.

    Args:
        spec: the model's.
        engine: the model, int8 windows to int8 scores.
        recordings: their labels must be the spec's.

    Raises:
        HarmcuError: a label is not the model's, or no recording is as long as a window.
    """
    truth: list[int] = []
    said: list[Indices] = [np.empty(0, np.int64)]
    subjects: list[str] = []
    for recording in recordings:
        if recording.label not in spec.labels:
            raise HarmcuError(
                f"{recording.source} is labelled {recording.label!r}, which the model does not "
                f"know; evaluate on {', '.join(map(repr, spec.labels))}"
            )
        trace = run(spec, engine, six_axes(recording), recording.rate_millihertz)
        said.append(trace.decisions)
        truth += [spec.labels.index(recording.label)] * len(trace.decisions)
        subjects += [recording.subject] * len(trace.decisions)
    if not truth:
        raise HarmcuError(
            f"none of {len(recordings)} recordings is as long as the model's window of "
            f"{spec.window} samples; give longer ones"
        )
    return Decisions(np.array(truth, np.int64), np.concatenate(said), np.array(subjects, np.str_))


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


def confusion_matrix(decisions: Decisions, labels: int) -> Indices:
    """Return int64 [labels, labels + 1]: windows by truth and by what was said, last: unknown."""
    matrix = np.zeros((labels, labels + 1), np.int64)
    # UNKNOWN is -1, which NumPy reads as the last column.
    np.add.at(matrix, (decisions.truth, decisions.said), 1)
    return matrix


def _ratio(part: Indices, whole: Indices) -> npt.NDArray[np.float64]:
    return part / np.maximum(whole, 1)
