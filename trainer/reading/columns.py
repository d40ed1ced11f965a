"""What a column is, by its name: ``aX``, ``accel_x``, ``Gyro Z (dps)``, ``time_ms``, ``label``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.recording import AXES

TIME, COUNT, LABEL, SUBJECT, LEFT_OUT = "time", "count", "label", "subject", "_"

_AXIS = re.compile(
    r"(?:raw)?(a|acc?|accel|acceleration|accelerometer|g|gyr|gyro|gyroscope|rot|rotation)"
    r"(?:data|rate|meter)?([xyz])"
)
_TIME = re.compile(r"(?:t|time|timestamp|timestamps|elapsed|elapsedtime)(s|sec|seconds|ms|us|ns)?")
_CLOCK_UNITS = {
    "s": 1.0, "sec": 1.0, "seconds": 1.0, "second": 1.0, "ms": 1e-3, "millis": 1e-3,
    "milliseconds": 1e-3, "us": 1e-6, "micros": 1e-6, "microseconds": 1e-6, "ns": 1e-9,
    "nanoseconds": 1e-9,
}  # fmt: skip
_COUNTS = {"count", "index", "idx", "sample", "samples", "n", "nr", "no", "seq", "sequence"}
_LABELS = {"label", "class", "activity", "target", "gesture"}
_SUBJECTS = {"subject", "user", "person", "participant", "userid", "subjectid"}
_UNITS = {
    "g": "g", "mg": "mg", "ms2": "m/s^2", "mss": "m/s^2",
    "dps": "deg/s", "degs": "deg/s", "degsec": "deg/s", "mdps": "mdeg/s", "mdegs": "mdeg/s",
    "rads": "rad/s", "radsec": "rad/s",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """What a column is.

    Attributes:
        role: one of ``trainer.recording.AXES``, or "time", "count", "label", "subject", "_".
        unit: of an axis as the name states it, such as "deg/s"; empty where it does not.
        seconds: of a time, how long one unit of it is; 0 where the name does not state it.
    """

    role: str
    unit: str = ""
    seconds: float = 0.0


def parse(names: Sequence[str], sensor: str = "a") -> list[Column]:
    """Tell what each of some columns is; what no rule knows is left out.

    A plain ``x``, ``y``, ``z`` are of ``sensor``, "a" or "g", when no other column is.
    """
    columns = [_parse(name) for name in names]
    if not any(column.role.startswith(sensor) for column in columns):
        plain = {axis: sensor + axis for axis in "xyz"}
        columns = [
            Column(plain[n]) if (n := _plain(name)[0]) in plain else column
            for name, column in zip(names, columns, strict=True)
        ]
    return columns


def _parse(name: str) -> Column:
    plain, stated = _plain(name)
    if axis := _AXIS.fullmatch(plain):
        # Every spelling of acceleration begins with a, every one of rotation with g or r.
        sensor = "a" if axis[1].startswith("a") else "g"
        return Column(sensor + axis[2], unit=_UNITS.get(stated, ""))
    if time := _TIME.fullmatch(plain):
        return Column(TIME, seconds=_CLOCK_UNITS.get(time[1] or stated, 0.0))
    if plain in _CLOCK_UNITS and len(plain) > 1:
        return Column(TIME, seconds=_CLOCK_UNITS[plain])
    for role, known in ((COUNT, _COUNTS), (LABEL, _LABELS), (SUBJECT, _SUBJECTS)):
        if plain in known:
            return Column(role)
    return Column(LEFT_OUT)


def _plain(name: str) -> tuple[str, str]:
    """Return a name without capitals and signs, and the unit that stands in brackets behind it."""
    text = name.strip().strip("\"'").lower()[:64]
    bracket = re.search(r"[(\[]([^)\]]*)[)\]]\s*$", text)
    stated = (
        re.sub(r"[^a-z0-9]", "", bracket[1].replace("²", "2").replace("°", "deg"))
        if bracket
        else ""
    )
    return re.sub(r"[^a-z]", "", text[: bracket.start()] if bracket else text), stated


def axes_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return which of ``AXES`` there are, in that order."""
    roles = {column.role for column in columns}
    return tuple(axis for axis in AXES if axis in roles)
