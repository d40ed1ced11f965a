"""What recordings hold, before anything is trained on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.reading.assemble import NO_SUBJECT
from trainer.recording import Dataset, Note, Recording
from trainer.splits import natural_order

RAILS = {"a": (2, 4), "g": (250, 500, 1000, 2000)}
"""Ranges that IMUs are set to, in g and deg/s; larger ones do not fit counts."""

_COUNTS = {"a": 8192.0, "g": 16.384}
_UNITS = {"a": "g", "g": "deg/s"}

NEAR_RAIL = 0.002
"""A reading this close to a range, as a share of it, is at its end."""

LEAST_AT_RAIL = 10
"""Samples at the end of a range below which the range is a coincidence."""


def inspect(dataset: Dataset) -> dict[str, Any]:
    """Return what a data set holds, as one JSON-ready object.

    Raises:
        HarmcuError: it holds no recording.
    """
    recordings = dataset.recordings
    if not recordings:
        raise HarmcuError(f"{dataset.name} holds no recording; check the path and the options")
    return {
        "format": dataset.name,
        "sha256": dataset.sha256,
        "recordings": len(recordings),
        "samples": sum(len(recording.counts) for recording in recordings),
        "minutes": _minutes(recordings),
        "labels": _by(recordings, "label"),
        "subjects_known": not any(note.what == NO_SUBJECT for note in dataset.notes),
        "subjects": _by(recordings, "subject"),
        "test_subjects": list(dataset.official_test_subjects),
        "boards": sorted({recording.board for recording in recordings} - {""}),
        "axes": sorted({" ".join(recording.axes) for recording in recordings}),
        "rates_hz": {f"{rate / 1000:g}": _minutes(of) for rate, of in _rates(recordings)},
        "shortest_samples": min(len(recording.counts) for recording in recordings),
        "longest_samples": max(len(recording.counts) for recording in recordings),
        "default_window": dataset.default_window,
        "clipping": _clipping(recordings),
        "notes": summary(dataset.notes),
    }


def _minutes(recordings: Iterable[Recording]) -> float:
    seconds = sum(len(r.counts) * 1000 / r.rate_millihertz for r in recordings)
    return round(seconds / 60, 3)


def _by(recordings: Sequence[Recording], field: str) -> dict[str, dict[str, Any]]:
    """Return recordings and minutes of each label or subject."""
    groups: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        groups[getattr(recording, field)].append(recording)
    return {
        name: {"recordings": len(groups[name]), "minutes": _minutes(groups[name])}
        for name in sorted(groups, key=natural_order)
    }


def _rates(recordings: Sequence[Recording]) -> list[tuple[int, list[Recording]]]:
    groups: dict[int, list[Recording]] = defaultdict(list)
    for recording in recordings:
        groups[recording.rate_millihertz].append(recording)
    return sorted(groups.items())


def _clipping(recordings: Sequence[Recording]) -> dict[str, Any]:
    """Return the range of each sensor that readings stop at, and the samples there, by label."""
    found: dict[str, Any] = {}
    for sensor, rails in RAILS.items():
        peaks = [_peak(recording, sensor) for recording in recordings]
        highest = max((int(peak.max()) for peak in peaks if len(peak)), default=0)
        for rail in rails:
            end = rail * _COUNTS[sensor]
            if highest > end * (1 + NEAR_RAIL):
                continue
            at = [int((peak >= end * (1 - NEAR_RAIL)).sum()) for peak in peaks]
            if sum(at) >= LEAST_AT_RAIL:
                labels: dict[str, int] = defaultdict(int)
                for recording, samples in zip(recordings, at, strict=True):
                    labels[recording.label] += samples
                found[f"{rail} {_UNITS[sensor]}"] = {
                    "samples": sum(at),
                    "labels": {label: count for label, count in labels.items() if count},
                }
            break
    return found


def _peak(recording: Recording, sensor: str) -> npt.NDArray[np.int32]:
    """Return int32 [samples], the largest reading of a sensor's axes without its sign."""
    columns = [index for index, axis in enumerate(recording.axes) if axis[0] == sensor]
    values = np.abs(recording.counts[:, columns].astype(np.int32))
    peak: npt.NDArray[np.int32] = values.max(axis=1) if columns else values[:0, 0:0].reshape(-1)
    return peak


def summary(notes: Sequence[Note]) -> list[dict[str, Any]]:
    """Return what was decided, each reason once, with how often and in how many files."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    sources: dict[tuple[str, str], set[str]] = defaultdict(set)
    for note in notes:
        counts[note.kind, note.what] += note.count
        sources[note.kind, note.what] |= {note.source} - {""}
    return [
        {"kind": kind, "what": what, "count": count, "files": sorted(sources[kind, what])}
        for (kind, what), count in sorted(counts.items())
    ]
