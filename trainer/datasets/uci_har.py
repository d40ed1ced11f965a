"""``uci-har``: Human Activity Recognition Using Smartphones, version 1.0, as published.

30 subjects with a phone on the waist, six activities, 50 Hz, total acceleration in g and angular
rate in rad/s, given as windows of 128 samples of which consecutive ones share 64. Source:
D. Anguita et al., "A Public Domain Dataset for Human Activity Recognition Using Smartphones",
ESANN 2013. The split into training and test subjects is the authors'.

The windows are put together again to the continuous recordings that they were cut from, so that
the same code cuts windows from this set and from any other, and gets exactly the published ones.
"""

import hashlib
import io
import itertools
import lzma
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.recording import Dataset, Recording
from trainer.units import to_counts

RATE_MILLIHERTZ = 50_000
WINDOW = 128
HOP = 64
AXES = ("ax", "ay", "az", "gx", "gy", "gz")
# activity_labels.txt of the data set: 1 to 6.
LABELS = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")

_PARTS = ("train", "test")
_SIGNALS = tuple(
    f"{sensor}_{axis}" for sensor in ("total_acc", "body_gyro") for axis in ("x", "y", "z")
)
# The largest file that is read has 15.1 MB; more than this is not that data set.
_LARGEST_FILE = 64 << 20

# zipfile raises RuntimeError for an encrypted member or an unknown compression.
_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def load(path: Path | None = None) -> Dataset:
    """Load the data set from its folder, or from its .tar.xz or .zip archive as it is.

    Raises HarmcuError, naming the file, when something is missing, truncated or not as published.
    """
    if path is None:
        raise HarmcuError(
            "the data set uci-har is not part of a package; give its folder or archive with --data"
        )
    files = _read_files(path)
    recordings: list[Recording] = []
    subjects: dict[str, tuple[str, ...]] = {}
    for part in _PARTS:
        part_recordings = _part_recordings(path, files, part)
        subjects[part] = tuple(dict.fromkeys(r.subject for r in part_recordings))
        recordings += part_recordings
    return Dataset(
        name="uci-har",
        recordings=tuple(recordings),
        labels=LABELS,
        sha256=_digest(files),
        official_test_subjects=subjects["test"],
        default_window=WINDOW,
        default_hop=HOP,
    )


def _signal_file(part: str, signal: str) -> str:
    return f"{part}/Inertial Signals/{signal}_{part}.txt"


def _wanted_files() -> tuple[str, ...]:
    """Return the files that are read, as named below ``UCI HAR Dataset/``."""
    return tuple(
        name
        for part in _PARTS
        for name in (
            f"{part}/y_{part}.txt",
            f"{part}/subject_{part}.txt",
            *(_signal_file(part, signal) for signal in _SIGNALS),
        )
    )


def _digest(files: dict[str, bytes]) -> str:
    """Return one SHA-256 over names and contents: the same for the folder and every archive."""
    listing = "".join(f"{hashlib.sha256(files[n]).hexdigest()}  {n}\n" for n in sorted(files))
    return hashlib.sha256(listing.encode()).hexdigest()


