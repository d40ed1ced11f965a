"""From recordings to a verified board, with the real trainer."""

from pathlib import Path

import pytest
from cli import harmcu, harmcu_json


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "bundle"
    found = harmcu_json(
        *("train", "--dataset", "watch", "--size", "tiny", "--epochs", "1", "--out", out)
    )
    assert found["accuracy"] > 0.3  # chance is one in seven
    assert Path(found["report"]).is_file()
    return out


def test_evaluate(bundle: Path) -> None:
    found = harmcu_json("evaluate", bundle)
    assert set(found) == {
        "accuracy",
        "macro_f1",
        "per_class",
        "per_subject",
        "over_subjects",
        "calibration",
    }
    assert f"{found['accuracy']:.1%}" in harmcu("evaluate", bundle).stdout


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--dataset", "wtach", "unknown data set 'wtach'; did you mean 'watch'?"),
        ("--arch", "ccn", "unknown architecture 'ccn'; did you mean 'cnn'?"),
        ("--folds", "1", "'1' is neither a number from 2 nor loso"),
    ],
)
def test_a_name_that_is_not_known(tmp_path: Path, option: str, name: str, message: str) -> None:
    dataset = () if option == "--dataset" else ("--dataset", "watch")
    found = harmcu("train", *dataset, option, name, "--out", tmp_path / "bundle", code=2)
    assert message in found.stderr


def test_a_size_that_is_not_known(tmp_path: Path) -> None:
    arguments = ("--dataset", "watch", "--size", "smal", "--out", tmp_path / "bundle")
    error = harmcu("train", *arguments, code=2).stderr
    assert "unknown size of cnn 'smal'; did you mean 'small'? choose one of tiny, small" in error


def test_every_held_out_window_is_exact_on_the_emulated_board(bundle: Path, tmp_path: Path) -> None:
    """Thousands of windows of people whom the model has not met."""
    harmcu("generate", bundle, "-o", tmp_path / "project")
    found = harmcu_json(
        *("verify", bundle, "--project", tmp_path / "project", "--bulk", "--dataset", "watch")
    )
    assert found["windows"] == found["equal"] > 1500


@pytest.mark.slow
def test_demo(tmp_path: Path) -> None:
    found = harmcu_json("demo", "--out", tmp_path / "demo")
    assert set(found) == {
        "accuracy",
        "windows_compared",
        "windows_equal",
        "model_bytes",
        "flash_bytes",
        "ram_bytes",
        "tflm_arena_bytes",
        "instructions_per_inference",
        "model_sha256",
        "report",
    }
    assert found["windows_compared"] == found["windows_equal"] > 2000
    assert found["accuracy"] > 0.7
    assert Path(found["report"]).is_file()
    again = harmcu_json("demo", "--out", tmp_path / "again", "--board", "host")
    assert again["model_sha256"] == found["model_sha256"]
    assert again["windows_compared"] == again["windows_equal"]
