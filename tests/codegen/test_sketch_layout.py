"""A sketch as the Arduino IDE wants it; tests/end_to_end/test_sketch.py runs it."""

import re
from pathlib import Path

import pytest

from codegen import boards, project
from trainer.bundle import Bundle
from trainer.errors import HarmcuError

BOARDS = ("nano33ble", "nano33ble_rev2")


def sketch_of(bundle: Bundle, board: str, engine: str) -> dict[str, str]:
    if engine == "none":
        return project.generate_capture_only(boards.load(board), "activity")
    return project.generate(bundle, boards.load(board), engine, "activity")


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("engine", ["aot", "tflm", "none"])
def test_every_include_is_found_without_an_include_path(
    made_up: Bundle, board: str, engine: str
) -> None:
    """Arduino compiles src/ with the include path of the core and the libraries alone."""
    files = sketch_of(made_up, board, engine)
    for name, text in files.items():
        for include in re.findall(r'^#include "([^"]+)"', text, re.MULTILINE):
            found = (Path("/sketch") / name).parent.joinpath(include).resolve()
            is_ours = found.relative_to("/sketch").as_posix() in files
            assert is_ours or include.startswith("tensorflow/"), f"{name}: {include}"


@pytest.mark.parametrize("board", BOARDS)
def test_a_sketch_holds_one_engine_and_no_main(made_up: Bundle, board: str) -> None:
    aot, tflm, recorder = (sketch_of(made_up, board, engine) for engine in ("aot", "tflm", "none"))
    for files in (aot, tflm, recorder):
        outside = {name for name in files if not name.startswith("src/")}
        assert outside == {"activity.ino", "sketch.yaml", "platformio.ini", "project.json"}
        assert not any(re.search(r"\bint main\(", text) for text in files.values())
    assert any(name.startswith("src/aot/") for name in aot)
    assert not any(name.startswith("src/tflm/") for name in aot)
    assert not any("/aot/" in name or "/kernels/" in name for name in tflm)
    assert not any("/aot/" in name or "/tflm/" in name for name in recorder)


def test_versions_are_pinned(made_up: Bundle) -> None:
    yaml = sketch_of(made_up, "nano33ble_rev2", "tflm")["sketch.yaml"]
    arduino = boards.load("nano33ble_rev2").arduino
    assert arduino is not None
    name, version = arduino.platform.split("@")
    assert f"platforms:\n      - platform: {name} ({version})\n" in yaml
    for library in (*arduino.libraries, "Chirale_TensorFLowLite@2.0.0"):
        name, version = library.split("@")
        assert f"      - {name} ({version})\n" in yaml
    assert "default_profile: nano33ble_rev2" in yaml
    assert "TensorF" not in sketch_of(made_up, "nano33ble_rev2", "aot")["sketch.yaml"]


def test_the_sketch_is_a_page_that_a_beginner_can_read(made_up: Bundle) -> None:
    for engine in ("aot", "none"):
        text = sketch_of(made_up, "nano33ble", engine)["activity.ino"]
        assert len(text.splitlines()) <= 40
        assert max(map(len, text.splitlines())) <= 100
        assert "void setup()" in text
        assert "void loop()" in text


@pytest.mark.parametrize("name", ["größer", "my sketch", "-x", "", "a" * 64, "a/b"])
def test_a_name_that_arduino_refuses(made_up: Bundle, name: str) -> None:
    with pytest.raises(HarmcuError, match="choose another name"):
        project.generate(made_up, boards.load("nano33ble"), "aot", name)


def test_the_users_sketch_is_kept_and_the_rest_replaced(made_up: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "activity"
    project.write(path, sketch_of(made_up, "nano33ble", "none"))
    mine = "// mine\n" + (path / "activity.ino").read_text("utf-8")
    (path / "activity.ino").write_text(mine, "utf-8")
    for _ in range(2):
        made = project.write(path, sketch_of(made_up, "nano33ble", "aot"))
        assert made.manifest.engine == "aot"
        assert (path / "activity.ino").read_text("utf-8") == mine
    assert not (path / "src/model/no_model.c").exists()


def test_an_untouched_sketch_is_written_anew(made_up: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "activity"
    project.write(path, sketch_of(made_up, "nano33ble", "none"))
    project.write(path, sketch_of(made_up, "nano33ble", "aot"))
    assert "on_activity" in (path / "activity.ino").read_text("utf-8")


def test_a_capture_only_project_names_no_model(made_up: Bundle, tmp_path: Path) -> None:
    made = project.write(tmp_path / "activity", sketch_of(made_up, "nano33ble", "none"))
    assert (made.manifest.engine, made.manifest.name, made.manifest.model_sha256) == (
        "none",
        "",
        "",
    )
