"""The recordings that may evaluate a model: of people whom it has not met, known by content.

The names of a data set and of its subjects say who is who only as long as its files are the same.
A folder that was renamed, converted or added to is told apart by what it holds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from trainer import bundle, datasets, met, rates, splits
from trainer.errors import HarmcuError
from trainer.reading.options import Options
from trainer.recording import Dataset, Note, Recording
from trainer.spec import Spec

UNKNOWN_LABELS = "recordings of labels that the model does not know"
MET = "recordings that trained or chose the model, or of people who did"


def load(
    trained: bundle.Bundle, dataset: str, path: Path | None = None, options: Options | None = None
) -> Dataset:
    """Return what a data set holds of people whom a model has not met.

    The files that trained the model are divided as they were then. Of other files, left out is
    whatever shares samples with the training and validation parts, everyone who made such a
    recording, and everyone who is called like one who did, where names may mean the same people.

    Raises:
        HarmcuError: the data cannot be read, or hold nobody new.
    """
    loaded = _known_labels(datasets.load(dataset, path, options), trained.spec)
    provenance = trained.spec.provenance
    met_names = {*provenance.split.train, *provenance.split.validation}
    divided = _divide(loaded, trained.spec)
    if loaded.sha256 != provenance.dataset_sha256:
        is_of_people = divided.unit == "subject"
        divided = divided if is_of_people else dataclasses.replace(loaded, unit="recording")
        if not (is_of_people and datasets.are_same_people(loaded.name, provenance.dataset)):
            met_names = set()
    touched = [r for r in divided.recordings if met.holds(trained.met, r)]
    if divided.unit == "subject":
        met_names |= {recording.subject for recording in touched}
    return _without(divided, met_names, touched)


def _known_labels(loaded: Dataset, spec: Spec) -> Dataset:
    """Leave out other labels where that is what the training did, or what streams call other."""
    known = tuple(r for r in loaded.recordings if r.label in spec.labels)
    left_out = len(loaded.recordings) - len(known)
    is_own = loaded.name == spec.provenance.dataset
    if not left_out or not known or not (is_own or loaded.streams):
        return loaded
    return dataclasses.replace(
        loaded,
        labels=tuple(label for label in loaded.labels if label in spec.labels),
        recordings=known,
        notes=(*loaded.notes, Note("dropped", UNKNOWN_LABELS, left_out)),
    )


def _divide(loaded: Dataset, spec: Spec) -> Dataset:
    gap = spec.window / spec.rate_millihertz * 1000
    divided = splits.divide(loaded, gap)
    if divided.unit == "block":
        # Blocks were cut at the model's rate.
        divided = splits.divide(rates.at_rate(loaded, spec.rate_millihertz), gap)
    return divided


def _without(dataset: Dataset, names: set[str], touched: Iterable[Recording]) -> Dataset:
    # What a gap parted was recorded in one go.
    touched = list(touched)
    takes = {(r.subject, r.take) for r in touched if r.take}
    one_by_one = {id(recording) for recording in touched}
    recordings = tuple(
        r
        for r in dataset.recordings
        if not (r.subject in names or (r.subject, r.take) in takes or id(r) in one_by_one)
    )
    if not recordings:
        raise HarmcuError(
            f"every recording of {dataset.name} took part in training, or is of people who did or "
            "are called like them; evaluate on other people"
        )
    left_out = len(dataset.recordings) - len(recordings)
    return dataclasses.replace(
        dataset,
        recordings=recordings,
        streams=tuple(stream for stream in dataset.streams if stream.subject not in names),
        notes=(*dataset.notes, *([Note("dropped", MET, left_out)] if left_out else [])),
    )
