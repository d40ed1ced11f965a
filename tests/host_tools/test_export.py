"""What an Android project gets, and how it is checked."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from cli import harmcu_json
from made_up_bundle import write_knn_bundle

from codegen import android
from host_tools import export
from trainer.bundle import Bundle
from trainer.errors import HarmcuError


def test_command(shared_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "android"
    found = harmcu_json("export", shared_bundle.path, "--for", "android", "-o", out)
    assert found["files"] == ["README.md", "labels.txt", "made_up.tflite", "metadata.json"]
    check = found["check"]
    assert check["clear_same_label"] == check["clear"] > 20
    # The made-up counts are no smooth movement: a sample here and there is rounded otherwise.
    assert check["largest_difference"] < 0.05
    document = json.loads((out / "metadata.json").read_text("utf-8"))
    assert document["window"] == 32
    assert document["rate_hz"] == 50
    assert [c["unit"] for c in document["channels"]] == ["g"] * 3 + ["deg/s"] * 3
    assert document["decision"]["thresholds"] == [0, 68 / 256, 108 / 256, 0.5, 148 / 256]
    labels = (out / "labels.txt").read_text("utf-8").splitlines()
    assert tuple(labels) == shared_bundle.spec.labels
    readme = (out / "README.md").read_text("utf-8")
    assert "float[1][32][1][6]" in readme
    assert "resetVariableTensors" not in readme


def test_an_earlier_export_is_replaced_and_nothing_else(
    shared_bundle: Bundle, tmp_path: Path
) -> None:
    export.for_android(shared_bundle, tmp_path / "out")
    export.for_android(shared_bundle, tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(HarmcuError, match=r"mine\.txt, which harmcu did not write"):
        export.for_android(shared_bundle, tmp_path / "out")


@pytest.mark.parametrize("name", ["README.md", "labels.txt", "made_up.tflite"])
def test_a_file_of_an_earlier_export_that_was_changed_stays(
    shared_bundle: Bundle, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    export.for_android(shared_bundle, out)
    (out / name).write_bytes(b"my own words")
    with pytest.raises(HarmcuError, match=rf"{name}, which harmcu did not write"):
        export.for_android(shared_bundle, out)
    assert (out / name).read_bytes() == b"my own words"


@pytest.mark.parametrize(
    "described", ["[]", "{}", '{"format": "harmcu android", "sha256": [1]}', "[" * 100_000]
)
def test_what_describes_no_export_is_none_of_ours(
    shared_bundle: Bundle, tmp_path: Path, described: str
) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "metadata.json").write_text(described)
    with pytest.raises(HarmcuError, match="which harmcu did not write"):
        export.for_android(shared_bundle, tmp_path)


def test_a_file_of_the_users_that_has_a_name_of_ours_stays(
    shared_bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "metadata.json").write_text('{"title": "mine"}')
    with pytest.raises(HarmcuError, match=r"metadata\.json, which harmcu did not write"):
        export.for_android(shared_bundle, tmp_path)
    assert (tmp_path / "metadata.json").read_text() == '{"title": "mine"}'


def test_the_same_bundle_gives_the_same_bytes(shared_bundle: Bundle) -> None:
    assert android.generate(shared_bundle) == android.generate(shared_bundle)


def test_a_model_with_state_is_to_be_reset(
    shared_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = android.tflite.read

    def with_state(model: bytes) -> object:
        graph = read(model)
        variable = dataclasses.replace(graph.input, is_variable=True)
        first = dataclasses.replace(graph.operators[0], inputs=(variable,))
        return dataclasses.replace(graph, operators=(first,))

    monkeypatch.setattr(android.tflite, "read", with_state)
    assert android.metadata(shared_bundle)["has_state"] is True


def test_another_scaling_is_noticed(shared_bundle: Bundle) -> None:
    channels = tuple(dataclasses.replace(c, sign=-c.sign) for c in shared_bundle.spec.channels)
    wrong = dataclasses.replace(
        shared_bundle, spec=dataclasses.replace(shared_bundle.spec, channels=channels)
    )
    model = android.generate(wrong)["made_up.tflite"]
    found = export.check(shared_bundle, model)
    assert found.largest_difference > 0.1
    with pytest.raises(HarmcuError, match="no two nearly tie"):
        export.expect_same_labels(found)


def test_physical_values_are_windows_of_the_stream(shared_bundle: Bundle) -> None:
    counts = np.arange(48 * 6, dtype=np.int16).reshape(48, 6)
    values = export._physical(shared_bundle.spec, counts)
    assert values.shape == (2, 32, 6)
    assert values[1, 0].tolist() == [
        np.float32(count / (8192 if axis < 3 else 16.384)) for axis, count in enumerate(counts[16])
    ]


def test_a_nearest_neighbour_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match=r"has no \.tflite file; train cnn or lstm"):
        export.for_android(write_knn_bundle(tmp_path / "bundle"), tmp_path / "out")


@pytest.mark.parametrize("scale", [5e-324, 1e308])
def test_a_scale_that_no_float_holds_is_refused(shared_bundle: Bundle, scale: float) -> None:
    spec = shared_bundle.spec
    channel = dataclasses.replace(spec.channels[0], counts_per_unit=scale)
    changed = dataclasses.replace(spec, channels=(channel, *spec.channels[1:]))
    with pytest.raises(HarmcuError, match="a scale that no 32-bit float holds; train again"):
        android.generate(dataclasses.replace(shared_bundle, spec=changed))
