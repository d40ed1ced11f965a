from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made_up import load_or_line

from trainer import datasets
from trainer.datasets import csv
from trainer.errors import HarmcuError
from trainer.reading import csv_table, path_names
from trainer.reading.assemble import NO_SUBJECT
from trainer.reading.options import parse
from trainer.recording import AXES, Dataset
from trainer.units import to_counts

HEADER = "aX,aY,aZ,gX,gY,gZ"
SIX = "ax,ay,az,gx,gy,gz"


def row(number: int, separator: str = ",") -> str:
    """A plausible reading, another one for every number."""
    values = (0.001 * number, -0.5, 0.9, 40.0 + number, 0.25 * number, -7.0)
    return separator.join(f"{value:.3f}" for value in values)


def rows(first: int, last: int) -> str:
    return "".join(f"{row(n)}\n" for n in range(first, last))


def write(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def load(path: Path, **choices: Any) -> Dataset:
    choices.setdefault("units", "g,deg/s")
    return csv.load(path, parse(**choices))


def noted(dataset: Dataset) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for note in dataset.notes:
        if note.what != NO_SUBJECT:
            counts[note.what] += note.count
    return dict(counts)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_takes_with_any_line_end_and_mark(tmp_path: Path, end: str, mark: bytes) -> None:
    text = f"{HEADER}\n{rows(0, 40)}\n{rows(40, 70)}\n\n{rows(70, 100)}".replace("\n", end)
    dataset = load(write(tmp_path, "punch.csv", mark + text.encode()), rate=119)
    assert [len(r.counts) for r in dataset.recordings] == [40, 30, 30]
    assert [r.subject for r in dataset.recordings] == [f"punch.csv take {n}" for n in (1, 2, 3)]
    first = dataset.recordings[1]
    assert (first.label, first.rate_millihertz) == ("punch", 119_000)
    assert (first.counts[0, :3] == to_counts([0.04, -0.5, 0.9], "g")).all()
    assert (first.counts[0, 3:] == to_counts([80.0, 10.0, -7.0], "deg/s")).all()
    assert first.source == "punch.csv, lines 43 to 72"


def test_utf_16_as_spreadsheets_write_it(tmp_path: Path) -> None:
    file = write(tmp_path, "punch.csv", f"{HEADER}\n{rows(0, 9)}".encode("utf-16"))
    assert len(load(file, rate=119).recordings[0].counts) == 9


@pytest.mark.parametrize(
    ("separator", "decimal"),
    [(";", "."), (";", ","), ("\t", "."), ("\t", ","), (" ", "."), (", ", ".")],
)
@pytest.mark.parametrize("axes", [3, 6])
def test_separators(tmp_path: Path, separator: str, decimal: str, axes: int) -> None:
    def line(cells: str) -> str:
        return separator.join(cells.replace(".", decimal).split("|")[:axes])

    lines = [line(SIX.replace(",", "|")), *(line(row(n, "|")) for n in range(20))]
    found = load(write(tmp_path, "a.csv", "\n".join(lines)), rate=50)
    plain = load(write(tmp_path, "b.csv", f"{HEADER}\n{rows(0, 20)}"), rate=50)
    assert (found.recordings[0].counts == plain.recordings[0].counts[:, :axes]).all()


def test_a_blank_line_after_every_row_is_no_take(tmp_path: Path) -> None:
    spaced = rows(0, 30).replace("\n", "\n\n") + "\n\n" + rows(30, 60).replace("\n", "\n\n")
    dataset = load(write(tmp_path, "a.csv", f"{HEADER}\n\n{spaced}"), rate=119)
    assert [len(r.counts) for r in dataset.recordings] == [30, 30]
    assert noted(dataset)["files with blank lines after every row"] == 1


def test_rows_of_empty_cells_text_and_headers_part_takes(tmp_path: Path) -> None:
    text = (
        f"{HEADER}\n{rows(0, 9)},,,,,\n{rows(9, 18)}done!\n{rows(18, 27)}{HEADER}\n{rows(27, 36)}"
    )
    dataset = load(write(tmp_path, "a.csv", text), rate=119)
    assert [len(r.counts) for r in dataset.recordings] == [9, 9, 9, 9]
    assert noted(dataset) == {"lines of text": 1, "repeated headers": 1}


def test_damaged_rows_keep_the_others_in_place(tmp_path: Path) -> None:
    lines = [row(n) for n in range(60)]
    lines[10] = "0.010,,0.9,50.0,2.5,-7.0"
    lines[20] = "0.020,-0.5,0.9,60.0,nan,-7.0"
    lines[30] = "0.030,-0.5,0.9"
    lines[40] = "0.040,-0.5,0.9,80.0,1e308,-7.0"
    lines[50] += ","
    dataset = load(write(tmp_path, "a.csv", HEADER + "\n" + "\n".join(lines)), rate=50)
    (recording,) = dataset.recordings
    whole = load(write(tmp_path, "b.csv", f"{HEADER}\n{rows(0, 60)}"), rate=50).recordings[0]
    # These readings rise by the same amount every row: interpolation repairs them all.
    assert np.abs(recording.counts.astype(int) - whole.counts).max() <= 1
    assert noted(dataset) == {
        "rows with a cell that is empty or no finite number": 2,
        "rows with too few or too many cells": 1,
        "rows that no IMU measures": 1,
        "rows with separators at their end": 1,
        "samples interpolated where rows are missing": 4,
    }


def test_a_file_cut_off_in_its_last_row(tmp_path: Path) -> None:
    dataset = load(write(tmp_path, "a.csv", f"{HEADER}\n{rows(0, 20)}0.020,-0.5"), rate=50)
    assert len(dataset.recordings[0].counts) == 20


def timed(times: list[float]) -> str:
    return f"time_ms,{HEADER}\n" + "".join(f"{t},{row(n)}\n" for n, t in enumerate(times))


def test_times_give_the_rate_and_gaps_split(tmp_path: Path) -> None:
    times = [*range(0, 2000, 10), *range(7000, 8000, 10), *range(500, 900, 10)]
    dataset = load(write(tmp_path, "walk.csv", timed(times)))
    assert [len(r.counts) for r in dataset.recordings] == [200, 100, 40]
    assert {r.rate_millihertz for r in dataset.recordings} == {100_000}
    assert noted(dataset) == {"gaps that split a take": 2}
    assert [r.source for r in dataset.recordings][2] == "walk.csv, lines 302 to 341"


def test_columns_are_named_without_what_a_terminal_obeys(tmp_path: Path) -> None:
    """A find of the fuzzer."""
    with pytest.raises(HarmcuError, match=r"columns \?\[2J, b, c, \.\.\.; name all 3"):
        load(write(tmp_path, "a.csv", "\x1b[2J,b,c\n1,2,3\n1,2,3\n"))


def test_rows_alone_between_gaps_are_said(tmp_path: Path) -> None:
    times = [*range(0, 2000, 10), 5000, *range(7000, 8000, 10), 9500]
    dataset = load(write(tmp_path, "walk.csv", timed(times)))
    assert [len(r.counts) for r in dataset.recordings] == [200, 100]
    assert noted(dataset) == {
        "gaps that split a take": 1,
        "rows alone between gaps, or while another sensor is silent": 2,
    }


@pytest.mark.parametrize(
    ("name", "unit"), [("timestamp", 1000), ("t", 1e6), ("Time", 1e9), ("time", 1)]
)
def test_clocks_are_told_by_the_rate(tmp_path: Path, name: str, unit: float) -> None:
    times = [100 + n / 104 for n in range(300)]
    lines = [f"{t * unit:.6f},{row(n)}" for n, t in enumerate(times)]
    dataset = load(write(tmp_path, "a.csv", f"{name},{HEADER}\n" + "\n".join(lines)))
    assert dataset.recordings[0].rate_millihertz == 104_000


@pytest.mark.parametrize(
    ("unit", "since", "said"),
    [
        (1, 0, "times in s: since 1970, by their size"),
        (1e3, 0, "times in ms: since 1970, by their size"),
        (1e6, 0, "times in us: since 1970, by their size"),
        (1e9, 0, "times in ns: since 1970, by their size"),
        (1e7, 62_135_596_800, "times in ticks of 100 ns: of .NET, since year 1, by their size"),
        (1e7, 11_644_473_600, "times in ticks of 100 ns: of Windows, since 1601, by their size"),
    ],
)
def test_dates_tell_their_unit_by_their_size(
    tmp_path: Path, unit: int, since: int, said: str
) -> None:
    begun = 1_750_000_000 + since
    # Integers, as a float of such a size has not all digits.
    times = [round(begun * unit) + round(n * unit / 20) for n in range(300)]
    if unit == 1:
        times = [begun + n / 20 for n in range(300)]
    lines = [f"{t},{row(n)}" for n, t in enumerate(times)]
    dataset = load(write(tmp_path, "a.csv", f"time,{HEADER}\n" + "\n".join(lines)))
    assert dataset.recordings[0].rate_millihertz == 20_000
    assert said in noted(dataset)


def test_a_count_as_large_as_a_date_is_one_of_an_imu(tmp_path: Path) -> None:
    """Half an hour of micros() is a date in seconds, at a rate that no IMU has."""
    lines = [f"{1_750_000_000 + n * 8403},{row(n)}" for n in range(300)]
    dataset = load(write(tmp_path, "a.csv", f"time,{HEADER}\n" + "\n".join(lines)))
    assert dataset.recordings[0].rate_millihertz == 119_000
    assert "times in us: then rates are those of an IMU" in noted(dataset)


def test_files_of_nearly_one_rate_share_it(tmp_path: Path) -> None:
    for number, step in enumerate((10.0, 10.05, 9.98, 20.0)):
        write(tmp_path, f"walk_{number}.csv", timed([step * n for n in range(200)]))
    rates = [r.rate_millihertz for r in load(tmp_path).recordings]
    assert rates == [100_000, 100_000, 100_000, 50_000]


def test_a_count_column_keeps_lost_rows_in_place(tmp_path: Path) -> None:
    counts = [*range(1, 30), *range(31, 60), *range(1, 40)]
    lines = [f"{c},{row(c)}" for c in counts]
    dataset = load(write(tmp_path, "a.csv", f"count,{HEADER}\n" + "\n".join(lines)), rate=50)
    assert [len(r.counts) for r in dataset.recordings] == [59, 39]
    assert noted(dataset) == {"samples interpolated where rows are missing": 1}


def test_labels_and_subjects_from_columns(tmp_path: Path) -> None:
    lines = [
        f"{row(n)},{'sit' if n < 30 else 'walk'},{'anna' if n < 60 else 'bo'}" for n in range(90)
    ]
    file = write(tmp_path, "a.csv", f"{HEADER},label,subject\n" + "\n".join(lines))
    found = [(r.label, r.subject, len(r.counts)) for r in load(file, rate=50).recordings]
    assert found == [("sit", "anna", 30), ("walk", "anna", 30), ("walk", "bo", 30)]


def test_labels_and_subjects_from_names(tmp_path: Path) -> None:
    for name in ("anna/walk_1.csv", "anna/sit_1.csv", "bo/walk_1.csv"):
        write(tmp_path, name, f"{HEADER}\n{rows(0, 20)}")
    found = load(tmp_path, rate=50, names="{subject}/{label}_{_}").recordings
    assert [(r.subject, r.label) for r in found] == [
        ("anna", "sit"),
        ("anna", "walk"),
        ("bo", "walk"),
    ]
    assert load(tmp_path, rate=50).labels == ("sit", "walk")
    with pytest.raises(HarmcuError, match=r"anna/sit_1: does not read like --names"):
        load(tmp_path, rate=50, names="x/{label}")


@pytest.mark.parametrize(
    ("pattern", "ambiguous"),
    [
        ("{subject}_{label}", 1),
        ("{_}_{label}", 1),
        ("{subject}_walk_{label}", 0),
        ("{label}", 0),
        ("{_}/{subject}_{_}_{_}", 0),
    ],
)
def test_names_that_read_in_two_ways_are_said(tmp_path: Path, pattern: str, ambiguous: int) -> None:
    write(tmp_path, "x/anna_walk_fast.csv", f"{HEADER}\n{rows(0, 20)}")
    dataset = load(tmp_path, rate=50, names=pattern)
    assert noted(dataset).get(path_names.AMBIGUOUS, 0) == ambiguous


@pytest.mark.parametrize(
    ("names", "message"),
    [("{name}", r"no \{name\}"), ("walk", r"needs \{label\}"), ("{label}{subject}", "touch")],
)
def test_bad_patterns(tmp_path: Path, names: str, message: str) -> None:
    file = write(tmp_path, "a.csv", f"{HEADER}\n{rows(0, 20)}")
    with pytest.raises(HarmcuError, match=message):
        load(file, rate=50, names=names)


def test_takes_of_equal_length(tmp_path: Path) -> None:
    file = write(tmp_path, "flex.csv", f"{HEADER}\n{rows(0, 100)}")
    dataset = load(file, rate=119, take=30)
    assert [len(r.counts) for r in dataset.recordings] == [30, 30, 30]
    assert len({r.subject for r in dataset.recordings}) == 3
    assert noted(dataset) == {"rows after the last whole take": 10}


def test_no_header_needs_columns(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "\n" + "".join(f"{row(n)},22.5,{n * 10}\n" for n in range(50)))
    with pytest.raises(
        HarmcuError, match=r"a\.csv, line 2: 8 columns without a header; .*--columns"
    ):
        load(file)
    (recording,) = load(file, columns=f"{SIX},_,time_ms").recordings
    assert (len(recording.counts), recording.rate_millihertz) == (50, 100_000)


def test_a_header_in_other_words_is_shown(tmp_path: Path) -> None:
    lines = [
        "Zeit;Beschleunigung X;Beschl. Y;Beschl. Z",
        *(f"{n},5;0,01;0,02;1,0" for n in range(9)),
    ]
    file = write(tmp_path, "a.csv", "\n".join(lines))
    with pytest.raises(
        HarmcuError, match=r"no axis among the columns Zeit, Beschleunigung X, Beschl. Y.*--columns"
    ):
        load(file)


def test_a_header_alone_leaves_the_other_files(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", f"{HEADER}\n{rows(0, 100)}")
    write(tmp_path, "b.csv", f"{HEADER}\n")
    dataset = load(tmp_path, rate=119)
    assert len(dataset.recordings) == 1
    assert noted(dataset)["files of a header alone"] == 1


def test_dates_are_no_times(tmp_path: Path) -> None:
    lines = [f"time,{HEADER}", *(f"2026-01-01T12:00:{n:02},{row(n)}" for n in range(30))]
    with pytest.raises(HarmcuError, match=r"times are no numbers, as dates.*--columns.*--rate"):
        load(write(tmp_path, "a.csv", "\n".join(lines)))


def test_plain_axes_are_of_the_sensor_that_the_file_is_named_after(tmp_path: Path) -> None:
    """As a phone's logger writes them: a folder a take, a file a sensor."""
    for take in ("walk-1", "sit-1"):
        for name, values in (("Accelerometer", "9.81,0.1,0.2"), ("Gyroscope", "0.5,0.25,0.125")):
            lines = ["seconds,z,y,x", *(f"{n / 100:.2f},{values}" for n in range(200))]
            (tmp_path / take).mkdir(exist_ok=True)
            write(tmp_path / take, f"{name}.csv", "\n".join(lines))
    dataset = load(tmp_path, units="m/s^2,rad/s")
    assert [(r.label, r.axes) for r in dataset.recordings] == [("sit", AXES), ("walk", AXES)]
    expected = [*to_counts([0.2, 0.1, 9.81], "m/s^2"), *to_counts([0.125, 0.25, 0.5], "rad/s")]
    assert dataset.recordings[0].counts[50].tolist() == expected
    (tmp_path / "walk-1" / "Accelerometer.csv").unlink()
    (tmp_path / "sit-1" / "Accelerometer.csv").unlink()
    alone = load(tmp_path, units="rad/s").recordings
    assert {(r.label, r.axes) for r in alone} == {("sit", AXES[3:]), ("walk", AXES[3:])}


def test_accelerometer_and_gyroscope_in_two_files(tmp_path: Path) -> None:
    accelerometer = [f"{20 * n},{0.001 * n},0,1" for n in range(100)]
    gyroscope = [f"{20 * n + 400},{50.0 + n},0,1" for n in range(100)]
    write(tmp_path, "left/left_accl.csv", "time_ms,ax,ay,az\n" + "\n".join(accelerometer))
    write(tmp_path, "left/left_gyro.csv", "time_ms,gx,gy,gz\n" + "\n".join(gyroscope))
    write(tmp_path, "left/left_mag.csv", "time_ms,mx,my,mz\n0,1,2,3\n")
    (recording,) = load(tmp_path).recordings
    assert (recording.label, recording.axes) == ("left", ("ax", "ay", "az", "gx", "gy", "gz"))
    assert len(recording.counts) == 80
    assert recording.counts[0].tolist() == [
        *to_counts([0.020, 0, 1], "g").tolist(), *to_counts([50.0, 0, 1], "deg/s").tolist()
    ]  # fmt: skip


def still(header: str, values: str, rows: int = 60) -> str:
    """One reading again and again, every 20 ms."""
    return f"{header}\n" + "".join(f"{20 * n},{values}\n" for n in range(rows))


def test_a_folder_for_each_sensor(tmp_path: Path) -> None:
    write(tmp_path, "accelerometer/walk_1.csv", still("time_ms,x,y,z", "0,0,9.81"))
    write(tmp_path, "Gyroscope/walk_1.csv", still("time_ms,x,y,z", "0.5,0,0"))
    (recording,) = load(tmp_path, units="m/s^2,rad/s").recordings
    assert (recording.label, recording.axes) == ("walk", AXES)
    expected = [*to_counts([0, 0, 9.81], "m/s^2"), *to_counts([0.5, 0, 0], "rad/s")]
    assert recording.counts[9].tolist() == expected


def test_files_of_a_phones_other_sensors_are_left_out(tmp_path: Path) -> None:
    names = ("walk/Gravity", "walk/GyroscopeUncalibrated", "walk/Linear Acceleration")
    for name in (*names, "magnetometer/walk"):
        write(tmp_path, f"{name}.csv", still("time_ms,x,y,z", "1,2,3"))
    with pytest.raises(HarmcuError, match="file beside 4 files of other sensors"):
        load(tmp_path)
    write(tmp_path, "walk/Accelerometer.csv", still("time_ms,x,y,z", "0,0,1"))
    write(tmp_path, "linear.csv", still("time_ms,x,y,z", "0,0,1"))
    dataset = load(tmp_path)
    assert [r.label for r in dataset.recordings] == ["linear", "walk"]
    assert noted(dataset)[csv.OTHER_SENSORS] == 4


def test_the_stated_unit_says_which_sensor_x_y_and_z_are_of(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", still("time (ms),x (rad/s),y (rad/s),z (rad/s)", "1,0,0"))
    (recording,) = csv.load(file, parse()).recordings
    assert (recording.axes, recording.counts[0, 0]) == (AXES[3:], to_counts([1.0], "rad/s")[0])
    file = write(tmp_path, "b.csv", still("time (ms),x (m/s^2),y (m/s²),z (m/s/s)", "0,0,0.5"))
    (recording,) = csv.load(file, parse()).recordings
    assert (recording.axes, recording.counts[0, 2]) == (AXES[:3], to_counts([0.5], "m/s^2")[0])


@pytest.mark.parametrize("unit", ["mrad/s", "deg", "µT", "m/s^2"])
def test_a_unit_that_the_sensor_has_none_of_is_refused(tmp_path: Path, unit: str) -> None:
    header = f"time_ms,gx ({unit}),gy ({unit}),gz ({unit})"
    with pytest.raises(HarmcuError, match=r"line 1: 'gx .*' states no unit that gx can be in"):
        load(write(tmp_path, "a.csv", still(header, "1,2,3")))


def test_units_may_stand_in_a_line_of_their_own(tmp_path: Path) -> None:
    header = "time,ax,ay,az,gx,gy,gz\nms,m/s^2,m/s^2,m/s^2,rad/s,rad/s,rad/s"
    file = write(tmp_path, "a.csv", still(header, "0,0,0.5,1,0,0"))
    dataset = csv.load(file, parse())
    assert dataset.recordings[0].rate_millihertz == 50_000
    assert dataset.recordings[0].counts[0].tolist() == [
        *to_counts([0, 0, 0.5], "m/s^2"), *to_counts([1.0, 0, 0], "rad/s")
    ]  # fmt: skip
    assert noted(dataset) == {}


@pytest.mark.parametrize(
    ("header", "values", "message"),
    [
        ("time_ms,ax,ay,az", "0,0,1", r"b\.csv: accelerations are typically 1.00 .* others are in"),
        ("time_ms,ax (m/s^2),ay,az", "0,0,1", r"b\.csv: accelerations are typically 1\.00"),
        ("time_ms,ax,ay,az", "0,0,1000", r"b\.csv: accelerations are typically 1000 long, which"),
    ],
)
@pytest.mark.parametrize("stated", ["", " (m/s^2)"])
def test_a_file_in_another_unit_than_the_others_is_refused(
    tmp_path: Path, header: str, values: str, message: str, stated: str
) -> None:
    others = f"time_ms,ax{stated},ay{stated},az{stated}"
    for name in "ac":
        write(tmp_path, f"{name}.csv", still(others, "0,0,9.81", 900))
    write(tmp_path, "b.csv", still(header, values))
    with pytest.raises(HarmcuError, match=message):
        csv.load(tmp_path, parse())


def test_two_files_of_one_recording_may_have_clocks_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, "walk_acc.csv", still("time_ms,x,y,z", "0,0,1"))
    seconds = "".join(f"{0.02 * n:.2f},{n},0,0\n" for n in range(60))
    write(tmp_path, "walk_gyro.csv", f"time_s,x,y,z\n{seconds}")
    (recording,) = load(tmp_path).recordings
    assert len(recording.counts) == 60
    assert recording.counts[50, 3] == to_counts([50.0], "deg/s")[0]


@pytest.mark.parametrize(
    ("name", "rate_hz"),
    [("timestamps", 1000), ("times", 1000), ("ts", 1000), ("Time (\u00b5s)", 1e6),
     ("time_\u03bcs", 1e6), ("t_s", 1), ("time [sec]", 1), ("tms", 1000)],
)  # fmt: skip
def test_a_plural_is_no_unit_of_time(tmp_path: Path, name: str, rate_hz: float) -> None:
    step = 0.01 * rate_hz
    lines = "".join(f"{step * n:.2f},0,0,1\n" for n in range(100))
    (recording,) = load(write(tmp_path, "a.csv", f"{name},ax,ay,az\n{lines}")).recordings
    assert recording.rate_millihertz == 100_000


def test_rows_of_one_time_are_said(tmp_path: Path) -> None:
    lines = "".join(f"{10 * (n - n // 10)},0,0,1\n" for n in range(100))
    dataset = load(write(tmp_path, "a.csv", f"time_ms,ax,ay,az\n{lines}"))
    assert noted(dataset)["rows with the time of the row before"] == 9


def test_quoted_cells_may_hold_separators_and_quotes(tmp_path: Path) -> None:
    def line(number: int) -> str:
        return f'{20 * number}, "stairs, 5""", 0.006,1.5,"0.8",note'

    lines = ["time_ms,label,ax,ay,az,note", *map(line, range(40))]
    (recording,) = load(write(tmp_path, "a.csv", "\n".join(lines))).recordings
    assert recording.label == 'stairs, 5"'
    assert recording.counts[0].tolist() == to_counts([0.006, 1.5, 0.8], "g").tolist()
    whole = [f'"{20 * n},0,0,1"' for n in range(40)]
    (recording,) = load(
        write(tmp_path, "b.csv", "\n".join(["time_ms,ax,ay,az", *whole]))
    ).recordings
    assert len(recording.counts) == 40


def test_an_empty_cell_after_a_quoted_one_is_a_cell(tmp_path: Path) -> None:
    lines = ["time_ms\tlabel\tax\tay\taz\tnote"]
    lines += [f'{20 * n}\t"sit"\t0\t0\t1\t' for n in range(40)]
    dataset = load(write(tmp_path, "a.csv", "\n".join(lines)))
    assert [len(r.counts) for r in dataset.recordings] == [40]
    assert noted(dataset) == {"files with columns that are left out: note": 1}


def test_labels_in_another_encoding_are_refused(tmp_path: Path) -> None:
    lines = ["time_ms,label,ax,ay,az", *(f"{20 * n},h\u00f6her,0,0,1" for n in range(40))]
    file = write(tmp_path, "a.csv", "\n".join(lines).encode("cp1252"))
    with pytest.raises(HarmcuError, match=r"line 2: 'h.her' is not in UTF-8; save the file"):
        load(file)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("aX,aY,aZ", ("ax", "ay", "az")),
        ("x,y,z", ("ax", "ay", "az")),
        ("accel_x,accel_y,accel_z", ("ax", "ay", "az")),
        ("Acc X (g),Acc Y (g),Acc Z (g)", ("ax", "ay", "az")),
        ("gyroscope_z,gyroscope_y,gyroscope_x", ("gx", "gy", "gz")),
        ('"gyr.x [dps]","gyr.y [dps]","gyr.z [dps]"', ("gx", "gy", "gz")),
    ],
)
def test_names_of_axes(tmp_path: Path, header: str, expected: tuple[str, ...]) -> None:
    text = f"{header}\n" + "".join(f"0.{n},0.1,0.9\n" for n in range(20))
    assert load(write(tmp_path, "a.csv", text), rate=50).recordings[0].axes == expected


