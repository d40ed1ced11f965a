"""The real TensorFlow Lite Micro kernels on this computer, by the package tflite-micro.

They are what evaluates a model. Desktop TensorFlow Lite differs from them by up to 5 steps of int8.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.errors import HarmcuError
from trainer.sample_path import Samples

NAME = "TensorFlow Lite Micro's kernels"

ARENA_BYTES = 1 << 20
"""What evaluation gives to a model; four times the RAM of a Nano 33 BLE."""

ARENA_ALIGNMENT = 16
"""TFLM aligns the arena and its buffers to 16 bytes (MicroArenaBufferAlignment)."""

ARENA_MARGIN_PERCENT = 15
"""Room for kernels that want more scratch memory than the reference kernels measured here.

A separable CNN takes 8,032 bytes here, 6,740 on a Cortex-M4 with the reference kernels and 6,820
with CMSIS-NN; but two LSTM layers of 32 units, which take 12,704 here, take 12 percent more there
with CMSIS-NN."""

_TOTAL = re.compile(r"Arena allocation total (\d+) bytes")

# Runs in a process of its own: TFLM writes its report to the process's standard error, and a
# model that it rejects may abort the process.
_MEASURE = """
import sys
from tflite_micro.python.tflite_micro import runtime
interpreter = runtime.Interpreter.from_bytes(
    sys.stdin.buffer.read(), arena_size=int(sys.argv[1]),
    intrepreter_config=runtime.InterpreterConfig.kAllocationRecording)
interpreter.invoke()
interpreter.print_allocations()
"""


@dataclass(frozen=True)
class Arena:
    """The memory that a model needs from TFLM.

    Attributes:
        measured_bytes: what TFLM's recording allocator counted on this computer.
        margin_bytes: what is added for the board.
    """

    measured_bytes: int
    margin_bytes: int

    @property
    def bytes(self) -> int:
        """What a board should set aside: a multiple of ``ARENA_ALIGNMENT``."""
        return self.measured_bytes + self.margin_bytes


class Tflm:
    """A model in TFLM's interpreter, called with one window after the other."""

    def __init__(self, model: bytes) -> None:
        """Load a model.

        Args:
            model: a .tflite file with int8 input [1, window, 1, channels] and int8 output.

        Raises:
            HarmcuError: tflite-micro is missing, or cannot run the model.
        """
        try:
            self._interpreter = _runtime().Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
            self._input = self._interpreter.get_input_details(0)
            self._output = self._interpreter.get_output_details(0)
        except (RuntimeError, ValueError) as error:
            raise HarmcuError(
                f"TensorFlow Lite Micro cannot load the model ({error}); it has an operator that "
                f"TFLM lacks, or needs more than {ARENA_BYTES} bytes"
            ) from error
        if self._input["dtype"] != np.int8 or self._output["dtype"] != np.int8:
            raise HarmcuError(
                "the model's input and output are not int8; convert it with full int8 quantisation"
            )

    def run(self, windows: Samples) -> Samples:
        """Return the scores of windows, each seen by itself.

        Args:
            windows: int8 [windows, window, channels].

        Returns:
            int8 [windows, labels].

        Raises:
            HarmcuError: the windows have another shape than the model's input.
        """
        shape = tuple(int(size) for size in self._input["shape"])
        if windows.ndim != 3 or windows[0:1].size not in (0, int(np.prod(shape))):
            raise HarmcuError(
                f"windows of shape {windows.shape} do not fit the model's input {shape}; "
                "use the model's own window and channels"
            )
        scores = np.empty((len(windows), int(np.prod(self._output["shape"]))), np.int8)
        for index, window in enumerate(windows):
            # A model with state (an LSTM) would otherwise remember the window before.
            self._interpreter.reset()
            self._interpreter.set_input(np.ascontiguousarray(window).reshape(shape), 0)
            self._interpreter.invoke()
            scores[index] = self._interpreter.get_output(0).ravel()
        return scores


def tensors(model: bytes, window: Samples, indices: Sequence[int]) -> list[Samples]:
    """Return tensors as TFLM's kernels compute them of one window.

    Args:
        model: a .tflite file as for ``Tflm``.
        window: int8 [window, channels].
        indices: numbers of int8 tensors, in the file.

    Returns:
        int8 [values] of each.

    Raises:
        HarmcuError: tflite-micro is missing, or cannot run the model and keep all its tensors.
    """
    runtime = _runtime()
    try:
        interpreter = runtime.Interpreter.from_bytes(
            model,
            arena_size=ARENA_BYTES,
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
        )
        shape = interpreter.get_input_details(0)["shape"]
        interpreter.set_input(np.ascontiguousarray(window).reshape(shape), 0)
        interpreter.invoke()
        return [np.asarray(interpreter.GetTensor(i, 0)["tensor_data"]).ravel() for i in indices]
    except (RuntimeError, ValueError) as error:
        raise HarmcuError(
            f"TensorFlow Lite Micro cannot show the model's layers ({error}); compare its scores"
        ) from error


def is_installed() -> bool:
    """Tell whether the package tflite-micro is here; without it, nothing can be compared."""
    return importlib.util.find_spec("tflite_micro") is not None


def measure_arena(model: bytes) -> Arena:
    """Measure the arena of a model with TFLM's recording allocator.

    The allocator counts on this 64-bit computer what it hands out: activations and scratch
    buffers, which have the same size on every target, and its own structures, which hold pointers
    and so are smaller on a 32-bit board. With the same kernels a board never needs more than what
    is measured here. The margin is ``ARENA_MARGIN_PERCENT`` for a board's own kernels, such as
    CMSIS-NN's, one step of alignment for an arena that starts unaligned, and what rounds the sum
    up to a multiple of ``ARENA_ALIGNMENT``.

    Raises:
        HarmcuError: tflite-micro is missing, or cannot run the model.
    """
    _runtime()
    result = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(ARENA_BYTES)],
        input=model,
        capture_output=True,
        check=False,
    )
    found = _TOTAL.search(result.stderr.decode(errors="replace"))
    if result.returncode or not found:
        raise HarmcuError(
            "TensorFlow Lite Micro cannot measure the model's arena; it has an operator that TFLM "
            f"lacks, or needs more than {ARENA_BYTES} bytes"
        )
    measured = int(found[1])
    wanted = measured + measured * ARENA_MARGIN_PERCENT // 100 + ARENA_ALIGNMENT
    rounded = -(-wanted // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
    return Arena(measured, rounded - measured)


def _runtime() -> Any:
    """Return tflite-micro's module, imported only where a model is run."""
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError as error:
        raise HarmcuError(
            'the package tflite-micro is not installed; pip install "harmcu[train]"'
        ) from error
    return runtime
