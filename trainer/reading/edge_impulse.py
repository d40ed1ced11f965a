"""Edge Impulse's data acquisition format: one JSON or CBOR document a recording.

``protected`` and ``signature`` (not checked here, and left unsigned on the way out), and a
``payload`` of interval, sensors with SenML units (RFC 8428) and rows of values. The label is what
an export's ``info.labels`` says or, without one, the part of the file's name before its first dot.
Source: the format's public description, "Data acquisition format", of Edge Impulse.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from trainer.errors import HarmcuError
from trainer.reading import columns
from trainer.reading.columns import Column
from trainer.reading.options import millihertz
from trainer.reading.timeline import Floats
from trainer.recording import AXES, Recording
from trainer.units import counts_per_unit

SUFFIXES = (".json", ".cbor")

LABELS, STRUCTURED = "info.labels", "structured_labels.labels"
"""Files of an export that say the labels of all others."""

MOST_VALUES = 50_000_000

_OUT = {"a": ("acc", "m/s2", "m/s^2"), "g": ("gyr", "rad/s", "rad/s")}


@dataclass(frozen=True)
class Document:
    """What a file says.

    Attributes:
        values: float64 [samples, axes].
        axes: what the columns are.
        units: of each axis; empty where the file does not state it.
        rate_millihertz: from the interval.
        label: from the file's name.
        device: who recorded it, by name and type.
    """

    values: Floats
    axes: tuple[str, ...]
    units: tuple[str, ...]
    rate_millihertz: int
    label: str
    device: str


@dataclass(frozen=True)
class Labelled:
    """Rows of a document that have one label; ``last`` is among them, and None is the end."""

    label: str
    first: int = 0
    last: int | None = None


def labels(content: bytes, source: str) -> dict[str, tuple[Labelled, ...]]:
    """Read what an export says of labels.

    Args:
        content: of its ``info.labels`` or ``structured_labels.labels``.
        source: the file's name.

    Returns:
        labels by the path of a document beside it, or by its name where that is all it says; none
        for a document without a label.

    Raises:
        HarmcuError: it makes no sense.
    """
    document = _parse(content, source)
    files = document.get("files") if isinstance(document, dict) else None
    structured = document.get("structuredLabels") if isinstance(document, dict) else None
    found: dict[str, tuple[Labelled, ...]] = {}
    for file in files if isinstance(files, list) else ():
        path, label = (file.get("path"), file.get("label")) if isinstance(file, dict) else ("", "")
        if not isinstance(path, str) or not isinstance(label, dict):
            raise HarmcuError(f"{source}: a file of it has no path or no label; export it again")
        if label.get("type") == "label":
            found[path] = (Labelled(_label(label.get("label"), source)),)
        else:
            found[path] = _parts(label.get("labels"), source)
    for name, parts in structured.items() if isinstance(structured, dict) else ():
        found[name] = _parts(parts, source)
    return found


def _label(value: Any, source: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise HarmcuError(f"{source}: a label of it is no text; export it again")
    return value.strip()


def _parts(parts: Any, source: str) -> tuple[Labelled, ...]:
    found = []
    for part in parts if isinstance(parts, list) else ():
        known = part if isinstance(part, dict) else {}
        first, last = known.get("startIndex"), known.get("endIndex")
        if type(first) is not int or type(last) is not int or not 0 <= first <= last:
            raise HarmcuError(f"{source}: the rows of a label make no sense; export it again")
        found.append(Labelled(_label(known.get("label"), source), first, last))
    found.sort(key=lambda part: part.first)
    if any(part.first <= (before.last or 0) for before, part in itertools.pairwise(found)):
        raise HarmcuError(f"{source}: two labels of one file overlap; correct them")
    return tuple(found)


def read(content: bytes, source: str) -> Document | None:
    """Read a document.

    Args:
        content: JSON or CBOR, told apart by the first byte.
        source: the file's name, which holds the label.

    Returns:
        None when it is none of this format, such as another program's JSON.

    Raises:
        HarmcuError: it is of this format and something in it makes no sense.
    """
    document = _parse(content, source)
    payload = document.get("payload") if isinstance(document, dict) else None
    if not isinstance(payload, dict) or "values" not in payload or "sensors" not in payload:
        return None
    names, stated = _sensors(payload["sensors"], source)
    parsed = columns.parse(
        [f"{name} ({unit})" if unit else name for name, unit in zip(names, stated, strict=True)]
    )
    kept = [i for axis in AXES for i, c in enumerate(parsed) if c.role == axis]
    if not kept or len({parsed[i].role for i in kept}) < len(kept):
        raise HarmcuError(
            f"{source}: its sensors {', '.join(names[:12])} are no six axes; rename them to accX, "
            "accY, accZ, gyrX, gyrY, gyrZ"
        )
    _check_units(names, stated, [parsed[i] for i in kept], source)
    values = _values(payload["values"], len(names), source)
    device = payload.get("device_name") or payload.get("device_type") or ""
    return Document(
        values=values[:, kept],
        axes=tuple(parsed[i].role for i in kept),
        units=tuple(parsed[i].unit for i in kept),
        rate_millihertz=_rate(payload.get("interval_ms"), source),
        label=PurePosixPath(source).name.split(".")[0],
        device=_text(device)[:100],
    )


def _check_units(
    names: Sequence[str], stated: Sequence[str], kept: Sequence[Column], source: str
) -> None:
    if unknown := next((column for column in kept if column.unknown), None):
        raise HarmcuError(
            f"{source}: its sensors {', '.join(names[:12])} state the units "
            f"{', '.join(map(repr, stated[:12]))}, and {unknown.role} can be in none such; correct "
            "them"
        )
    for sensor, name in (("a", "accelerations"), ("g", "rotations")):
        units = {column.unit for column in kept if column.role[0] == sensor}
        if len(units) > 1:
            raise HarmcuError(
                f"{source}: states {' and '.join(sorted(map(repr, units)))} for {name}; correct one"
            )


def _parse(content: bytes, source: str) -> Any:
    """Return the document, JSON or CBOR."""
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    try:
        if text.startswith((b"{", b"[")):
            return json.loads(text)
        import cbor2

        return cbor2.loads(content)
    except Exception as error:
        # cbor2 raises whatever a hostile document leads it to: ValueError, MemoryError, TypeError.
        raise HarmcuError(
            f"{source}: is neither JSON nor CBOR that can be read ({type(error).__name__}); export "
            "it again"
        ) from None


def _sensors(sensors: Any, source: str) -> tuple[list[str], list[str]]:
    if not isinstance(sensors, list) or not 1 <= len(sensors) <= 256:
        raise HarmcuError(f"{source}: its sensors are no list; export it again")
    known = [sensor if isinstance(sensor, dict) else {} for sensor in sensors]
    return (
        [_text(sensor.get("name"))[:64] for sensor in known],
        [_text(sensor.get("units"))[:16].strip().lower() for sensor in known],
    )


def _text(value: Any) -> str:
    """Return what is text; CBOR can share parts so that anything else would print for ever."""
    return value if isinstance(value, str) else ""


def _values(rows: Any, width: int, source: str) -> Floats:
    """Return float64 [samples, sensors]; a value that is no number becomes NaN."""
    if not isinstance(rows, list) or len(rows) * width > MOST_VALUES:
        raise HarmcuError(f"{source}: its values are no list of a size that fits; split it")
    if width == 1:
        rows = [row if isinstance(row, list) else [row] for row in rows]
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            raise HarmcuError(
                f"{source}: row {number} of its values is not one value a sensor; export it again"
            )
    numbers = [_number(value) for row in rows for value in row]
    return np.array(numbers, np.float64).reshape(-1, width)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _rate(interval: Any, source: str) -> int:
    value = _number(interval)
    if not (math.isfinite(value) and 0.1 <= value <= 1000.0):
        raise HarmcuError(f"{source}: interval_ms is {value:g}, no IMU's; correct it")
    return millihertz(round(1000.0 / value, 3))


def export(recording: Recording, form: str) -> bytes:
    """Return a recording as a document, in m/s^2 and rad/s.

    Args:
        recording: what to export; exactly its counts are read back.
        form: "json" or "cbor".
    """
    axes = [(_OUT[axis[0]], axis) for axis in recording.axes]
    factors = [1.0 / counts_per_unit(unit) for (_, _, unit), _ in axes]
    values = recording.counts.astype(np.float64) * factors
    document = {
        "protected": {"ver": "v1", "alg": "none"},
        "signature": "0" * 64,
        "payload": {
            "device_name": recording.subject,
            "device_type": recording.board or "harmcu",
            "interval_ms": 1e6 / recording.rate_millihertz,
            "sensors": [
                {"name": f"{name}{axis[1].upper()}", "units": units}
                for (name, units, _), axis in axes
            ],
            "values": [[_rounded(value) for value in row] for row in values.tolist()],
        },
    }
    return _encode(document, form)


def _rounded(value: float) -> float:
    """Keep what tells counts apart: one is 0.0012 m/s^2 or 0.0011 rad/s."""
    return round(value, 6)


def _encode(document: Mapping[str, Any], form: str) -> bytes:
    if form == "cbor":
        import cbor2

        encoded: bytes = cbor2.dumps(document)
        return encoded
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
