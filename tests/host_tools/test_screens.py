"""Screens as a terminal shows them, and the terminal afterwards."""

import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from board_double import BoardDouble, Harmcu
from terminal_double import TerminalDouble

from trainer import recording_file

TERMINALS = [
    (80, 24, False),
    (200, 50, True),
    pytest.param(80, 24, True, marks=pytest.mark.slow),
    pytest.param(200, 50, False, marks=pytest.mark.slow),
]
COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(?:3[0-7]|4[0-7]|9[0-7])[;0-9]*m")


def moving(seconds: int = 60) -> np.ndarray:
    """Gravity on az, and a movement of another frequency on each axis."""
    time = np.arange(119 * seconds)[:, None] / 119
    counts = 3000 * np.sin(2 * np.pi * time * np.array([0.5, 0.7, 1, 0.3, 1.2, 2]))
    counts[:, 2] += 8192
    return counts.astype(np.int16)


@pytest.mark.parametrize(("columns", "rows", "no_color"), TERMINALS)
def test_capture(tmp_path: Path, columns: int, rows: int, no_color: bool) -> None:
    board = Harmcu(moving(), pace=119, lost=frozenset(range(100, 105)))
    arguments = ("capture", "--label", "walking", "--subject", "anna", "-o", tmp_path)
    with (
        BoardDouble(board) as double,
        TerminalDouble(
            *arguments, "--port", double.port, columns=columns, rows=rows, no_color=no_color
        ) as terminal,
    ):
        terminal.wait_for_text("RECORDING take 1")
        lines = terminal.wait_for_text("gaps 1, samples lost 5")
        assert lines[0].startswith("harmcu capture")
        assert lines[0].endswith(f"nano33ble, LSM9DS1 at {double.port}")
        assert lines[1].startswith("walking, subject anna")
        assert re.search(r"RECORDING take 1  \d\.\d s$", lines[1])
        axes = [line.split()[0] for line in lines if re.match(r"[ag][xyz] ", line)]
        assert axes == ["ax", "ay", "az", "gx", "gy", "gz"]
        az = next(line for line in lines if line.startswith("az"))
        assert 0.6 <= float(az.split()[1]) <= 1.4
        graphs = sum(len(set(line[22:]) & set("▁▂▃▄▅▆▇█")) > 0 for line in lines)
        assert graphs >= {24: 6, 50: 30}[rows] // 2
        assert any("nominal 119 Hz" in line for line in lines)
        assert any(line.startswith("WARNING: samples lost: 5, gaps: 1") for line in lines)
        assert lines[-1].startswith("space start/stop   l relabel   d discard")
        assert len(lines) == rows
        terminal.press("m")
        terminal.wait_for_text("marked at")
        terminal.press("lrünn\x7f")
        terminal.wait_for_text("new label: rün_")
        terminal.press("\r")
        terminal.wait_for(lambda shown: shown[1].startswith("rün, subject anna"))
        terminal.press(" ")
        lines = terminal.wait_for_text("takes recorded: 1")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert terminal.is_as_before()
        assert (COLOUR.search(terminal.raw) is None) == no_color
    (file,) = tmp_path.rglob("*.rec")
    assert file.name == "rün.001.rec"
    contents = recording_file.read(file.read_bytes(), file.name)
    assert contents.header.label == "rün"
    assert contents.end is not None
    assert (contents.end["gaps"], contents.end["lost"], len(contents.marks)) == (1, 5, 1)


