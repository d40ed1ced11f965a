import dataclasses
import json
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import a_recording, load_or_line

from trainer import datasets
from trainer.datasets import edge_impulse as adapter
from trainer.errors import HarmcuError
from trainer.reading import edge_impulse
from trainer.reading.options import parse
from trainer.reading.path_names import AMBIGUOUS
from trainer.units import to_counts


def document(**payload: Any) -> dict[str, Any]:
    """As the format's description shows one."""
    return {
        "protected": {"ver": "v1", "alg": "HS256", "iat": 1564128599},
        "signature": "b0ee0572a1984b93b6bc56e6576e2cbbd6bccd65d0c356e26b31bbc9a48210c6",
        "payload": {
            "device_name": "ac:87:a3:0a:2d:1b",
            "device_type": "DISCO-L475VG-IOT01A",
            "interval_ms": 10,
            "sensors": [{"name": f"acc{axis}", "units": "m/s2"} for axis in "XYZ"],
            "values": [[-9.81, 0.03, 1.21 + n / 100] for n in range(20)],
            **payload,
        },
    }


def write(folder: Path, name: str, content: Any) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    data = cbor2.dumps(content) if name.endswith(".cbor") else json.dumps(content).encode()
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("suffix", ["json", "cbor"])
def test_a_document(tmp_path: Path, suffix: str) -> None:
    dataset = datasets.load("edge-impulse", write(tmp_path, f"idle.1a2b.{suffix}", document()))
    (recording,) = dataset.recordings
    assert (recording.label, recording.axes) == ("idle", ("ax", "ay", "az"))
    assert recording.rate_millihertz == 100_000
    assert (recording.counts[0] == to_counts([-9.81, 0.03, 1.21], "m/s^2")).all()
    assert recording.board == "ac:87:a3:0a:2d:1b"


@pytest.mark.parametrize(
    ("names", "units", "message"),
    [
        (("accX", "accY", "accZ"), ("g", "m/s2", "m/s2"), "states 'g' and 'm/s\\^2' for accel"),
        (("gyrX", "gyrY", "gyrZ"), ("mrad/s",) * 3, "and gx can be in none such; correct them"),
        (("accX", "accY", "accZ"), ("rad/s",) * 3, "and ax can be in none such; correct them"),
        (("accX", "accY", "accZ"), ("g", "N/A", "g"), "states '' and 'g' for accelerations"),
    ],
)
def test_units_that_contradict_are_refused(
    tmp_path: Path, names: tuple[str, ...], units: tuple[str, ...], message: str
) -> None:
    sensors = [{"name": n, "units": u} for n, u in zip(names, units, strict=True)]
    with pytest.raises(HarmcuError, match=message):
        datasets.load("edge-impulse", write(tmp_path, "a.json", document(sensors=sensors)))


@pytest.mark.parametrize(
    ("name", "unit", "axes", "counted"),
    [
        ("", "rad/s", ("gx", "gy", "gz"), "rad/s"),
        ("gyr", "mdps", ("gx", "gy", "gz"), "mdeg/s"),
        ("acc", "mg", ("ax", "ay", "az"), "mg"),
        ("acc", "N/A", ("ax", "ay", "az"), "m/s^2"),
    ],
)
def test_units_say_which_sensor_and_how_much(
    tmp_path: Path, name: str, unit: str, axes: tuple[str, ...], counted: str
) -> None:
    sensors = [{"name": f"{name}{axis}", "units": unit} for axis in "xyz"]
    file = write(tmp_path, "a.json", document(sensors=sensors))
    (recording,) = datasets.load("edge-impulse", file).recordings
    assert recording.axes == axes
    assert (recording.counts[0] == to_counts([-9.81, 0.03, 1.21], counted)).all()


def test_a_project_keeps_its_split(tmp_path: Path) -> None:
    for part in ("training", "testing"):
        for label in ("idle", "wave"):
            write(tmp_path, f"{part}/{label}.1.json", document())
    write(tmp_path, "info.labels", {"version": 1})
    write(tmp_path, "info.json", {"version": 1})
    dataset = datasets.load("edge-impulse", tmp_path)
    assert dataset.labels == ("idle", "wave")
    assert dataset.official_test_subjects == ("testing/idle.1.json", "testing/wave.1.json")
    assert dataset.notes[0].what == "files of another kind"