def test_units_are_guessed_with_a_reason(tmp_path: Path) -> None:
    metric = "".join(f"0.1,{9.8 + n % 3 / 10},0.2,0.5,{n % 9 / 3},-1\n" for n in range(100))
    file = write(tmp_path, "a.csv", f"{HEADER}\n{metric}")
    dataset = csv.load(file, parse(rate=50))
    assert 8000 < np.median(dataset.recordings[0].counts[:, 1]) < 8400
    reasons = [note.what for note in dataset.notes]
    assert reasons[0].startswith("m/s^2: accelerations are typically 9.9")
    assert reasons[1].startswith("rad/s: rotations reach 2.7, and accelerations are in m/s^2")


def test_thousandths_are_read_as_sensors_print_them(tmp_path: Path) -> None:
    header = "aX [mg],aY [mg],aZ [mg],gX (mdps),gY (mdps),gZ (mdps)"
    file = write(tmp_path, "a.csv", f"{header}\n" + "0,-500,1000,0,1000,-70000\n" * 50)
    counts = csv.load(file, parse(rate=50)).recordings[0].counts
    assert counts[0].tolist() == [0, -4096, 8192, 0, 16, -1147]


def test_units_that_cannot_be_told_are_asked_for(tmp_path: Path) -> None:
    slow = write(tmp_path, "a.csv", f"{HEADER}\n" + "0,0,1,0.1,0.2,0.3\n" * 50)
    with pytest.raises(HarmcuError, match="may be deg/s or rad/s; say which with --units"):
        csv.load(slow, parse(rate=50))
    raw = write(tmp_path, "b.csv", f"{HEADER}\n" + "0,0,16384,100,200,300\n" * 50)
    with pytest.raises(HarmcuError, match="gravity neither in g nor in m/s"):
        csv.load(raw, parse(rate=50))


