"""What a column is, by its name: ``aX``, ``accel_x``, ``Gyro Z (dps)``, ``time_ms``, ``label``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.errors import HarmcuError
from trainer.reading.options import ACCELERATION_UNITS
from trainer.recording import AXES

TIME, COUNT, LABEL, SUBJECT, LEFT_OUT = "time", "count", "label", "subject", "_"

_AXIS = re.compile(
    r"(?:raw)?(a|acc?|accel|acceleration|accelerometer|g|gyr|gyro|gyroscope|rot|rotation)"
    r"(?:data|rate|meter)?([xyz])"
)
_TIME = {"t", "ts", "time", "times", "timestamp", "timestamps", "elapsed", "elapsedtime"}
_CLOCK_UNITS = {
    "s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "second": 1.0,
    "ms": 1e-3, "msec": 1e-3, "millis": 1e-3, "milliseconds": 1e-3,
    "us": 1e-6, "usec": 1e-6, "micros": 1e-6, "microseconds": 1e-6,
    "ns": 1e-9, "nsec": 1e-9, "nanoseconds": 1e-9,
}  # fmt: skip
_CLOCK_BEHIND = re.compile(
    rf"(.*?)(?:[^a-z]+(s)|[^a-z]*({'|'.join(unit for unit in _CLOCK_UNITS if unit != 's')}))"
)
"""A name and its unit: ``time_s``, ``timestamp_ms``, ``tms``. A last s alone is a plural."""
_COUNTS = {"count", "index", "idx", "sample", "samples", "n", "nr", "no", "seq", "sequence"}
_LABELS = {"label", "class", "activity", "target", "gesture"}
_SUBJECTS = {"subject", "user", "person", "participant", "userid", "subjectid"}
_UNITS = {
    "g": "g", "gs": "g", "mg": "mg", "ms2": "m/s^2", "mss": "m/s^2",
    "dps": "deg/s", "degs": "deg/s", "degsec": "deg/s", "degreess": "deg/s",
    "mdps": "mdeg/s", "mdegs": "mdeg/s", "rads": "rad/s", "radsec": "rad/s", "radianss": "rad/s",
}  # fmt: skip
_NO_UNIT = {"", "na", "none", "float", "double"}
"""What stands in brackets without being a unit; N/A is Edge Impulse's."""


@dataclass(frozen=True)
class Column:
    """What a column is.

    Attributes:
        role: one of ``trainer.recording.AXES``, or "time", "count", "label", "subject", "_".
        unit: of an axis as the name states it, such as "deg/s"; empty where it does not.
        unknown: what the name states for a unit that none is.
        seconds: of a time, how long one unit of it is; 0 where the name does not state it.
    """

    role: str
    unit: str = ""
    unknown: str = ""
    seconds: float = 0.0


def parse(names: Sequence[str], sensor: str = "a") -> list[Column]:
    """Tell what each of some columns is; what no rule knows is left out.

    A plain ``x``, ``y``, ``z`` are of the sensor that their unit is of or, where none is stated, of
    ``sensor``, "a" or "g"; but not when other columns are of that sensor. Beside ``gFx``, which
    has gravity in it, ``ax`` has none, and ``wx`` is a rotation (Physics Toolbox).
    """
    if {"gfx", "gfy", "gfz"} <= {_plain(name)[0] for name in names}:
        names = [_of_g_forces(name) for name in names]
    columns = [_parse(name) for name in names]
    named = {column.role[0] for column in columns if column.role in AXES}
    plain = [_plain_axis(name, sensor) for name in names]
    return [
        axis if axis is not None and axis.role[0] not in named else column
        for axis, column in zip(plain, columns, strict=True)
    ]


def _of_g_forces(name: str) -> str:
    """Return what one of Physics Toolbox's columns is called elsewhere."""
    plain = _plain(name)[0]
    if re.fullmatch(r"gf[xyz]", plain):
        return f"a{plain[2]} (g)"
    if re.fullmatch(r"w[xyz]", plain):
        return f"g{plain[1]}"
    return LEFT_OUT if re.fullmatch(r"a[xyz]", plain) else name


