"""``hapt``: Human Activities and Postural Transitions, version 2.1: continuous recordings.

30 subjects with a phone on the waist, 61 recordings of six activities and the six transitions
between postures, 50 Hz, total acceleration in g and angular rate in rad/s, unfiltered. Source:
J.-L. Reyes-Ortiz et al., "Transition-Aware Human Activity Recognition Using Smartphones",
Neurocomputing 171 (2016). The subjects, and the split, are those of UCI HAR.

The labelled intervals are the data set's recordings. The whole recordings with their intervals are
its streams, for who wants to see transitions and unlabelled stretches as a board does.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.reading import files
from trainer.recording import AXES, Dataset, Interval, LabelledStream, Note, Recording
from trainer.units import to_counts

RATE_MILLIHERTZ = 50_000
WINDOW = 128
HOP = 64

# activity_labels.txt of the data set: 1 to 12.
ACTIVITIES = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")
TRANSITIONS = (
    "STAND_TO_SIT",
    "SIT_TO_STAND",
    "SIT_TO_LIE",
    "LIE_TO_SIT",
    "STAND_TO_LIE",
    "LIE_TO_STAND",
)
LABELS = ACTIVITIES + TRANSITIONS
# The test part of UCI HAR, whose subjects these are.
TEST_SUBJECTS = ("2", "4", "9", "10", "12", "13", "18", "20", "24")

MOST = 1e7
"""What no number of these files reaches, in g, rad/s or samples."""

_SIGNAL = re.compile(r"(?:^|/)RawData/(acc|gyro)_exp(\d{2})_user(\d{2})\.txt$")
_LABELS = re.compile(r"(?:^|/)RawData/labels\.txt$")


def load(path: Path | None = None) -> Dataset:
    """Load the recordings, and their labelled intervals, from the folder or the archive.

    Raises:
        HarmcuError: something is missing, truncated or not as published; the message names it.
    """
    whole, sha256 = _read(path)
    recordings = [
        Recording(
            counts=stream.counts[interval.first : interval.last + 1],
            axes=AXES,
            rate_millihertz=RATE_MILLIHERTZ,
            label=interval.label,
            subject=stream.subject,
            source=f"{stream.source}, samples {interval.first} to {interval.last}",
        )
        for stream in whole
        for interval in stream.intervals
    ]
    left_out = sum(len(s.counts) for s in whole) - sum(len(r.counts) for r in recordings)
    return Dataset(
        name="hapt",
        recordings=tuple(recordings),
        labels=LABELS,
        sha256=sha256,
        official_test_subjects=TEST_SUBJECTS,
        default_window=WINDOW,
        default_hop=HOP,
        notes=(Note("dropped", "samples without a label", left_out),),
        streams=tuple(whole),
    )


def _read(path: Path | None) -> tuple[list[LabelledStream], str]:
    if path is None:
        raise HarmcuError(
            "the data set hapt is not part of a package; give its folder or archive with --data"
        )
    signals: dict[tuple[str, int], npt.NDArray[np.float64]] = {}
    subjects: dict[int, str] = {}
    digests: dict[str, str] = {}
    rows: npt.NDArray[np.float64] | None = None
    for name, content in files.members(path, _is_wanted):
        if not _is_wanted(name):
            break
        digests[name[name.index("RawData") :]] = hashlib.sha256(content).hexdigest()
        if signal := _SIGNAL.search(name):
            signals[signal[1], int(signal[2])] = _numbers(path, name, content, 3)
            subjects[int(signal[2])] = str(int(signal[3]))
        else:
            rows = _numbers(path, name, content, 5)
    if rows is None or not signals:
        raise HarmcuError(f"{path}: holds no RawData/labels.txt of HAPT; give 'HAPT Data Set'")
    made = [_stream(path, signals, rows, number, subjects[number]) for number in sorted(subjects)]
    return made, files.digest(digests)


def _is_wanted(name: str) -> bool:
    return bool(_SIGNAL.search(name) or _LABELS.search(name))


def _numbers(path: Path, name: str, content: bytes, columns: int) -> npt.NDArray[np.float64]:
    try:
        numbers = np.array(content.split(), np.float64)
    except ValueError:
        numbers = np.array([np.nan])
    if len(numbers) % columns or not (abs(numbers) < MOST).all():
        raise HarmcuError(
            f"{path}: {name} should hold {columns} numbers a line; it is damaged, fetch it again"
        )
    return numbers.reshape(-1, columns)


def _stream(
    path: Path,
    signals: dict[tuple[str, int], npt.NDArray[np.float64]],
    rows: npt.NDArray[np.float64],
    number: int,
    subject: str,
) -> LabelledStream:
    acceleration, rotation = signals.get(("acc", number)), signals.get(("gyro", number))
    if acceleration is None or rotation is None or len(acceleration) != len(rotation):
        raise HarmcuError(
            f"{path}: experiment {number} needs an acc and a gyro file of the same length; the "
            "data set is damaged, fetch it again"
        )
    counts = np.hstack([to_counts(acceleration, "g"), to_counts(rotation, "rad/s")])
    intervals = []
    end = -1
    for experiment, user, activity, first, last in rows[rows[:, 0] == number]:
        # Numbers in the file count from 1, and both ends belong to the interval.
        first, last = int(first) - 1, int(last) - 1
        known = activity in range(1, len(LABELS) + 1) and str(int(user)) == subject
        if not known or not end < first <= last < len(counts):
            raise HarmcuError(
                f"{path}: labels.txt: experiment {int(experiment)}, samples {first + 1} to "
                f"{last + 1} does not fit its recording; fetch the data set again"
            )
        intervals.append(Interval(LABELS[int(activity) - 1], first, last))
        end = last
    return LabelledStream(counts, RATE_MILLIHERTZ, subject, tuple(intervals), f"exp{number:02}")
