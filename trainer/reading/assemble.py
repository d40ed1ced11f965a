"""From streams of numbers to recordings: units, bounds, the uniform grid, labels, the window."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from trainer import leaks
from trainer.errors import HarmcuError
from trainer.reading import files, guess
from trainer.reading.options import ACCELERATION_UNITS, ROTATION_UNITS, unit_of
from trainer.reading.timeline import Stream, Stretch
from trainer.recording import AXES, Counts, Dataset, Note, Recording
from trainer.splits import natural_order
from trainer.units import counts_per_unit, to_counts

Floats = npt.NDArray[np.float64]

IMPOSSIBLE_G = 64.0
IMPOSSIBLE_DPS = 20_000.0
"""Beyond what any IMU of this kind measures: a damaged number, not a movement."""

NO_SUBJECT = "takes whose subject is not known; each stands for itself"

WINDOW_SECONDS = 2.56
"""Of UCI HAR; shorter where the takes are shorter."""

WINDOW_STEP = 16
"""A window is a multiple of it, so that a quarter of it is a hop that every model takes."""

_IMPOSSIBLE = {"a": IMPOSSIBLE_G * 8192.0, "g": IMPOSSIBLE_DPS * 16.384}


class Units:
    """The units of acceleration and rotation, given or guessed, with the reasons."""

    def __init__(self, given: tuple[str, ...], acceleration: Floats, rotation: Floats) -> None:
        """Decide on the units.

        Args:
            given: what the user or the file says; what is missing is guessed.
            acceleration: float64 [rows, axes], finite; empty where there is none.
            rotation: the same.

        Raises:
            HarmcuError: a unit was not given and cannot be told.
        """
        self.notes: list[Note] = []
        stated = unit_of(given, ACCELERATION_UNITS), unit_of(given, ROTATION_UNITS)
        self._acceleration, self._rotation = stated
        if self._acceleration is None and acceleration.size:
            self._acceleration = self._note(guess.acceleration_unit(acceleration), acceleration)
        if self._rotation is None and rotation.size:
            found = guess.rotation_unit(rotation, self._acceleration)
            self._rotation = self._note(found, rotation)

    def _note(self, found: guess.Guess, values: Floats) -> str:
        self.notes.append(Note("guessed", f"{found.unit}: {found.why}", len(values)))
        return found.unit

    def of(self, axis: str) -> str:
        """Return the unit of an axis; without any reading to tell it from, any will do."""
        if axis[0] == "a":
            return self._acceleration or "g"
        return self._rotation or "deg/s"

    def possible(self, values: Floats, axes: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Tell of each row whether an IMU can have measured it."""
        limits = [_IMPOSSIBLE[axis[0]] / counts_per_unit(self.of(axis)) for axis in axes]
        return np.asarray((np.abs(values) <= limits).all(axis=1))

    def counts(self, values: Floats, axes: Sequence[str]) -> Counts:
        """Turn float64 [rows, axes] into int16 counts."""
        columns = [to_counts(values[:, i], self.of(axis)) for i, axis in enumerate(axes)]
        return np.stack(columns, axis=1)

    def digests(self, values: Floats, axes: Sequence[str]) -> leaks.Digests:
        """Return the digests of rows, for the leak check."""
        six = np.zeros((len(values), len(AXES)), np.int16)
        six[:, [AXES.index(axis) for axis in axes]] = self.counts(values, axes)
        return leaks.row_digests(six)


def gravity_in(unit: str) -> float:
    """Return the length of gravity in a unit of acceleration."""
    return counts_per_unit("g") / counts_per_unit(unit)


def beyond_counts(counts: Counts) -> int:
    """Return how many samples are at the end of the range of counts, 4 g or 2000 deg/s."""
    return int((np.abs(counts.astype(np.int32)) >= 32767).any(axis=1).sum())


def shared_rates(measured: Sequence[float]) -> list[float]:
    """Return the rate, in Hz, to bring each of some files to, given their measured rates.

    Files that were recorded alike measure 99.8, 100.1 or 100.2 Hz. Rates within 5 % of the
    median of their like become that median; all are rounded to three digits.
    """
    rates = list(measured)
    left = sorted(set(rates))
    shared: dict[float, float] = {}
    while left:
        alike = [rate for rate in left if rate <= left[0] * 1.05]
        middle = statistics.median(rate for rate in rates if rate in alike)
        shared |= dict.fromkeys(alike, float(f"{middle:.3g}"))
        left = left[len(alike) :]
    return [shared[rate] for rate in rates]


def bridged_notes(stretches: Iterable[Stretch], source: str) -> list[Note]:
    """Return the note on samples that interpolation made up, if there are any."""
    bridged = sum(stretch.bridged for stretch in stretches)
    what = "samples interpolated where rows are missing"
    return [Note("repaired", what, bridged, source)] if bridged else []


def alone_notes(stream: Stream, stretches: Sequence[Stretch], source: str) -> list[Note]:
    """Return the note on rows that no stretch covers, if there are any.

    Args:
        stream: of the first sensor.
        stretches: what ``timeline.uniform`` made of it.
        source: where the rows stand.
    """
    covered = [stretch.index for stretch in stretches]
    kept = np.concatenate([np.empty(0, np.int64), *covered])
    rows = stream.index[np.diff(stream.seconds, prepend=-np.inf) != 0]
    alone = len(np.setdiff1d(rows, kept))
    what = "rows alone between gaps, or while another sensor is silent"
    return [Note("dropped", what, alone, source)] if alone else []


def labels_of(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Return the labels of recordings, sorted."""
    return tuple(sorted({recording.label for recording in recordings}, key=natural_order))


def window_and_hop(recordings: Sequence[Recording]) -> tuple[int, int]:
    """Return a window for recordings of a kind: 2.56 s, or what 90 % of their samples fill.

    Raises:
        HarmcuError: there is no recording.
    """
    if not recordings:
        raise HarmcuError("there is no recording; check the path and the options")
    rate = Counter(recording.rate_millihertz for recording in recordings).most_common(1)[0][0]
    lengths = np.sort([len(recording.counts) for recording in recordings])
    # Short pieces between gaps count for what they hold.
    tenth = int(np.searchsorted(np.cumsum(lengths), 0.1 * lengths.sum()))
    samples = min(WINDOW_SECONDS * rate / 1000, float(lengths[tenth]))
    window = max(WINDOW_STEP, int(samples) // WINDOW_STEP * WINDOW_STEP)
    return window, window // 4


def dataset(
    name: str,
    recordings: Sequence[Recording],
    digests: Mapping[str, str],
    notes: Iterable[Note],
    test: Iterable[str] = (),
) -> Dataset:
    """Return a data set, with the window and the labels that its recordings suggest.

    Args:
        name: of the adapter.
        recordings: in a fixed order.
        digests: SHA-256 of every file that was read, by its name.
        notes: what was repaired, dropped or guessed.
        test: subjects that the publisher held out.

    Raises:
        HarmcuError: there is no recording.
    """
    window, hop = window_and_hop(recordings)
    return Dataset(
        name=name,
        recordings=tuple(recordings),
        labels=labels_of(recordings),
        sha256=files.digest(digests),
        official_test_subjects=tuple(dict.fromkeys(test)),
        default_window=window,
        default_hop=hop,
        notes=tuple(notes),
    )
