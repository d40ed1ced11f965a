"""The same samples in training and test, found by content.

A model that is tested on samples it was trained on looks better than it is, and names of files and
subjects do not show it. Every sample has a digest of its six counts, as it was read and before any
interpolation. Two stretches are the same when ``RUN`` samples in a row are, and are not one still
moment: at a resolution of 0.01 g a resting board repeats itself by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.recording import Counts, Recording, six_axes

RUN = 8
"""Samples in a row that must be the same."""

DIFFERENT = 4
"""Different samples that such a run must hold."""

SHOWN = 3
"""Leaks that an error shows."""

Digests = npt.NDArray[np.uint64]

_WEIGHTS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93,
     0xA0761D6478BD642F, 0xE7037ED1A0B428DB],
    np.uint64,
)  # fmt: skip
"""Odd numbers with many bits, so that sums of products scatter over 64 bits."""


@dataclass(frozen=True)
class Leak:
    """Two recordings, in different parts, that hold the same samples.

    Attributes:
        part, other_part: names of the parts, such as "test" and "training".
        recording: the one that should be new.
        other: one of those that hold the same samples.
        samples: how many samples of ``recording`` are also in ``other_part``.
        rows: int64, the first few of these samples, from 0.
        other_row: where the first of them is in ``other``.
    """

    part: str
    other_part: str
    recording: Recording
    other: Recording
    samples: int
    rows: npt.NDArray[np.int64]
    other_row: int


def row_digests(counts: Counts) -> Digests:
    """Return uint64 [samples], a digest of each sample of int16 [samples, 6]."""
    words = (counts.astype(np.int64) & 0xFFFF).astype(np.uint64)
    sums = _mix((words + np.uint64(1)) * _WEIGHTS[: words.shape[1]])
    return _mix(sums.sum(axis=1, dtype=np.uint64))


def find(parts: Mapping[str, Sequence[Recording]]) -> list[Leak]:
    """Find the same samples in different parts.

    Args:
        parts: recordings by the name of their part, such as "training" and "test"; each part is
            compared with all before it.

    Returns:
        one leak for each recording and earlier part that share samples.
    """
    leaks = []
    names = list(parts)
    for position, name in enumerate(names):
        for earlier in names[:position]:
            known = _Known(parts[earlier])
            for recording in parts[name]:
                leak = known.leak(name, earlier, recording)
                if leak is not None:
                    leaks.append(leak)
    return leaks


def check(parts: Mapping[str, Sequence[Recording]]) -> None:
    """Refuse parts that share samples.

    Raises:
        HarmcuError: some do; the message counts them and shows rows.
    """
    leaks = find(parts)
    if not leaks:
        return
    first = leaks[0]
    total = sum(leak.samples for leak in leaks if _parts(leak) == _parts(first))
    shown = "; ".join(_describe(leak) for leak in leaks[:SHOWN])
    more = f"; and {len(leaks) - SHOWN} more recordings" if len(leaks) > SHOWN else ""
    raise HarmcuError(
        f"{total:,} samples of the {first.part} part are also in the {first.other_part} part: "
        f"{shown}{more}; remove one of the copies, or keep both in one part"
    )


class _Known:
    """The runs of samples that a part holds."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self.recordings = recordings
        of_each = [runs(_digests(recording)) for recording in recordings]
        lengths = [len(each) for each in of_each]
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        together = np.concatenate(of_each) if of_each else np.zeros(0, np.uint64)
        self._order = np.argsort(together, kind="stable")
        self._sorted = together[self._order]

    def leak(self, part: str, other_part: str, recording: Recording) -> Leak | None:
        digests = _digests(recording)
        own = runs(digests)
        if not len(self._sorted) or not len(own):
            return None
        places = np.minimum(np.searchsorted(self._sorted, own), len(self._sorted) - 1)
        found = np.flatnonzero((self._sorted[places] == own) & varied(digests))
        if not len(found):
            return None
        covered = np.zeros(len(digests), bool)
        for offset in range(RUN):
            covered[found + offset] = True
        place = int(self._order[places[found[0]]])
        which = int(np.searchsorted(self._starts, place, side="right")) - 1
        return Leak(
            part,
            other_part,
            recording,
            self.recordings[which],
            int(covered.sum()),
            np.flatnonzero(covered)[:SHOWN],
            place - int(self._starts[which]),
        )


def _digests(recording: Recording) -> Digests:
    return recording.rows if recording.rows is not None else row_digests(six_axes(recording))


def runs(digests: Digests) -> Digests:
    """Return a digest of every ``RUN`` samples in a row; fewer when there are not as many."""
    count = max(0, len(digests) - RUN + 1)
    total = np.zeros(count, np.uint64)
    for offset in range(RUN):
        total = _mix(total + digests[offset : offset + count])
    return total


def varied(digests: Digests) -> npt.NDArray[np.bool_]:
    """Tell of every run whether it holds ``DIFFERENT`` different samples at least."""
    count = max(0, len(digests) - RUN + 1)
    new = np.zeros(count, np.int64)
    for offset in range(RUN):
        fresh = np.ones(count, bool)
        for earlier in range(offset):
            fresh &= digests[offset : offset + count] != digests[earlier : earlier + count]
        new += fresh
    return new >= DIFFERENT


def _mix(values: Digests) -> Digests:
    """Scatter uint64 over all 64 bits; the finaliser of SplitMix64 (Steele et al., 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _parts(leak: Leak) -> tuple[str, str]:
    return leak.part, leak.other_part


def _describe(leak: Leak) -> str:
    rows = ", ".join(str(row) for row in leak.rows)
    values = ""
    if leak.recording.rows is None:
        values = f" ({' '.join(str(v) for v in leak.recording.counts[leak.rows[0]])})"
    return (
        f"{leak.samples:,} samples of {leak.recording.source} (rows {rows}, ...){values}, the "
        f"first of them row {leak.other_row} of {leak.other.source}"
    )
