"""From a data set to a bundle, and from a bundle to its figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trainer import (
    backend,
    bundle,
    checkpoint,
    content,
    continuous,
    datasets,
    evaluator,
    exhibits,
    golden,
    held_out,
    inspect,
    interval,
    knn,
    labels,
    leaks,
    met,
    models,
    rates,
    repeats,
    report,
    splits,
    thresholds,
    windows,
)
from trainer import evaluate as evaluation
from trainer.errors import HarmcuError, UnknownNameError
from trainer.progress import Progress, silent
from trainer.reading import files
from trainer.reading.options import Options
from trainer.recording import AXES, Dataset, Note, Recording, Unit
from trainer.spec import (
    INPUT,
    MOST_MILLIHERTZ,
    MOST_WINDOW,
    OUTPUT,
    Channel,
    Decision,
    Provenance,
    Spec,
    Split,
    check_labels,
)
from trainer.tflm import is_installed, measure_arena
from trainer.training import Material, Trained

GOLDEN_PER_LABEL = 2
GOLDEN_WINDOWS = 4
"""Windows of every golden excerpt; with ``GOLDEN_PER_LABEL`` they keep golden.npz below 1 MB."""


@dataclass(frozen=True)
class TrainRequest:
    """What to train.

    Attributes:
        dataset: name of the data set.
        out: folder of the bundle.
        data: where the data set lies, for one that no package carries.
        architecture: a module of ``trainer.models``.
        size: one of the architecture's sizes.
        seed: of weights, augmentation and the choice of validation subjects; 0 to 2**32 - 1.
        epochs: passes over the training windows in floating point; None: as many as the
            architecture's recipe says.
        options: what the files of the data set do not say themselves.
        rate_millihertz: the model's rate; None: that of the recordings.
        labels: those to tell apart; empty: all.
        window: samples that a classification sees, at the model's rate; None: the data set's.
        hop: samples between two classifications; None: the data set's.
        folds: also train a model for each of so many folds, or of each subject left out.
        seeds: how many seeds to train, ``seed`` and those after it. The bundle is of ``seed``.
        resume: go on with what an interrupted training has left beside ``out``.
    """

    dataset: str
    out: Path
    data: Path | None = None
    architecture: str = "cnn"
    size: str = "small"
    seed: int = 1
    epochs: int | None = None
    options: Options = field(default_factory=Options)
    rate_millihertz: int | None = None
    labels: tuple[str, ...] = ()
    window: int | None = None
    hop: int | None = None
    folds: int | Literal["loso"] | None = None
    seeds: int = 1
    resume: bool = False


@dataclass(frozen=True)
class _Tested:
    """A model and what it made of its test part."""

    spec: Spec
    trained: Trained
    recordings: tuple[Recording, ...]
    figures: dict[str, Any]
    validation_accuracy: float
    exhibits: exhibits.Exhibits
    met: leaks.Digests

    @property
    def is_interrupted(self) -> bool:
        """Tell whether the training ended before its time."""
        return self.trained.history.kept_epoch is not None


def train(request: TrainRequest, progress: Progress = silent) -> bundle.Bundle:
    """Train a model, evaluate it on held-out subjects and write its bundle.

    The same request on the same machine gives the same model, bit for bit.

    Raises:
        HarmcuError: the request, the data, an installed package or the folder is not usable, or
            the same samples would train and test the model.
    """
    _check(request)
    progress("start TensorFlow", 0, 1, {})
    backend.start(request.seed)
    progress("start TensorFlow", 1, 1, {})
    # Names of sizes come with TensorFlow, but must not wait for the data.
    models.check(request.architecture, request.size)
    loaded = _load(request, progress)
    check_labels(loaded.labels)
    dataset = _divide(loaded)
    if not request.resume:
        # Not before the data are read: a mistyped path must not cost an interrupted training.
        checkpoint.remove(request.out)
    tested = _test(request, dataset, splits.by_subject(dataset, request.seed), progress)
    spec = tested.spec
    metrics = tested.figures | _facts(tested) | {"data_notes": inspect.summary(loaded.notes)}
    is_whole = not tested.is_interrupted
    if is_whole and (request.folds is not None or request.seeds > 1):
        repeated = _repeat(request, loaded, tested, progress)
        is_whole = repeated is not None
        metrics |= {"repeats": repeated} if repeated else {}
    vectors = golden.make(
        spec, evaluator.load(tested.trained.model), _excerpts(tested.recordings, spec)
    )
    page = report.render(spec, metrics, tested.exhibits)
    model = tested.trained.model
    written = bundle.write(request.out, spec, model, metrics, vectors, tested.met, page)
    if is_whole:
        checkpoint.remove(request.out)
    return written


def evaluate(
    trained: bundle.Bundle, dataset: str, path: Path | None = None, options: Options | None = None
) -> dict[str, Any]:
    """Evaluate a bundle's model, on the board's kernels, on people whom it has not met.

    Returns:
        The figures of ``metrics.json`` that are about held-out people, and ``data_notes``.

    Raises:
        HarmcuError: the data cannot be read, have other labels, or hold nobody new.
    """
    found = held_out.load(trained, dataset, path, options)
    spec, engine = trained.spec, evaluator.load(trained.model)
    decisions = evaluation.decide(spec, engine, found.recordings)
    watched = continuous.watch(spec, engine, found.streams)
    figures = _figures(spec, decisions, found.unit, watched)
    return figures | {"data_notes": inspect.summary(found.notes)}


def _check(request: TrainRequest) -> None:
    """Refuse before training what would fail after it."""
    if request.dataset not in datasets.names():
        raise UnknownNameError("data set", request.dataset, datasets.names())
    if request.epochs is not None and request.epochs < 1:
        raise HarmcuError(f"{request.epochs} epochs; train for at least one")
    if not 0 <= request.seed < 2**32:
        raise HarmcuError(f"the seed {request.seed} is out of range; choose 0 to {2**32 - 1}")
    bundle.check_free(request.out)
    models.check_name(request.architecture)
    if request.data is not None:
        files.check_there(request.data)
    checkpoint.check(request.out, request.resume)


def _load(request: TrainRequest, progress: Progress) -> Dataset:
    """Load the recordings that were asked for, at the model's rate, with the window to cut."""
    progress("load data", 0, 1, {})
    dataset = datasets.load(request.dataset, request.data, request.options)
    dataset = rates.at_rate(labels.only(dataset, request.labels), request.rate_millihertz)
    dataset = _without_lacking_axes(dataset)
    progress("load data", 1, 1, {"recordings": len(dataset.recordings)})
    window, hop = request.window or dataset.default_window, request.hop or dataset.default_hop
    chosen = dataclasses.replace(dataset, default_window=window, default_hop=hop)
    if request.window is None and _divide(chosen).unit == "block":
        window = splits.block_window(dataset, window)
        hop = request.hop or window // 4
    _check_shape(windows.common_rate(dataset.recordings), window, hop)
    return dataclasses.replace(dataset, default_window=window, default_hop=hop)


