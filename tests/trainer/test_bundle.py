import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from made_up_bundle import write_bundle

from trainer import bundle, golden
from trainer.bundle import GOLDEN, MET, METRICS, REPORT, SPEC, TFLITE, Bundle
from trainer.errors import HarmcuError
from trainer.tflm import Tflm

PARTS = [TFLITE, SPEC, METRICS, GOLDEN, MET, REPORT]


def test_what_was_written_is_read(made_up: Bundle) -> None:
    again = bundle.read(made_up.path)
    assert again.spec == made_up.spec
    assert again.model == made_up.model
    assert again.metrics == made_up.metrics


def test_equal_bundles_have_equal_bytes(made_up: Bundle, tmp_path: Path) -> None:
    again = write_bundle(tmp_path / "again")
    for part in PARTS:
        assert (again.path / part).read_bytes() == (made_up.path / part).read_bytes(), part


def test_golden_vectors_are_what_the_path_computes(made_up: Bundle) -> None:
    traces = golden.traces(made_up.golden)
    engine = Tflm(made_up.model).run
    assert {trace.rate_millihertz for trace in traces} == {119_000, 99_800, 50_000, 20_000}
    for trace in traces:
        again = golden.run(made_up.spec, engine, trace.counts, trace.rate_millihertz)
        for stage in ("resampled", "samples", "scores", "decisions"):
            assert np.array_equal(getattr(again, stage), getattr(trace, stage)), stage
    assert [trace.truth for trace in traces] == [0] * 4 + [1] * 4


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_is_named(made_up: Bundle, part: str) -> None:
    (made_up.path / part).unlink()
    with pytest.raises(HarmcuError, match=part):
        bundle.read(made_up.path)


@pytest.mark.parametrize("part", PARTS)
def test_a_truncated_part_is_named(made_up: Bundle, part: str) -> None:
    data = (made_up.path / part).read_bytes()
    (made_up.path / part).write_bytes(data[: len(data) // 2])
    with pytest.raises(HarmcuError, match=part):
        bundle.read(made_up.path)


@pytest.mark.parametrize("part", [TFLITE, METRICS, GOLDEN, MET, REPORT])
def test_a_flipped_bit_is_refused_and_named(made_up: Bundle, part: str) -> None:
    file = made_up.path / part
    data = bytearray(file.read_bytes())
    for position in np.linspace(0, len(data) - 1, 25).astype(int):
        data[position] ^= 1 << (position % 8)
        file.write_bytes(data)
        with pytest.raises(HarmcuError, match=part):
            bundle.read(made_up.path)
        data[position] ^= 1 << (position % 8)


def test_every_byte_of_the_spec_counts(made_up: Bundle) -> None:
    file = made_up.path / SPEC
    data = bytearray(file.read_bytes())
    for position in range(len(data)):
        data[position] ^= 1 << (position % 8)
        file.write_bytes(data)
        with pytest.raises(HarmcuError, match=r"spec\.json.*;") as caught:
            bundle.read(made_up.path)
        assert "from another bundle" not in str(caught.value)
        data[position] ^= 1 << (position % 8)


def test_a_part_of_another_bundle_is_named(made_up: Bundle) -> None:
    document = json.loads((made_up.path / METRICS).read_text())
    (made_up.path / METRICS).write_text(json.dumps({**document, "accuracy": 1.0}))
    with pytest.raises(HarmcuError, match=r"metrics\.json: changed"):
        bundle.read(made_up.path)


def test_another_version_is_refused(made_up: Bundle) -> None:
    document = json.loads((made_up.path / SPEC).read_text())
    (made_up.path / SPEC).write_text(json.dumps({**document, "schema": 3}))
    with pytest.raises(HarmcuError, match="schema version 3"):
        bundle.read(made_up.path)


def test_a_symbolic_link_is_refused(made_up: Bundle, tmp_path: Path) -> None:
    shutil.move(made_up.path / TFLITE, tmp_path / "elsewhere")
    (made_up.path / TFLITE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HarmcuError, match="plain file"):
        bundle.read(made_up.path)


def test_no_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match="no such bundle"):
        bundle.read(tmp_path / "nothing")


def test_a_folder_with_other_things_is_not_touched(made_up: Bundle, tmp_path: Path) -> None:
    diary = tmp_path / "mine" / "diary.txt"
    diary.parent.mkdir()
    diary.write_text("dear diary")
    with pytest.raises(HarmcuError, match=r"diary\.txt, which harmcu did not write"):
        _write(diary.parent, made_up)
    assert diary.read_text() == "dear diary"


def test_a_report_of_the_users_is_not_ours(made_up: Bundle, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / REPORT).write_text("mine")
    with pytest.raises(HarmcuError, match=r"report\.html, which harmcu did not write"):
        _write(tmp_path / "mine", made_up)


@pytest.mark.parametrize("text", ['{"openapi": "3.0"}', "[]", "{", '{"integrity": 1}'])
def test_a_spec_of_the_users_is_not_ours(made_up: Bundle, text: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / SPEC).write_text(text)
    with pytest.raises(HarmcuError, match=r"spec\.json, which harmcu did not write"):
        _write(tmp_path / "mine", made_up)
    assert (tmp_path / "mine" / SPEC).read_text() == text


@pytest.mark.parametrize(
    ("old", "new"),
    [('"sign": 1', '"sign": NaN'), ("8192.0", "Infinity"), ('"made-up"', '"\\ud800"')],
)
def test_what_is_no_json_is_refused(made_up: Bundle, old: str, new: str) -> None:
    text = (made_up.path / SPEC).read_text()
    assert old in text
    (made_up.path / SPEC).write_text(text.replace(old, new, 1))
    with pytest.raises(HarmcuError, match=r"spec\.json"):
        bundle.read(made_up.path)


def test_a_name_that_no_system_takes(made_up: Bundle) -> None:
    with pytest.raises(HarmcuError, match="no such bundle"):
        bundle.read(Path("x" * 300))
    with pytest.raises(HarmcuError, match="choose another name"):
        _write(Path("x" * 300), made_up)


def test_a_bundle_is_replaced(made_up: Bundle) -> None:
    metrics = {"accuracy": 1.0, "tflm_arena_bytes": None}
    again = _write(made_up.path, dataclasses.replace(made_up, metrics=metrics))
    assert again.metrics == metrics
    assert list(made_up.path.parent.iterdir()) == [made_up.path]


def test_a_spec_of_another_model_is_not_written(made_up: Bundle, tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match="another model"):
        _write(tmp_path / "new", dataclasses.replace(made_up, model=b"something else"))
    assert not (tmp_path / "new").exists()


def _write(path: Path, what: Bundle) -> Bundle:
    return bundle.write(path, what.spec, what.model, what.metrics, what.golden, what.met, "report")
