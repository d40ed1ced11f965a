import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_up import a_recording

from trainer import leaks, met
from trainer.recording import AXES, Recording


@given(
    samples=st.integers(met.LEAST_SHARED, 400),
    first=st.integers(0, 336),
    shared=st.integers(met.LEAST_SHARED, 400),
    before=st.integers(0, 100),
    after=st.integers(0, 100),
)
def test_what_is_shared_is_known_wherever_it_lies(
    samples: int, first: int, shared: int, before: int, after: int
) -> None:
    known = a_recording(samples, seed=1)
    first = min(first, samples - met.LEAST_SHARED)
    piece = known.counts[first : first + shared]
    around = a_recording(before + after, seed=2).counts
    mixed = np.concatenate([around[:before], piece, around[before:]])
    other = dataclasses.replace(known, counts=mixed)
    assert met.holds(met.fingerprints([known]), other)


def test_others_are_not_known_and_few_fingerprints_are_kept() -> None:
    known = met.fingerprints(a_recording(5000, seed=seed) for seed in range(20))
    assert 1 / 40 < len(known) / 100_000 < 1 / 20
    assert not any(met.holds(known, a_recording(5000, seed=seed)) for seed in range(20, 60))


def test_short_recordings_are_known_as_a_whole() -> None:
    known = a_recording(20, seed=1)
    assert met.holds(met.fingerprints([known]), dataclasses.replace(known, label="other"))
    assert not len(met.fingerprints([a_recording(leaks.RUN - 1, seed=1)]))


def test_a_still_board_is_nobody() -> None:
    still = Recording(np.full((500, 6), 100, np.int16), AXES, 50_000, "idle", "1", "still")
    assert not len(met.fingerprints([still]))


def test_rows_as_read_and_counts_are_both_known() -> None:
    """What was read at jittering times is known by its rows, and when converted by its counts."""
    grid, rows = a_recording(200, seed=1), a_recording(190, seed=2)
    read = dataclasses.replace(grid, rows=leaks.row_digests(rows.counts))
    known = met.fingerprints([read])
    assert met.holds(known, grid)
    assert met.holds(known, rows)
