"""Label, subject and part of a recording, told from the path of its file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from trainer.errors import HarmcuError

_FIELDS = ("label", "subject", "part", "_")
_SENSOR = re.compile(
    r"(?:^|(?<=[_\-. ])|(?<=[a-z0-9])(?=[A-Z]))"
    r"(?i:total[_\-. ]?acceleration|accl?|accel|acceleration|accelerometer|gyro?|gyr|gyroscope)"
    r"(?=$|[_\-. \d]|(?<=[a-z])[A-Z])"
)
"""A word of a name; a capital behind small letters begins another one, and a number ends it."""
_TOTAL = re.compile(r"total[_\-. ]?acceleration", re.IGNORECASE)
_OTHER_SENSORS = {"gravity", "magnetometer", "magnetic", "barometer", "orientation", "compass"}
_OTHER_READINGS = {"uncalibrated", "total", "linear", "user"}
"""Words of phone apps for what is measured by others, or made of what the sensors measure."""
_MAGNETOMETER = re.compile(r"(?:^|[_\-. ])mag(?:netometer)?(?:$|[_\-. ])", re.IGNORECASE)
_TEST_PARTS = {"test", "testing"}
_DESCRIPTIONS = re.compile(r"(?:metadata|annotations?)$", re.IGNORECASE)
"""What Sensor Logger writes beside its recordings; phyphox has a folder ``meta``."""

AMBIGUOUS = "names that fit --names in more than one way, of which the first field got the longest"
"""``anna_walk_fast`` is ``{subject}_{label}`` of anna_walk and of anna."""


@dataclass(frozen=True)
class PathNames:
    """What a path says.

    Attributes:
        label: of every row of the file.
        subject: who; empty where the path does not say.
        test: whether the publisher meant the file for testing.
        is_ambiguous: the path says something else, too, where each field is as short as can be.
    """

    label: str
    subject: str = ""
    test: bool = False
    is_ambiguous: bool = False


def without_sensor(name: str) -> str:
    """Return a path without its suffix and the word that says which sensor the file is of.

    ``left/left_accl.csv`` and ``left/left_gyro.csv`` are one recording, ``left/left``, and
    ``left/Accelerometer.csv`` and ``left/Gyroscope.csv`` another, ``left``. So are
    ``accelerometer/left.csv`` and ``gyroscope/left.csv``.
    """
    path = PurePosixPath(name)
    path = PurePosixPath(*(p for p in path.parts[:-1] if not _SENSOR.fullmatch(p)), path.name)
    stem = _SENSOR.sub("", path.stem)
    stem = re.sub(r"([_\-. ])[_\-. ]+", r"\1", stem).strip("_-. ")
    # AccData.csv and GyroData.csv are named after nothing either.
    is_bare = not stem or (stem.lower() == "data" and stem != path.stem)
    if is_bare and path.parent.name:
        return path.parent.as_posix()
    return (path.parent / (stem or path.stem)).as_posix()


def is_gyroscope(name: str) -> bool:
    """Tell whether a file's name, or else its folder's, says that it is of a gyroscope alone."""
    path = PurePosixPath(name)
    for part in (path.stem, *reversed(path.parts[:-1])):
        found = [match[0].lower() for match in _SENSOR.finditer(part)]
        if found:
            return all(word.startswith("g") for word in found)
    return False


def is_of_another_sensor(name: str) -> bool:
    """Tell whether a file is one of neither an accelerometer nor a gyroscope as it measures.

    ``Magnetometer.csv``, ``Gravity.csv``, ``Linear Acceleration.csv``, ``magnetometer/walk.csv``.
    """
    path = PurePosixPath(name)
    stem = path.stem
    folders = path.parts[:-1]
    if any(p.lower() in _OTHER_SENSORS or _MAGNETOMETER.fullmatch(p) for p in folders):
        return True
    if _MAGNETOMETER.search(stem) or _TOTAL.fullmatch(stem):
        return not _TOTAL.fullmatch(stem)
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", stem)]
    sensors = [word for word in words if _SENSOR.fullmatch(word)]
    others = [word for word in words if word in _OTHER_SENSORS]
    readings = [word for word in words if word in _OTHER_READINGS]
    # A gesture may be called by one of these words, too.
    is_all = len(sensors) + len(others) + len(readings) == len(words)
    return is_all and bool(others or (sensors and readings))


def is_description(name: str) -> bool:
    """Tell whether a file describes recordings, by its name."""
    path = PurePosixPath(name)
    return bool(_DESCRIPTIONS.match(path.stem)) or "meta" in path.parts[:-1]


def without_gravity(names: Sequence[str]) -> list[str]:
    """Return the files beside one called ``TotalAcceleration`` that are of the same sensor.

    So Sensor Logger calls what an accelerometer measures; its ``Accelerometer`` is without gravity.
    """
    totals = {without_sensor(name) for name in names if _TOTAL.fullmatch(PurePosixPath(name).stem)}
    return [
        name
        for name in names
        if without_sensor(name) in totals
        and not _TOTAL.fullmatch(PurePosixPath(name).stem)
        and not is_gyroscope(name)
    ]


def reader(pattern: str) -> Callable[[str], PathNames]:
    """Return a function from paths (as of ``without_sensor``) to what they say.

    Args:
        pattern: how the end of a path reads, with ``{label}``, ``{subject}``, ``{part}`` (train or
            test) and ``{_}`` for anything, each within one folder or file name; the suffix is left
            out. Empty: the file's name without a number at its end is the label.

    Raises:
        HarmcuError: the pattern has no ``{label}`` or ``{subject}``, or an unknown field. The
            function raises it for a path that does not fit.
    """
    if not pattern:
        return _from_file_name
    longest, shortest = (
        re.compile(_expression(pattern, some), re.IGNORECASE) for some in ("[^/]+", "[^/]+?")
    )

    def read(path: str) -> PathNames:
        found, other = longest.search(path), shortest.search(path)
        if found is None or other is None:
            raise HarmcuError(f"{path}: does not read like --names {pattern}; change the pattern")
        named = found.groupdict()
        return PathNames(
            label=named.get("label") or _from_file_name(path).label,
            subject=named.get("subject") or "",
            test=(named.get("part") or "").lower() in _TEST_PARTS,
            is_ambiguous=other.groupdict() != named,
        )

    return read


def _from_file_name(path: str) -> PathNames:
    stem = PurePosixPath(path).name
    return PathNames(re.sub(r"[ _.-]*\d+$", "", stem) or stem)


def _expression(pattern: str, some: str) -> str:
    """Return the regular expression of a pattern, anchored at the end of a path.

    Args:
        pattern: as of ``reader``.
        some: the expression of a field.
    """
    pieces = re.split(r"\{(\w*)\}", pattern)
    fields = pieces[1::2]
    for name in fields:
        if name not in _FIELDS:
            raise HarmcuError(
                f"--names {pattern}: no {{{name}}}; use {{label}}, {{subject}}, {{part}}, {{_}}"
            )
    if not {"label", "subject"} & set(fields) or len(fields) != len(
        set(fields) - {"_"}
    ) + fields.count("_"):
        raise HarmcuError(f"--names {pattern}: needs {{label}} or {{subject}}, each at most once")
    if "" in pieces[2:-1:2]:
        raise HarmcuError(f"--names {pattern}: two fields touch; put what parts them between them")
    expression = ""
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            expression += re.escape(piece)
        else:
            expression += some if piece == "_" else f"(?P<{piece}>{some})"
    return rf"(?:^|/){expression}$"
