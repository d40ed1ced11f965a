"""The integer nearest-neighbour model: this NumPy code is its definition.

int8 samples of a window in, int8 scores out, in four steps whose rounding is written down here;
``firmware/src/kernels/knn.c`` is the other implementation. ``>>`` is an arithmetic shift.

1. **Statistics**, integers, of every channel over the window of T samples: the sum S; the sum of
   absolute deviations from the mean ``floor((2 * S + T) / (2 * T))``; the minimum; the maximum;
   and for each lag of ``LAGS`` the sum of absolute differences between samples that far apart.
   They are in the order of this list, each for all channels in turn.
2. **Standardised** to 12 bits: ``clamp(((s - offset) * multiplier + 2**(shift-1)) >> shift)`` to
   ``FEATURE_RANGE``.
3. **Discriminants**: ``clamp((projection . features + 2**(shift-1)) >> shift)`` to int8, few
   numbers in which the activities lie apart.
4. **Neighbours**: of the prototypes, the ``neighbours`` of least squared distance, the first of
   equals. The nearest counts ``neighbours`` votes, the next one less, the last a single one. A
   label's share p of all votes becomes the score ``min(127, round_half_up(256 * p) - 128)``, the
   quantisation ``OUTPUT`` of ``trainer.spec``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.sample_path import Samples

NAME = "the integers that define it"

FORMAT = "harmcu knn"
SCHEMA_VERSION = 1

LAGS = (1, 2, 4, 8, 16)
"""In samples."""

STATISTICS = 4 + len(LAGS)
"""How many there are for each channel."""

FEATURE_RANGE = 2047
WEIGHT_RANGE = 8191
"""With these two a sum of 64 products stays within an int32."""

MOST_NEIGHBOURS = 9
MOST_PROTOTYPES = 4096
MOST_BYTES = 4 << 20

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Knn:
    """A model.

    Attributes:
        window: samples that it sees.
        channels: of a sample.
        labels: how many scores it gives.
        offset, multiplier, shift: int64 [features], of step 2; multiplier 1 to 32767, shift 1
            to 46.
        projection: int64 [discriminants, features], each at most ``WEIGHT_RANGE``.
        projection_shift: of step 3, 1 to 30.
        prototypes: int8 [prototypes, discriminants].
        prototype_labels: int64 [prototypes].
        neighbours: how many vote.
    """

    window: int
    channels: int
    labels: int
    offset: Integers
    multiplier: Integers
    shift: Integers
    projection: Integers
    projection_shift: int
    prototypes: Samples
    prototype_labels: Integers
    neighbours: int

    @property
    def features(self) -> int:
        """How many numbers describe a window."""
        return STATISTICS * self.channels

    def run(self, windows: Samples) -> Samples:
        """Return int8 scores [windows, labels] of int8 [windows, window, channels].

        Raises:
            HarmcuError: the windows have another shape than the model's.
        """
        if windows.shape[1:] != (self.window, self.channels):
            raise HarmcuError(
                f"windows of shape {windows.shape[1:]} do not fit the model's "
                f"{(self.window, self.channels)}; use the model's own window and channels"
            )
        # In pieces: the distances of all windows at once would take gigabytes.
        pieces = [windows[start : start + 256] for start in range(0, len(windows), 256)]
        scores = [self.vote(self.discriminants(statistics(piece))) for piece in pieces]
        return np.concatenate([np.empty((0, self.labels), np.int8), *scores])

    def discriminants(self, values: Integers) -> Integers:
        """Return steps 2 and 3: int64 [windows, discriminants] within int8, of statistics."""
        half = np.int64(1) << (self.shift - 1)
        scaled = ((values - self.offset) * self.multiplier + half) >> self.shift
        features = np.clip(scaled, -FEATURE_RANGE, FEATURE_RANGE)
        total = features @ self.projection.T + (1 << (self.projection_shift - 1))
        points: Integers = np.clip(total >> self.projection_shift, -128, 127)
        return points

    def vote(self, points: Integers) -> Samples:
        """Return step 4: int8 scores [windows, labels] of discriminants."""
        apart = points[:, None, :] - self.prototypes.astype(np.int64)
        distances = np.sum(apart * apart, axis=2)
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : self.neighbours]
        votes = np.zeros((len(points), self.labels), np.int64)
        for place in range(self.neighbours):
            of = self.prototype_labels[nearest[:, place]]
            votes[np.arange(len(points)), of] += self.neighbours - place
        every = self.neighbours * (self.neighbours + 1) // 2
        share = (2 * 256 * votes + every) // (2 * every)
        return np.minimum(share - 128, 127).astype(np.int8)


def statistics(windows: Samples) -> Integers:
    """Return step 1: int64 [windows, features] of int8 [windows, window, channels]."""
    samples = windows.astype(np.int64)
    length = samples.shape[1]
    total = samples.sum(axis=1)
    mean = (2 * total + length) // (2 * length)
    deviation = np.abs(samples - mean[:, None, :]).sum(axis=1)
    changes = [np.abs(samples[:, lag:] - samples[:, :-lag]).sum(axis=1) for lag in LAGS]
    return np.concatenate(
        [total, deviation, samples.min(axis=1), samples.max(axis=1), *changes], axis=1
    )


def is_knn(model: bytes) -> bool:
    """Tell whether a model's file is one of ``to_bytes`` and not a .tflite file."""
    return model.startswith(_HEAD)


