"""``csv``: what people record with a sketch and a serial monitor; a file, a folder or an archive.

A header such as ``aX,aY,aZ,gX,gY,gZ`` or ``--columns``; takes separated by blank lines; perhaps a
column of time, count, label or subject. Accelerometer and gyroscope may lie in two files whose
names differ in that word only; they are joined on time.

Without a subject, every take is its own: nothing is known of who made it, and no take is ever in
two parts of a split.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.reading import assemble, columns, csv_table, files, guess, path_names, timeline
from trainer.reading.csv_table import Table
from trainer.reading.options import (
    ACCELERATION_UNITS,
    ROTATION_UNITS,
    Options,
    unit_of,
    with_stated,
)
from trainer.reading.path_names import PathNames
from trainer.reading.timeline import Floats, Stream
from trainer.recording import AXES, Dataset, Note, Recording

OPTIONS = ("columns", "rate_millihertz", "units", "names", "take")

NO_GRAVITY = "files whose accelerations average out: gravity is not in them, and boards measure it"
OTHER_SENSORS = "files of other sensors, by their names"

SUFFIXES = {".csv", ".tsv", ".txt"}
_PROSE = ("readme", "license", "licence")

MOST_SAME_TIMES = 0.2
"""Share of rows with the time of the row before above which times are no times of samples."""

_CLOCKS = {1.0: "s", 1e-3: "ms", 1e-6: "us", 1e-9: "ns"}

_TICK = 1e-7
"""Seconds of a tick of .NET and of Windows, both of which count 100 ns."""

_SINCE = {
    "since 1970": (0, (1.0, 1e-3, 1e-6, 1e-9)),
    "of Windows, since 1601": (11_644_473_600, (_TICK,)),
    "of .NET, since year 1": (62_135_596_800, (_TICK,)),
}
"""Seconds from the beginning of a count up to 1970, and the units in which it counts."""

_LIVING = (946_684_800, 4_102_444_800)
"""Seconds since 1970 at the beginnings of 2000 and 2100; no IMU counts so far from its start."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Take:
    """One take of one sensor or of both.

    Attributes:
        streams: one for each file that it lies in, on one clock.
    """

    streams: tuple[Stream, ...]
    names: PathNames
    subject: str


@dataclass(frozen=True)
class _Group:
    """The files of one recording: one, or one for each sensor.

    Attributes:
        source: the name, for messages.
        tables: as read.
        axes: of the tables, side by side.
        rate: samples a second, measured or given.
        clocks: of each table, seconds of one unit of its time column; 0 where there is none.
    """

    source: str
    tables: tuple[Table, ...]
    names: PathNames
    axes: tuple[str, ...]
    rate: float
    clocks: tuple[float, ...]


def load(path: Path | None = None, options: Options | None = None) -> Dataset:
    """Load recordings from the CSV files at ``path``.

    Raises:
        HarmcuError: a file cannot be understood without being told more; the message says what.
    """
    if path is None:
        raise HarmcuError("csv files must be named; give a file, folder or archive with --data")
    options = options or Options()
    tables, digests, notes = _read(path, options)
    groups = [_group(source, group, options, notes) for source, group in _grouped(tables).items()]
    rates = assemble.shared_rates([group.rate for group in groups])
    groups = [replace(group, rate=rate) for group, rate in zip(groups, rates, strict=True)]
    units = _units(groups, options, notes)
    notes += units.notes
    recordings: list[Recording] = []
    test: list[str] = []
    for group in groups:
        for take in _takes(group, options, notes):
            made = _recordings(group, take, units, notes)
            recordings += made
            test += [recording.subject for recording in made if take.names.test]
    if not recordings:
        raise HarmcuError(
            f"{path}: holds no take of two samples and more; check --columns and --rate"
        )
    return assemble.dataset("csv", recordings, digests, notes, test)


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    is_prose = path.name.lower().startswith(_PROSE)
    return path.suffix.lower() in SUFFIXES and not (is_hidden or is_prose)