@pytest.mark.parametrize(
    ("text", "choices", "message"),
    [
        (f"{HEADER}\n{rows(0, 20)}", {}, "rate is not known; give it with --rate"),
        (f"{HEADER}\n", {"rate": 50}, "holds no rows of numbers"),
        (
            f"{HEADER}\n{rows(0, 5)}aX,aY,aZ\n0,0,1\n",
            {"rate": 50},
            "line 7: the columns change here",
        ),
        ("aX,aX,aY\n1,2,3\n", {"rate": 50}, "line 1: two columns are ax"),
        (f"{HEADER}\n{rows(0, 5)}", {"rate": 50, "columns": "a,b,c"}, "no column is an axis"),
        (timed([0.0] * 50), {}, "do not tell samples apart"),
        (timed([float(n) * 1e8 for n in range(50)]), {}, "which is no IMU's rate"),
        (timed([10.0 * n for n in range(50)]), {"rate": 50}, "times say 100 Hz and --rate 50"),
        (
            "Acc X (g),Acc Y (m/s^2)\n" + "0,1\n" * 9,
            {"rate": 50, "units": None},
            r"a\.csv, line 1: its columns state both g and m/s\^2",
        ),
    ],
)
def test_what_must_be_told(
    tmp_path: Path, text: str, choices: dict[str, Any], message: str
) -> None:
    with pytest.raises(HarmcuError, match=message):
        load(write(tmp_path, "a.csv", text), **choices)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match="holds no"):
        csv.load(tmp_path)