_HEAD = f'{{\n"format": "{FORMAT}",'.encode()


def to_bytes(model: Knn) -> bytes:
    """Return the content of knn.json: an object, one field a line."""
    document = {
        "format": FORMAT,
        "schema": SCHEMA_VERSION,
        **{
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(model).items()
        },
    }
    fields = (f'"{name}": {json.dumps(value)}' for name, value in document.items())
    return ("{\n" + ",\n".join(fields) + "\n}\n").encode()


def read(model: bytes) -> Knn:
    """Read the content of knn.json.

    Raises:
        HarmcuError: it is damaged, of another version, or no C could hold it.
    """
    if len(model) > MOST_BYTES:
        raise HarmcuError("the knn model is larger than any board could hold; train a smaller one")
    try:
        document = json.loads(model)
        if document.pop("format") != FORMAT or document.pop("schema") != SCHEMA_VERSION:
            raise HarmcuError("the knn model is of another version; train it again")
        built = _build(document)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise HarmcuError("the knn model is damaged; restore the file or train again") from None
    return built


def _build(document: dict[str, Any]) -> Knn:
    """Return a model whose every size and number is one that the C can hold.

    Raises:
        ValueError, KeyError or TypeError: it is not.
    """
    numbers = ("window", "channels", "labels", "projection_shift", "neighbours")
    arrays = ("offset", "multiplier", "shift", "projection", "prototypes", "prototype_labels")
    if set(document) != {*numbers, *arrays}:
        raise ValueError("fields")
    window, channels, labels, shift, neighbours = (
        _within(document[name], *limits)
        for name, limits in zip(
            numbers, ((2, 4096), (1, 6), (2, 128), (1, 30), (1, MOST_NEIGHBOURS)), strict=True
        )
    )
    features = STATISTICS * channels
    prototypes = len(document["prototypes"])
    discriminants = len(document["projection"])
    _within(prototypes, neighbours, MOST_PROTOTYPES)
    _within(discriminants, 1, 127)
    return Knn(
        window=window,
        channels=channels,
        labels=labels,
        offset=_array(document["offset"], (features,), -(2**30), 2**30),
        multiplier=_array(document["multiplier"], (features,), 1, 32767),
        shift=_array(document["shift"], (features,), 1, 46),
        projection=_array(
            document["projection"], (discriminants, features), -WEIGHT_RANGE, WEIGHT_RANGE
        ),
        projection_shift=shift,
        prototypes=_array(document["prototypes"], (prototypes, discriminants), -128, 127).astype(
            np.int8
        ),
        prototype_labels=_array(document["prototype_labels"], (prototypes,), 0, labels - 1),
        neighbours=neighbours,
    )


def _within(value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError("range")
    return value


def _array(values: Any, shape: tuple[int, ...], low: int, high: int) -> Integers:
    array = np.array(values)
    if not np.issubdtype(array.dtype, np.integer) or array.shape != shape:
        raise ValueError("shape")
    if array.size and (array.min() < low or array.max() > high):
        raise ValueError("range")
    return array.astype(np.int64)
