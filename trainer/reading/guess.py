"""Units told from magnitudes, and why.

Gravity is always there, so the typical length of an acceleration tells g from m/s^2. Rotation has
no such anchor. What both cannot tell apart is asked for and not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError

Floats = npt.NDArray[np.float64]

FASTEST = 36.0
"""Just above 2000 deg/s in rad/s, the range of common gyroscopes: what turns faster is in deg/s."""


BLOCK = 256
"""Rows over which a movement averages out, and gravity does not; some seconds of most IMUs."""

LEAST_GRAVITY = 0.25
"""Of what is left then, in g. A board that turns over and over still has more."""


@dataclass(frozen=True)
class Guess:
    """A unit, and the reason in words."""

    unit: str
    why: str


def acceleration_unit(values: Floats) -> Guess:
    """Tell the unit of accelerations, float64 [rows, axes].

    Raises:
        HarmcuError: they are of another magnitude than g or m/s^2.
    """
    typical = float(np.median(_lengths(values)))
    if 0.3 <= typical <= 4.5 and lacks_gravity(values):
        raise HarmcuError(
            f"accelerations are typically {typical:.2f} long and average out, so gravity is not in "
            "them, as boards measure it; load those with gravity, or give --units"
        )
    if 0.3 <= typical <= 4.5:
        return Guess("g", f"accelerations are typically {typical:.2f} long, as gravity is in g")
    if 5.0 <= typical <= 45.0:
        return Guess(
            "m/s^2", f"accelerations are typically {typical:.2f} long, as gravity is in m/s^2"
        )
    raise HarmcuError(
        f"accelerations are typically {typical:.4g} long, which is gravity neither in g nor in "
        "m/s^2; give --units, or convert raw readings first"
    )


def lacks_gravity(values: Floats) -> bool:
    """Tell whether accelerations in g, float64 [rows, 3], average out to nothing."""
    values = np.clip(values[np.isfinite(values).all(axis=1)], -1e3, 1e3)
    if len(values) < BLOCK:
        return False
    blocks = values[: len(values) // BLOCK * BLOCK].reshape(-1, BLOCK, values.shape[1])
    return float(np.median(_lengths(blocks.mean(axis=1)))) < LEAST_GRAVITY


def rotation_unit(values: Floats, acceleration: str | None) -> Guess:
    """Tell the unit of rotations, float64 [rows, axes].

    Args:
        values: the readings.
        acceleration: the unit of the same sensor's acceleration, when it has one.

    Raises:
        HarmcuError: both units are possible.
    """
    fastest = float(np.percentile(np.abs(values), 99.9))
    if fastest > FASTEST:
        return Guess("deg/s", f"rotations reach {fastest:.0f}, beyond 2000 deg/s if in rad/s")
    if acceleration == "m/s^2":
        return Guess("rad/s", f"rotations reach {fastest:.1f}, and accelerations are in m/s^2 (SI)")
    raise HarmcuError(
        f"rotations reach {fastest:.3g}, which may be deg/s or rad/s; say which with --units"
    )


def _lengths(values: Floats) -> Floats:
    # A damaged value of 1e308 has a length too.
    lengths: Floats = np.linalg.norm(np.clip(values, -1e9, 1e9), axis=1)
    return lengths