# What each published folder needs to be told, and what it holds: recordings, labels, samples.
# Samples are more than rows where times tell that rows are missing.
FOLDERS: dict[str, tuple[dict[str, object], int, int, int]] = {
    "anikk94-gestures": ({"rate": 119, "take": 119}, 36, 3, 4284),
    "benja1972-gestures": ({"rate": 119}, 105, 5, 11_404),
    "cvasilak-gestures": ({"rate": 119}, 20, 2, 2380),
    "devnithw-gestures": ({"rate": 119, "take": 119}, 20, 2, 2380),
    "firmstone-movement": ({"columns": "ax,ay,az", "rate": 50}, 3, 3, 11_661),
    "ilkabret-gestures": ({"rate": 119}, 80, 4, 9520),
    "lindholdt-gestures": ({"rate": 119}, 265, 5, 31_535),
    "polanco-magic-wand": ({"rate": 119}, 100, 2, 11_900),
    "rawalc-gestures": ({"rate": 119}, 21, 2, 2499),
    "reac2-gestures": ({"rate": 119}, 2, 2, 806),
    "safesteps-fall": ({"rate": 119}, 64, 2, 23_927),
    "salvetti-activity": ({"columns": f"{SIX},_,_,time_ms"}, 145, 6, 85_206),
    "satav-posture": ({"names": "{label}/{_}"}, 17, 11, 43_793),
    "spaziochirale-gestures": ({"rate": 119}, 26, 2, 3094),
    "thapliyal-activity": ({"names": "{label}_{part}"}, 48, 6, 53_297),
    "xlxys-gestures": ({"rate": 119}, 5, 2, 8806),
    "yankunm-gestures": ({"rate": 119}, 30, 2, 3570),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_every_published_folder(nano33: Path, name: str) -> None:
    choices, recordings, labels, samples = FOLDERS[name]
    dataset = datasets.load("csv", nano33 / name, parse(**choices))
    assert len(dataset.recordings) == recordings
    assert len(dataset.labels) == labels
    assert sum(len(r.counts) for r in dataset.recordings) == samples
    acceleration = np.concatenate([r.counts[:, :3] for r in dataset.recordings]) / 8192.0
    assert 0.9 < np.median(np.linalg.norm(acceleration, axis=1)) < 1.4


def test_no_folder_is_forgotten(nano33: Path) -> None:
    assert {folder.name for folder in nano33.iterdir() if folder.is_dir()} == set(FOLDERS)


def test_thapliyal_says_what_was_repaired(nano33: Path) -> None:
    dataset = datasets.load("csv", nano33 / "thapliyal-activity", parse(names="{label}_{part}"))
    found = noted(dataset)
    assert found["rows with a cell that is empty or no finite number"] == 4
    # Three pauses in each training file; two and a step backwards in each test file.
    assert found["gaps that split a take"] == 36
    assert {r.rate_millihertz for r in dataset.recordings} == {38_200}
    assert len(dataset.official_test_subjects) == 6


PIECES = [
    f"{HEADER}\n", "time_ms,ax,ay,az\n", "ax,ay,az,label\n", "count,aX,aY,aZ\n",
    "0.1,0.2,0.9,4,5,6\n", "10,0.1,0.2,0.9\n", "20,0.1,0.2,0.9\n", "0.1,0.2,0.9,walk\n",
    "\n", "\r", ",,,,,\n", "nan,inf,-inf,1,2,3\n", "1e308,1e308,1e308,1,2,3\n", "text\n",
    "\x00\x00\n", "1_000,2,3,4,5,6\n", "0,1", ";", "\t", '"1","2","3"\n', "١,٢,٣\n",
    "-1e-999,0,0,0,0,0\n", "9" * 400 + ",1,1\n", "a" * 5000 + "\n",
]  # fmt: skip

CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "rate": st.sampled_from([1, 50, 119.5, 10_000]),
        "columns": st.sampled_from([SIX, "time,ax,ay,az", "ax", "_,_,gz", "label,ax,subject"]),
        "units": st.sampled_from(["g", "g,deg/s", "m/s^2,rad/s"]),
        "take": st.integers(1, 20),
        "names": st.sampled_from(["{label}", "{subject}", "{label}_{part}"]),
    },
)


