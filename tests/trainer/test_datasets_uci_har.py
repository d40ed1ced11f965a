import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trainer import datasets, pull, splits, windows
from trainer.datasets import uci_har
from trainer.errors import HarmcuError
from trainer.recording import Dataset
from trainer.units import to_counts

ROOT = "UCI HAR Dataset"


@pytest.fixture(scope="session")
def published(uci_har_archive: Path) -> Dataset:
    return datasets.load("uci-har", uci_har_archive)


@pytest.fixture(scope="session")
def official(uci_har_archive: Path) -> dict[str, np.ndarray]:
    """The published test part as it is, read by another way than the adapter's."""
    wanted = {
        f"{ROOT}/test/Inertial Signals/{signal}_{axis}_test.txt": f"{signal}_{axis}"
        for signal in ("total_acc", "body_gyro")
        for axis in "xyz"
    } | {f"{ROOT}/test/{name}_test.txt": name for name in ("y", "subject")}
    with tarfile.open(uci_har_archive) as archive:
        return {
            wanted[member.name]: np.loadtxt(archive.extractfile(member))
            for member in archive
            if member.name in wanted
        }


@pytest.mark.parametrize(("held_out", "number"), [(True, 2947), (False, 7352)])
def test_cutting_gives_the_published_number_of_windows(
    published: Dataset, held_out: bool, number: int
) -> None:
    recordings = [
        r
        for r in published.recordings
        if (r.subject in published.official_test_subjects) == held_out
    ]
    assert len(windows.cut(recordings, published.labels, 128, 64).counts) == number


def test_cutting_gives_the_published_windows(
    published: Dataset, official: dict[str, np.ndarray]
) -> None:
    recordings = splits.of_subjects(published.recordings, published.official_test_subjects)
    cut = windows.cut(recordings, published.labels, 128, 64)
    for column, axis in enumerate("xyz"):
        acceleration = to_counts(official[f"total_acc_{axis}"], "g")
        rotation = to_counts(official[f"body_gyro_{axis}"], "rad/s")
        assert (cut.counts[:, :, column] == acceleration).all()
        assert (cut.counts[:, :, 3 + column] == rotation).all()
    assert (cut.labels == official["y"] - 1).all()
    assert (cut.subjects == official["subject"].astype(int).astype(str)).all()


def test_windows_really_are_put_together(published: Dataset) -> None:
    assert len(published.recordings) == 857
    assert max(len(recording.counts) for recording in published.recordings) == 1920
    assert published.sha256 == pull.SOURCES["uci-har"].sha256


def test_the_official_split(published: Dataset) -> None:
    split = splits.by_subject(published, seed=1)
    assert split.test == ("2", "4", "9", "10", "12", "13", "18", "20", "24")
    assert len(split.train) + len(split.validation) == 21


def test_the_path_must_be_given() -> None:
    with pytest.raises(HarmcuError, match="--data"):
        uci_har.load(None)


def small_set() -> dict[str, bytes]:
    """A data set of the published layout: two windows that overlap and one that does not."""
    rng = np.random.default_rng(1)
    files = {}
    for part in ("train", "test"):
        files[f"{part}/y_{part}.txt"] = b"5\n5\n5\n"
        subject = b"1\n" if part == "train" else b"2\n"
        files[f"{part}/subject_{part}.txt"] = subject * 3
        for signal in uci_har._SIGNALS:
            stream = rng.normal(size=320)
            rows = [stream[:128], stream[64:192], stream[192:]]
            text = "\r\n".join("".join(f" {value:15.7e}" for value in row) for row in rows)
            files[f"{part}/Inertial Signals/{signal}_{part}.txt"] = text.encode()
    return files


def as_folder(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        file = folder / ROOT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def as_tar(files: dict[str, bytes], path: Path, root: str = ROOT) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{root}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def as_zip(files: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{ROOT}/{name}", content)
    return path


def test_folder_and_archives_are_the_same_data(tmp_path: Path) -> None:
    files = small_set()
    inner = as_zip(files, tmp_path / "inner.zip")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as outer:
        outer.write(inner, "UCI HAR Dataset.zip")
    folder = as_folder(files, tmp_path / "folder")
    paths = [
        folder,
        folder / ROOT,
        as_tar(files, tmp_path / "set.tar.xz"),
        inner,
        tmp_path / "outer.zip",
    ]
    loaded = [uci_har.load(path) for path in paths]
    assert len({dataset.sha256 for dataset in loaded}) == 1
    for dataset in loaded:
        assert [len(r.counts) for r in dataset.recordings] == [192, 128, 192, 128]
        assert {r.label for r in dataset.recordings} == {"STANDING"}


def test_equal_halves_of_other_subjects_are_not_joined(tmp_path: Path) -> None:
    files = small_set() | {"train/subject_train.txt": b"1\n3\n3\n"}
    dataset = uci_har.load(as_folder(files, tmp_path))
    assert [(r.subject, len(r.counts)) for r in dataset.recordings[:3]] == [
        ("1", 128),
        ("3", 128),
        ("3", 128),
    ]


@pytest.mark.parametrize(("make", "name"), [(as_tar, "set.tar.xz"), (as_zip, "set.zip")])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_a_truncated_archive_is_one_line(
    tmp_path: Path, make: object, name: str, kept: float
) -> None:
    assert callable(make)
    path = make(small_set(), tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(HarmcuError, match=rf"{name}: cannot be read to its end") as caught:
        uci_har.load(path)
    assert "\n" not in str(caught.value)


def test_another_archive_is_refused(tmp_path: Path) -> None:
    path = as_tar({"readme.txt": b"hello"}, tmp_path / "set.tar.xz")
    with pytest.raises(HarmcuError, match=r"set\.tar\.xz: train/y_train\.txt is missing"):
        uci_har.load(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match=r"nowhere\.tar\.xz: no such file"):
        uci_har.load(tmp_path / "nowhere.tar.xz")


def test_an_archive_writes_nothing(tmp_path: Path) -> None:
    path = as_tar(small_set(), tmp_path / "set.tar.xz", root=f"../{ROOT}")
    with pytest.raises(HarmcuError, match="leaves the archive"):
        uci_har.load(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train/y_train.txt", b"5\n5\n", "windows of 128"),
        ("train/y_train.txt", b"5\n7\n5\n", "do not fit together"),
        ("train/y_train.txt", b"", "whole numbers"),
        ("train/y_train.txt", b"5\n5\nx\n", "other than numbers"),
        ("test/subject_test.txt", b"1\n1\n", "do not fit together"),
        ("test/subject_test.txt", b"1\ninf\n1\n", "whole numbers"),
        ("test/Inertial Signals/total_acc_x_test.txt", b" 1e300" * 384, "windows of 128"),
        ("test/Inertial Signals/body_gyro_z_test.txt", b"1.0 nan", "windows of 128"),
        ("test/Inertial Signals/total_acc_x_test.txt", b"\xff\xfe", "other than numbers"),
        ("test/Inertial Signals/total_acc_x_test.txt", b" 1.0" * 383 + b" nan", "windows of 128"),
    ],
)
def test_damage_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    folder = as_folder(small_set() | {name: content}, tmp_path)
    with pytest.raises(HarmcuError, match=message):
        uci_har.load(folder)
