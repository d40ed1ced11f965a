import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from made_up import a_dataset, a_recording

from trainer import datasets, inspect, inspect_plot
from trainer.errors import HarmcuError
from trainer.reading import formats
from trainer.reading.options import parse
from trainer.recording import Dataset, Note, Recording


def of(*recordings: Recording, notes: tuple[Note, ...] = ()) -> Dataset:
    return dataclasses.replace(a_dataset(["1"]), recordings=recordings, notes=notes)


def test_what_a_data_set_holds() -> None:
    document = inspect.inspect(
        of(
            a_recording(3000, label="walk", subject="10"),
            a_recording(6000, label="sit", subject="2", rate_millihertz=100_000),
            notes=(Note("dropped", "rows", 2, "a.csv"), Note("dropped", "rows", 3, "b.csv")),
        )
    )
    assert document["minutes"] == 2.0
    assert document["rates_hz"] == {"50": 1.0, "100": 1.0}
    assert list(document["subjects"]) == ["2", "10"]
    assert document["labels"]["walk"] == {"recordings": 1, "minutes": 1.0}
    assert document["notes"] == [
        {"kind": "dropped", "what": "rows", "count": 5, "files": ["a.csv", "b.csv"]}
    ]
    json.dumps(document, allow_nan=False)


def test_clipping_at_the_range_of_the_sensor() -> None:
    recording = a_recording(400)
    counts = np.clip(recording.counts, -16_384, 16_384)
    counts[:40, 3] = 32_767
    found = inspect.inspect(of(dataclasses.replace(recording, counts=counts)))["clipping"]
    assert set(found) == {"2 g", "2000 deg/s"}
    assert found["2000 deg/s"] == {"samples": 40, "labels": {"walk": 40}}


def test_a_peak_is_no_clipping() -> None:
    counts = np.zeros((400, 6), np.int16)
    counts[7, 0], counts[9, 4] = 32_767, 500
    recording = dataclasses.replace(a_recording(400), counts=counts)
    assert inspect.inspect(of(recording))["clipping"] == {}


def test_running_is_clipped_at_4_g(nano33: Path) -> None:
    columns = "ax,ay,az,gx,gy,gz,_,_,time_ms"
    dataset = datasets.load("csv", nano33 / "salvetti-activity", parse(columns=columns))
    found = inspect.inspect(dataset)["clipping"]["4 g"]["labels"]
    assert found["Corsa"] > 900
    assert found.get("Camminata_rotazione_dx", 0) == 0


@pytest.mark.parametrize("name", ["plot.html", "plot.png"])
def test_plots_are_one_file(tmp_path: Path, name: str) -> None:
    label = '<script>alert("$x^2$")</script>'
    dataset = of(a_recording(label=label), a_recording(60, axes=("ax", "ay", "az"), label="b"))
    document = inspect.inspect(dataset)
    inspect_plot.write(tmp_path / name, dataset, document)
    content = (tmp_path / name).read_bytes()
    inspect_plot.write(tmp_path / name, dataset, document)
    assert (tmp_path / name).read_bytes() == content
    if name.endswith("html"):
        links = re.findall(r'(?:src|href)="([^"]{0,30})', content.decode())
        assert all(link.startswith("data:image/svg+xml;base64,") for link in links)
        assert "<script" not in content.decode()
    else:
        assert content.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["plot.html", "plot.png"])
def test_a_file_of_the_users_is_no_place_for_a_plot(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    dataset = of(a_recording())
    with pytest.raises(HarmcuError, match="choose another name"):
        inspect_plot.write(tmp_path / name, dataset, inspect.inspect(dataset))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_plots_of_another_kind_are_refused(tmp_path: Path) -> None:
    dataset = of(a_recording())
    with pytest.raises(HarmcuError, match=r"plots are \.html or \.png"):
        inspect_plot.write(tmp_path / "a.pdf", dataset, inspect.inspect(dataset))
    with pytest.raises(HarmcuError, match="choose a folder you can write to"):
        inspect_plot.write(tmp_path / "no" / "a.png", dataset, inspect.inspect(dataset))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["README.txt", "UCI HAR Dataset/train/Inertial Signals/x.txt"], "uci-har"),
        (["a.txt", "HAPT/RawData/acc_exp01_user01.txt"], "hapt"),
        (["raw/watch/accel/data_1600_accel_watch.txt"], "wisdm"),
        (["WISDM_ar_v1.1_raw.txt"], "wisdm"),
        (["anna/walk.001.rec", "notes.txt"], "recordings"),
        (["WALK.REC"], "recordings"),
        (["walk.csv", "settings.json"], "csv"),
        (["walk.1.json"], "edge-impulse"),
        (["walk.1.cbor"], "edge-impulse"),
    ],
)
def test_formats_are_told_by_names(tmp_path: Path, names: list[str], expected: str) -> None:
    for name in names:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"1")
    assert formats.detect(tmp_path) == expected
    if len(names) == 1:
        assert formats.detect(tmp_path / names[0]) == expected


def test_nothing_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"1")
    with pytest.raises(HarmcuError, match="holds nothing that harmcu reads"):
        formats.detect(tmp_path)


def test_published_archives_are_told(hapt_archive: Path, wisdm_archive: Path) -> None:
    assert formats.detect(hapt_archive) == "hapt"
    assert formats.detect(wisdm_archive) == "wisdm"
