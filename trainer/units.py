"""Canonical counts: int16 at 8192 counts per g and 16.384 counts per degree a second.

Both Arduino IMU libraries run at +-4 g and +-2000 deg/s; these factors map those ranges onto the
whole of int16. ``firmware/src/scale.c`` is the other implementation of ``Scale``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.recording import Counts

STANDARD_GRAVITY = 9.80665
"""m/s^2 per g (CGPM 1901)."""

COUNTS_PER_UNIT = {
    "g": 8192.0,
    "mg": 8.192,
    "m/s^2": 8192.0 / STANDARD_GRAVITY,
    "deg/s": 16.384,
    "mdeg/s": 0.016384,
    "rad/s": 16.384 * 180.0 / math.pi,
}
"""Counts per unit, for every unit that a recording or a driver may use."""


def counts_per_unit(unit: str) -> float:
    """Return the counts that one ``unit`` is worth.

    Raises:
        HarmcuError: the unit is not known.
    """
    try:
        return COUNTS_PER_UNIT[unit]
    except KeyError:
        known = ", ".join(COUNTS_PER_UNIT)
        raise HarmcuError(f"the unit {unit!r} is not known; use one of {known}") from None


def to_counts(values: npt.ArrayLike, unit: str) -> Counts:
    """Turn physical values into counts, rounding half to even and saturating at int16.

    Args:
        values: any shape, in ``unit``.
        unit: one of ``COUNTS_PER_UNIT``.

    Returns:
        int16, the shape of ``values``.

    Raises:
        HarmcuError: the unit is not known, or a value is not a finite number.
    """
    factor = counts_per_unit(unit)
    physical = np.asarray(values, np.float64)
    if not np.isfinite(physical).all():
        raise HarmcuError("a sample is not a finite number; remove NaN and infinity first")
    # Clipped before as well, so that a value of 1e308 does not overflow on the way.
    scaled = np.clip(physical, -32768 / factor, 32767 / factor) * factor
    counts: Counts = np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)
    return counts


@dataclass(frozen=True)
class Scale:
    """A fixed-point factor ``multiplier / 2**shift`` from a driver's raw readings to counts."""

    multiplier: int
    shift: int


def scale_for(unit: str, unit_per_lsb: float) -> Scale:
    """Return the factor that turns raw readings of ``unit_per_lsb`` each into counts.

    The multiplier uses 15 bits, so that the product with an int16 reading fits an int32.

    Raises:
        HarmcuError: the unit is not known, or the factor does not fit.
    """
    factor = counts_per_unit(unit) * unit_per_lsb
    if not (math.isfinite(factor) and factor > 0):
        raise HarmcuError(f"{unit_per_lsb} {unit} per step is no sensor scale; it must be above 0")
    shift = 14 - math.frexp(factor)[1] + 1
    multiplier = round(factor * 2.0**shift)
    if multiplier == 1 << 15:
        multiplier, shift = multiplier >> 1, shift - 1
    if not 1 <= shift <= 30:
        raise HarmcuError(f"{unit_per_lsb} {unit} per step cannot be scaled to counts; check it")
    return Scale(multiplier, shift)


def apply_scale(raw: npt.ArrayLike, scale: Scale) -> Counts:
    """Turn raw int16 readings into counts: ``(raw * multiplier + 2**(shift-1)) >> shift``.

    Returns:
        int16, the shape of ``raw``, saturated.
    """
    product = np.asarray(raw, np.int64) * scale.multiplier + (1 << (scale.shift - 1))
    counts: Counts = np.clip(product >> scale.shift, -32768, 32767).astype(np.int16)
    return counts
