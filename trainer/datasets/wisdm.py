"""``wisdm``: the two public sets of the WISDM lab, from a folder, an archive or the text file.

Version 1.1: one file, ``user,activity,timestamp,x,y,z;``, phone in the trouser pocket, 36 users.
Source: J. Kwapisz et al., "Activity Recognition using Cell Phone Accelerometers", SensorKDD 2010.
The file is damaged in known ways: two rows on one line, commas before the semicolon, rows without
their z, rows of zeros. What can be read is, the rest is counted.

The set of 2019: accelerometer and gyroscope in files of their own, phone and watch, 51 subjects, 18
activities named by letters. Source: G. Weiss et al., "Smartphone and Smartwatch-Based Biometrics
Using Activities of Daily Living", IEEE Access 7 (2019). The two sensors are joined on time; the
watch is read where an archive holds both devices.

Both are in m/s^2 and rad/s at a nominal 20 Hz.
"""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer import leaks
from trainer.errors import HarmcuError
from trainer.reading import assemble, files, timeline
from trainer.reading.timeline import Floats, Stream
from trainer.recording import AXES, Dataset, Kind, Note, Recording
from trainer.splits import natural_order
from trainer.units import to_counts

RATE_MILLIHERTZ = 20_000

MOST_ROWS = 20_000_000
MOST_KEYS = 5000
LONGEST_LINE = 4096
BLOCK = 1 << 18
"""Bytes of lines that are read at once, or, when one of them is damaged, row by row."""

LARGEST = 64 * 9.80665
"""No sensor of either set measures more, in m/s^2 or rad/s."""

# activity_key.txt of the set of 2019; there is no N.
ACTIVITIES = {
    "A": "walking", "B": "jogging", "C": "stairs", "D": "sitting", "E": "standing", "F": "typing",
    "G": "teeth", "H": "soup", "I": "chips", "J": "pasta", "K": "drinking", "L": "sandwich",
    "M": "kicking", "O": "catch", "P": "dribbling", "Q": "writing", "R": "clapping",
    "S": "folding",
}  # fmt: skip

SLOW = 0.75
"""Share of the nominal rate below which a stretch is remarked upon."""

_FILE_2019 = re.compile(r"(?:^|/)data_(\d+)_(accel|gyro)_(watch|phone)\.txt$")
_FILE_11 = re.compile(r"(?:^|/)WISDM_ar_v1\.1_raw[\w.]*\.txt$")
_NAMES_11 = ("Walking", "Jogging", "Upstairs", "Downstairs", "Sitting", "Standing")
_KNOWN = (*ACTIVITIES, *_NAMES_11)
_LINE = np.frombuffer(b",,,,,;\n", np.uint8)
_ABOUT = re.compile(r"about|readme", re.IGNORECASE)


@dataclass
class Rows:
    """The rows of one user and activity, or of one file of it."""

    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def stream(self) -> Stream:
        """Return the rows in the order of the file, times in seconds."""
        seconds: Floats = np.array(self.times) * 1e-9
        return Stream(seconds, np.array(self.values).reshape(-1, 3), np.arange(len(seconds)))


Key = tuple[str, str]
"""User and activity, as the file writes them."""


def load(path: Path | None = None) -> Dataset:
    """Load either set.

    Raises:
        HarmcuError: there is no such file, or nothing in it can be read.
    """
    if path is None:
        raise HarmcuError(
            "the data set wisdm is not part of a package; give its folder or archive with --data"
        )
    notes: list[Note] = []
    digests: dict[str, str] = {}
    sensors: dict[str, dict[str, dict[Key, Rows]]] = {}
    for name, content in files.members(path, _is_wanted):
        found = _FILE_2019.search(name)
        device, sensor = (found[3], found[2]) if found else ("phone", "accel")
        if "watch" in sensors and device == "phone":
            continue
        digests[name.rsplit("/", 1)[-1]] = hashlib.sha256(content).hexdigest()
        rows, counts = parse(content, name)
        notes += [Note(kind, what, count, name) for (kind, what), count in counts.items()]
        for key, more in rows.items():
            kept = sensors.setdefault(device, {}).setdefault(sensor, {}).setdefault(key, Rows())
            kept.times.extend(more.times)
            kept.values.extend(more.values)
    device = "watch" if "watch" in sensors else "phone"
    chosen = sensors.get(device, {})
    if not chosen.get("accel"):
        raise HarmcuError(f"{path}: holds no rows of WISDM; give its folder, archive or .txt file")
    if len(sensors) > 1:
        notes.append(Note("dropped", "devices, in favour of the watch", len(sensors) - 1))
    recordings = _recordings(chosen, device, notes)
    return assemble.dataset("wisdm", recordings, digests, notes)


