"""Requests and recordings for tests."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from trainer import pipeline, windows
from trainer.errors import HarmcuError
from trainer.recording import AXES, Dataset, Recording
from trainer.training import Material


def tiny_request(out: Path) -> pipeline.TrainRequest:
    return pipeline.TrainRequest(dataset="watch", out=out, size="tiny", seed=7, epochs=1)


def a_recording(
    samples: int = 300,
    label: str = "walk",
    subject: str = "1",
    rate_millihertz: int = 50_000,
    axes: tuple[str, ...] = AXES,
    seed: int = 0,
) -> Recording:
    rng = np.random.default_rng(seed)
    counts = rng.integers(-20_000, 20_000, (samples, len(axes))).astype(np.int16)
    return Recording(counts, axes, rate_millihertz, label, subject, f"generated {seed}")


def a_dataset(subjects: list[str], official: tuple[str, ...] = ()) -> Dataset:
    recordings = tuple(
        a_recording(label=label, subject=subject, seed=index)
        for index, subject in enumerate(subjects)
        for label in ("walk", "sit")
    )
    return Dataset("generated", recordings, ("walk", "sit"), "0" * 64, official, 128, 64)


Loaded = TypeVar("Loaded")


def load_or_line(load: Callable[..., Loaded], *arguments: object) -> Loaded | None:
    """Load what may be damaged: the result, or None after a failure that is one line."""
    try:
        return load(*arguments)
    except HarmcuError as error:
        lines = str(error).splitlines()
    assert len(lines) == 1
    return None


def a_material(recordings: list[Recording], window: int = 128, hop: int = 64) -> Material:
    """The same recordings train and watch."""
    channels = windows.channel_scaling(recordings) if recordings else ()
    return Material(recordings, recordings, ("walk", "sit"), channels, window, hop)
