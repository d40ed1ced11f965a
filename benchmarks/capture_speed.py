"""How much faster than real time the host records: wire, samples, file, from a board double.

    python benchmarks/capture_speed.py [SECONDS]

plays SECONDS (3600) of six axes at 119 Hz through a pseudo-terminal as fast as the host takes them,
and checks that every sample is in the file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "host_tools"))

from board_double import BoardDouble, Harmcu

from host_tools import capture
from host_tools.board_stream import BoardStream
from host_tools.link import Link
from trainer import recording_file
from trainer.recording import Counts

RATE = 119


def played(seconds: int) -> Counts:
    """Return int16 [samples, 6], noise of the whole range."""
    rng = np.random.default_rng(1)
    return rng.integers(-32000, 32000, (RATE * seconds, 6)).astype(np.int16)


def board(seconds: int) -> None:
    """Be the board, in a process of its own, until stdin ends."""
    with BoardDouble(Harmcu(played(seconds))) as double:
        print(double.port, flush=True)
        sys.stdin.read()


def main(seconds: int) -> None:
    """Record, compare and print."""
    command = [sys.executable, __file__, "--board", str(seconds)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as double,
    ):
        assert double.stdout is not None
        assert double.stdin is not None
        link = Link(double.stdout.readline().strip())
        capture.COUNTDOWN = 0.0
        source = BoardStream(link)
        made = capture.Capture(source, capture.Request("w", "a", Path(folder), seconds=seconds))
        start = time.monotonic()
        capture.run(made, lambda: None, lambda: "")
        took = time.monotonic() - start
        # Closing the board's end first: it has nothing more to say.
        double.stdin.close()
        double.wait()
        (take,) = made.finished
        contents = recording_file.read(take.path.read_bytes(), take.path.name)
        expected = played(seconds)
        is_whole = len(contents.pieces) == 1 and np.array_equal(contents.pieces[0][1], expected)
        print(f"{len(expected):,} samples, {seconds} s of board time, in {took:.1f} s")
        print(f"{seconds / took:.0f} times real time")
        print(f"every sample in the file: {'yes' if is_whole else 'NO'}; {contents.end}")
        print(f"lines lost {link.lost}, damaged {link.damaged}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--board"]:
        board(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3600)