SIXTY = [[-9.81, 0.03, n / 100] for n in range(60)]


def labelled(*files: tuple[str, object]) -> dict[str, object]:
    """An export's info.labels."""
    return {
        "version": 1,
        "files": [{"path": path, "category": "training", "label": label} for path, label in files],
    }


def test_an_export_s_own_labels_count_and_not_names_of_files(tmp_path: Path) -> None:
    for name in ("walk.1", "walk.2", "walk.3", "walk.4"):
        write(tmp_path, f"training/{name}.json", document(values=SIXTY))
    parts = [
        {"label": "sit", "startIndex": 40, "endIndex": 54},
        {"label": "run", "startIndex": 0, "endIndex": 29},
    ]
    said = labelled(
        ("training/walk.1.json", {"type": "label", "label": " run "}),
        ("training/walk.2.json", {"type": "multi-label", "labels": parts}),
        ("training/walk.3.json", {"type": "unlabeled"}),
    )
    write(tmp_path, "info.labels", said)
    dataset = datasets.load("edge-impulse", tmp_path)
    found = [(r.take[9:15], r.label, len(r.counts)) for r in dataset.recordings]
    assert found == [("walk.1", "run", 60), ("walk.2", "run", 30), ("walk.2", "sit", 15),
                     ("walk.4", "walk", 60)]  # fmt: skip
    left = [(n.what, n.count, n.source) for n in dataset.notes if n.kind == "dropped"]
    assert left == [
        ("rows without a label", 15, "training/walk.2.json"),
        ("rows without a label", 60, "training/walk.3.json"),
    ]
    # What a user says of names counts more.
    named = adapter.load(tmp_path, parse(names="{label}.{_}"))
    assert named.labels == ("walk",)


def test_structured_labels_are_those_of_the_files_beside_them(tmp_path: Path) -> None:
    write(tmp_path, "training/walk.1.json", document(values=SIXTY))
    write(tmp_path, "info.labels", labelled(("training/walk.1.json", {"type": "multi-label"})))
    parts = [{"label": "run", "startIndex": 10, "endIndex": 99}]
    said = {"version": 1, "structuredLabels": {"walk.1.json": parts}}
    write(tmp_path, "training/structured_labels.labels", said)
    (recording,) = datasets.load("edge-impulse", tmp_path).recordings
    assert (recording.label, recording.source) == ("run", "training/walk.1.json, rows 10 to 59")


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"type": "label", "label": 7}, "a label of it is no text"),
        ({"type": "label", "label": " "}, "a label of it is no text"),
        ("run", "no path or no label"),
        ({"labels": [{"label": "a", "startIndex": 5, "endIndex": 4}]}, "make no sense"),
        ({"labels": [{"label": "a", "startIndex": -1, "endIndex": 4}]}, "make no sense"),
        ({"labels": [{"label": "a", "startIndex": True, "endIndex": 4}]}, "make no sense"),
        ({"labels": [7]}, "make no sense"),
        (
            {"labels": [{"label": x, "startIndex": 4, "endIndex": 4} for x in "ab"]},
            "two labels of one file overlap",
        ),
    ],
)
def test_labels_that_make_no_sense_are_refused(tmp_path: Path, label: object, message: str) -> None:
    write(tmp_path, "walk.1.json", document())
    write(tmp_path, "info.labels", labelled(("walk.1.json", label)))
    with pytest.raises(HarmcuError, match=rf"info\.labels: .*{message}"):
        datasets.load("edge-impulse", tmp_path)


def test_the_rows_of_a_label_may_go_beyond_the_file(tmp_path: Path) -> None:
    write(tmp_path, "walk.1.json", document(values=SIXTY))
    parts = [
        {"label": "a", "startIndex": 0, "endIndex": 10**30},
        {"label": "b", "startIndex": 10**31, "endIndex": 10**32},
    ]
    write(tmp_path, "info.labels", labelled(("walk.1.json", {"labels": parts})))
    assert [len(r.counts) for r in datasets.load("edge-impulse", tmp_path).recordings] == [60]


