"""Recordings in canonical counts, and the data sets that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

AXES = ("ax", "ay", "az", "gx", "gy", "gz")
"""The six axes of a sample, in the order that every part of harmcu uses."""

Counts = npt.NDArray[np.int16]

Kind = Literal["repaired", "dropped", "guessed", "remark"]

Unit = Literal["subject", "recording", "block"]
"""What a split keeps together: a person, a whole recording, or a block of one."""


@dataclass(frozen=True)
class Note:
    """Something about a data set that its reader had to decide.

    Attributes:
        kind: what was decided.
        what: the reason, the same words for the same reason.
        count: how often, in the unit that ``what`` names.
        source: the file, or the empty string for the whole data set.
    """

    kind: Kind
    what: str
    count: int
    source: str = ""


@dataclass(frozen=True)
class Recording:
    """One continuous, labelled stream from one subject and one board.

    Attributes:
        counts: int16 [samples, len(axes)], in the counts of ``trainer.units``.
        axes: which of ``AXES`` the columns are, in that order.
        rate_millihertz: samples a second, times 1000.
        label: the activity, as the user wrote it.
        subject: who was recorded; recordings of one subject never straddle a split.
        source: where it came from (file, row), for messages.
        board: what recorded it; empty where the format does not say.
        rows: uint64 [rows], a digest of every row as it was read, where ``counts`` are not those
            rows but were brought to a uniform grid; ``trainer.leaks`` compares them.
        take: what it was recorded in one go with, where a gap parted them: a file, or a place in
            one; they never straddle a split either. Empty: it stands for itself.
    """

    counts: Counts
    axes: tuple[str, ...]
    rate_millihertz: int
    label: str
    subject: str
    source: str
    board: str = ""
    rows: npt.NDArray[np.uint64] | None = None
    take: str = ""


@dataclass(frozen=True)
class Interval:
    """A labelled stretch: samples ``first`` to ``last`` of its stream, both included, from 0."""

    label: str
    first: int
    last: int


@dataclass(frozen=True)
class LabelledStream:
    """One whole recording, in which activities follow one another.

    Attributes:
        counts: int16 [samples, 6], in the order of ``AXES``.
        rate_millihertz: samples a second, times 1000.
        subject: who was recorded.
        intervals: in the order of time, without overlap; what lies between has no label.
        source: where it came from, for messages.
    """

    counts: Counts
    rate_millihertz: int
    subject: str
    intervals: tuple[Interval, ...]
    source: str


@dataclass(frozen=True)
class Dataset:
    """Recordings that belong together.

    Attributes:
        name: the name that ``--dataset`` takes.
        recordings: in a fixed order.
        labels: the classes, in the order of the model's scores.
        sha256: digest of the files that were read.
        official_test_subjects: the published held-out subjects; empty when there is no such split.
        default_window: samples a classification sees unless the user says otherwise.
        default_hop: samples between the starts of two windows.
        notes: what was repaired, dropped or guessed while reading.
        streams: whole recordings as a board sees them, transitions and unlabelled stretches
            included, where there is more than ``recordings``.
        unit: what ``Recording.subject`` stands for; ``trainer.splits.divide`` decides.
    """

    name: str
    recordings: tuple[Recording, ...]
    labels: tuple[str, ...]
    sha256: str
    official_test_subjects: tuple[str, ...]
    default_window: int
    default_hop: int
    notes: tuple[Note, ...] = ()
    streams: tuple[LabelledStream, ...] = ()
    unit: Unit = "subject"


def six_axes(recording: Recording) -> Counts:
    """Return int16 [samples, 6] in the order of ``AXES``; axes that were not recorded are zero."""
    counts = np.zeros((len(recording.counts), len(AXES)), np.int16)
    for column, axis in enumerate(recording.axes):
        counts[:, AXES.index(axis)] = recording.counts[:, column]
    return counts
