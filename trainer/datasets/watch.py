"""``watch``: shoulder exercises recorded on the wrist, as carried by the package seglearn.

140 recordings of seven exercises, by ten subjects on both arms, 50 Hz, accelerometer in g and
gyroscope in rad/s. Source: D. Burns et al., "Shoulder physiotherapy exercise recognition: machine
learning the inertial signals from a smartwatch", Physiological Measurement 39 (2018), 075007,
arXiv 1802.01489.
"""

import hashlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np

from trainer.errors import HarmcuError
from trainer.recording import Dataset, Recording
from trainer.units import to_counts

FILE_NAME = "watch_dataset.npy"
# The file of seglearn 1.2.5. It is a pickle, and a pickle runs code: only this one is opened.
SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"

RATE_MILLIHERTZ = 50_000
AXES = ("ax", "ay", "az", "gx", "gy", "gz")
# In the order of the file's own y_labels: PEN, ABD, FEL, IR, ER, TRAP, ROW.
LABELS = (
    "pendulum",
    "abduction",
    "forward elevation",
    "internal rotation",
    "external rotation",
    "trapezius extension",
    "upright row",
)
_SIDES = {0: "left", 1: "right"}


def load(path: Path | None = None) -> Dataset:
    """Load the recordings, from ``path`` or from the installed package seglearn.

    Raises HarmcuError when the package or the file is missing, or is not the one known here.
    """
    file = path if path is not None else _packaged_file()
    content = _read(file)
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise HarmcuError(
            f"{file}: not the {FILE_NAME} of seglearn 1.2.5 (SHA-256 {digest}), and a pickled file "
            'is not opened unless it is known; pip install "harmcu[demo]"'
        )
    data = np.load(io.BytesIO(content), allow_pickle=True).item()
    return Dataset(
        name="watch",
        recordings=tuple(_recording(data, index) for index in range(len(data["X"]))),
        labels=LABELS,
        sha256=digest,
        official_test_subjects=(),
        default_window=128,
        default_hop=32,
    )


def _packaged_file() -> Path:
    """Return where seglearn keeps the file, without importing seglearn (it needs scikit-learn)."""
    spec = importlib.util.find_spec("seglearn")
    if spec is None or spec.origin is None:
        raise HarmcuError(
            "the watch recordings come with the package seglearn, which is not installed; "
            'pip install "harmcu[demo]"'
        )
    return Path(spec.origin).parent / "data" / FILE_NAME


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise HarmcuError(
            f'{file}: cannot be read ({error.strerror}); pip install "harmcu[demo]"'
        ) from error


def _recording(data: dict[str, Any], index: int) -> Recording:
    samples = data["X"][index]
    acceleration = to_counts(samples[:, :3], "g")
    rotation = to_counts(samples[:, 3:], "rad/s")
    side = _SIDES[int(data["side"][index])]
    return Recording(
        counts=np.hstack([acceleration, rotation]),
        axes=AXES,
        rate_millihertz=RATE_MILLIHERTZ,
        label=LABELS[int(data["y"][index])],
        subject=str(int(data["subject"][index])),
        source=f"{FILE_NAME}[{index}], {side} arm",
    )
