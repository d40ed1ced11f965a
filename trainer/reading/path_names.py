"""Label, subject and part of a recording, told from the path of its file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from trainer.errors import HarmcuError

_FIELDS = ("label", "subject", "part", "_")
_SENSOR = re.compile(
    r"(?:^|(?<=[_\-. ]))(?:accl?|accel|acceleration|accelerometer|gyro?|gyr|gyroscope)"
    r"(?:$|(?=[_\-. ]))",
    re.IGNORECASE,
)
_MAGNETOMETER = re.compile(r"(?:^|[_\-. ])mag(?:netometer)?(?:$|[_\-. ])", re.IGNORECASE)
_TEST_PARTS = {"test", "testing"}


@dataclass(frozen=True)
class PathNames:
    """What a path says.

    Attributes:
        label: of every row of the file.
        subject: who; empty where the path does not say.
        test: whether the publisher meant the file for testing.
    """

    label: str
    subject: str = ""
    test: bool = False


def without_sensor(name: str) -> str:
    """Return a path without its suffix and the word that says which sensor the file is of.

    ``left/left_accl.csv`` and ``left/left_gyro.csv`` are one recording, ``left/left``, and
    ``left/Accelerometer.csv`` and ``left/Gyroscope.csv`` another, ``left``.
    """
    path = PurePosixPath(name)
    stem = _SENSOR.sub("", path.stem)
    stem = re.sub(r"([_\-. ])[_\-. ]+", r"\1", stem).strip("_-. ")
    if not stem and path.parent.name:
        return path.parent.as_posix()
    return (path.parent / (stem or path.stem)).as_posix()


def is_gyroscope(name: str) -> bool:
    """Tell whether a file's name says that it is one of a gyroscope alone."""
    found = [match[0].lower() for match in _SENSOR.finditer(PurePosixPath(name).stem)]
    return bool(found) and all(word.startswith("g") for word in found)


def is_magnetometer(name: str) -> bool:
    """Tell whether a file is one of a magnetometer alone."""
    return _MAGNETOMETER.search(PurePosixPath(name).stem) is not None


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
    expression = re.compile(_expression(pattern), re.IGNORECASE)

    def read(path: str) -> PathNames:
        found = expression.search(path)
        if found is None:
            raise HarmcuError(f"{path}: does not read like --names {pattern}; change the pattern")
        named = found.groupdict()
        return PathNames(
            label=named.get("label") or _from_file_name(path).label,
            subject=named.get("subject") or "",
            test=(named.get("part") or "").lower() in _TEST_PARTS,
        )

    return read


def _from_file_name(path: str) -> PathNames:
    stem = PurePosixPath(path).name
    return PathNames(re.sub(r"[ _.-]*\d+$", "", stem) or stem)


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern, anchored at the end of a path."""
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
    expression = ""
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            expression += re.escape(piece)
        else:
            expression += "[^/]+" if piece == "_" else f"(?P<{piece}>[^/]+)"
    return rf"(?:^|/){expression}$"
