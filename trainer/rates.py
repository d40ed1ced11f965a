"""All recordings of a data set at the model's rate, by the board's own resampler."""

from __future__ import annotations

import dataclasses

from trainer import leaks, resample
from trainer.reading import assemble
from trainer.recording import Dataset, Recording, six_axes


def at_rate(dataset: Dataset, rate_millihertz: int | None) -> Dataset:
    """Bring a data set to one rate, in integers, exactly as a board would.

    Args:
        dataset: recordings of any rates.
        rate_millihertz: the model's; None leaves the data set as it is.

    Raises:
        HarmcuError: a recording's rate is more than a factor of 32 away.
    """
    if rate_millihertz is None:
        return dataset
    if all(r.rate_millihertz == rate_millihertz for r in dataset.recordings):
        return dataset
    recordings = tuple(resampled(r, rate_millihertz) for r in dataset.recordings)
    window, hop = assemble.window_and_hop(recordings)
    return dataclasses.replace(
        dataset, recordings=recordings, default_window=window, default_hop=hop
    )


def resampled(recording: Recording, rate_millihertz: int) -> Recording:
    """Bring one recording to a rate; see ``at_rate``."""
    if recording.rate_millihertz == rate_millihertz:
        return recording
    table = resample.design(recording.rate_millihertz, rate_millihertz)
    counts = resample.resample(recording.counts, table)
    # What was read stays known, for who looks for the same samples elsewhere.
    rows = leaks.row_digests(six_axes(recording)) if recording.rows is None else recording.rows
    return dataclasses.replace(recording, counts=counts, rate_millihertz=rate_millihertz, rows=rows)
