"""The bench on a real board, in the order in which a user meets it."""

import json
from pathlib import Path

import pytest
from cli import harmcu, harmcu_json

from codegen import boards
from trainer import datasets
from trainer.bundle import Bundle


@pytest.mark.timeout(900)
def test_the_board_is_found(flashed: str, board_name: str) -> None:
    (port,) = [port for port in harmcu_json("ports")["ports"] if port["port"] == flashed]
    assert (port["board"], port["sensor_state"]) == (board_name, "ok")


def test_capture(flashed: str, board_name: str, tmp_path: Path) -> None:
    """Half a minute at rest: nothing lost, the rate within its tolerance, gravity where it is."""
    arguments = ("--label", "rest", "--subject", "desk", "--seconds", 30, "-o", tmp_path)
    harmcu("capture", "--port", flashed, *arguments)
    dataset = datasets.load("recordings", tmp_path)
    (recording,) = dataset.recordings
    nominal = boards.load(board_name).sensor_rates_millihertz[0]
    assert recording.rate_millihertz == nominal
    assert len(recording.counts) == pytest.approx(30 * nominal / 1000, abs=2)
    gravity = (recording.counts[:, :3].astype(float) ** 2).sum(axis=1) ** 0.5 / 8192
    assert gravity.mean() == pytest.approx(1.0, abs=0.1)


@pytest.mark.timeout(900)
def test_verify(flashed: str, shared_bundle: Bundle) -> None:
    found = harmcu_json("verify", shared_bundle.path, "--port", flashed)
    assert found["equal"] == found["windows"] > 0


@pytest.mark.timeout(4000)
def test_an_hour_of_monitoring(flashed: str, tmp_path: Path) -> None:
    """Every window is decided, and nothing is lost anywhere."""
    log = tmp_path / "log.jsonl"
    harmcu("monitor", "--port", flashed, "--plain", "--seconds", 3600, "--log", log, timeout=3900)
    decisions = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [d["window"] for d in decisions] == list(range(len(decisions)))
    last = decisions[-1]
    assert (last["lines_lost"], last["lines_damaged"], last["samples_lost"]) == (0, 0, 0)
    assert last["seconds"] == pytest.approx(3600, abs=30)