def _read(path: Path, options: Options) -> tuple[dict[str, Table], dict[str, str], list[Note]]:
    tables: dict[str, Table] = {}
    digests: dict[str, str] = {}
    notes: list[Note] = []
    rows = 0
    for name, content in files.members(path, _wanted):
        if path_names.is_of_another_sensor(name):
            notes.append(Note("dropped", OTHER_SENSORS, 1, name))
            continue
        if path_names.is_description(name):
            notes.append(Note("dropped", "files that describe recordings, by their names", 1, name))
            continue
        if not content.strip():
            notes.append(Note("dropped", "empty files", 1, name))
            continue
        table = csv_table.parse(content, name, options.columns)
        if table is None:
            notes.append(Note("dropped", "files of a header alone", 1, name))
            continue
        tables[name] = table
        digests[name] = hashlib.sha256(content).hexdigest()
        notes += tables[name].notes
        rows += len(table.lines)
        if rows > 4 * csv_table.MOST_ROWS:
            raise HarmcuError(f"{path}: holds more rows than fit into memory; load part of it")
    for name in path_names.without_gravity([*tables]):
        notes.append(Note("dropped", "files without gravity beside some with it", 1, name))
        del tables[name], digests[name]
    if not tables:
        others = sum(note.count for note in notes if note.what == OTHER_SENSORS)
        left_out = f" beside {others} {OTHER_SENSORS}" if others else ""
        raise HarmcuError(
            f"{path}: holds no rows of numbers in any {', '.join(sorted(SUFFIXES))} file"
            f"{left_out}; check the path"
        )
    return tables, digests, notes


def _grouped(tables: dict[str, Table]) -> dict[str, list[Table]]:
    """Put the accelerometer's and the gyroscope's file of one recording together."""
    groups: dict[str, list[str]] = {}
    for name in tables:
        groups.setdefault(path_names.without_sensor(name), []).append(name)
    result: dict[str, list[Table]] = {}
    for source, names in groups.items():
        axes = Counter(axis for name in names for axis in columns.axes_of(tables[name].columns))
        if len(names) == 1 or max(axes.values()) > 1:
            result |= {name: [tables[name]] for name in names}
        else:
            result[source] = [tables[name] for name in names]
    return result


def _group(source: str, tables: list[Table], options: Options, notes: list[Note]) -> _Group:
    name = path_names.without_sensor(source)
    axes = tuple(axis for table in tables for axis in columns.axes_of(table.columns))
    times = [table.column(columns.TIME) for table in tables]
    timed = [time for time in times if time is not None]
    given = options.rate_millihertz / 1000 if options.rate_millihertz else 0.0
    if len(timed) < len(tables):
        if len(tables) > 1:
            raise HarmcuError(
                f"{source}: accelerometer and gyroscope lie in two files without times, and cannot "
                "be joined; record them in one file"
            )
        if not given:
            raise HarmcuError(
                f"{source}: has no column of times, so its rate is not known; give it with --rate, "
                "such as --rate 119 for sketches that read an LSM9DS1 as fast as it goes"
            )
        rate, clocks = given, (0.0,) * len(tables)
    else:
        measured = [
            _measured(source, table, time, notes) for table, time in zip(tables, timed, strict=True)
        ]
        rate, clocks = measured[0][0], tuple(clock for _, clock in measured)
        if given and not 0.9 < given / rate < 1.1:
            raise HarmcuError(
                f"{source}: times say {rate:.4g} Hz and --rate {given:g}; leave --rate out, and "
                "choose the model's rate with --model-rate"
            )
        rate = given or rate
    names = path_names.reader(options.names)(name)
    if names.is_ambiguous:
        notes.append(Note("guessed", path_names.AMBIGUOUS, 1, source))
    return _Group(source, tuple(tables), names, axes, rate, clocks)