def _read_files(path: Path) -> dict[str, bytes]:
    """Return the contents of the wanted files by name; nothing is ever written to disk."""
    if not path.exists():
        raise HarmcuError(f"{path}: no such file or folder; give the data set's with --data")
    files: dict[str, bytes] = {}
    try:
        for name, content in _members(path):
            files[name] = content
    except _DAMAGE as error:
        raise HarmcuError(
            f"{path}: cannot be read to its end ({type(error).__name__}); it is damaged or no "
            ".tar.xz or .zip archive, fetch it again"
        ) from error
    for name in _wanted_files():
        if name not in files:
            raise HarmcuError(
                f"{path}: {name} is missing; give the folder 'UCI HAR Dataset' or its archive"
            )
    return files


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (wanted name, content) for each wanted file in the folder or archive at ``path``."""
    if path.is_dir():
        yield from _folder_members(path)
    elif zipfile.is_zipfile(path):
        with path.open("rb") as file:
            yield from _zip_members(file)
    else:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = _wanted_name(member.name)
                content = archive.extractfile(member) if name and member.isfile() else None
                if content is not None:
                    yield name, content.read(_LARGEST_FILE)


def _folder_members(folder: Path) -> Iterator[tuple[str, bytes]]:
    root = folder / "UCI HAR Dataset"
    for name in _wanted_files():
        file = (root if root.is_dir() else folder) / name
        if file.is_file():
            yield name, file.read_bytes()


def _zip_members(file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = _wanted_name(info.filename)
            if name:
                with archive.open(info) as member:
                    yield name, member.read(_LARGEST_FILE)
            elif info.filename == "UCI HAR Dataset.zip":
                # The UCI repository hands out the archive packed once more.
                with archive.open(info) as member:
                    yield from _zip_members(io.BytesIO(member.read(4 * _LARGEST_FILE)))


def _wanted_name(member: str) -> str:
    """Return which wanted file an archive member is, or the empty string."""
    return next((n for n in _wanted_files() if member == f"UCI HAR Dataset/{n}"), "")


def _part_recordings(path: Path, files: dict[str, bytes], part: str) -> list[Recording]:
    labels = _integers(path, files, f"{part}/y_{part}.txt")
    subjects = _integers(path, files, f"{part}/subject_{part}.txt")
    signals = [_signal(path, files, _signal_file(part, s), len(labels)) for s in _SIGNALS]
    if len(subjects) != len(labels) or labels.min() < 1 or labels.max() > len(LABELS):
        raise HarmcuError(
            f"{path}: {part}/y_{part}.txt and {part}/subject_{part}.txt do not fit together; "
            "the data set is damaged, fetch it again"
        )
    windows = np.stack(signals, axis=2)
    recordings = []
    for first, last in _runs(windows, labels, subjects):
        samples = np.vstack([windows[first], *(w[HOP:] for w in windows[first + 1 : last])])
        counts = np.hstack([to_counts(samples[:, :3], "g"), to_counts(samples[:, 3:], "rad/s")])
        recordings.append(
            Recording(
                counts=counts,
                axes=AXES,
                rate_millihertz=RATE_MILLIHERTZ,
                label=LABELS[labels[first] - 1],
                subject=str(subjects[first]),
                source=f"{part}, lines {first + 1} to {last}",
            )
        )
    return recordings


def _runs(
    windows: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    subjects: npt.NDArray[np.int64],
) -> Iterator[tuple[int, int]]:
    """Yield (first, one past last) of the windows that continue one another.

    The next window continues this one when subject and activity are the same and its first half is
    this one's second half, in all six signals.
    """
    continues = (
        (labels[1:] == labels[:-1])
        & (subjects[1:] == subjects[:-1])
        & (windows[1:, :HOP] == windows[:-1, HOP:]).all(axis=(1, 2))
    )
    breaks = [0, *(np.flatnonzero(~continues) + 1).tolist(), len(labels)]
    yield from itertools.pairwise(breaks)


def _numbers(path: Path, content: bytes, name: str) -> npt.NDArray[np.float64]:
    try:
        with warnings.catch_warnings():
            # NumPy only warns where the text stops being numbers.
            warnings.simplefilter("error")
            return np.fromstring(content.decode("ascii"), dtype=np.float64, sep=" ")
    except (ValueError, DeprecationWarning) as error:
        raise HarmcuError(
            f"{path}: {name} holds something other than numbers; the data set is damaged, "
            "fetch it again"
        ) from error


def _integers(path: Path, files: dict[str, bytes], name: str) -> npt.NDArray[np.int64]:
    numbers = _numbers(path, files[name], name)
    if not len(numbers) or not (numbers == np.floor(numbers)).all():
        raise HarmcuError(f"{path}: {name} must hold whole numbers; fetch the data set again")
    return numbers.astype(np.int64)


def _signal(
    path: Path, files: dict[str, bytes], name: str, windows: int
) -> npt.NDArray[np.float64]:
    """Return one signal, float64 [windows, 128], in the unit of the file."""
    numbers = _numbers(path, files[name], name)
    if len(numbers) != windows * WINDOW or not np.isfinite(numbers).all():
        raise HarmcuError(
            f"{path}: {name} should hold {windows} windows of {WINDOW} numbers; the data set is "
            "damaged, fetch it again"
        )
    return numbers.reshape(windows, WINDOW)
