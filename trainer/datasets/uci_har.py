"""``uci-har``: Human Activity Recognition Using Smartphones, version 1.0, as published.

30 subjects with a phone on the waist, six activities, 50 Hz, total acceleration in g and angular
rate in rad/s, given as windows of 128 samples of which consecutive ones share 64. Source:
D. Anguita et al., "A Public Domain Dataset for Human Activity Recognition Using Smartphones",
ESANN 2013. The split into training and test subjects is the authors'.

The windows are put together again to the continuous recordings that they were cut from, so that
the same code cuts windows from this set and from any other, and gets exactly the published ones.
"""

import hashlib
import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.reading import files
from trainer.recording import Dataset, Recording
from trainer.units import to_counts

RATE_MILLIHERTZ = 50_000
WINDOW = 128
HOP = 64
AXES = ("ax", "ay", "az", "gx", "gy", "gz")
# activity_labels.txt of the data set: 1 to 6.
LABELS = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")
MOST = 1e3
"""What no number of the signals reaches, in g or rad/s."""

_PARTS = ("train", "test")
_SIGNALS = tuple(
    f"{sensor}_{axis}" for sensor in ("total_acc", "body_gyro") for axis in ("x", "y", "z")
)


def load(path: Path | None = None) -> Dataset:
    """Load the data set from its folder, or from its .tar.xz or .zip archive as it is.

    Raises HarmcuError, naming the file, when something is missing, truncated or not as published.
    """
    if path is None:
        raise HarmcuError(
            "the data set uci-har is not part of a package; give its folder or archive with --data"
        )
    contents, sha256 = _read_files(path)
    recordings: list[Recording] = []
    subjects: dict[str, tuple[str, ...]] = {}
    for part in _PARTS:
        part_recordings = _part_recordings(path, contents, part)
        subjects[part] = tuple(dict.fromkeys(r.subject for r in part_recordings))
        recordings += part_recordings
    return Dataset(
        name="uci-har",
        recordings=tuple(recordings),
        labels=LABELS,
        sha256=sha256,
        official_test_subjects=subjects["test"],
        default_window=WINDOW,
        default_hop=HOP,
    )


def _signal_file(part: str, signal: str) -> str:
    return f"{part}/Inertial Signals/{signal}_{part}.txt"


_WANTED = tuple(
    name
    for part in _PARTS
    for name in (
        f"{part}/y_{part}.txt",
        f"{part}/subject_{part}.txt",
        *(_signal_file(part, signal) for signal in _SIGNALS),
    )
)
"""The files that are read, as named below ``UCI HAR Dataset/``."""


def _read_files(path: Path) -> tuple[dict[str, bytes], str]:
    """Return the contents of the wanted files by name, and one SHA-256 over all."""
    contents = {
        _name(name): content
        for name, content in files.members(path, lambda name: _name(name) in _WANTED)
    }
    for name in _WANTED:
        if name not in contents:
            raise HarmcuError(
                f"{path}: {name} is missing; give the folder 'UCI HAR Dataset' or its archive"
            )
    digests = {name: hashlib.sha256(contents[name]).hexdigest() for name in _WANTED}
    return contents, files.digest(digests)


def _name(member: str) -> str:
    """Return the name of a file below ``UCI HAR Dataset/``, wherever that lies."""
    return member.rpartition("UCI HAR Dataset/")[2]


def _part_recordings(path: Path, contents: dict[str, bytes], part: str) -> list[Recording]:
    labels = _integers(path, contents, f"{part}/y_{part}.txt")
    subjects = _integers(path, contents, f"{part}/subject_{part}.txt")
    signals = [_signal(path, contents, _signal_file(part, s), len(labels)) for s in _SIGNALS]
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


def _integers(path: Path, contents: dict[str, bytes], name: str) -> npt.NDArray[np.int64]:
    numbers = _numbers(path, contents[name], name)
    if not len(numbers) or not ((numbers == np.floor(numbers)) & (abs(numbers) < 1e9)).all():
        raise HarmcuError(f"{path}: {name} must hold whole numbers; fetch the data set again")
    return numbers.astype(np.int64)


def _signal(
    path: Path, contents: dict[str, bytes], name: str, windows: int
) -> npt.NDArray[np.float64]:
    """Return one signal, float64 [windows, 128], in the unit of the file."""
    numbers = _numbers(path, contents[name], name)
    if len(numbers) != windows * WINDOW or not (abs(numbers) < MOST).all():
        raise HarmcuError(
            f"{path}: {name} should hold {windows} windows of {WINDOW} numbers; the data set is "
            "damaged, fetch it again"
        )
    return numbers.reshape(windows, WINDOW)