def _measured(source: str, table: Table, times: Floats, notes: list[Note]) -> tuple[float, float]:
    """Return (samples a second, seconds of one unit of the times)."""
    finite = times[np.isfinite(times)]
    steps = np.diff(finite)
    if len(finite) < 2 <= len(times):
        raise HarmcuError(
            f"{source}: its times are no numbers, as dates are not; name the column _ with "
            "--columns and give --rate"
        )
    step = timeline.usual_step(finite)
    if step <= 0 or (steps == 0).sum() > MOST_SAME_TIMES * len(steps):
        raise HarmcuError(
            f"{source}: its times do not tell samples apart; name the column _ with --columns and "
            "give --rate"
        )
    stated = next(c.seconds for c in table.columns if c.role == columns.TIME)
    clocks = (*_CLOCKS, _TICK)
    fitting = [clock for clock in clocks if 4.0 <= 1.0 / (step * clock) < 4000.0]
    counted, since = _counted(float(finite[0]))
    if counted in fitting:
        fitting = [counted]
    clock = stated or (fitting[0] if fitting else 0.0)
    rate = 1.0 / (step * clock) if clock else 0.0
    if not 1.0 <= rate <= 10_000.0:
        raise HarmcuError(
            f"{source}: times step by {step:.6g}, which is no IMU's rate in s, ms, us or ns; name "
            "the column _ with --columns and give --rate"
        )
    if same := int((steps == 0).sum()):
        notes.append(Note("dropped", "rows with the time of the row before", same, source))
    if not stated:
        unit = _CLOCKS.get(clock, "ticks of 100 ns")
        why = f"{since}, by their size" if clock == counted else "then rates are those of an IMU"
        notes.append(Note("guessed", f"times in {unit}: {why}", 1, source))
    return rate, clock


def _counted(time: float) -> tuple[float, str]:
    """Return in which unit a time is a date of this century, and since when; 0: in none."""
    for since, (before, clocks) in _SINCE.items():
        for clock in clocks:
            if _LIVING[0] <= time * clock - before < _LIVING[1]:
                return clock, since
    return 0.0, ""


def _units(groups: Sequence[_Group], options: Options, notes: list[Note]) -> assemble.Units:
    """Decide on the units of all files together: a still file alone says too little."""
    stated = {c.unit for group in groups for t in group.tables for c in t.columns if c.unit}
    given = with_stated(options.units, tuple(sorted(stated)))
    for kind in (ACCELERATION_UNITS, ROTATION_UNITS):
        if len(stated & {*kind}) > 1:
            units = " and ".join(sorted(stated & {*kind}))
            raise HarmcuError(f"headers state both {units}; load files of one kind together")
    for unit in stated - {*given}:
        notes.append(Note("remark", f"headers that state {unit}, which --units overrules", 1))
    tables = [table for group in groups for table in group.tables]
    pools = []
    for sensor in "ag":
        readings = [_values(table, _axes_of(sensor)) for table in tables]
        # A sensor of which some files miss an axis is judged by the files that have all three.
        width = max(values.shape[1] for values in readings)
        pool = np.concatenate([values for values in readings if values.shape[1] == width])
        pools.append(pool[np.isfinite(pool).all(axis=1)])
    decided = assemble.Units(given, pools[0], pools[1])
    for group in groups:
        for table in group.tables:
            values = _values(table, _axes_of("a")) / assemble.gravity_in(decided.of("ax"))
            if values.shape[1] == 3 and guess.lacks_gravity(values):
                notes.append(Note("remark", NO_GRAVITY, 1, group.source))
            if not unit_of(options.units, ACCELERATION_UNITS):
                _check_unit(group.source, table, decided)
            if stated & {*ROTATION_UNITS} and not unit_of(options.units, ROTATION_UNITS):
                _check_stated(group.source, table, decided)
    return decided


def _check_stated(source: str, table: Table, units: assemble.Units) -> None:
    """Refuse a file that does not state the unit of its rotations where others do.

    Raises:
        HarmcuError: it is such a file; nothing in rotations would tell that theirs is not its own.
    """
    if any(column.role in _axes_of("g") and not column.unit for column in table.columns):
        raise HarmcuError(
            f"{source}: states no unit of its rotations, and other files state {units.of('gx')}; "
            "load files of one kind together, or give --units"
        )


