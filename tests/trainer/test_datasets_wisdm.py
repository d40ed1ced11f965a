import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made_up import load_or_line

from trainer import datasets, pull
from trainer.datasets import wisdm
from trainer.errors import HarmcuError
from trainer.recording import Dataset
from trainer.units import to_counts


@pytest.fixture(scope="module")
def published(wisdm_archive: Path) -> Dataset:
    return datasets.load("wisdm", wisdm_archive)


def test_the_watch_of_2019(published: Dataset) -> None:
    assert len(published.labels) == 18
    assert {r.subject for r in published.recordings} == {str(s) for s in range(1600, 1616)}
    samples = sum(len(r.counts) for r in published.recordings)
    # 1,049,552 rows of the accelerometer; some stretches have one sensor only.
    assert 0.98 * 1_049_552 < samples < 1_049_552
    assert {r.rate_millihertz for r in published.recordings} == {20_000}
    assert {note.kind for note in published.notes} == {"repaired"}
    assert published.sha256 == pull.SOURCES["wisdm"].sha256


def test_units_of_2019(published: Dataset) -> None:
    counts = np.concatenate([r.counts for r in published.recordings if r.label == "standing"])
    assert 0.95 < np.median(np.linalg.norm(counts[:, :3] / 8192.0, axis=1)) < 1.1


def test_the_excerpt_of_1_1(wisdm_excerpt: Path) -> None:
    dataset = datasets.load("wisdm", wisdm_excerpt)
    (recording,) = dataset.recordings
    assert (recording.label, recording.subject, recording.axes) == (
        "Jogging",
        "33",
        ("ax", "ay", "az"),
    )
    # 1.24 s at 20 Hz. The first row is at -0.6946377, 12.680544, 0.50395286 m/s^2.
    assert len(recording.counts) == 25
    assert (recording.counts[0] == to_counts([-0.6946377, 12.680544, 0.50395286], "m/s^2")).all()
    assert dataset.notes[0].what == "activities recorded at less than 15 Hz"


DAMAGED = b"""33,Jogging,49105962326000,-0.69,12.68,0.50;
33,Jogging,49106062271000,5.01,11.26,0.95;33,Jogging,49106112167000,4.90,10.88,-0.08;
21,Walking,117003963904000,0.65,9.51,5.13,;
11,Walking,1867172313000,4.4,4.4,
11,Walking,1867222313000,4.4,4.4,;
33,Jogging, 49106222305000, -0.61, 18.49, 3.02;

12,Sitting,0,0,0,0;
12,Sitting,5000,0,0,0;
12,Sitting,5000,nan,0,1;
12,Sitting,5000,1e308,0,1;
12,Sit
"""


def test_the_known_damage_of_1_1() -> None:
    rows, counts = wisdm.parse(DAMAGED, "file")
    assert {key: len(found.times) for key, found in rows.items()} == {
        ("33", "Jogging"): 4,
        ("21", "Walking"): 1,
    }
    assert rows["33", "Jogging"].stream().values[2].tolist() == [4.90, 10.88, -0.08]
    assert dict(counts) == {
        ("repaired", "lines of several rows"): 1,
        ("repaired", "rows with a comma at their end"): 1,
        ("dropped", "rows without all six values"): 3,
        ("dropped", "rows of zeros"): 2,
        ("dropped", "rows with something other than a number"): 1,
        ("dropped", "rows that no IMU measures"): 1,
    }


def lines(count: int, start: int = 10**12, letter: str = "A") -> str:
    return "".join(
        f"1600,{letter},{start + n * 50_000_000},{n % 7 - 3}.5E-1,9.8{n % 10},0.{n % 5};\n"
        for n in range(count)
    )