def test_a_given_unit_leaves_that_of_the_other_sensor(tmp_path: Path) -> None:
    sensors = [{"name": f"acc{a}", "units": "N/A"} for a in "XYZ"]
    sensors += [{"name": f"gyr{a}", "units": "dps"} for a in "XYZ"]
    values = [[0.0, 0.0, 9.81, 100.0, 0.0, 0.0]] * 50
    file = write(tmp_path, "a.json", document(sensors=sensors, values=values))
    (recording,) = adapter.load(file, parse(units="m/s^2")).recordings
    assert recording.counts[0, 3] == to_counts([100.0], "deg/s")[0]


def test_names_that_read_in_two_ways_are_said(tmp_path: Path) -> None:
    file = write(tmp_path, "anna_walk_fast.json", document())
    for pattern, times in (("{subject}_{label}", 1), ("{subject}_walk_{label}", 0)):
        dataset = adapter.load(file, parse(names=pattern))
        assert [note.what for note in dataset.notes].count(AMBIGUOUS) == times


@pytest.mark.parametrize("form", ["json", "cbor"])
def test_export_and_import_give_the_same_counts(tmp_path: Path, form: str) -> None:
    counts = np.arange(-32768, 32767, 37, dtype=np.int64)[:, None].repeat(6, axis=1)
    recording = dataclasses.replace(
        a_recording(rate_millihertz=119_000), counts=counts.astype(np.int16), label="walk"
    )
    (tmp_path / f"walk.001.{form}").write_bytes(edge_impulse.export(recording, form))
    (back,) = datasets.load("edge-impulse", tmp_path).recordings
    assert (back.counts == recording.counts).all()
    assert (back.rate_millihertz, back.axes, back.label) == (119_000, recording.axes, "walk")


def test_exported_units_are_senml() -> None:
    exported = json.loads(edge_impulse.export(a_recording(3), "json"))
    sensors = exported["payload"]["sensors"]
    assert [s["name"] for s in sensors] == ["accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ"]
    assert [s["units"] for s in sensors] == ["m/s2"] * 3 + ["rad/s"] * 3
    assert (exported["protected"]["alg"], exported["signature"]) == ("none", "0" * 64)


def test_units_that_are_not_stated_are_guessed_or_given(tmp_path: Path) -> None:
    sensors = [{"name": f"acc{axis}", "units": "N/A"} for axis in "XYZ"]
    file = write(tmp_path, "idle.json", document(sensors=sensors))
    guessed = adapter.load(file)
    assert guessed.notes[0].what.startswith("m/s^2: accelerations are typically 9.9")
    given_units = adapter.load(file, parse(units="m/s^2"))
    assert (given_units.recordings[0].counts == guessed.recordings[0].counts).all()


def test_a_document_in_capitals_is_read(tmp_path: Path) -> None:
    values = [[-9.81, 0.0, n / 10] for n in range(50)]
    dataset = adapter.load(write(tmp_path, "idle.JSON", document(values=values)).parent)
    assert len(dataset.recordings) == 1


def test_a_document_larger_than_recordings_are_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "LARGEST_DOCUMENT", 100)
    with pytest.raises(HarmcuError, match=r"idle\.json: is larger than"):
        adapter.load(write(tmp_path, "idle.json", document()))


def test_names_of_sensors_are_shown_without_what_a_terminal_obeys(tmp_path: Path) -> None:
    """A find of the fuzzer."""
    made = document()
    for sensor in made["payload"]["sensors"]:
        sensor["name"] = "\x7f\x1b[31m"
    with pytest.raises(HarmcuError, match=r"idle\.json: its sensors \?\?\[31m, .* are no six axes"):
        adapter.load(write(tmp_path, "idle.json", made))


def test_more_documents_than_fit_into_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write(tmp_path, f"idle.{number}.json", document())
    values = adapter.edge_impulse.read((tmp_path / "idle.0.json").read_bytes(), "x").values.size
    monkeypatch.setattr(adapter, "MOST_VALUES", 2 * values)
    with pytest.raises(HarmcuError, match="holds more than fits into memory; load part of it"):
        adapter.load(tmp_path)