def _without_lacking_axes(dataset: Dataset) -> Dataset:
    """Say which axes the model does without, for some recordings lack them."""
    common = windows.common_axes(dataset.recordings)
    known = {axis for recording in dataset.recordings for axis in recording.axes}
    lost = [axis for axis in AXES if axis in known and axis not in common]
    if not lost:
        return dataset
    what = f"recordings without {', '.join(lost)}: the model does without them, too"
    lacking = [r for r in dataset.recordings if not {*lost} <= {*r.axes}]
    notes = [Note("remark", what, 1, recording.source) for recording in lacking]
    return dataclasses.replace(dataset, notes=(*dataset.notes, *notes))


def _check_shape(rate_millihertz: int, window: int, hop: int) -> None:
    """Refuse before training what no spec may say."""
    if rate_millihertz > MOST_MILLIHERTZ:
        raise HarmcuError(
            f"{rate_millihertz / 1000:g} Hz is more than a model's {MOST_MILLIHERTZ // 1000} Hz at "
            "most; bring the recordings to less with --model-rate"
        )
    if window > MOST_WINDOW:
        raise HarmcuError(
            f"a window of {window:,} samples is longer than {MOST_WINDOW:,}; choose a shorter "
            "--window, or a lower --model-rate"
        )
    if hop > window:
        raise HarmcuError(
            f"hop {hop} is longer than window {window}, and samples between would be lost; choose "
            "a shorter --hop"
        )