def _check_unit(source: str, table: Table, units: assemble.Units) -> None:
    """Refuse a file whose own gravity is not one in the unit of all.

    Raises:
        HarmcuError: it does not state its unit, and must be of another.
    """
    own = [column for column in table.columns if column.role in _axes_of("a")]
    values = _values(table, _axes_of("a"))
    values = values[np.isfinite(values).all(axis=1)]
    if len(own) < 3 or not len(values) or all(column.unit for column in own):
        return
    unit = units.of("ax")
    try:
        found = guess.acceleration_unit(values / (1000.0 if unit == "mg" else 1.0))
    except HarmcuError as error:
        raise HarmcuError(f"{source}: {error}") from None
    if found.unit != ("g" if unit == "mg" else unit):
        raise HarmcuError(
            f"{source}: {found.why}, and others are in {unit}; load files of one kind together, or "
            "give --units"
        )


def _axes_of(sensor: str) -> list[str]:
    return [axis for axis in AXES if axis[0] == sensor]


def _values(table: Table, axes: Sequence[str]) -> Floats:
    """Return float64 [rows, axes] of those of ``axes`` that a table has."""
    roles = [column.role for column in table.columns]
    return table.numbers[:, [roles.index(axis) for axis in axes if axis in roles]]


def _takes(group: _Group, options: Options, notes: list[Note]) -> list[_Take]:
    """Divide a recording into takes."""
    numbers = [_take_numbers(group, table, options, notes) for table in group.tables]
    if len({int(number.max()) for number in numbers}) > 1:
        numbers = _shared_numbers(group, numbers, options)
    many = max(int(number.max()) for number in numbers) + 1
    order = [np.argsort(number, kind="stable") for number in numbers]
    bounds = [
        np.searchsorted(n[o], np.arange(many + 1)) for n, o in zip(numbers, order, strict=True)
    ]
    takes = []
    for take in range(many):
        rows = [o[b[take] : b[take + 1]] for o, b in zip(order, bounds, strict=True)]
        streams = tuple(
            _stream(group, table, clock, chosen)
            for table, clock, chosen in zip(group.tables, group.clocks, rows, strict=True)
        )
        # What the first file says counts, where both say something.
        words = {
            role: texts[int(mine[0])]
            for table, mine in reversed([*zip(group.tables, rows, strict=True)])
            for role, texts in table.words.items()
            if len(mine)
        }
        if words.get(columns.LABEL) == "":
            notes.append(Note("dropped", "rows without a label", len(rows[0]), group.source))
            continue
        subject = words.get(columns.SUBJECT) or group.names.subject
        if not subject:
            notes.append(Note("remark", assemble.NO_SUBJECT, 1, group.source))
        if any(len(mine) for mine in rows):
            takes.append(
                _Take(
                    streams,
                    replace(group.names, label=words.get(columns.LABEL) or group.names.label),
                    subject or (f"{group.source} take {take + 1}" if many > 1 else group.source),
                )
            )
    return takes


def _shared_numbers(group: _Group, numbers: Sequence[Integers], options: Options) -> list[Integers]:
    """Return the takes of two files of which one parts more of them than the other.

    Where only blank lines do, time alone decides. Labels, subjects and ``--take`` say of each row
    of one file to which take it belongs, and of those of the other by their time.

    Raises:
        HarmcuError: the clock was set back, so that time does not tell.
    """
    words = [texts for table in group.tables for texts in table.words.values()]
    if not options.take and all(len({*texts}) < 2 for texts in words):
        return [np.minimum(number, 0) for number in numbers]
    most = max(range(len(numbers)), key=lambda index: int(numbers[index].max()))
    parting = numbers[most][np.isfinite(_seconds(group, most))]
    times = _seconds(group, most)[np.isfinite(_seconds(group, most))]
    if (np.diff(times) < -timeline.LONGEST_TIME).any():
        raise HarmcuError(
            f"{group.source}: its two files part takes at different places, and its times step "
            "back; record both sensors in one file"
        )
    shared = []
    for index, number in enumerate(numbers):
        seconds = np.nan_to_num(_seconds(group, index))
        before = np.searchsorted(np.maximum.accumulate(times), seconds, side="right") - 1
        shared.append(number if index == most else parting[before.clip(0)])
    return shared


def _seconds(group: _Group, index: int) -> Floats:
    """Return float64 [rows], the times of one of a group's tables."""
    time = group.tables[index].column(columns.TIME)
    assert time is not None, "files without times are not joined"
    return time * group.clocks[index]


