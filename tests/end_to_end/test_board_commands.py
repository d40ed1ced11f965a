"""The commands of the bench against the emulated Cortex-M4F, whose IMU plays recordings."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from cli import harmcu, harmcu_json
from programs import build_for

from host_tools import emulator
from trainer import datasets
from trainer.bundle import Bundle


def test_a_board_is_listed_recorded_watched_and_verified(
    shared_bundle: Bundle, tmp_path: Path
) -> None:
    recordings = tmp_path / "recordings"
    program = build_for("mps2_an386", shared_bundle, tmp_path / "project")
    played = np.random.default_rng(2).integers(-9000, 9000, (4000, 6)).astype(np.int16)
    with emulator.serve(program, played, 119_000) as served:
        url = served.url
        (port,) = [p for p in harmcu_json("ports", "--port", url)["ports"] if p["port"] == url]
        assert (port["board"], port["engine"]) == ("mps2_an386", "aot")
        assert port["model_sha256"] == shared_bundle.spec.provenance.model_sha256
        assert (port["sensor"], port["sensor_state"]) == ("replay", "ok")

        arguments = ("--label", "walking", "--subject", "anna", "--seconds", 5, "-o", recordings)
        said = harmcu("capture", "--port", url, *arguments).stdout
        # QEMU's clock follows that of a computer that does other things, too.
        found = re.search(r"595 samples, 5\.0 s, ([\d.]+) Hz; no gaps, no clipping", said)
        assert found is not None, said
        assert float(found[1]) == pytest.approx(119.0, rel=0.003)

        log = tmp_path / "log.jsonl"
        watched = harmcu("monitor", "--port", url, "--plain", "--seconds", 3, "--log", log)
        lines = watched.stdout.splitlines()
        assert len(lines) >= 3
        windows = [json.loads(line)["window"] for line in log.read_text().splitlines()]
        assert windows == list(range(len(lines)))
        assert all(line.endswith(" ms") for line in lines)

        arguments = ("--recordings", recordings)
        found = harmcu_json("verify", shared_bundle.path, "--port", url, *arguments)
        assert found["equal"] == found["windows"] > 10
    (recording,) = datasets.load("recordings", recordings).recordings
    assert (recording.label, recording.subject, recording.board) == (
        "walking",
        "anna",
        "mps2_an386",
    )
    (start,) = [i for i in range(4000) if (played[i] == recording.counts[0]).all()]
    assert (np.roll(played, -start, axis=0)[:595] == recording.counts).all()