@pytest.mark.parametrize(("columns", "rows", "no_color"), TERMINALS)
def test_monitor(tmp_path: Path, columns: int, rows: int, no_color: bool) -> None:
    labels = ("walking", "läuft 走", "resting")
    decisions = [(0, 100)] * 5 + [(1, 90)] * 5 + [(-1, 3)] * 2 + [(0, 120)]
    board = Harmcu(moving(), labels=labels, decisions=decisions, decision_seconds=0.05)
    with (
        BoardDouble(board) as double,
        TerminalDouble(
            "monitor",
            "--port",
            double.port,
            "--log",
            tmp_path / "log.csv",
            columns=columns,
            rows=rows,
            no_color=no_color,
        ) as terminal,
    ):
        lines = terminal.wait_for_text("13 decisions")
        assert lines[0].startswith("harmcu monitor")
        assert lines[0].endswith(double.port)
        # The capital W of the large font: its fourth row is all points.
        assert lines[5].startswith("██████")
        walking = next(line for line in lines if line.startswith("walking"))
        assert "0.97" in walking
        bars = walking.split("0.97")[0].count("█")
        assert bars == round(248 / 256 * max(5, columns // 5))
        assert any(line.startswith("läuft 走") and "0.11" in line for line in lines)
        assert any(line.startswith("(unknown)") for line in lines)
        assert any("latency 4.20 ms, worst 4.20 ms" in line for line in lines)
        assert any("IMU LSM9DS1, 119.0 Hz measured, 119 Hz nominal, state ok" in li for li in lines)
        assert any(line.startswith("0 lines lost and 0 damaged") for line in lines)
        assert lines[-1].startswith("q quit")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert terminal.is_as_before()
        assert (COLOUR.search(terminal.raw) is None) == no_color
    log = (tmp_path / "log.csv").read_text("utf-8").splitlines()
    assert log[0].endswith("score of walking,score of läuft 走,score of resting")
    assert len(log) == 14


@pytest.mark.parametrize("command", ["capture", "monitor"])
@pytest.mark.parametrize("ending", ["ctrl-c", "sigterm", "unplug"])
def test_the_terminal_is_left_as_it_was(tmp_path: Path, command: str, ending: str) -> None:
    board = Harmcu(moving(), pace=119, decisions=[(0, 100)] * 1000)
    arguments = ["--label", "walk", "-o", tmp_path] if command == "capture" else []
    with (
        BoardDouble(board) as double,
        TerminalDouble(command, "--port", double.port, *arguments) as terminal,
    ):
        terminal.wait_for_text("RECORDING" if command == "capture" else "latency 4.20")
        if ending == "ctrl-c":
            terminal.press("\x03")
        elif ending == "sigterm":
            terminal.process.send_signal(signal.SIGTERM)
        else:
            double.unplug()
            if command == "monitor":
                terminal.wait_for_text("is gone; waiting for the board to come back")
                terminal.press("q")
        code = terminal.wait_for_end()
        # A monitor has nothing to lose.
        is_capture = command == "capture"
        expected = {"ctrl-c": 130 * is_capture, "sigterm": 128 + signal.SIGTERM}
        assert code == expected.get(ending, int(is_capture))
        assert terminal.is_as_before()
        assert b"Traceback" not in terminal.raw
    if command == "capture":
        (file,) = tmp_path.rglob("*.rec")
        contents = recording_file.read(file.read_bytes(), file.name)
        assert contents.end is not None
        stopped = {
            "ctrl-c": "interrupted",
            "unplug": "the board is gone",
            "sigterm": "harmcu was ended",
        }[ending]
        assert contents.end["stopped"] == stopped


def test_a_terminal_that_takes_nothing_holds_no_recording(tmp_path: Path) -> None:
    board = Harmcu(moving(), pace=119)
    arguments = ("capture", "--label", "walk", "-o", tmp_path)
    with (
        BoardDouble(board) as double,
        TerminalDouble(*arguments, "--port", double.port, columns=200, rows=50) as terminal,
    ):
        terminal.wait_for_text("RECORDING")
        (file,) = tmp_path.rglob("*.rec")
        # Many frames of 200 by 50 fill whatever a terminal keeps.
        held = 0.0
        while file.stat().st_size < 14_000:
            assert held < 60, "the recording stands still"
            time.sleep(0.1)
            held += 0.1
        terminal.press("m")
        terminal.wait_for_text("marked at")  # it goes on where the terminal does
        size = file.stat().st_size
        while file.stat().st_size < size + 7_000:
            time.sleep(0.1)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(30) == 128 + signal.SIGTERM
    contents = recording_file.read(file.read_bytes(), file.name)
    assert contents.end is not None
    assert (contents.end["stopped"], contents.end["lost"]) == ("harmcu was ended", 0)