def _take_numbers(group: _Group, table: Table, options: Options, notes: list[Note]) -> Integers:
    """Return the number of each row's take, 0, 1, ..., or -1 for rows of none."""
    begins = np.diff(table.takes, prepend=table.takes[0]) > 0
    for texts in table.words.values():
        begins[1:] |= np.array([a != b for a, b in itertools.pairwise(texts)], bool)
    count = table.column(columns.COUNT)
    if count is not None and not any(group.clocks):
        begins[1:] |= np.diff(count) < 0
    numbers: Integers = np.cumsum(begins)
    if not options.take:
        return numbers
    first = np.searchsorted(numbers, numbers, side="left")
    last = np.searchsorted(numbers, numbers, side="right")
    position = np.arange(len(numbers)) - first
    whole = position < (last - first) // options.take * options.take
    if not whole.all():
        left = int((~whole).sum())
        notes.append(Note("dropped", "rows after the last whole take", left, group.source))
    begins |= position % options.take == 0
    begins[0] = False
    taken: Integers = np.where(whole, np.cumsum(begins), -1)
    return taken


def _stream(group: _Group, table: Table, clock: float, rows: Integers) -> Stream:
    """Return some rows with their times; without a clock, the rows count it."""
    axes = columns.axes_of(table.columns)
    values = _values(table, axes)[rows]
    time, count = table.column(columns.TIME), table.column(columns.COUNT)
    if clock and time is not None:
        seconds = time[rows] * clock
    elif count is not None and len(rows) > 1 and np.nanmedian(np.diff(count[rows])) == 1.0:
        seconds = count[rows] / group.rate
    else:
        seconds = np.arange(len(rows)) / group.rate
    usable = np.isfinite(values).all(axis=1) & np.isfinite(seconds)
    return Stream(seconds[usable], values[usable], rows[usable])


def _recordings(
    group: _Group, take: _Take, units: assemble.Units, notes: list[Note]
) -> list[Recording]:
    axes = group.axes
    streams = []
    at = 0
    for stream in take.streams:
        same = int((np.diff(stream.seconds) == 0).sum())
        if same and not any(group.clocks):
            notes.append(
                Note("dropped", "rows with the count of the row before", same, group.source)
            )
        mine = axes[at : at + stream.values.shape[1]]
        at += len(mine)
        possible = units.possible(stream.values, mine)
        if not possible.all():
            damaged = int((~possible).sum())
            notes.append(Note("dropped", "rows that no IMU measures", damaged, group.source))
        streams.append(stream.part(np.flatnonzero(possible)))
    if any(len(stream.seconds) < 2 for stream in streams):
        rows = sum(len(stream.seconds) for stream in streams)
        notes.append(Note("dropped", "takes of fewer than two rows", max(rows, 1), group.source))
        return []
    try:
        found = timeline.uniform(streams, group.rate)
    except HarmcuError as error:
        raise HarmcuError(f"{group.source}: {error}") from None
    notes += assemble.bridged_notes(found, group.source)
    notes += assemble.alone_notes(streams[0], found, group.source)
    if len(found) > 1:
        notes.append(Note("remark", "gaps that split a take", len(found) - 1, group.source))
    order = [axes.index(axis) for axis in AXES if axis in axes]
    raw, first_axes = streams[0], axes[: streams[0].values.shape[1]]
    name = f"{group.source}, line {group.tables[0].lines[raw.index[0]]}"
    return [
        Recording(
            counts=units.counts(stretch.values, axes)[:, order],
            axes=tuple(axes[index] for index in order),
            rate_millihertz=round(group.rate * 1000),
            label=take.names.label,
            subject=take.subject,
            source=_source(group, stretch),
            rows=units.digests(raw.values[np.isin(raw.index, stretch.index)], first_axes),
            take=name,
        )
        for stretch in found
    ]


def _source(group: _Group, stretch: timeline.Stretch) -> str:
    lines = group.tables[0].lines
    return f"{group.source}, lines {lines[stretch.index[0]]} to {lines[stretch.index[-1]]}"
