"""Some of a data set's labels, and the movement that has none of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from trainer.errors import HarmcuError, UnknownNameError
from trainer.recording import AXES, Dataset, LabelledStream, Recording


def only(dataset: Dataset, labels: Sequence[str]) -> Dataset:
    """Return the data set with recordings of these labels alone, in its own order of labels.

    Whole recordings stay as they are: what has another label there is what a board will meet too.
    Other data sets are without what is left out, for it may be a kind of what is kept: who types
    sits as well.

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
    )


def other_movement(streams: Iterable[LabelledStream], labels: Sequence[str]) -> list[Recording]:
    """Return the stretches of streams that lie outside of every interval of ``labels``.

    Args:
        streams: whole recordings.
        labels: those that a model knows.

    Returns:
        recordings at the rates of their streams, with the empty label.
    """
    stretches = []
    for stream in streams:
        known = [(i.first, i.last + 1) for i in stream.intervals if i.label in labels]
        begins = [0, *(end for _, end in known)]
        ends = [*(begin for begin, _ in known), len(stream.counts)]
        for begin, end in zip(begins, ends, strict=True):
            if begin < end:
                counts, source = stream.counts[begin:end], f"{stream.source}, from {begin}"
                stretches.append(
                    Recording(counts, AXES, stream.rate_millihertz, "", stream.subject, source)
                )
    return stretches