def check_units(names: Sequence[str], columns: Sequence[Column], place: str) -> None:
    """Check that what names state for units are units of those sensors.

    Raises:
        HarmcuError: one is not, or a sensor has two; the message begins with ``place``.
    """
    for name, column in zip(names, columns, strict=True):
        if column.unknown:
            raise HarmcuError(
                f"{place}: {name.strip()[:40]!r} states no unit that {column.role} can be in; name "
                "the columns with --columns, and give --units"
            )
    for sensor in "ag":
        units = {c.unit for c in columns if c.role in AXES and c.role[0] == sensor and c.unit}
        if len(units) > 1:
            raise HarmcuError(
                f"{place}: its columns state both {' and '.join(sorted(units))}; name them with "
                "--columns, and give --units"
            )


def is_unit(text: str) -> bool:
    """Tell whether a text, with brackets or without, is a unit of an axis or of a time."""
    letters = _letters(text)
    return letters in _UNITS or letters in _CLOCK_UNITS


def _plain_axis(name: str, sensor: str) -> Column | None:
    """Return the axis that an ``x``, ``y`` or ``z`` is of a sensor, or of that of its unit."""
    plain, stated = _plain(name)
    if plain not in ("x", "y", "z"):
        return None
    unit = _UNITS.get(stated, "")
    if unit:
        sensor = "a" if unit in ACCELERATION_UNITS else "g"
    return _axis(sensor + plain, stated)


def _axis(role: str, stated: str) -> Column:
    unit = _UNITS.get(stated, "")
    is_of_other_sensor = unit and (unit in ACCELERATION_UNITS) != (role[0] == "a")
    is_unknown = is_of_other_sensor or not (unit or stated in _NO_UNIT)
    return Column(role, unit="" if is_unknown else unit, unknown=stated if is_unknown else "")


def _parse(name: str) -> Column:
    plain, stated = _plain(name)
    if axis := _AXIS.fullmatch(plain):
        # Every spelling of acceleration begins with a, every one of rotation with g or r.
        sensor = "a" if axis[1].startswith("a") else "g"
        return _axis(sensor + axis[2], stated)
    behind = _CLOCK_BEHIND.fullmatch(_normal(name))
    if behind and re.sub(r"[^a-z]", "", behind[1]) in _TIME:
        return Column(TIME, seconds=_CLOCK_UNITS[behind[2] or behind[3]])
    if plain in _TIME:
        return Column(TIME, seconds=_CLOCK_UNITS.get(stated, 0.0))
    if plain in _CLOCK_UNITS and len(plain) > 1:
        return Column(TIME, seconds=_CLOCK_UNITS[plain])
    for role, known in ((COUNT, _COUNTS), (LABEL, _LABELS), (SUBJECT, _SUBJECTS)):
        if plain in known:
            return Column(role)
    return Column(LEFT_OUT)


def _plain(name: str) -> tuple[str, str]:
    """Return a name without capitals and signs, and the unit of ``gx (dps)`` or ``gx_dps``."""
    text = _normal(name)
    bracket = re.search(r"[(\[]([^)\]]*)[)\]]\s*$", text)
    if bracket:
        return re.sub(r"[^a-z]", "", text[: bracket.start()]), _letters(bracket[1])
    behind = re.fullmatch(r"(.*[xyz])[_ ]+([^_ ]+)", text)
    if behind and _letters(behind[2]) in _UNITS:
        plain = re.sub(r"[^a-z]", "", behind[1])
        # x_g may be a unit, or the x of a gyroscope.
        if _AXIS.fullmatch(plain) or (plain in ("x", "y", "z") and behind[2] != "g"):
            return plain, _letters(behind[2])
    return re.sub(r"[^a-z]", "", text), ""


def _normal(name: str) -> str:
    # Two characters look like a micro: U+00B5 and U+03BC.
    return name.strip().strip("\"'").lower()[:64].replace("\u00b5", "u").replace("\u03bc", "u")


def _letters(unit: str) -> str:
    """Return the letters and digits of a unit: "ms2" of "m/s^2" and of "m/s²"."""
    return re.sub(r"[^a-z0-9]", "", _normal(unit).replace("²", "2").replace("°", "deg"))


def axes_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return which of ``AXES`` there are, in that order."""
    roles = {column.role for column in columns}
    return tuple(axis for axis in AXES if axis in roles)
