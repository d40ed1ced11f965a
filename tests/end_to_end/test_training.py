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
    assert set(found) == {"accuracy", "macro_f1", "per_class", "per_subject"}
    assert f"{found['accuracy']:.1%}" in harmcu("evaluate", bundle).stdout


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
