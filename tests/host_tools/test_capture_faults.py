"""Capturing while the computer fails: ended at any moment, a full disk, a second capture."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from board_double import BoardDouble, Harmcu
from click.testing import CliRunner
from terminal_double import FAST

from host_tools.cli import main
from trainer import datasets, recording_file
from trainer.recording import Counts

ROOT = Path(__file__).parents[2]
RATE = 119
COUNTS: Counts = np.random.default_rng(7).integers(-9000, 9000, (4000, 6)).astype(np.int16)
ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]

FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
"""Every file of the command may have so many bytes, and then no more."""


def board(seed: int = 7) -> Harmcu:
    """A board in real time that plays counts of its own, no sample of which comes twice."""
    counts = np.random.default_rng(seed).integers(-9000, 9000, COUNTS.shape).astype(np.int16)
    return Harmcu(counts, pace=RATE)


def start(
    folder: Path, double: BoardDouble, *arguments: str, before: str = ""
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", before + FAST, "capture", "--label", "w", "-o", str(folder)]
    return subprocess.Popen(
        [*command, "--port", double.port, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def wait_until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.05)


def grown(folder: Path, size: int = 2500) -> Callable[[], bool]:
    """Tells whether any recording has so many bytes."""
    return lambda: any(file.stat().st_size > size for file in folder.rglob("*.rec"))


def end_of(content: bytes, counts: Counts) -> int:
    """Gives the index within ``counts`` behind the last sample of a file, all of whose fit."""
    contents = recording_file.read(content, "a file")
    if not contents.pieces:
        return 0
    ((_, got),) = contents.pieces
    first = next(i for i in range(len(counts)) if (counts[i] == got[0]).all())
    assert (counts[first : first + len(got)] == got).all()
    return first + len(got)


@pytest.mark.parametrize("number", ENDS)
def test_what_ends_the_command_costs_at_most_a_second(tmp_path: Path, number: int) -> None:
    played = board()
    with BoardDouble(played) as double:
        process = start(tmp_path, double)
        wait_until(grown(tmp_path))
        sent = played._next
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=60)
        expected = {signal.SIGINT: 130, signal.SIGTERM: 128 + number, signal.SIGKILL: -number}
        assert process.returncode == expected[signal.Signals(number)], errors
        assert "Traceback" not in errors
    (file,) = tmp_path.rglob("*.rec")
    contents = recording_file.read(file.read_bytes(), file.name)
    stopped = {signal.SIGINT: "interrupted", signal.SIGTERM: "harmcu was ended"}
    assert (contents.end or {}).get("stopped") == stopped.get(signal.Signals(number))
    assert end_of(file.read_bytes(), played.counts) >= sent - RATE


def _end_at_random(folder: Path, seed: int) -> None:
    """Ends a capture into a folder that may hold others, within three seconds of its start."""
    chance = random.Random(seed)
    before = {path: path.read_bytes() for path in folder.rglob("*.rec")}
    played = board(seed)
    with BoardDouble(played) as double:
        process = start(folder, double)
        time.sleep(chance.uniform(0, 3))
        sent, heard = played._next, time.monotonic()
        process.send_signal(chance.choice(ENDS))
        _, errors = process.communicate(timeout=60)
        late = time.monotonic() - heard
    # Before its first line runs, no program can say anything of its own.
    assert "Traceback" not in errors or "harmcu" not in errors
    after = {path: path.read_bytes() for path in folder.rglob("*.rec")}
    assert {path: after[path] for path in before} == before
    new = [content for path, content in after.items() if path not in before]
    assert len(new) <= 1
    for content in new:
        if b"\n" in content:
            # A machine that takes its time to deliver a signal is no fault of the file.
            assert end_of(content, played.counts) >= sent - RATE or late > 1


def _end_often(folder: Path, seeds: range) -> None:
    for seed in seeds:
        _end_at_random(folder, seed)
    loaded = datasets.load("recordings", folder)
    assert loaded.recordings


def test_captures_ended_at_random_leave_every_sample_but_of_a_second(tmp_path: Path) -> None:
    _end_often(tmp_path, range(8))


@pytest.mark.soak
@pytest.mark.parametrize("first", range(1000, 1200, 25))
def test_two_hundred_captures_ended_at_random(tmp_path: Path, first: int) -> None:
    _end_often(tmp_path, range(first, first + 25))


def test_a_full_disk_is_said_and_costs_at_most_a_second(tmp_path: Path) -> None:
    played = board()
    with BoardDouble(played) as double:
        process = start(tmp_path, double, before=FULL_DISK)
        _, errors = process.communicate(timeout=30)
        sent = played._next
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    assert "cannot be written" in errors
    assert "free some space or choose another folder" in errors
    (file,) = tmp_path.rglob("*.rec")
    contents = recording_file.read(file.read_bytes(), file.name)
    ((_, got),) = contents.pieces
    assert f"; {len(got):,} samples are kept in {file}" in errors
    assert end_of(file.read_bytes(), played.counts) >= sent - 2 * RATE


def test_two_captures_into_one_folder_take_names_of_their_own(tmp_path: Path) -> None:
    """Even if both choose the same name at first."""
    boards = [board(1), board(2)]
    with BoardDouble(boards[0]) as first, BoardDouble(boards[1]) as second:
        both = [start(tmp_path, double, "--seconds", "1") for double in (first, second)]
        said = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    files = sorted(tmp_path.rglob("*.rec"))
    assert [file.name for file in files] == ["w.001.rec", "w.002.rec"]
    for played, (shown, _) in zip(boards, said, strict=True):
        (own,) = (file for file in files if str(file) in shown)
        assert end_of(own.read_bytes(), played.counts) >= RATE


def test_a_name_that_another_capture_has_taken_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_path = recording_file.free_path

    def other_is_faster(folder: Path, subject: str, label: str) -> Path:
        path = free_path(folder, subject, label)
        if path.name == "w.001.rec":
            path.parent.mkdir(parents=True)
            path.write_text("of another")
        return path

    monkeypatch.setattr(recording_file, "free_path", other_is_faster)
    with BoardDouble(Harmcu(COUNTS)) as double:
        arguments = ["--label", "w", "--seconds", "1", "-o", str(tmp_path), "--port", double.port]
        result = CliRunner().invoke(main, ["capture", *arguments])
    assert result.exit_code == 0, result.output
    assert "w.002.rec" in result.output
    assert next(tmp_path.rglob("w.001.rec")).read_text() == "of another"


def test_takes_without_an_end_are_refused_where_no_key_ends_them(tmp_path: Path) -> None:
    with BoardDouble(board()) as double:
        process = start(tmp_path, double, "--takes", "2")
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no key ends a take; add --seconds" in errors
    assert not list(tmp_path.rglob("*.rec"))


def test_a_folder_that_cannot_be_written_is_named_before_the_board_is_asked(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    out = str(tmp_path / "notes.txt" / "recordings")
    result = CliRunner().invoke(main, ["capture", "--label", "w", "-o", out, "--port", "/dev/none"])
    assert result.exit_code == 1
    assert "choose a folder you can write to" in result.stderr
    assert out in result.stderr
