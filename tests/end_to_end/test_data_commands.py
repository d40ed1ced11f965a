"""``harmcu data`` and training on one's own files, as processes."""

from pathlib import Path

import numpy as np
import pytest
from cli import harmcu, harmcu_json

HEADER = "aX,aY,aZ,gX,gY,gZ"


def write_gestures(folder: Path, takes: int = 6) -> Path:
    """Two gestures that one feature tells apart, in the tutorial's format."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    for label, axis in (("flex", 3), ("punch", 5)):
        blocks = []
        for _ in range(takes):
            rows = rng.normal((0, 0, 1, 0, 0, 0), 0.05, (119, 6))
            rows[:, axis] += 300 * np.sin(np.arange(119) / 9)
            blocks.append("\n".join(",".join(f"{v:.3f}" for v in row) for row in rows))
        (folder / f"{label}.csv").write_text(HEADER + "\n" + "\n\n".join(blocks) + "\n")
    return folder


@pytest.fixture(scope="module")
def gestures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gestures(tmp_path_factory.mktemp("gestures") / "mine")


@pytest.mark.parametrize("command", ["inspect", "convert", "pull"])
def test_help_has_an_example(command: str) -> None:
    assert f"harmcu data {command}" in harmcu("data", command, "--help").stdout.split("Example:")[1]


def test_inspect(gestures: Path, tmp_path: Path) -> None:
    plot = tmp_path / "plot.html"
    found = harmcu_json("data", "inspect", gestures, "--rate", 119, "--plot", plot)
    assert {label: each["recordings"] for label, each in found["labels"].items()} == {
        "flex": 6,
        "punch": 6,
    }
    assert found["rates_hz"] == {"119": found["minutes"]}
    assert "<svg" not in plot.read_text()
    text = harmcu("data", "inspect", gestures, "--rate", 119).stdout
    assert "label flex" in text
    assert "guessed g:" in text


def test_a_rate_that_is_missing_is_asked_for(gestures: Path) -> None:
    error = harmcu("data", "inspect", gestures, code=1).stderr
    assert error.startswith("harmcu: flex.csv: has no column of times")
    assert error.count("\n") == 1


def test_convert_and_inspect_again(gestures: Path, tmp_path: Path) -> None:
    found = harmcu_json("data", "convert", gestures, "--rate", 119, "-o", tmp_path / "rec")
    assert found["files"] == 12
    assert harmcu_json("data", "inspect", tmp_path / "rec")["recordings"] == 12
    harmcu("data", "convert", tmp_path / "rec", "--to", "edge-impulse-cbor", "-o", tmp_path / "ei")
    assert harmcu_json("data", "inspect", tmp_path / "ei")["format"] == "edge-impulse"


def test_convert_says_what_was_left_out_and_renamed(gestures: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    text = (gestures / "flex.csv").read_text().replace("\n", "\n1,2\n", 1)
    (mine / "flex a.csv").write_text(text)
    said = harmcu(
        "data", "convert", mine, "--rate", 119, "--to", "edge-impulse", "-o", tmp_path / "ei"
    ).stdout
    assert "dropped rows with too few or too many cells" in said
    assert "guessed g:" in said
    assert "the label 'flex a' is 'flex_a' there" in said


def test_pull_offline(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/x.zip"
    error = harmcu("data", "pull", "uci-har", "-o", tmp_path, "--url", url, code=1).stderr
    assert "cannot be reached" in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_training_on_one_s_own_files(gestures: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    found = harmcu_json(
        "train", "--dataset", "csv", "--data", gestures, "--rate", 119, "--model-rate", 100,
        "--size", "tiny", "--epochs", 2, "--out", out,
    )  # fmt: skip
    assert found["accuracy"] >= 0.5
    # Evaluated on the same files, at their own rate.
    again = harmcu_json("evaluate", out, "--data", gestures, "--rate", 119)
    assert again["per_class"].keys() == {"flex", "punch"}


def test_a_leak_is_refused(tmp_path: Path) -> None:
    gestures = write_gestures(tmp_path / "mine", takes=3)
    (gestures / "flex_2.csv").write_text((gestures / "flex.csv").read_text())
    (gestures / "punch_2.csv").write_text((gestures / "punch.csv").read_text())
    error = harmcu(
        "train", "--dataset", "csv", "--data", gestures, "--rate", 119, "--names", "{label}",
        "--epochs", 1, "--out", tmp_path / "bundle", code=1,
    ).stderr  # fmt: skip
    assert "samples of the test part are also in the" in error
    assert not (tmp_path / "bundle").exists()