@example([f"{HEADER}\n", "0.1,0.2,0.9,4,5,6\n" * 30], {"rate": 50, "units": "g,deg/s"})
@example([f"{HEADER}\n", "0,1"], {"rate": 1})
@given(
    st.one_of(
        st.lists(st.sampled_from(PIECES), max_size=40),
        st.lists(st.text(max_size=40), max_size=10),
    ),
    CHOICES,
)
def test_any_text_gives_recordings_or_a_line(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], choices: dict[str, Any]
) -> None:
    content = "".join(pieces).encode("utf-8", errors="replace")
    check_any(tmp_path_factory, content, choices)


@given(st.binary(max_size=400), CHOICES)
def test_any_bytes_give_recordings_or_a_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, choices: dict[str, Any]
) -> None:
    check_any(tmp_path_factory, content, choices)


def check_any(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, choices: dict[str, Any]
) -> None:
    file = write(tmp_path_factory.mktemp("csv"), "walk.csv", content)
    dataset = load_or_line(csv.load, file, parse(**choices))
    for recording in dataset.recordings if dataset else ():
        assert recording.counts.dtype == np.int16
        assert recording.counts.shape == (len(recording.counts), len(recording.axes))
        assert len(recording.counts) >= 2
        assert recording.label
        assert recording.subject


