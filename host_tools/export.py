"""Export a bundle for an app, and compare what was exported with the evaluation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codegen import android
from trainer import folder, golden, sample_path
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.recording import AXES
from trainer.spec import Spec

KERNEL_STEPS = 5
"""By how many steps of int8 a score of other kernels may differ: the most that was measured between
the desktop interpreter and TensorFlow Lite Micro."""


@dataclass(frozen=True)
class Check:
    """How an exported model compares with the golden windows of its bundle.

    Attributes:
        windows: compared.
        same_label: of them, the largest score has the same label.
        clear: windows whose best label leads by more than ``KERNEL_STEPS`` can explain away.
        clear_same_label: of these, the largest score has the same label.
        largest_difference: of any score, 0 to 1.
    """

    windows: int
    same_label: int
    clear: int
    clear_same_label: int
    largest_difference: float


def for_android(bundle: Bundle, out: Path) -> dict[str, bytes]:
    """Write the files for an Android project; an earlier export at ``out`` is replaced.

    Returns:
        what was written, by name.

    Raises:
        HarmcuError: the model is no network, or something else stands at ``out``, such as a file
            of an earlier export that was changed.
    """
    files = android.generate(bundle)
    # The name of an earlier export's model is that of its bundle: only the same one is replaced.
    folder.replace(out, files, [name for name in _as_exported(out) if name in files])
    return files


def _as_exported(out: Path) -> list[str]:
    """Return the names of an earlier export's files that nobody has changed since."""
    try:
        document = json.loads((out / android.METADATA).read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(document, dict) or document.get("format") != android.FORMAT:
        return []
    written = document.get("sha256")
    names = [
        name
        for name, digest in (written.items() if isinstance(written, dict) else ())
        if folder.is_file(out / name)
        and hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    ]
    return [*names, android.METADATA]


def check(bundle: Bundle, model: bytes) -> Check:
    """Run an exported model in the desktop interpreter on the golden windows.

    It gets the recorded counts in the units of the channels, as an app would deliver them.

    Raises:
        HarmcuError: TensorFlow is not installed.
    """
    from trainer.reference import run_float

    spec = bundle.spec
    traces = golden.traces(bundle.golden)
    scores = run_float(model, np.concatenate([_physical(spec, t.resampled) for t in traces]))
    expected = np.concatenate([trace.scores for trace in traces])
    real = (expected.astype(np.float64) - spec.output.zero_point) * spec.output.scale
    same = scores.argmax(axis=1) == expected.argmax(axis=1)
    best = np.sort(expected.astype(np.int64), axis=1)
    clear = best[:, -1] - best[:, -2] > 2 * KERNEL_STEPS
    return Check(
        windows=len(expected),
        same_label=int(same.sum()),
        clear=int(clear.sum()),
        clear_same_label=int(same[clear].sum()),
        largest_difference=float(np.abs(scores - real).max()),
    )


def _physical(spec: Spec, counts: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Return the windows of a stream in the channels' units: float32 [windows, window, channels].

    Args:
        spec: the model's.
        counts: int16 [samples, 6], at the model's rate.
    """
    columns = [AXES.index(channel.axis) for channel in spec.channels]
    factors = np.array([channel.counts_per_unit for channel in spec.channels])
    values: npt.NDArray[np.float32] = (counts[:, columns] / factors).astype(np.float32)
    starts = sample_path.window_starts(len(values), spec.window, spec.hop)
    windows: npt.NDArray[np.float32] = values[starts[:, None] + np.arange(spec.window)]
    return windows


def expect_same_labels(found: Check) -> None:
    """Refuse an export that decides otherwise where no two labels nearly tie.

    Raises:
        HarmcuError: it does.
    """
    if found.clear_same_label != found.clear:
        raise HarmcuError(
            f"{found.clear - found.clear_same_label} of {found.clear} golden windows get another "
            "label although no two nearly tie there; please report this as a bug"
        )
