"""What a user may have to say about files that do not say it themselves."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from trainer.errors import HarmcuError
from trainer.units import COUNTS_PER_UNIT

ACCELERATION_UNITS = ("g", "mg", "m/s^2")
ROTATION_UNITS = ("deg/s", "mdeg/s", "rad/s")


@dataclass(frozen=True)
class Options:
    """The choices of ``--columns``, ``--rate``, ``--units``, ``--names`` and ``--take``.

    Attributes:
        columns: a name for every column of a file without a header; empty: the header says it.
        rate_millihertz: the rate of files that hold no timestamps; None: timestamps say it.
        units: of acceleration and of rotation, either of them or both; empty: guessed.
        names: how the end of a path reads, such as ``{subject}/{label}_{_}``; empty: the file's
            name is the label.
        take: rows of each take, where takes follow one another without a blank line; 0: none.
    """

    columns: tuple[str, ...] = ()
    rate_millihertz: int | None = None
    units: tuple[str, ...] = ()
    names: str = ""
    take: int = 0

    @property
    def given(self) -> tuple[str, ...]:
        """Return the names of the choices that were made."""
        return tuple(
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) not in _NOT_GIVEN
        )


_NOT_GIVEN: tuple[object, ...] = ((), None, "", 0)


def parse(
    columns: str | None = None,
    rate: float | None = None,
    units: str | None = None,
    names: str | None = None,
    take: int | None = None,
) -> Options:
    """Make ``Options`` of what was typed.

    Args:
        columns: names separated by commas; ``_`` for a column to leave out.
        rate: samples a second.
        units: one of ``ACCELERATION_UNITS``, one of ``ROTATION_UNITS``, or one of each
            with a comma between.
        names: the pattern as it is.
        take: rows.

    Raises:
        HarmcuError: a choice makes no sense.
    """
    return Options(
        columns=tuple(name.strip() for name in columns.split(",")) if columns else (),
        rate_millihertz=millihertz(rate) if rate is not None else None,
        units=_units(units) if units else (),
        names=names or "",
        take=take or 0,
    )


def millihertz(rate: float) -> int:
    """Return a rate in millihertz.

    Raises:
        HarmcuError: it is not between 1 and 10,000 Hz.
    """
    if not (math.isfinite(rate) and 1.0 <= rate <= 10_000.0):
        raise HarmcuError(f"a rate of {rate:g} Hz is no IMU's; give one from 1 to 10000")
    return round(rate * 1000)


def _units(text: str) -> tuple[str, ...]:
    units = tuple(unit.strip() for unit in text.split(","))
    for unit in units:
        if unit not in COUNTS_PER_UNIT:
            raise HarmcuError(
                f"the unit {unit!r} is not known; use {', '.join(COUNTS_PER_UNIT)}, or two of them "
                "with a comma between"
            )
    for kind in (ACCELERATION_UNITS, ROTATION_UNITS):
        if sum(unit in kind for unit in units) > 1:
            raise HarmcuError(f"--units {text} names one quantity twice; give one of each")
    return units


def unit_of(units: tuple[str, ...], kind: tuple[str, ...]) -> str | None:
    """Return which of ``kind`` was given, or None."""
    return next((unit for unit in units if unit in kind), None)


def with_stated(given: tuple[str, ...], stated: tuple[str, ...]) -> tuple[str, ...]:
    """Return the units of files: what the user gave, and what they state of the other sensor."""
    chosen = (
        unit_of(given, kind) or unit_of(stated, kind)
        for kind in (ACCELERATION_UNITS, ROTATION_UNITS)
    )
    return tuple(unit for unit in chosen if unit is not None)