def test_more_rows_than_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "MOST_ROWS", 10)
    with pytest.raises(HarmcuError, match="more than 10 rows; split it"):
        load(write(tmp_path, "a.csv", f"{HEADER}\n{rows(0, 20)}"), rate=50)


def untold(path: Path, **choices: Any) -> Dataset:
    """Load without being told the units."""
    return csv.load(path, parse(**choices))


def joined(tmp_path: Path, accel: str, gyro: str, said: str = "", rows: int = 400) -> None:
    """Two files of one recording; ``accel`` and ``gyro`` are the further columns of each."""
    label = ["walk,anna" if n < 200 else "run,bo" for n in range(rows)]
    for name, more, unit in (("accel", accel, "m/s^2"), ("gyro", gyro, "rad/s")):
        lines = [f"time_ms,x ({unit}),y ({unit}),z ({unit}){more}"]
        for n in range(rows):
            reading = f"{n % 7},0,9.81" if name == "accel" else f"{n / 100},0,0"
            lines.append(f"{10 * n},{reading}{',' + label[n] if more else ''}")
            if name == said and n == 100:
                lines.append("")
        write(tmp_path, f"walk_{name}.csv", "\n".join(lines))


@pytest.mark.parametrize("sensor", ["accel", "gyro", "both", "both and a blank line in one"])
def test_labels_of_one_of_two_files_are_of_both(tmp_path: Path, sensor: str) -> None:
    labels = ",label,subject"
    accel = labels if sensor != "gyro" else ""
    gyro = labels if sensor != "accel" else ""
    joined(tmp_path, accel, gyro, said="gyro" if sensor.endswith("one") else "")
    found = [(r.label, r.subject, r.axes, len(r.counts)) for r in untold(tmp_path).recordings]
    whole = [("walk", "anna", AXES, 200), ("run", "bo", AXES, 200)]
    parted = [("walk", "anna", AXES, 101), ("walk", "anna", AXES, 99), ("run", "bo", AXES, 200)]
    assert found == (parted if sensor.endswith("one") else whole)
    # Each rotation stays beside the acceleration of its moment.
    last = untold(tmp_path).recordings[-1].counts[-1]
    assert last[3] == to_counts([3.99], "rad/s")[0]


def test_takes_of_equal_length_are_of_both_files(tmp_path: Path) -> None:
    joined(tmp_path, "", "")
    gyro = tmp_path / "walk_gyro.csv"
    gyro.write_text("\n".join(gyro.read_text().splitlines()[:-3]))
    found = [len(r.counts) for r in untold(tmp_path, take=100).recordings]
    assert found == [100, 100, 100, 97]


def test_a_blank_line_in_one_of_two_files_parts_nothing(tmp_path: Path) -> None:
    joined(tmp_path, "", "", said="gyro")
    assert [len(r.counts) for r in untold(tmp_path).recordings] == [400]


def clock_set_back(tmp_path: Path, name: str, unit: str, back: int = 200) -> None:
    lines = [f"time_ms,x ({unit}),y ({unit}),z ({unit})"]
    lines += [f"{10 * (n if n < 200 else n - back)},{n / 100},0,9.81" for n in range(400)]
    write(tmp_path, f"walk_{name}.csv", "\n".join(lines))


