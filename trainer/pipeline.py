"""From a data set to a bundle, and from a bundle to its figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import (
    backend,
    bundle,
    datasets,
    evaluator,
    golden,
    inspect,
    leaks,
    models,
    rates,
    report,
    splits,
    windows,
)
from trainer import evaluate as evaluation
from trainer.errors import HarmcuError
from trainer.progress import Progress, silent
from trainer.reading.options import Options
from trainer.recording import Dataset, Recording
from trainer.spec import Channel, Decision, Provenance, Spec, Split
from trainer.tflm import is_installed, measure_arena

if TYPE_CHECKING:
    from trainer.fit import History, Material

DEFAULT_EPOCHS = 40

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
        epochs: passes over the training windows in floating point; the default is
            ``DEFAULT_EPOCHS``.
        options: what the files of the data set do not say themselves.
        rate_millihertz: the model's rate; None: that of the recordings.
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


@dataclass(frozen=True)
class _Trained:
    """A converted model and how it came to be."""

    model: bytes
    parameters: int
    history: History
    float_accuracy: float


def train(request: TrainRequest, progress: Progress = silent) -> bundle.Bundle:
    """Train a model, evaluate it on held-out subjects and write its bundle.

    The same request on the same machine gives the same model, bit for bit.

    Raises:
        HarmcuError: the request, the data, an installed package or the folder is not usable, or
            the same samples would train and test the model.
    """
    _check(request)
    progress("load data", 0, 1, {})
    dataset = datasets.load(request.dataset, request.data, request.options)
    dataset = rates.at_rate(dataset, request.rate_millihertz)
    split = splits.by_subject(dataset, request.seed)
    training, validation, test = (
        splits.of_subjects(dataset.recordings, subjects)
        for subjects in (split.train, split.validation, split.test)
    )
    leaks.check({"training": training, "validation": validation, "test": test})
    rate = windows.common_rate(dataset.recordings)
    channels = windows.channel_scaling(training)
    progress("load data", 1, 1, {"recordings": len(dataset.recordings)})

    trained = _train(request, dataset, channels, training, validation, progress)
    spec = _spec(request, dataset, split, channels, rate, trained.model)

    progress("evaluate", 0, 1, {})
    engine = evaluator.load(trained.model)
    figures = evaluation.figures(evaluation.decide(spec, engine, test), spec.labels)
    metrics = figures | _facts(trained, split) | {"data_notes": inspect.summary(dataset.notes)}
    vectors = golden.make(spec, engine, _excerpts(test, spec))
    progress("evaluate", 1, 1, {"accuracy": figures["accuracy"]})
    return bundle.write(
        request.out, spec, trained.model, metrics, vectors, report.render(spec, metrics)
    )


def evaluate(
    trained: bundle.Bundle, dataset: str, path: Path | None = None, options: Options | None = None
) -> dict[str, Any]:
    """Evaluate a bundle's model, on the board's kernels, on people whom it has not met.

    Returns:
        The figures of ``trainer.evaluate.figures``.

    Raises:
        HarmcuError: the data cannot be read, have other labels, or hold nobody new.
    """
    recordings = held_out(trained, dataset, path, options)
    decisions = evaluation.decide(trained.spec, evaluator.load(trained.model), recordings)
    return evaluation.figures(decisions, trained.spec.labels)


def held_out(
    trained: bundle.Bundle, dataset: str, path: Path | None = None, options: Options | None = None
) -> list[Recording]:
    """Return the recordings of people whom a model has not met.

    On the data set that trained it, those are the subjects who neither trained nor chose the
    model; on another, all.

    Raises:
        HarmcuError: the data cannot be read, or hold nobody new.
    """
    loaded = datasets.load(dataset, path, options)
    provenance = trained.spec.provenance
    met: tuple[str, ...] = ()
    if loaded.name == provenance.dataset:
        met = provenance.split.train + provenance.split.validation
    recordings = [recording for recording in loaded.recordings if recording.subject not in met]
    if not recordings:
        raise HarmcuError(
            f"every subject of {loaded.name} took part in training; evaluate on other people"
        )
    return recordings


def _check(request: TrainRequest) -> None:
    """Refuse before training what would fail after it."""
    if request.epochs is not None and request.epochs < 1:
        raise HarmcuError(f"{request.epochs} epochs; train for at least one")
    if not 0 <= request.seed < 2**32:
        raise HarmcuError(f"the seed {request.seed} is out of range; choose 0 to {2**32 - 1}")
    bundle.check_free(request.out)


def _train(
    request: TrainRequest,
    dataset: Dataset,
    channels: tuple[Channel, ...],
    training: Sequence[Recording],
    validation: Sequence[Recording],
    progress: Progress,
) -> _Trained:
    progress("start TensorFlow", 0, 1, {})
    backend.start(request.seed)
    from trainer import fit, quantize

    shape = models.Shape(
        dataset.default_window, dataset.default_hop, len(channels), len(dataset.labels)
    )
    network = models.build(request.architecture, request.size, shape)
    material: Material = fit.Material(
        training, validation, dataset.labels, channels, shape.window, shape.hop
    )
    progress("start TensorFlow", 1, 1, {"parameters": network.count_params()})
    epochs = request.epochs if request.epochs is not None else DEFAULT_EPOCHS
    aware, history = fit.fit(network, material, epochs, request.seed, progress)
    progress("convert", 0, 1, {})
    model = quantize.convert(aware, fit.representative(material))
    progress("convert", 1, 1, {"bytes": len(model)})
    return _Trained(
        model,
        int(network.count_params()),
        history,
        fit.validation_accuracy(network, material),
    )


def _spec(
    request: TrainRequest,
    dataset: Dataset,
    split: Split,
    channels: tuple[Channel, ...],
    rate_millihertz: int,
    model: bytes,
) -> Spec:
    from trainer.quantize import INPUT, OUTPUT

    name = f"{dataset.name}_{request.architecture}_{request.size}".replace("-", "_")
    return Spec(
        name=name,
        labels=dataset.labels,
        channels=channels,
        rate_millihertz=rate_millihertz,
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


def _facts(trained: _Trained, split: Split) -> dict[str, Any]:
    """Return the part of ``metrics.json`` that is not about held-out windows."""
    return {
        "kernels": evaluator.name(),
        "model_bytes": len(trained.model),
        "parameters": trained.parameters,
        "tflm_arena_bytes": _arena(trained.model),
        "validation": {
            "float_accuracy": trained.float_accuracy,
            "int8_aware_accuracy": trained.history.validation_accuracy[-1],
        },
        "history": dataclasses.asdict(trained.history),
        "subjects": {
            "train": list(split.train),
            "validation": list(split.validation),
            "test": list(split.test),
        },
    }


def _arena(model: bytes) -> dict[str, int] | None:
    """Return TFLM's arena, or None where it cannot be measured: it is never guessed."""
    if not is_installed():
        return None
    arena = measure_arena(model)
    return {
        "measured_bytes": arena.measured_bytes,
        "margin_bytes": arena.margin_bytes,
        "bytes": arena.bytes,
    }


def _excerpts(recordings: Sequence[Recording], spec: Spec) -> list[Recording]:
    """Return the starts of a few recordings of every label, each of another subject."""
    samples = spec.window + (GOLDEN_WINDOWS - 1) * spec.hop
    chosen: list[Recording] = []
    for label in spec.labels:
        fitting = [r for r in recordings if r.label == label and len(r.counts) >= samples]
        first_of_subject = {recording.subject: recording for recording in reversed(fitting)}
        few = list(first_of_subject.values())[::-1][:GOLDEN_PER_LABEL]
        chosen += [dataclasses.replace(r, counts=r.counts[:samples]) for r in few]
    return chosen
