import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_up import a_dataset, a_recording

from trainer import convert, datasets, rates
from trainer.errors import HarmcuError
from trainer.reading.options import parse
from trainer.recording import Dataset
from trainer.resample import design, resample


@pytest.fixture
def dataset() -> Dataset:
    return a_dataset(["1", "2", "10"], official=("2",))


def test_recordings_hold_everything(dataset: Dataset, tmp_path: Path) -> None:
    assert convert.to_recordings(dataset, tmp_path / "out") == 6
    back = datasets.load("recordings", tmp_path / "out")
    by_name = {(r.subject, r.label): r for r in back.recordings}
    for recording in dataset.recordings:
        again = by_name[recording.subject, recording.label]
        assert (again.counts == recording.counts).all()
        assert again.rate_millihertz == recording.rate_millihertz


@pytest.mark.parametrize("form", ["json", "cbor"])
def test_edge_impulse_keeps_counts_and_split(dataset: Dataset, tmp_path: Path, form: str) -> None:
    assert convert.to_edge_impulse(dataset, tmp_path / "out", form) == 6
    back = datasets.load("edge-impulse", tmp_path / "out")
    assert len(back.official_test_subjects) == 2
    want = sorted(r.counts.tobytes() for r in dataset.recordings)
    assert sorted(r.counts.tobytes() for r in back.recordings) == want


def test_labels_that_would_be_one_in_a_name_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    def named(*labels: str) -> Dataset:
        made = tuple(a_recording(label=label, seed=n) for n, label in enumerate(labels))
        return dataclasses.replace(dataset, recordings=made, labels=labels)

    with pytest.raises(HarmcuError, match="labels 'a,b' and 'a b' would both be 'a_b'"):
        convert.to_edge_impulse(named("a,b", "a b"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert convert.renamed_labels(named("a,b", "c")) == {"a,b": "a_b"}


def test_a_folder_with_other_things_is_not_touched(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    for write in (convert.to_recordings, convert.to_edge_impulse):
        with pytest.raises(HarmcuError, match=r"diary\.txt, which harmcu did not write"):
            write(dataset, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["diary.txt"]


def test_what_cannot_be_written_whole_leaves_nothing(dataset: Dataset, tmp_path: Path) -> None:
    damaged = dataclasses.replace(dataset.recordings[-1], subject="7" * 201)
    unwritable = dataclasses.replace(dataset, recordings=(*dataset.recordings, damaged))
    (tmp_path / "empty").mkdir()
    for out in ("new", "empty"):
        with pytest.raises(HarmcuError, match="no text longer than 200"):
            convert.to_recordings(unwritable, tmp_path / out)
        assert [path.name for path in tmp_path.rglob("*")] == ["empty"]
    assert convert.to_recordings(dataset, tmp_path / "empty") == len(dataset.recordings)
    with pytest.raises(HarmcuError, match="which harmcu did not write"):
        convert.to_recordings(dataset, tmp_path / "empty")
    (tmp_path / "nested" / "inner").mkdir(parents=True)
    with pytest.raises(HarmcuError, match="nested: holds folders; choose a new or an empty one"):
        convert.to_recordings(dataset, tmp_path / "nested")


def test_what_was_put_into_the_folder_meanwhile_stays(dataset: Dataset, tmp_path: Path) -> None:
    def record(_stage: str, _done: int, _total: int, _figures: object) -> None:
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / "mine.rec").write_text("a take")

    with pytest.raises(HarmcuError, match=r"out: .*; choose a folder you can write to"):
        convert.to_recordings(dataset, tmp_path / "out", record)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine.rec"]


def test_a_published_folder_there_and_back(nano33: Path, tmp_path: Path) -> None:
    original = datasets.load("csv", nano33 / "cvasilak-gestures", parse(rate=119))
    convert.to_recordings(original, tmp_path / "out")
    back = datasets.load("recordings", tmp_path / "out")
    assert back.labels == original.labels
    assert (back.default_window, back.default_hop) == (112, 28)
    want = {r.subject: r.counts for r in original.recordings}
    assert all((r.counts == want[r.subject]).all() for r in back.recordings)


def test_recordings_of_several_rates_come_to_the_model_s() -> None:
    slow, fast = a_recording(500), a_recording(1190, rate_millihertz=119_000)
    dataset = dataclasses.replace(a_dataset(["1"]), recordings=(slow, fast))
    assert rates.at_rate(dataset, None) is dataset
    one = rates.at_rate(dataset, 50_000)
    assert one.recordings[0] is slow
    assert (one.recordings[1].counts == resample(fast.counts, design(119_000, 50_000))).all()
    assert {r.rate_millihertz for r in one.recordings} == {50_000}
    assert one.default_window == 128
    assert np.diff([one.default_window, one.default_hop * 4]) == 0
