"""From recordings to windows, and from counts to the model's int8 range.

A window lies within one recording: windows that straddled two would show a movement that nobody
made, and would leak across a split.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.recording import AXES, Counts, Recording, six_axes
from trainer.sample_path import Samples, quantize, window_starts
from trainer.spec import Channel
from trainer.units import COUNTS_PER_UNIT

FULL_SCALE_PERCENTILE = 99.9
"""Share of the training samples, in percent, that the int8 range holds; the rest saturates."""

_UNITS = {"a": "g", "g": "deg/s"}


@dataclass(frozen=True)
class Windows:
    """Windows in counts, before augmentation and quantisation.

    Attributes:
        counts: int16 [windows, window, 6], in the order of ``trainer.recording.AXES``.
        labels: int64 [windows], indices into the data set's labels.
        subjects: str [windows].
    """

    counts: Counts
    labels: npt.NDArray[np.int64]
    subjects: npt.NDArray[np.str_]


def cut(
    recordings: Sequence[Recording],
    labels: Sequence[str],
    window: int,
    hop: int,
    offsets: Sequence[int] | None = None,
) -> Windows:
    """Cut every recording into windows that start at 0, hop, 2 * hop, ...

    Args:
        recordings: in any order; the windows keep it.
        labels: the classes, in the order of the model's scores.
        window: samples a window.
        hop: samples between the starts of two windows.
        offsets: samples to leave out at the start of each recording; none by default.

    Raises:
        HarmcuError: no recording is as long as a window.
    """
    streams = [six_axes(recording) for recording in recordings]
    skipped = offsets if offsets is not None else [0] * len(streams)
    starts = [
        window_starts(len(s) - o, window, hop) + o for s, o in zip(streams, skipped, strict=True)
    ]
    pieces = [s[at[:, None] + np.arange(window)] for s, at in zip(streams, starts, strict=True)]
    if not sum(len(piece) for piece in pieces):
        raise HarmcuError(
            f"none of {len(streams)} recordings has the {window} samples of a window; record "
            "longer, or choose a shorter window"
        )
    repeats = [len(piece) for piece in pieces]
    indices = np.array([labels.index(r.label) for r in recordings], np.int64)
    return Windows(
        counts=np.concatenate(pieces),
        labels=np.repeat(indices, repeats),
        subjects=np.repeat(np.array([r.subject for r in recordings], np.str_), repeats),
    )


def quantized(counts: Counts, channels: tuple[Channel, ...]) -> Samples:
    """Return int8 [windows, window, channels] of int16 [windows, window, 6]."""
    # Training does this to every window in every epoch; looking counts up is several times faster.
    every = np.arange(2**16, dtype=np.uint16).view(np.int16)
    table = quantize(np.repeat(every[:, None], counts.shape[2], axis=1), channels)
    columns = (AXES.index(channel.axis) for channel in channels)
    looked_up = [
        table[counts[..., column].view(np.uint16), place] for place, column in enumerate(columns)
    ]
    return np.stack(looked_up, axis=-1)


def common_rate(recordings: Sequence[Recording]) -> int:
    """Return the rate of all recordings, in millihertz.

    Raises:
        HarmcuError: two recordings have different rates.
    """
    first = recordings[0]
    for recording in recordings:
        if recording.rate_millihertz != first.rate_millihertz:
            raise HarmcuError(
                f"{recording.source} has {recording.rate_millihertz / 1000:g} Hz and "
                f"{first.source} {first.rate_millihertz / 1000:g} Hz; choose one with --model-rate"
            )
    return first.rate_millihertz


def common_axes(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Return the axes that every recording has, in the order of ``trainer.recording.AXES``.

    Raises:
        HarmcuError: there is none.
    """
    axes = tuple(axis for axis in AXES if all(axis in r.axes for r in recordings))
    if not axes:
        raise HarmcuError("the recordings have no axis in common; train on one kind of them")
    return axes


def channel_scaling(
    recordings: Sequence[Recording], axes: tuple[str, ...] | None = None
) -> tuple[Channel, ...]:
    """Choose how counts become int8, from training recordings only.

    Every axis is centred on its mean. The three axes of a sensor share one gain, because turning
    the board mixes them: a rotation in counts must stay a rotation in int8. The gain makes
    ``FULL_SCALE_PERCENTILE`` of the samples fit.

    Args:
        recordings: of the training part.
        axes: that the model reads; None: all that the recordings have in common.

    Raises:
        HarmcuError: the recordings have no axis in common.
    """
    axes = axes or common_axes(recordings)
    counts = np.concatenate([six_axes(recording) for recording in recordings]).astype(np.float64)
    channels = []
    for sensor, unit in _UNITS.items():
        names = [axis for axis in axes if axis.startswith(sensor)]
        values = counts[:, [AXES.index(name) for name in names]]
        if not names:
            continue
        means = values.mean(axis=0)
        full_scale = float(np.percentile(np.abs(values - means), FULL_SCALE_PERCENTILE))
        gain = 127.0 / max(full_scale, 127.0)
        multiplier, shift = fixed_point(gain)
        for name, mean in zip(names, means, strict=True):
            channels.append(
                Channel(
                    name=name,
                    axis=name,
                    unit=unit,
                    counts_per_unit=COUNTS_PER_UNIT[unit],
                    sign=1,
                    multiplier=multiplier,
                    shift=shift,
                    zero_point=int(np.clip(round(-mean * gain), -128, 127)),
                )
            )
    return tuple(channels)


def fixed_point(gain: float) -> tuple[int, int]:
    """Return (multiplier, shift) with ``gain`` near ``multiplier / 2**shift``, in 15 bits."""
    shift = 15 - math.frexp(gain)[1]
    multiplier = round(math.ldexp(gain, shift))
    # Rounding up may reach 2**15, one more than the multiplier can hold.
    return min(multiplier, (1 << 15) - 1), shift