def is_of_first_subjects(name: str) -> bool:
    """Tell whether a file is one of the watch of subjects 1600 to 1615, the first of 2019."""
    found = _FILE_2019.search(name)
    return found is not None and found[3] == "watch" and 1600 <= int(found[1]) <= 1615


def _is_wanted(name: str) -> bool:
    return bool(_FILE_2019.search(name) or _FILE_11.search(name)) and not _ABOUT.search(name)


def parse(content: bytes, source: str) -> tuple[dict[Key, Rows], Counter[tuple[Kind, str]]]:
    """Read rows of ``user,activity,timestamp,x,y,z;``, whatever stands between them.

    Args:
        content: a file.
        source: its name, for messages.

    Returns:
        the rows by user and activity, and what was repaired and dropped.

    Raises:
        HarmcuError: there are more rows or activities than either set has.
    """
    found: dict[Key, Rows] = {}
    counts: Counter[tuple[Kind, str]] = Counter()
    content = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    for block in _blocks(content):
        if not _parse_whole(block, found):
            _parse_damaged(block, found, counts)
        if sum(len(rows.times) for rows in found.values()) > MOST_ROWS or len(found) > MOST_KEYS:
            raise HarmcuError(f"{source}: has more rows than WISDM; load part of it")
    return found, counts