def _divide(loaded: Dataset) -> Dataset:
    rate = windows.common_rate(loaded.recordings)
    return splits.divide(loaded, loaded.default_window / rate * 1000)


def _test(request: TrainRequest, dataset: Dataset, split: Split, progress: Progress) -> _Tested:
    """Train a model with ``request.seed`` and let it decide on its test part, once."""
    training, validation, test = (
        splits.of_subjects(dataset.recordings, subjects)
        for subjects in (split.train, split.validation, split.test)
    )
    other = _other_movement(dataset, split.train)
    leaks.check({"training": (*training, *other), "validation": validation, "test": test})
    _check_labels(dataset, "training", training)
    if dataset.unit == "block":
        _check_labels(dataset, "validation", validation)
        _check_labels(dataset, "test", test)
    channels = windows.channel_scaling(training, windows.common_axes(dataset.recordings))
    material = Material(
        training,
        validation,
        dataset.labels,
        channels,
        dataset.default_window,
        dataset.default_hop,
        None,
        other,
    )
    material = dataclasses.replace(material, checkpoint=_checkpoint(request, material, split))
    backend.start(request.seed)
    trained = models.train(
        request.architecture, request.size, material, request.epochs, request.seed, progress
    )
    spec = _spec(request, dataset, split, channels, trained.model)
    progress("evaluate", 0, 1, {})
    engine = evaluator.load(trained.model)
    streams = {
        part: [stream for stream in dataset.streams if stream.subject in subjects]
        for part, subjects in (
            ("training", split.train),
            ("validation", split.validation),
            ("test", split.test),
        )
    }
    choosing = [continuous.watch(spec, engine, streams[p]) for p in ("training", "validation")]
    chosen = thresholds.choose(spec, choosing)
    if chosen is not None:
        spec = dataclasses.replace(spec, decision=chosen)
    decisions = evaluation.decide(spec, engine, test)
    watched = continuous.watch(spec, engine, streams["test"])
    figures = _figures(spec, decisions, dataset.unit, watched)
    if trained.float_scores is not None:
        figures["quantization"] = evaluation.quantization(
            decisions, trained.float_scores(decisions.samples)
        )
    if not knn.is_knn(trained.model):
        figures["desktop"] = evaluation.difference(
            decisions, evaluator.desktop(trained.model)(decisions.samples)
        )
    validated = evaluation.figures(evaluation.decide(spec, engine, validation), spec.labels)
    progress("evaluate", 1, 1, {"accuracy": figures["accuracy"]})
    shown = exhibits.choose(spec, decisions, test, figures["per_subject"], streams["test"], watched)
    known = met.fingerprints((*training, *validation, *other))
    return _Tested(spec, trained, test, figures, validated["accuracy"], shown, known)


def _other_movement(dataset: Dataset, subjects: Sequence[str]) -> tuple[Recording, ...]:
    """Return what some subjects did besides the labels, as far as a window fits into it."""
    rate = windows.common_rate(dataset.recordings)
    streams = [stream for stream in dataset.streams if stream.subject in subjects]
    stretches = (rates.resampled(r, rate) for r in labels.other_movement(streams, dataset.labels))
    return tuple(r for r in stretches if len(r.counts) >= dataset.default_window)


