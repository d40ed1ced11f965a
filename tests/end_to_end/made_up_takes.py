"""Takes of three people who walk and wave, as harmcu writes them and as a sketch prints them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trainer import recording_file
from trainer.recording import AXES, Counts, Recording

SECONDS = 12
RATE_HZ = 119


def takes() -> Iterator[tuple[str, str, Counts]]:
    """Give subject, label and counts, int16 [samples, 6], of every take."""
    rng = np.random.default_rng(1)
    time = np.arange(RATE_HZ * SECONDS) / RATE_HZ
    for subject in ("anna", "ben", "cleo"):
        for label, hz in (("walking", 2.0), ("waving", 0.7)):
            phases = rng.uniform(0, 6, 6)
            waves = 3000 * np.sin(2 * np.pi * hz * time[:, None] + phases)
            waves[:, 2] += 8192  # gravity
            yield subject, label, (waves + rng.normal(0, 200, waves.shape)).astype(np.int16)


def record(folder: Path) -> None:
    """Write the takes as recordings."""
    for subject, label, counts in takes():
        path = recording_file.free_path(folder, subject, label)
        recording = Recording(counts, AXES, RATE_HZ * 1000, label, subject, "made up")
        recording_file.write(path, recording)


def print_csv(folder: Path) -> None:
    """Write the takes as files of the Arduino gesture tutorial, one a label: g and deg/s."""
    files: dict[str, list[str]] = {}
    for _, label, counts in takes():
        units = counts / np.array([8192] * 3 + [16.384] * 3)
        lines = [",".join(f"{value:.3f}" for value in row) for row in units]
        files.setdefault(label, ["aX,aY,aZ,gX,gY,gZ"]).extend(["", *lines])
    for label, lines in files.items():
        (folder / f"{label}.csv").write_text("\r\n".join([*lines, ""]), "utf-8", newline="")
