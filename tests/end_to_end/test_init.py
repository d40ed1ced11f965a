"""A folder made by `harmcu init`: every command runs in it without a flag repeated."""

import os
import sys
from pathlib import Path

import pytest
from cli import emulated, harmcu, harmcu_json
from made_up_takes import record

NAME = "meine Bewegungen \u00e9"


def set_up(folder: Path, changes: dict[str, str]) -> Path:
    """Make a folder with recordings, whose harmcu.toml was changed as a user would."""
    harmcu("init", NAME, folder=folder)
    file = folder / NAME / "harmcu.toml"
    text = file.read_text("utf-8")
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    file.write_text(text, "utf-8")
    record(folder / NAME / "recordings")
    return folder / NAME


def train_and_verify(folder: Path) -> None:
    assert Path(harmcu_json("train", folder=folder)["bundle"]) == folder / "activity.bundle"
    generated = harmcu_json("generate", folder=folder)
    assert (generated["board"], generated["engine"]) == ("mps2_an386", "aot")
    found = harmcu_json("verify", folder=folder)
    assert found["windows"] == found["equal"] > 10


def test_from_init_to_a_verified_board(tmp_path: Path) -> None:
    folder = set_up(tmp_path, {'arch = "cnn"': 'arch = "knn"'})
    train_and_verify(folder)
    # Flags go on top of the file, and what they exclude gives way.
    refused = harmcu("verify", "--port", "socket://127.0.0.1:9", code=1, folder=folder)
    assert "socket://127.0.0.1:9: nobody listens" in refused.stderr
    refused = harmcu("train", "--dataset", "csv", "--out", "other", code=1, folder=folder)
    assert "recordings" not in refused.stderr


@pytest.mark.slow
def test_every_command_reads_the_file(tmp_path: Path) -> None:
    folder = set_up(tmp_path, {"#epochs = 40": "epochs = 1", 'size = "small"': 'size = "tiny"'})
    assert harmcu_json("data", "inspect", folder=folder)["recordings"] == 6
    train_and_verify(folder)
    evaluated = harmcu_json("evaluate", folder=folder)
    assert evaluated["accuracy"] >= 0.5  # the more frequent label's share, at the least
    harmcu("build", folder=folder)
    assert harmcu_json("bench", folder=folder)["exact"]
    with emulated(folder / "activity", "--replay", folder / "activity.bundle") as url:
        arguments = ("--label", "waving", "--subject", "dora", "--seconds", 2, "--takes", 1)
        harmcu("capture", "--port", url, *arguments, folder=folder)
        watched = harmcu("monitor", "--port", url, "--seconds", 4, folder=folder)
    assert "walking" in watched.stdout or "waving" in watched.stdout
    assert harmcu_json("data", "inspect", folder=folder)["recordings"] == 7


@pytest.mark.parametrize(("command", "said"), [("flash", "activity: no such project")])
def test_for_an_arduino_board(tmp_path: Path, command: str, said: str) -> None:
    harmcu("init", "gestures", "--board", "nano33ble_rev2", folder=tmp_path)
    folder = tmp_path / "gestures"
    assert said in harmcu(command, code=1, folder=folder).stderr
    made = harmcu_json("generate", "--capture-only", "-o", "recorder", folder=folder)
    assert (made["board"], made["sketch"]) == ("nano33ble_rev2", "recorder")
    steps = (folder / "README.md").read_text("utf-8")
    assert (
        steps.index("harmcu capture") < steps.index("harmcu train") < steps.index("harmcu flash\n")
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems hold names as Unicode")
def test_a_name_that_is_no_utf_8_is_shown_without_it(tmp_path: Path) -> None:
    harmcu("init", tmp_path / os.fsdecode(b"walk\xff"))
    (made,) = tmp_path.iterdir()
    assert "walk?" in (made / "README.md").read_text("utf-8")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    said = harmcu("init", "mine", code=1, folder=tmp_path).stderr
    assert "diary.txt, which harmcu did not write; choose another folder" in said
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["diary.txt"]
    assert (
        "did you mean 'nano33ble'?"
        in harmcu(*("init", "new", "--board", "nano33bl"), code=2, folder=tmp_path).stderr
    )