def _checkpoint(request: TrainRequest, material: Material, split: Split) -> Path:
    """Return where a training keeps what it has, under a name of all that decides its result.

    Raises:
        HarmcuError: it should go on, but what was left is of another training.
    """
    path = checkpoint.file(
        request.out,
        {
            "train": content.sha256(material.train),
            "validation": content.sha256(material.validation),
            "other": content.sha256(material.other),
            "labels": material.labels,
            "window": material.window,
            "hop": material.hop,
            "channels": [dataclasses.asdict(channel) for channel in material.channels],
            "split": dataclasses.asdict(split),
            "architecture": request.architecture,
            "settings": models.settings(request.architecture, request.size),
            "seed": request.seed,
            "epochs": request.epochs,
            "versions": backend.versions(),
        },
    )
    if request.resume and not path.is_file():
        raise HarmcuError(
            f"{path.parent}: what was left there is of another training (other options, "
            "recordings, or version of harmcu); give the same command, or leave out --resume"
        )
    return path


def _check_labels(dataset: Dataset, part: str, recordings: Sequence[Recording]) -> None:
    """Refuse a part in which a label is missing."""
    window = dataset.default_window
    there = {r.label for r in recordings if len(r.counts) >= window}
    for label in dataset.labels:
        if label not in there:
            takes = [len(r.counts) for r in dataset.recordings if r.label == label]
            do = f"record 3 takes or more of {_few_takes(dataset) or 'it'}, or longer ones"
            if max(takes) < window:
                do += f", choose --window {max(takes)} or less"
            raise HarmcuError(
                f"the {part} part has no window of {window} samples of {label!r}, of which there "
                f"are {sum(takes):,} in {len(takes)} pieces of {max(takes):,} or fewer; {do}, say "
                "with --take how long takes are, or leave labels out with --labels"
            )


def _few_takes(dataset: Dataset) -> str:
    """Return the labels because of which recordings are cut into blocks, for people."""
    if dataset.unit != "block":
        return ""
    wholes = {(r.label, r.subject.rsplit(": ", 1)[0], r.take) for r in dataset.recordings}
    few = [label for label in dataset.labels if sum(label == each[0] for each in wholes) < 3]
    return " and ".join(map(repr, few))


def _figures(
    spec: Spec,
    decisions: evaluation.Decisions,
    unit: Unit,
    watched: Sequence[continuous.Watched],
) -> dict[str, Any]:
    """Return the part of ``metrics.json`` that is about held-out people."""
    figures = evaluation.figures(decisions, spec.labels)
    figures["over_subjects"] = interval.over_subjects(figures["per_subject"], unit)
    figures["calibration"] = evaluation.calibration(decisions, spec.output)
    if watched:
        figures["continuous"] = continuous.figures(spec, watched)
    return figures


def _repeat(
    request: TrainRequest, loaded: Dataset, tested: _Tested, progress: Progress
) -> dict[str, Any] | None:
    """Train with other seeds and, where asked for, with every fold held out; keep the figures.

    Ctrl-C ends this; half of the folds say nothing, so then there are no figures.
    """
    dataset = _divide(loaded)
    if request.folds is not None:
        # Everybody is tested once, also those whom the publisher holds out.
        dataset = _divide(dataclasses.replace(loaded, official_test_subjects=()))
    plan = [
        (seed, fold, split)
        for seed in range(request.seed, request.seed + request.seeds)
        for fold, split in enumerate(_splits(request, dataset, seed), start=1)
    ]
    runs: list[repeats.Run] = []
    for seed, fold, split in plan:
        again = tested
        if (seed, split) != (request.seed, tested.spec.provenance.split):
            try:
                # The first of several was left; of those after it, perhaps nothing was.
                following = dataclasses.replace(request, seed=seed, resume=False)
                again = _test(following, dataset, split, progress)
            except KeyboardInterrupt:
                return None
        if again.is_interrupted:
            return None
        runs.append(_run(again, seed, fold))
        progress("repeats", len(runs), len(plan), {"accuracy": runs[-1].figures["accuracy"]})
    return repeats.summary(runs, dataset.unit)