@pytest.mark.parametrize("letter", ["A", "E", "S", "Walking", "Elsewhere"])
def test_both_ways_of_reading_are_the_same(letter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = lines(400, letter=letter).encode()
    quick, _ = wisdm.parse(content, "file")
    monkeypatch.setattr(wisdm, "_parse_whole", lambda *_: False)
    slow, _ = wisdm.parse(content, "file")
    assert quick == slow
    assert len(slow["1600", letter].times) == 400


def set_of_2019(folder: Path, devices: tuple[str, ...] = ("watch",)) -> Path:
    for device in devices:
        for sensor, start, count in (("accel", 10**12, 400), ("gyro", 10**12 + 90_000_000, 300)):
            file = folder / "raw" / device / sensor / f"data_1600_{sensor}_{device}.txt"
            file.parent.mkdir(parents=True)
            # Times jump back between activities.
            file.write_text(lines(count, start) + lines(count, start - 10**11, "B"))
    return folder


def test_sensors_are_joined_on_time(tmp_path: Path) -> None:
    dataset = wisdm.load(set_of_2019(tmp_path))
    assert [(r.label, r.subject, len(r.counts)) for r in dataset.recordings] == [
        ("walking", "1600", 300),
        ("jogging", "1600", 300),
    ]
    assert dataset.labels == ("jogging", "walking")
    assert dataset.recordings[0].axes == ("ax", "ay", "az", "gx", "gy", "gz")


def test_the_watch_is_preferred_and_an_archive_is_the_same(tmp_path: Path) -> None:
    folder = set_of_2019(tmp_path / "wisdm-dataset", ("phone", "watch"))
    with zipfile.ZipFile(tmp_path / "wisdm-dataset.zip", "w") as archive:
        for file in folder.rglob("*.txt"):
            archive.write(file, file.relative_to(tmp_path))
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(tmp_path / "wisdm-dataset.zip", "wisdm-dataset.zip")
    loaded = [
        wisdm.load(p) for p in (folder, tmp_path / "wisdm-dataset.zip", tmp_path / "outer.zip")
    ]
    for dataset in loaded:
        assert {r.board for r in dataset.recordings} == {"watch"}
        assert [len(r.counts) for r in dataset.recordings] == [300, 300]
    assert any("in favour of the watch" in note.what for note in loaded[0].notes)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match="holds no rows of WISDM"):
        wisdm.load(tmp_path)
    with pytest.raises(HarmcuError, match="--data"):
        wisdm.load(None)


@example(b"1,A,1,1,1,1;\n" * 3)
@example(b",,,,,;\n,,,,,;\n")
@example(b"1,A,1,1,1,;\n1,A,1,1,1,1,1;\n")
@given(st.one_of(
    st.binary(max_size=300),
    st.text("0123456789,;.AEeWalking\n\r -+", max_size=300).map(str.encode),
    st.lists(st.sampled_from([b"1600,A,1000,1,2,3;\n", b"1600,A,", b"nan", b"1e308,", b";", b"\n",
                              b"33,Jogging,49105962326000,-0.6,12.6,0.5", b"99999999999999999999"]),
             max_size=30).map(b"".join),
))  # fmt: skip
def test_anything_gives_rows_or_a_line(content: bytes) -> None:
    rows, _ = wisdm.parse(content, "file")
    for found in rows.values():
        stream = found.stream()
        assert len(stream.seconds) == len(stream.values)
        assert np.isfinite(stream.values).all()
        assert np.isfinite(stream.seconds).all()


@given(st.lists(st.sampled_from([
    "1600,A,{t},1,2,3;", "1600,A,{t},1,2,3;1600,B,{t},1,2,9;", "1600,A,{t},,2,;", "x", "",
    "1600,A,0,0,0,0;", "1600,A,{t},1e300,2,3;"]), max_size=60))  # fmt: skip
def test_any_file_gives_recordings_or_a_line(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str]
) -> None:
    file = tmp_path_factory.mktemp("wisdm") / "WISDM_ar_v1.1_raw.txt"
    rows = [kind.format(t=10**12 + n * 50_000_000) for n, kind in enumerate(kinds)]
    file.write_text("\n".join(rows))
    dataset = load_or_line(wisdm.load, file)
    if dataset is not None:
        assert all(len(r.counts) >= 2 for r in dataset.recordings)