def _blocks(content: bytes) -> Iterator[bytes]:
    """Yield whole lines, many at a time."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + BLOCK) + 1 or len(content)
        yield content[start:end]
        start = end


def _parse_whole(block: bytes, found: dict[Key, Rows]) -> bool:
    """Take the rows of undamaged lines, all at once; otherwise take nothing and return False."""
    characters = np.frombuffer(block, np.uint8)
    comma, semicolon, end = b",;\n"
    separators = characters[(characters == comma) | (characters == semicolon) | (characters == end)]
    if len(separators) % len(_LINE) or not (separators.reshape(-1, len(_LINE)) == _LINE).all():
        return False
    for number, name in enumerate(_KNOWN):
        block = block.replace(b",%s," % name.encode(), b",%d," % number)
    try:
        with warnings.catch_warnings():
            # NumPy only warns where the text stops being numbers.
            warnings.simplefilter("error")
            text = block.replace(b";\n", b",").decode("ascii").removesuffix(",")
            numbers = np.fromstring(text, np.float64, sep=",").reshape(-1, 6)
    except (ValueError, DeprecationWarning):
        return False
    users, activities, times, values = numbers[:, 0], numbers[:, 1], numbers[:, 2], numbers[:, 3:]
    usable: npt.NDArray[np.bool_] = (
        (users == np.floor(users)) & (users >= 0) & (users < 1e9) & (times > 0) & values.any(axis=1)
    )
    usable &= (np.abs(values) <= LARGEST).all(axis=1) & np.isin(activities, range(len(_KNOWN)))
    if not usable.all():
        return False
    keys = users * len(_KNOWN) + activities
    for key in np.unique(keys).tolist():
        mine = keys == key
        user, activity = divmod(int(key), len(_KNOWN))
        rows = found.setdefault((str(user), _KNOWN[activity]), Rows())
        rows.times.frombytes(times[mine].tobytes())
        rows.values.frombytes(values[mine].tobytes())
    return True


def _parse_damaged(block: bytes, found: dict[Key, Rows], counts: Counter[tuple[Kind, str]]) -> None:
    """Take what can be read, row by row."""
    for line in block.decode("utf-8", errors="replace").split("\n"):
        if len(line) > LONGEST_LINE:
            counts["dropped", "lines of more characters than rows have"] += 1
            continue
        pieces = [piece for piece in line.split(";") if piece.strip(" ,\r\t")]
        if len(pieces) > 1:
            counts["repaired", "lines of several rows"] += 1
        for piece in pieces:
            row = _row(piece, counts)
            if row is not None:
                user, activity, time, values = row
                rows = found.setdefault((user, activity), Rows())
                rows.times.append(time)
                rows.values.extend(values)


def _row(
    text: str, counts: Counter[tuple[Kind, str]]
) -> tuple[str, str, float, tuple[float, float, float]] | None:
    cells = text.split(",")
    if len(cells) > 6 and not any(cell.strip() for cell in cells[6:]):
        counts["repaired", "rows with a comma at their end"] += 1
        cells = cells[:6]
    if len(cells) != 6 or not cells[5].strip():
        counts["dropped", "rows without all six values"] += 1
        return None
    user, activity = cells[0].strip(), cells[1].strip()
    try:
        time, x, y, z = float(cells[2]), float(cells[3]), float(cells[4]), float(cells[5])
    except ValueError:
        time = x = y = z = math.nan
    if not (math.isfinite(time + x + y + z) and user.isalnum() and activity.isalpha()):
        counts["dropped", "rows with something other than a number"] += 1
        return None
    if time <= 0 or x == y == z == 0:
        counts["dropped", "rows of zeros"] += 1
        return None
    if max(abs(x), abs(y), abs(z)) > LARGEST:
        counts["dropped", "rows that no IMU measures"] += 1
        return None
    return user, activity, time, (x, y, z)


def _recordings(
    sensors: dict[str, dict[Key, Rows]], device: str, notes: list[Note]
) -> list[Recording]:
    """Join the sensors and bring every user and activity onto the grid."""
    joined = "gyro" in sensors
    axes = AXES if joined else AXES[:3]
    result: list[Recording] = []
    for user, activity in sorted(sensors["accel"], key=lambda key: (natural_order(key[0]), key[1])):
        rows = [
            sensors[s].get((user, activity)) for s in (("accel", "gyro") if joined else ("accel",))
        ]
        source = f"user {user}, {activity}"
        streams = [each.stream() for each in rows if each is not None and len(each.times) > 1]
        if len(streams) < len(rows):
            notes.append(Note("dropped", "activities that one sensor alone recorded", 1, source))
            continue
        found = timeline.uniform(streams, RATE_MILLIHERTZ / 1000)
        notes += assemble.bridged_notes(found, source)
        if timeline.usual_step(streams[0].seconds) > 1000 / RATE_MILLIHERTZ / SLOW:
            notes.append(Note("remark", "activities recorded at less than 15 Hz", 1, source))
        for number, stretch in enumerate(found):
            counts = [to_counts(stretch.values[:, :3], "m/s^2")]
            if joined:
                counts.append(to_counts(stretch.values[:, 3:], "rad/s"))
            result.append(
                Recording(
                    counts=np.hstack(counts),
                    axes=axes,
                    rate_millihertz=RATE_MILLIHERTZ,
                    label=ACTIVITIES.get(activity, activity),
                    subject=user,
                    source=f"{source}, stretch {number + 1}",
                    board=device,
                    rows=_digests(streams[0].values[stretch.index]),
                )
            )
    if not result:
        raise HarmcuError("no activity of WISDM holds two rows in a row; give the whole file")
    return result


def _digests(acceleration: Floats) -> leaks.Digests:
    units = assemble.Units(("m/s^2", "rad/s"), acceleration[:0], acceleration[:0])
    return units.digests(acceleration, AXES[:3])
