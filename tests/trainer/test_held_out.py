"""Who may evaluate a model, when names no longer say who it was."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from made_up import a_recording
from made_up_bundle import made_up_spec

from trainer import datasets, held_out, met, rates, splits
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.recording import Dataset

PEOPLE = ("anna", "ben", "cem", "dora", "emil")


def a_folder(people: Sequence[str], name: str = "csv", sha256: str = "1" * 64) -> Dataset:
    """Recordings whose content depends on the person and the label alone."""
    recordings = tuple(
        a_recording(400, label, person, seed=2 * (ord(person[0]) % 32) + (label == "sit"))
        for person in people
        for label in ("walk", "sit")
    )
    return Dataset(name, recordings, ("sit", "walk"), sha256, (), 32, 16)


def a_bundle(made_up: Bundle, dataset: Dataset, model_rate: int = 50_000) -> Bundle:
    """A bundle whose model was trained on a data set, as ``trainer.pipeline`` would."""
    spec = made_up_spec(made_up.model, ("sit", "walk"))
    spec = dataclasses.replace(spec, rate_millihertz=model_rate)
    divided = splits.divide(rates.at_rate(dataset, model_rate), spec.window / model_rate * 1000)
    split = splits.by_subject(divided, 1)
    provenance = dataclasses.replace(
        spec.provenance, dataset=dataset.name, dataset_sha256=dataset.sha256, split=split
    )
    parts = splits.of_subjects(divided.recordings, (*split.train, *split.validation))
    spec = dataclasses.replace(spec, provenance=provenance)
    return dataclasses.replace(made_up, spec=spec, met=met.fingerprints(parts))


def loads(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> None:
    monkeypatch.setattr(datasets, "load", lambda *_: dataset)


def subjects(dataset: Dataset) -> set[str]:
    return {recording.subject for recording in dataset.recordings}


def renamed(dataset: Dataset, prefix: str, name: str = "csv") -> Dataset:
    recordings = tuple(
        dataclasses.replace(r, subject=prefix + r.subject) for r in dataset.recordings
    )
    return dataclasses.replace(dataset, name=name, recordings=recordings, sha256="2" * 64)


def test_the_files_that_trained_are_divided_as_then(
    made_up: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = a_bundle(made_up, a_folder(PEOPLE))
    loads(monkeypatch, a_folder(PEOPLE))
    found = held_out.load(trained, "csv")
    assert subjects(found) == {*trained.spec.provenance.split.test}
    assert [note.what for note in found.notes] == [held_out.MET]


@pytest.mark.parametrize("name", ["csv", "recordings", "wisdm"])
def test_other_names_hide_nobody(
    made_up: Bundle, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    trained = a_bundle(made_up, a_folder(PEOPLE))
    loads(monkeypatch, renamed(a_folder(PEOPLE), "p-", name))
    found = held_out.load(trained, name)
    assert subjects(found) == {f"p-{s}" for s in trained.spec.provenance.split.test}


def test_a_new_recording_of_somebody_known_is_left_out(
    made_up: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, and, where the old recordings lie beside it, under any name."""
    folder = a_folder(PEOPLE)
    trained = a_bundle(made_up, folder)
    known = trained.spec.provenance.split.train[0]
    others = a_folder(["xenia", "yves", "zoe"], sha256="3" * 64)
    new = a_recording(400, "walk", known, seed=99)
    by_name = dataclasses.replace(others, recordings=(*others.recordings, new))
    loads(monkeypatch, by_name)
    assert subjects(held_out.load(trained, "csv")) == {"xenia", "yves", "zoe"}
    # In a data set of other people the same name is another's.
    loads(monkeypatch, dataclasses.replace(by_name, name="wisdm"))
    assert known in subjects(held_out.load(trained, "wisdm"))

    old = next(r for r in folder.recordings if r.subject == known)
    both = dataclasses.replace(others, recordings=(*others.recordings, new, old))
    loads(monkeypatch, renamed(both, "p-"))
    assert subjects(held_out.load(trained, "csv")) == {"p-xenia", "p-yves", "p-zoe"}


@pytest.mark.parametrize("model_rate", [50_000, 25_000])
def test_takes_and_blocks_are_known_after_a_file_was_added(
    made_up: Bundle, monkeypatch: pytest.MonkeyPatch, model_rate: int
) -> None:
    """Blocks are places in their recordings: another recording before them shifts all."""
    folder = a_folder(["anna"])
    longer = tuple(
        dataclasses.replace(r, counts=np.tile(r.counts, (3, 1)) + np.arange(1200)[:, None] % 7)
        for r in folder.recordings
    )
    folder = dataclasses.replace(
        folder,
        recordings=tuple(dataclasses.replace(r, counts=r.counts.astype(np.int16)) for r in longer),
    )
    trained = a_bundle(made_up, folder, model_rate)
    assert trained.spec.provenance.split.name == "blocks within recordings"
    loads(monkeypatch, folder)
    assert {s.rsplit(": ")[1] for s in subjects(held_out.load(trained, "csv"))} == {"test block"}

    new = a_recording(400, "walk", "anna", seed=50)
    loads(
        monkeypatch,
        dataclasses.replace(folder, recordings=(new, *folder.recordings), sha256="4" * 64),
    )
    assert held_out.load(trained, "csv").recordings == (new,)


def test_nobody_new_is_an_error(made_up: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = a_bundle(made_up, a_folder(PEOPLE))
    known = a_folder(trained.spec.provenance.split.train)
    loads(monkeypatch, renamed(known, "p-"))
    with pytest.raises(HarmcuError, match="took part in training"):
        held_out.load(trained, "csv")


def test_one_label_is_enough_to_evaluate(made_up: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = a_bundle(made_up, a_folder(PEOPLE))
    new = (a_recording(400, "walk", "x", seed=51), a_recording(400, "swim", "y", seed=52))
    loads(monkeypatch, dataclasses.replace(a_folder(["z"], sha256="5" * 64), recordings=new))
    found = held_out.load(trained, "csv")
    assert found.recordings == new[:1]
    assert found.notes[0].what == held_out.UNKNOWN_LABELS