def _splits(request: TrainRequest, dataset: Dataset, seed: int) -> list[Split]:
    if request.folds is None:
        return [splits.by_subject(dataset, seed)]
    return splits.folds(dataset, None if request.folds == "loso" else request.folds, seed)


def _run(tested: _Tested, seed: int, fold: int) -> repeats.Run:
    return repeats.Run(
        seed,
        fold,
        tested.spec.provenance.split.name,
        tested.figures,
        tested.figures.get("quantization", {}).get("float_accuracy"),
        len(tested.trained.model),
        tested.spec.provenance.model_sha256,
    )


def _spec(
    request: TrainRequest,
    dataset: Dataset,
    split: Split,
    channels: tuple[Channel, ...],
    model: bytes,
) -> Spec:
    name = f"{dataset.name}_{request.architecture}_{request.size}".replace("-", "_")
    return Spec(
        name=name,
        model_file=bundle.KNN if knn.is_knn(model) else bundle.TFLITE,
        labels=dataset.labels,
        channels=channels,
        rate_millihertz=windows.common_rate(dataset.recordings),
        window=dataset.default_window,
        hop=dataset.default_hop,
        input=INPUT,
        output=OUTPUT,
        # No label is ever refused and every window decides alone: what was evaluated is shown.
        decision=Decision(thresholds=(-128,) * len(dataset.labels), smoothing=1),
        provenance=Provenance(
            model_sha256=bundle.sha256(model),
            dataset=dataset.name,
            dataset_sha256=dataset.sha256,
            split=split,
            architecture=request.architecture,
            size=request.size,
            seed=request.seed,
            versions=backend.versions(),
        ),
    )


def _facts(tested: _Tested) -> dict[str, Any]:
    """Return the part of ``metrics.json`` that is not about held-out windows."""
    trained, split = tested.trained, tested.spec.provenance.split
    return {
        "kernels": evaluator.name(trained.model),
        "model_bytes": len(trained.model),
        "parameters": trained.parameters,
        "tflm_arena_bytes": _arena(trained.model),
        "validation": {
            "float_accuracy": trained.float_accuracy,
            "int8_accuracy": tested.validation_accuracy,
        },
        "history": dataclasses.asdict(trained.history),
        "subjects": {
            "train": list(split.train),
            "validation": list(split.validation),
            "test": list(split.test),
        },
    }


def _arena(model: bytes) -> dict[str, int] | None:
    """Return TFLM's arena, or None where there is none to measure: it is never guessed."""
    if not is_installed() or knn.is_knn(model):
        return None
    arena = measure_arena(model)
    return {
        "measured_bytes": arena.measured_bytes,
        "margin_bytes": arena.margin_bytes,
        "bytes": arena.bytes,
    }


def _excerpts(recordings: Sequence[Recording], spec: Spec) -> list[Recording]:
    """Return the starts of a few recordings of every label, each of another subject.

    Where takes are short, as gestures are, the longest are chosen.
    """
    samples = spec.window + (GOLDEN_WINDOWS - 1) * spec.hop
    chosen: list[Recording] = []
    for label in spec.labels:
        fitting = [r for r in recordings if r.label == label and len(r.counts) >= spec.window]
        fitting.sort(key=lambda r: -min(len(r.counts), samples))
        first_of_subject: dict[str, Recording] = {}
        for recording in fitting:
            first_of_subject.setdefault(recording.subject, recording)
        few = list(first_of_subject.values())[:GOLDEN_PER_LABEL]
        chosen += [dataclasses.replace(r, counts=r.counts[:samples]) for r in few]
    return chosen
