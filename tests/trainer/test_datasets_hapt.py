import dataclasses
import io
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from trainer import datasets, splits
from trainer.datasets import hapt
from trainer.errors import HarmcuError
from trainer.recording import Dataset
from trainer.units import to_counts

# Intervals and samples of each activity, counted in labels.txt.
PUBLISHED = {
    "WALKING": (127, 122_091),
    "WALKING_UPSTAIRS": (183, 116_707),
    "WALKING_DOWNSTAIRS": (186, 107_961),
    "SITTING": (120, 126_677),
    "STANDING": (120, 138_105),
    "LAYING": (120, 136_865),
    "STAND_TO_SIT": (60, 10_316),
    "SIT_TO_STAND": (62, 8_029),
    "SIT_TO_LIE": (60, 12_428),
    "LIE_TO_SIT": (60, 11_150),
    "STAND_TO_LIE": (58, 14_418),
    "LIE_TO_STAND": (58, 10_867),
}


@pytest.fixture(scope="module")
def published(hapt_archive: Path) -> Dataset:
    return datasets.load("hapt", hapt_archive)


def test_every_interval_is_there(published: Dataset) -> None:
    intervals = Counter(r.label for r in published.recordings)
    samples: Counter[str] = Counter()
    for recording in published.recordings:
        samples[recording.label] += len(recording.counts)
    assert {label: (intervals[label], samples[label]) for label in hapt.LABELS} == PUBLISHED
    (left_out,) = published.notes
    assert left_out.count == 1_122_772 - sum(samples.values())


def test_the_first_interval_by_its_first_row(published: Dataset, hapt_archive: Path) -> None:
    root = "HAPT Data Set/RawData"
    with tarfile.open(hapt_archive) as archive:
        rows = np.loadtxt(archive.extractfile(f"{root}/labels.txt"))
        experiment, user, activity, first, last = rows[0].astype(int)
        file = f"{root}/acc_exp{experiment:02}_user{user:02}.txt"
        acceleration = np.loadtxt(archive.extractfile(file))
    recording = published.recordings[0]
    assert (recording.label, recording.subject) == (hapt.LABELS[activity - 1], str(user))
    assert (recording.counts[:, :3] == to_counts(acceleration[first - 1 : last], "g")).all()


def test_the_split_is_that_of_uci_har(published: Dataset) -> None:
    assert splits.by_subject(published, 1).test == hapt.TEST_SUBJECTS


def small_set() -> dict[str, bytes]:
    rng = np.random.default_rng(1)
    files = {"RawData/labels.txt": b"1 1 5 2 40\n1 1 7 41 60\n2 3 1 1 100\n"}
    for experiment, user in ((1, 1), (2, 3)):
        for sensor in ("acc", "gyro"):
            text = io.BytesIO()
            np.savetxt(text, rng.normal(size=(100, 3)))
            files[f"RawData/{sensor}_exp{experiment:02}_user{user:02}.txt"] = text.getvalue()
    return files


def as_folder(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        file = folder / "HAPT Data Set" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def test_streams_hold_what_has_no_label_too(tmp_path: Path) -> None:
    first, second = hapt.load(as_folder(small_set(), tmp_path)).streams
    assert first.counts.shape == (100, 6)
    assert [dataclasses.astuple(i) for i in first.intervals] == [
        ("STANDING", 1, 39),
        ("STAND_TO_SIT", 40, 59),
    ]
    assert (second.subject, second.intervals[0].last) == ("3", 99)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("RawData/labels.txt", b"1 1 5 2 101\n", "samples 2 to 101 does not fit"),
        ("RawData/labels.txt", b"1 1 5 2 40\n1 1 7 40 60\n", "does not fit"),
        ("RawData/labels.txt", b"1 1 13 2 40\n", "does not fit"),
        ("RawData/labels.txt", b"1 2 5 2 40\n", "does not fit"),
        ("RawData/labels.txt", b"1 1 5 2\n", "5 numbers a line"),
        ("RawData/acc_exp01_user01.txt", b"1 2 nan\n", "3 numbers a line"),
        ("RawData/acc_exp01_user01.txt", b"1 2 3\n", "experiment 1 needs"),
    ],
)
def test_damage_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(HarmcuError, match=message):
        hapt.load(as_folder(small_set() | {name: content}, tmp_path))


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match="holds no RawData"):
        hapt.load(tmp_path)
    (tmp_path / "notes.txt").write_text("1 2 3")
    with pytest.raises(HarmcuError, match="holds no RawData"):
        hapt.load(tmp_path / "notes.txt")
    with pytest.raises(HarmcuError, match="--data"):
        hapt.load(None)


@pytest.mark.parametrize("kept", [100, 100_000])
def test_a_truncated_archive_is_one_line(hapt_archive: Path, tmp_path: Path, kept: int) -> None:
    with hapt_archive.open("rb") as file:
        (tmp_path / "hapt.tar.xz").write_bytes(file.read(kept))
    with pytest.raises(HarmcuError, match=r"hapt\.tar\.xz: cannot be read to its end"):
        hapt.load(tmp_path / "hapt.tar.xz")
