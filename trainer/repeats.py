"""What several trainings say together: other seeds, and other people held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer import interval
from trainer.recording import Unit
from trainer.splits import natural_order


@dataclass(frozen=True)
class Run:
    """One training of several.

    Attributes:
        seed: of the training.
        fold: its number, from 1.
        split: its name, for people.
        figures: ``trainer.evaluate.figures`` of its test part.
        float_accuracy: of the network before it became int8, on the same windows; None for a
            model that is integer by nature.
        model_bytes: size of the .tflite file.
        model_sha256: its digest.
    """

    seed: int
    fold: int
    split: str
    figures: Mapping[str, Any]
    float_accuracy: float | None
    model_bytes: int
    model_sha256: str


def summary(runs: Sequence[Run], unit: Unit) -> dict[str, Any]:
    """Return ``repeats`` of ``metrics.json``.

    The folds of one seed are one measurement: their windows are counted together. A subject's
    accuracy is its mean over the seeds.

    Args:
        runs: at least one; every seed with the same folds.
        unit: what the subjects are.

    Returns:
        ``runs`` (seed, fold, test subjects, accuracy, ...), ``by_seed`` (accuracy of all its
        windows, floating-point accuracy, macro F1 as the mean over its folds), ``accuracy``,
        ``float_accuracy`` and ``macro_f1`` (mean, worst and spread over the seeds), and
        ``subjects``, as ``trainer.interval.over_subjects`` gives them. ``float_accuracy`` is left
        out where the models are integer by nature.
    """
    seeds = sorted({run.seed for run in runs})
    by_seed = [_of_seed([run for run in runs if run.seed == seed]) for seed in seeds]
    accuracies: dict[str, list[float]] = {}
    for run in runs:
        for subject, accuracy in run.figures["per_subject"].items():
            accuracies.setdefault(subject, []).append(accuracy)
    of_subject = {s: float(np.mean(accuracies[s])) for s in sorted(accuracies, key=natural_order)}
    return {
        "seeds": seeds,
        "folds": max(run.fold for run in runs),
        "runs": [_document(run) for run in runs],
        "by_seed": by_seed,
        **{
            name: _over_seeds([each[name] for each in by_seed])
            for name in ("accuracy", "float_accuracy", "macro_f1")
            if name in by_seed[0]
        },
        "subjects": {"per_subject": of_subject, **interval.over_subjects(of_subject, unit)},
    }


def _document(run: Run) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "fold": run.fold,
        "split": run.split,
        "test": list(run.figures["per_subject"]),
        "windows": run.figures["windows"],
        "accuracy": run.figures["accuracy"],
        "macro_f1": run.figures["macro_f1"],
        "float_accuracy": run.float_accuracy,
        "model_bytes": run.model_bytes,
        "model_sha256": run.model_sha256,
    }


def _of_seed(runs: Sequence[Run]) -> dict[str, float]:
    windows = np.array([run.figures["windows"] for run in runs])
    shares = windows / windows.sum()
    found = {
        "seed": runs[0].seed,
        "accuracy": float(shares @ [run.figures["accuracy"] for run in runs]),
        "macro_f1": float(np.mean([run.figures["macro_f1"] for run in runs])),
    }
    in_float = [run.float_accuracy for run in runs if run.float_accuracy is not None]
    if in_float:
        found["float_accuracy"] = float(shares @ in_float)
    return found


def _over_seeds(values: Sequence[float]) -> dict[str, float]:
    return {
        "mean": float(np.mean(values)),
        "worst": float(min(values)),
        # Of a sample: with one seed there is no spread to know of.
        "standard_deviation": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
    }