@pytest.mark.parametrize("field", ["device_name", "interval_ms", "name"])
def test_parts_that_share_one_another_are_not_printed(tmp_path: Path, field: str) -> None:
    """A list of ten lists of ten ..., which takes a few bytes and would print 10^12 numbers."""
    laughs: list[Any] = [1]
    for _ in range(12):
        laughs = [laughs] * 10
    made = document(values=[[-9.81, 0.0, n / 10] for n in range(50)])
    place = made["payload"]["sensors"][0] if field == "name" else made["payload"]
    place[field] = laughs
    (tmp_path / "idle.cbor").write_bytes(cbor2.dumps(made, value_sharing=True))
    if field != "interval_ms":
        assert adapter.load(tmp_path).recordings
        return
    with pytest.raises(HarmcuError, match=r"idle\.cbor: interval_ms"):
        adapter.load(tmp_path)


def test_values_that_are_no_numbers_leave_holes(tmp_path: Path) -> None:
    values: list[list[Any]] = [[-9.81, 0.0, n / 10] for n in range(50)]
    values[10][1], values[20][0], values[30][2] = None, "x", 1e308
    dataset = adapter.load(write(tmp_path, "idle.json", document(values=values)))
    (recording,) = dataset.recordings
    assert (recording.counts == to_counts([[-9.81, 0.0, n / 10] for n in range(50)], "m/s^2")).all()
    assert dataset.notes[0].count == 3


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"interval_ms": 0}, "interval_ms is 0"),
        ({"interval_ms": None}, "interval_ms is nan"),
        ({"sensors": []}, "its sensors are no list"),
        ({"sensors": [{"name": "audio"}]}, "its sensors audio are no six axes"),
        ({"sensors": [{"name": "accX"}, {"name": "accX"}]}, "no six axes"),
        ({"values": [[1, 2]]}, "row 0 of its values"),
        ({"values": 3}, "its values are no list"),
        ({"values": []}, "no recording"),
    ],
)
def test_documents_that_make_no_sense(
    tmp_path: Path, payload: dict[str, Any], message: str
) -> None:
    with pytest.raises(HarmcuError, match=message):
        adapter.load(write(tmp_path, "idle.json", document(**payload)))


@given(st.one_of(
    st.binary(max_size=100),
    st.sampled_from([
        b"[" * 100_000, b'{"payload":' * 5000, b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x81" * 5000, b"\xd8\x1c\x81\xd8\x1d\x00",
        b"\xc2\x41\x00", b"{}", b"\xa0", b'{"payload":{"values":1e999,"sensors":[1]}}',
    ]),
))  # fmt: skip
def test_anything_is_a_document_or_a_line(content: bytes) -> None:
    load_or_line(edge_impulse.read, content, "a.json")


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.sampled_from(["interval_ms", "sensors", "values", "device_name"]),
)
def test_any_payload_is_recordings_or_a_line(
    tmp_path_factory: pytest.TempPathFactory, value: Any, field: str
) -> None:
    file = write(tmp_path_factory.mktemp("ei"), "idle.cbor", document(**{field: value}))
    load_or_line(adapter.load, file)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["label", "startIndex", "endIndex", "a"]), inner),
    ),
    max_leaves=8,
)


@given(ANYTHING, st.sampled_from(["files", "path", "label", "labels", "part", "structuredLabels"]))
def test_any_labels_are_recordings_or_a_line(
    tmp_path_factory: pytest.TempPathFactory, value: Any, field: str
) -> None:
    folder = tmp_path_factory.mktemp("ei")
    write(folder, "walk.1.json", document())
    part = {"label": "a", "startIndex": 0, "endIndex": 9}
    label = {"type": "multi-label", "labels": value if field == "labels" else [part, value]}
    file = {
        "path": value if field == "path" else "walk.1.json",
        "label": value if field == "label" else label,
    }
    said = {
        "files": value if field == "files" else [file],
        "structuredLabels": value if field == "structuredLabels" else {},
    }
    write(folder, "info.labels", said)
    load_or_line(adapter.load, folder)
