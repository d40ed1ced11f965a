"""A day of board time, faster than real time: `make soak` runs it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from board_double import BoardDouble, Harmcu
from programs import build_for

from host_tools import capture, emulator, verify
from host_tools.board_stream import BoardStream
from host_tools.capture import Capture, Request
from host_tools.link import Link
from trainer import golden, recording_file
from trainer.bundle import Bundle
from trainer.recording import Counts
from trainer.tflm import Tflm

HOURS = int(os.environ.get("HARMCU_SOAK_HOURS", "24"))
RATE = 119
GROWTH = 8 << 20
"""Bytes by which a process may grow between its first hour and its last."""


def moving(seconds: int) -> Counts:
    """Noise around a slow random walk over the whole range, int16 [samples, 6]."""
    rng = np.random.default_rng(11)
    steps = rng.normal(0, 40, (RATE * seconds, 6)).cumsum(axis=0)
    folded = np.abs((steps + 32767) % 131068 - 65534) - 32767
    counts = np.clip(folded + rng.normal(0, 2000, steps.shape), -32768, 32767)
    return np.asarray(counts, np.int16)


@pytest.mark.soak
def test_the_emulated_board_agrees_on_every_window_of_a_day(
    shared_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One stream: no index or clock begins anew, and those of 32 bits of microseconds wrap."""
    monkeypatch.setattr(emulator, "BULK_TIMEOUT", 6 * 3600.0)
    counts, spec = moving(HOURS * 3600), shared_bundle.spec
    trace = golden.run(spec, Tflm(shared_bundle.model).run, counts, RATE * 1000)
    program = build_for("mps2_an386", shared_bundle, tmp_path / "project")
    found = verify.in_bulk(program, spec, [trace])
    assert found.first_difference is None
    assert found.equal == found.windows == len(trace.scores)
    outputs = HOURS * 3600 * spec.rate_millihertz // 1000
    assert found.windows == pytest.approx((outputs - spec.window) / spec.hop, abs=2)


def _resident() -> int:
    """Gives the bytes that this process holds."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def _play() -> None:
    """Be the board, in a process of its own, until stdin ends."""
    with BoardDouble(Harmcu(moving(HOURS * 3600))) as double:
        print(double.port, flush=True)
        sys.stdin.read()


@pytest.mark.soak
def test_a_day_is_recorded_whole_and_memory_does_not_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "COUNTDOWN", 0.0)
    code = f"import sys; sys.path[:0] = {sys.path!r}; import test_day; test_day._play()"
    command = [sys.executable, "-c", code]
    held: list[int] = []
    with subprocess.Popen(command, stdin=-1, stdout=subprocess.PIPE, text=True) as double:
        assert double.stdout is not None
        assert double.stdin is not None
        link = Link(double.stdout.readline().strip())
        source = BoardStream(link)
        made = Capture(source, Request("w", "a", tmp_path, seconds=HOURS * 3600))

        def show() -> None:
            hours = 0 if made.take is None else int(made.take.seconds // 3600)
            held.extend([_resident()] * (hours - len(held)))

        capture.run(made, show, lambda: "")
        double.stdin.close()
    assert (link.lost, link.damaged) == (0, 0)
    (take,) = made.finished
    assert held[-1] - held[0] < GROWTH
    end = recording_file.read(take.path.read_bytes(), "a day").end or {}
    assert (end["samples"], end["lost"], end["gaps"]) == (HOURS * 3600 * RATE, 0, 0)
    with take.path.open("rb") as file:
        file.readline()
        rows = np.loadtxt(
            (line for line in file if line[:1].isdigit()), np.int32, delimiter=",", usecols=range(7)
        )
    expected = moving(HOURS * 3600)
    assert np.array_equal(rows[:, 0], np.arange(len(expected)))
    assert np.array_equal(rows[:, 1:], expected)
