"""What a model has met: fingerprints of the samples that trained or chose it.

They travel in the bundle, so that a later evaluation knows these samples again, whatever their
files, subjects and data set are called by then. Winnowing (Schleimer et al., SIGMOD 2003) keeps, of
every ``SPAN`` runs of samples in a row, the one with the smallest digest: one in 29 of them, and
two recordings that share ``LEAST_SHARED`` samples in a row always keep one in common.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trainer import leaks
from trainer.leaks import RUN, Digests
from trainer.recording import Recording, six_axes

LEAST_SHARED = 64
"""Samples in a row; half a second at 119 Hz."""

SPAN = LEAST_SHARED - RUN + 1

_NEVER = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


def fingerprints(recordings: Iterable[Recording]) -> Digests:
    """Return uint64 [fingerprints], sorted and each once.

    Of rows as they were read, and of the counts that were made of them: a data set that was
    converted holds the latter.
    """
    found = [_winnowed(digests) for recording in recordings for digests in _forms(recording)]
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *found]))


def holds(known: Digests, recording: Recording) -> bool:
    """Tell whether a recording shares samples with those of ``known``, from ``fingerprints``."""
    return bool(np.isin(fingerprints([recording]), known).any())


def _forms(recording: Recording) -> list[Digests]:
    counts = leaks.row_digests(six_axes(recording))
    return [counts] if recording.rows is None else [recording.rows, counts]


def _winnowed(digests: Digests) -> Digests:
    """Return the smallest of every ``SPAN`` runs in a row, or of all when there are fewer.

    A still board repeats itself: such runs are passed over.
    """
    runs = leaks.runs(digests)
    runs = np.where(leaks.varied(digests), runs, _NEVER)
    if len(runs) > SPAN:
        runs = np.lib.stride_tricks.sliding_window_view(runs, SPAN).min(axis=1)
    else:
        runs = runs.min(keepdims=True) if len(runs) else runs
    return np.unique(runs[runs != _NEVER])