@pytest.mark.parametrize("back", [200, 150, 30])
def test_two_files_whose_clock_was_set_back_stay_together(tmp_path: Path, back: int) -> None:
    for name, unit in (("accel", "m/s^2"), ("gyro", "rad/s")):
        clock_set_back(tmp_path, name, unit, back)
    recordings = untold(tmp_path).recordings
    assert [len(r.counts) for r in recordings] == [200, 200]
    for number, recording in enumerate(recordings):
        readings = (np.arange(200) + 200 * number) / 100
        assert (recording.counts[:, 0] == to_counts(readings, "m/s^2")).all()
        assert (recording.counts[:, 3] == to_counts(readings, "rad/s")).all()


def test_a_clock_that_was_set_back_in_one_of_two_files_is_refused(tmp_path: Path) -> None:
    clock_set_back(tmp_path, "accel", "m/s^2")
    clock_set_back(tmp_path, "gyro", "rad/s", back=0)
    with pytest.raises(HarmcuError, match="walk: times step back in one of its files"):
        untold(tmp_path)
    joined(tmp_path, ",label,subject", "")
    clock_set_back(tmp_path, "accel", "m/s^2")
    lines = (tmp_path / "walk_accel.csv").read_text().splitlines()
    lines = [f"{line},{'label' if not n else n // 150}" for n, line in enumerate(lines)]
    (tmp_path / "walk_accel.csv").write_text("\n".join(lines))
    with pytest.raises(HarmcuError, match="part takes at different places, and its times step"):
        untold(tmp_path)


def test_a_few_rows_out_of_their_order_are_no_clock_set_back(tmp_path: Path) -> None:
    joined(tmp_path, "", "")
    file = tmp_path / "walk_accel.csv"
    lines = file.read_text().splitlines()
    lines[100:105] = reversed(lines[100:105])
    file.write_text("\n".join(lines))
    assert sum(len(r.counts) for r in untold(tmp_path).recordings) > 380


@pytest.mark.parametrize(
    ("units", "gyro", "expected"),
    [
        ("m/s^2", "dps", to_counts([30.0], "deg/s")[0]),
        ("m/s^2", "mdps", to_counts([30.0], "mdeg/s")[0]),
        ("m/s^2,rad/s", "dps", to_counts([30.0], "rad/s")[0]),
    ],
)
def test_a_given_unit_leaves_that_of_the_other_sensor(
    tmp_path: Path, units: str, gyro: str, expected: int
) -> None:
    header = f"time_ms,ax,ay,az,gx ({gyro}),gy ({gyro}),gz ({gyro})"
    file = write(tmp_path, "a.csv", still(header, "0,0,9.81,30,0,0"))
    dataset = untold(file, units=units)
    assert dataset.recordings[0].counts[0, 3] == expected
    overruled = "headers that state deg/s, which --units overrules" in noted(dataset)
    assert overruled == ("rad/s" in units)


def test_a_take_of_one_of_two_files_alone_is_said(tmp_path: Path) -> None:
    joined(tmp_path, ",label,subject", "")
    gyro = tmp_path / "walk_gyro.csv"
    gyro.write_text("\n".join(gyro.read_text().splitlines()[:201]))
    dataset = untold(tmp_path)
    assert [(r.label, len(r.counts)) for r in dataset.recordings] == [("walk", 200)]
    assert noted(dataset)["takes of fewer than two rows"] == 200


def test_rotations_without_a_unit_beside_some_with_one_are_refused(tmp_path: Path) -> None:
    header = "time_ms,ax,ay,az,gx (deg/s),gy (deg/s),gz (deg/s)"
    write(tmp_path, "a.csv", still(header, "0,0,1,30,0,0"))
    write(tmp_path, "b.csv", still("time_ms,ax,ay,az,gx,gy,gz", "0,0,1,0.5,0,0"))
    with pytest.raises(HarmcuError, match=r"b\.csv: states no unit of its rotations.*state deg/s"):
        untold(tmp_path)
    assert len(untold(tmp_path, units="deg/s").recordings) == 2


def test_units_may_stand_behind_a_name_without_brackets(tmp_path: Path) -> None:
    header = "time_ms,ax_g,ay_g,az_g,gx_dps,gyro_y_dps,gz dps"
    dataset = untold(write(tmp_path, "a.csv", still(header, "0,0,1,30,0,0")))
    assert dataset.recordings[0].axes == AXES
    assert dataset.recordings[0].counts[0].tolist() == [0, 0, 8192, 492, 0, 0]
    assert noted(dataset) == {}


def test_columns_that_are_left_out_are_said(tmp_path: Path) -> None:
    header = "time_ms,ax,ay,az,magX,,\x1b[2J,temp,a,b,c,d,e"
    dataset = load(write(tmp_path, "a.csv", still(header, "0,0,1,5,5,5,5,1,1,1,1,1")))
    said = "files with columns that are left out: magX, ?[2J, temp, a, b, c, ..."
    assert noted(dataset)[said] == 1


def test_rows_without_a_label_are_left_out_where_others_have_one(tmp_path: Path) -> None:
    lines = ["time_ms,ax,ay,az,label"]
    lines += [f"{20 * n},0,0,1,{'' if 20 <= n < 35 else 'walk'}" for n in range(60)]
    dataset = load(write(tmp_path, "session1.csv", "\n".join(lines)))
    assert [(r.label, len(r.counts)) for r in dataset.recordings] == [("walk", 20), ("walk", 25)]
    assert noted(dataset)["rows without a label"] == 15


def test_rows_of_one_count_are_said(tmp_path: Path) -> None:
    counts = np.cumsum([n % 10 != 9 for n in range(100)])
    lines = ["count,ax,ay,az", *(f"{count},0,0,1" for count in counts)]
    dataset = load(write(tmp_path, "a.csv", "\n".join(lines)), rate=50)
    assert noted(dataset)["rows with the count of the row before"] == 10


def linear(scale: float, offset: float, rows: int = 512) -> str:
    """Accelerations of which gravity is, or is not, left."""
    values = np.random.default_rng(3).normal(0, scale, (rows, 3))
    values[:, 2] += offset
    return "\n".join(f"{10 * n},{x:.4f},{y:.4f},{z:.4f}" for n, (x, y, z) in enumerate(values))


