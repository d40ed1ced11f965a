"""TensorFlow Lite on this computer: its reference kernels, and those that it takes by default.

The reference kernels evaluate where the package tflite-micro has no wheel. They differ from TFLM's
by a step of int8 now and then. The default ones, XNNPACK's, differ from a board's by some steps;
they are only ever compared with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trainer import backend
from trainer.sample_path import Samples

NAME = "TensorFlow's reference kernels"


class Reference:
    """A model in TensorFlow's interpreter, called with one window after the other."""

    def __init__(self, model: bytes, by_default: bool = False) -> None:
        """Load a model.

        Args:
            model: a .tflite file with int8 input [1, window, 1, channels] and int8 output.
            by_default: take the kernels that TensorFlow Lite takes unless told otherwise.

        Raises:
            HarmcuError: TensorFlow is not installed.
        """
        backend.start(0)
        self._interpreter = _interpreter(model, by_default)
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]

    def run(self, windows: Samples) -> Samples:
        """Return the scores of windows, each seen by itself.

        Args:
            windows: int8 [windows, window, channels].

        Returns:
            int8 [windows, labels].
        """
        scores = np.empty((len(windows), int(self._output["shape"][-1])), np.int8)
        for index, window in enumerate(windows):
            # A model with state (an LSTM) would otherwise remember the window before.
            self._interpreter.reset_all_variables()
            self._interpreter.set_tensor(self._input["index"], window.reshape(self._input["shape"]))
            self._interpreter.invoke()
            scores[index] = self._interpreter.get_tensor(self._output["index"]).ravel()
        return scores


def _interpreter(model: bytes, by_default: bool) -> Any:
    import tensorflow as tf

    kinds = tf.lite.experimental.OpResolverType
    with backend.silenced():
        interpreter = tf.lite.Interpreter(
            model_content=model,
            experimental_op_resolver_type=kinds.AUTO if by_default else kinds.BUILTIN_REF,
        )
        interpreter.allocate_tensors()
    return interpreter


def run_float(model: bytes, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Run an exported model as an app would: in the default interpreter.

    Args:
        model: a .tflite file with float32 input [1, window, 1, channels].
        windows: float32 [windows, window, channels].

    Returns:
        float32 [windows, labels].

    Raises:
        HarmcuError: TensorFlow is not installed.
    """
    backend.start(0)
    import tensorflow as tf

    with backend.silenced():
        interpreter = tf.lite.Interpreter(model_content=model)
        interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scores = np.empty((len(windows), int(target["shape"][-1])), np.float32)
    for index, window in enumerate(windows):
        # A model with state (an LSTM) would otherwise remember the window before.
        interpreter.reset_all_variables()
        interpreter.set_tensor(source["index"], window.reshape(source["shape"]))
        interpreter.invoke()
        scores[index] = interpreter.get_tensor(target["index"]).ravel()
    return scores
