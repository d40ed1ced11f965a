"""Prints what models reach on held-out people, as a Markdown table.

    python benchmarks/accuracy.py uci-har [--arch cnn] [--sizes tiny,small,base] [--seeds 5]
    python benchmarks/accuracy.py uci-har-loso
    python benchmarks/accuracy.py wisdm wisdm-six gestures across

A row is one data set, split and model, over all seeds. The bundle of the first seed stays in
``--out``, with its report. All figures are of int8 on the kernels of a board. The data sets lie in
the folder that HARMCU_DATA names.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trainer import bundle, checkpoint, datasets, evaluate, evaluator, interval, pipeline
from trainer.pipeline import TrainRequest
from trainer.reading.options import Options

DATA = Path(os.environ.get("HARMCU_DATA", Path(__file__).parents[2] / "shared" / "datasets"))
UCI_HAR = DATA / "uci-har" / "UCI_HAR_Dataset.tar.xz"
HAPT = DATA / "hapt" / "HAPT_Data_Set.tar.xz"
WISDM = DATA / "wisdm2019-watch" / "wisdm2019_watch_subjects_1600-1615.tar.xz"

# The activities of the whole body: those of WISDM v1.1, stairs as one, and kicking.
WISDM_SIX = ("walking", "jogging", "stairs", "sitting", "standing", "kicking")
HAPT_SIX = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")
GESTURES = ("lindholdt-gestures", "ilkabret-gestures", "polanco-magic-wand")
LSM9DS1 = Options(rate_millihertz=119_000)

# What other data sets call the activities that HAPT has too.
WALK_SIT_STAND = {"walking": "WALKING", "sitting": "SITTING", "standing": "STANDING"}

COLUMNS = (
    "data set", "split", "model", "mean", "worst seed", "worst subject", "95 % over subjects",
    "macro F1", "int8 - float", "ECE", "bytes", "digest", "minutes",
)  # fmt: skip


def requests(name: str) -> Iterator[TrainRequest]:
    """Yield what a benchmark trains, without size, seeds and folder."""
    nowhere = Path()
    if name == "uci-har":
        yield TrainRequest("uci-har", nowhere, UCI_HAR)
    elif name == "uci-har-loso":
        yield TrainRequest("uci-har", nowhere, UCI_HAR, folds="loso")
    elif name == "wisdm":
        yield TrainRequest("wisdm", nowhere, WISDM, folds=4)
    elif name == "wisdm-six":
        yield TrainRequest("wisdm", nowhere, WISDM, folds=4, labels=WISDM_SIX)
    elif name == "gestures":
        for gestures in GESTURES:
            data = DATA / "nano33" / gestures
            yield TrainRequest("csv", nowhere, data, folds=5, options=LSM9DS1)
    else:
        yield TrainRequest("hapt", nowhere, HAPT, labels=HAPT_SIX)


NAMES = ("uci-har", "uci-har-loso", "wisdm", "wisdm-six", "gestures", "across")


def main() -> None:
    """Train, test and print a row at a time."""
    given = _arguments()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + " --- |" * len(COLUMNS))
    for name in given.benchmark:
        for request in requests(name):
            for size in given.sizes.split(","):
                _measure(name, replace(request, size=size), given)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmark", nargs="+", choices=NAMES)
    parser.add_argument("--arch", default="cnn")
    parser.add_argument("--sizes", default="tiny,small,base", help="separated by commas")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="the first of them")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--resume", action="store_true", help="go on with what was interrupted")
    parser.add_argument("--out", type=Path, default=Path("benchmarks-out"))
    return parser.parse_args()


def _measure(name: str, request: TrainRequest, given: argparse.Namespace) -> None:
    source = request.data.name if name == "gestures" and request.data else name
    out = given.out / f"{source}-{given.arch}-{request.size}"
    start = time.monotonic()
    trained = pipeline.train(
        replace(
            request,
            out=out,
            resume=given.resume and checkpoint.folder(out).is_dir(),
            architecture=given.arch,
            seed=given.seed,
            seeds=given.seeds,
            epochs=given.epochs,
        )
    )
    minutes = (time.monotonic() - start) / 60
    metrics = trained.metrics
    # With one seed and no folds, nothing was repeated.
    repeats = metrics.get("repeats") or _once(metrics)
    _row(source, trained, repeats, metrics["calibration"]["error"], minutes)
    if name == "across":
        for other, figures in _elsewhere(trained):
            _row(f"hapt -> {other}", trained, _once(figures), figures["calibration"]["error"], 0.0)


def _once(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of one model in the form of ``repeats``."""
    return {
        "folds": 1,
        "seeds": [0],
        "accuracy": {"mean": metrics["accuracy"], "worst": metrics["accuracy"]},
        "float_accuracy": (
            # Of the largest scores, as that of floating point; thresholds come after them.
            {"mean": metrics["accuracy"] - metrics["quantization"]["int8_minus_float"]}
            if "quantization" in metrics
            else None
        ),
        "macro_f1": {"mean": metrics["macro_f1"]},
        "subjects": metrics["over_subjects"],
    }


def _row(
    source: str, trained: bundle.Bundle, repeats: Mapping[str, Any], ece: float, minutes: float
) -> None:
    provenance = trained.spec.provenance
    subjects, accuracy = repeats["subjects"], repeats["accuracy"]
    floating = repeats.get("float_accuracy")
    folds = f"{repeats['folds']} folds" if repeats["folds"] > 1 else provenance.split.name
    reach = subjects["interval"]
    cells = (
        source,
        f"{folds}, {subjects['count']} {subjects['unit']}s, {len(repeats['seeds'])} seeds",
        f"{provenance.architecture} {provenance.size}",
        f"{accuracy['mean']:.2%}",
        f"{accuracy['worst']:.2%}",
        f"{subjects['worst']['accuracy']:.1%} ({subjects['worst']['subject']})",
        f"{reach['low']:.1%} to {reach['high']:.1%}" if reach else "",
        f"{repeats['macro_f1']['mean']:.4f}",
        f"{100 * (accuracy['mean'] - floating['mean']):+.2f}" if floating else "",
        f"{ece:.3f}",
        f"{len(trained.model):,}",
        provenance.model_sha256[:12],
        f"{minutes:.1f}",
    )
    print("| " + " | ".join(cells) + " |", flush=True)


def _elsewhere(trained: bundle.Bundle) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a model makes of activities that other people recorded, worn elsewhere."""
    engine = evaluator.load(trained.model)
    sources = {
        "wisdm, watch on the wrist": datasets.load("wisdm", WISDM),
        "thapliyal, place not stated": datasets.load(
            "csv",
            DATA / "nano33" / "thapliyal-activity",
            Options(names="{label}_{part}"),
        ),
    }
    for name, dataset in sources.items():
        common = [
            replace(r, label=WALK_SIT_STAND[r.label.lower()])
            for r in dataset.recordings
            if r.label.lower() in WALK_SIT_STAND
        ]
        decided = evaluate.decide(trained.spec, engine, common)
        labels = len(np.unique(decided.truth))
        for said in (decided.likeliest, decided.said):
            figures = evaluate.figures(replace(decided, said=said), trained.spec.labels)
            yield (
                f"{name}, {labels} labels, {'thresholds' if said is decided.said else 'largest'}",
                figures
                | {
                    "over_subjects": interval.over_subjects(figures["per_subject"], dataset.unit),
                    "calibration": evaluate.calibration(decided, trained.spec.output),
                },
            )


if __name__ == "__main__":
    main()
