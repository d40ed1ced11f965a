"""The reference: TensorFlow Lite Micro's own kernels, from the package tflite-micro."""

import numpy as np
import numpy.typing as npt
from tflite_micro.python.tflite_micro import runtime


def tflm_scores(model: bytes, windows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Runs TFLM on int8 windows [count, *input shape]; gives int8 scores [count, outputs]."""
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=4_000_000)
    shape = interpreter.get_input_details(0)["shape"]
    rows = []
    for window in windows:
        # A layer with state would otherwise remember the window before.
        interpreter.reset()
        interpreter.set_input(window.reshape(shape), 0)
        interpreter.invoke()
        rows.append(np.asarray(interpreter.get_output(0), dtype=np.int8).ravel().copy())
    return np.stack(rows)
