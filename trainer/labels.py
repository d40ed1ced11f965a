"""Some of a data set's labels; what is left out becomes other movement."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from trainer.errors import HarmcuError, UnknownNameError
from trainer.recording import Dataset, Interval, LabelledStream, Recording, six_axes


def only(dataset: Dataset, labels: Sequence[str]) -> Dataset:
    """Return the data set with recordings of these labels alone, in its own order of labels.

    Whole recordings stay as ``streams``: what has another label is what a board will meet too.

    Args:
        dataset: as loaded.
        labels: to keep; empty: all.

    Raises:
        HarmcuError: a label is not in the data set, or fewer than two are named.
    """
    if not labels or {*labels} == {*dataset.labels}:
        return dataset
    for label in labels:
        if label not in dataset.labels:
            raise UnknownNameError("label", label, dataset.labels)
    if len(set(labels)) < 2:
        raise HarmcuError("one label alone leaves nothing to tell apart; name two or more")
    return dataclasses.replace(
        dataset,
        labels=tuple(label for label in dataset.labels if label in labels),
        recordings=tuple(r for r in dataset.recordings if r.label in labels),
        streams=dataset.streams or tuple(map(_stream, dataset.recordings)),
    )


def _stream(recording: Recording) -> LabelledStream:
    return LabelledStream(
        six_axes(recording),
        recording.rate_millihertz,
        recording.subject,
        (Interval(recording.label, 0, len(recording.counts) - 1),),
        recording.source,
    )