def test_accelerations_without_gravity_are_said_or_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", f"time_ms,ax,ay,az\n{linear(1.2, 0.0)}")
    with pytest.raises(HarmcuError, match=r"average out, so gravity is not in them"):
        untold(file)
    assert csv.NO_GRAVITY in noted(untold(file, units="m/s^2"))
    file = write(tmp_path, "a.csv", f"time_ms,ax (m/s^2),ay (m/s^2),az (m/s^2)\n{linear(1.2, 0)}")
    assert csv.NO_GRAVITY in noted(untold(file))
    for scale, offset in ((1.2, 9.81), (9.0, 9.81), (0.1, 1.0), (1.0, 1.0)):
        file = write(tmp_path, "a.csv", f"time_ms,ax,ay,az\n{linear(scale, offset)}")
        assert csv.NO_GRAVITY not in noted(untold(file))


def test_total_acceleration_is_what_an_accelerometer_measures(tmp_path: Path) -> None:
    """Sensor Logger's Accelerometer is without gravity."""
    header = "time,seconds_elapsed,z,y,x"
    values = np.random.default_rng(3).normal(0, 1.2, (300, 3))
    for name, gravity in (("Accelerometer", 0.0), ("TotalAcceleration", 9.81), ("Gyroscope", 0.0)):
        rows = [
            f"{1_700_000_000_000_000_000 + n * 10_000_000},{n / 100},{z + gravity},{y},{x}"
            for n, (x, y, z) in enumerate(values.tolist())
        ]
        write(tmp_path, f"walk/{name}.csv", "\n".join([header, *rows]))
    write(tmp_path, "walk/Metadata.csv", "version,device name\n3,phone\n")
    write(tmp_path, "walk/Annotation.csv", "time,seconds_elapsed,text\n")
    write(tmp_path, "walk/meta/device.csv", "property,value\nversion,1.2\n")
    dataset = untold(tmp_path)
    (recording,) = dataset.recordings
    assert (recording.label, recording.axes) == ("walk", AXES)
    assert np.median(recording.counts[:, 2]) == pytest.approx(8192, rel=0.02)
    assert noted(dataset)["files without gravity beside some with it"] == 1
    assert noted(dataset)["files that describe recordings, by their names"] == 3


@pytest.mark.parametrize(
    ("accelerometer", "gyroscope", "label"),
    [
        ("walk/AccData", "walk/GyroData", "walk"),
        ("walkAcc", "walkGyro", "walk"),
        ("walk_accel1", "walk_gyro1", "walk"),
        ("ACC_walk", "GYR_walk", "walk"),
    ],
)
def test_a_word_of_a_name_says_the_sensor(
    tmp_path: Path, accelerometer: str, gyroscope: str, label: str
) -> None:
    write(tmp_path, f"{accelerometer}.csv", still("time_ms,x,y,z", "0,0,9.81"))
    write(tmp_path, f"{gyroscope}.csv", still("time_ms,x,y,z", "0.5,0,0"))
    (recording,) = untold(tmp_path, units="m/s^2,rad/s").recordings
    assert (recording.label, recording.axes) == (label, AXES)


def test_other_words_are_none_of_a_sensor(tmp_path: Path) -> None:
    write(tmp_path, "accident.csv", still("time_ms,x,y,z", "0,0,1"))
    write(tmp_path, "gyrate.csv", still("time_ms,x,y,z", "0,0,1"))
    assert load(tmp_path).labels == ("accident", "gyrate")


def test_g_forces_are_accelerations_with_gravity(tmp_path: Path) -> None:
    header = "time,gFx,gFy,gFz,ax,ay,az,wx,wy,wz"
    rows = "\n".join(f"{n / 100},0,0,1,0.1,0.2,0.3,0.5,0,0" for n in range(60))
    (recording,) = untold(write(tmp_path, "a.csv", f"{header}\n{rows}"), units="rad/s").recordings
    expected = [0, 0, 8192, to_counts([0.5], "rad/s")[0], 0, 0]
    assert (recording.axes, recording.counts[0].tolist()) == (AXES, expected)


def test_hidden_folders_are_no_recordings(tmp_path: Path) -> None:
    for name in ("a", ".ipynb_checkpoints/a-checkpoint", "__MACOSX/._a"):
        write(tmp_path, f"{name}.csv", still("time_ms,ax,ay,az", "0,0,1"))
    assert load(tmp_path).labels == ("a",)


def test_a_header_may_come_again_with_its_line_of_units(tmp_path: Path) -> None:
    once = still("time,ax,ay,az\nms,g,g,g", "0,0,1")
    dataset = untold(write(tmp_path, "a.csv", once + once))
    assert [len(r.counts) for r in dataset.recordings] == [60, 60]
    other = still("time,ax,ay,az\nms,mg,mg,mg", "0,0,1000")
    with pytest.raises(HarmcuError, match="line 64: the columns change here"):
        untold(write(tmp_path, "b.csv", once + other))


@pytest.mark.parametrize(
    ("cell", "label"), [("'sit'", "sit"), ("walkin'", "walkin'"), ("'", "'"), ("'' ", "a")]
)
def test_a_label_may_stand_in_single_quotes(tmp_path: Path, cell: str, label: str) -> None:
    lines = ["time_ms,ax,ay,az,label", *(f"{20 * n},0,0,1,{cell}" for n in range(20))]
    file = write(tmp_path, "a.csv", "\n".join(lines))
    if cell.strip() == "''":
        with pytest.raises(HarmcuError, match="holds no take of two samples"):
            load(file)
    else:
        assert load(file).labels == (label,)


def test_a_take_has_two_rows_at_least(tmp_path: Path) -> None:
    takes = "\n".join(rows(first, first + count) for first, count in ((0, 9), (9, 1), (10, 2)))
    dataset = load(write(tmp_path, "a.csv", f"{HEADER}\n{takes}"), rate=50)
    assert [len(r.counts) for r in dataset.recordings] == [9, 2]
    assert noted(dataset)["takes of fewer than two rows"] == 1


def test_two_files_without_times_are_not_joined(tmp_path: Path) -> None:
    for name, header in (("accel", "x,y,z"), ("gyro", "x,y,z")):
        write(tmp_path, f"walk_{name}.csv", f"{header}\n" + "0,0,1\n" * 20)
    with pytest.raises(HarmcuError, match="lie in two files without times, and cannot be joined"):
        load(tmp_path, rate=50)
    (tmp_path / "walk_gyro.csv").unlink()
    assert len(load(tmp_path, rate=50).recordings) == 1
    with pytest.raises(HarmcuError, match="has no column of times, so its rate is not known"):
        load(tmp_path)
