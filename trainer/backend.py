"""TensorFlow, started quietly and so that the same seed gives the same model."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from trainer import tflm
from trainer.errors import HarmcuError

THREADS = 2
"""Threads of one operation. Fixed, because sums are split among threads and rounded in parts."""

_ENVIRONMENT = {
    # tfmot takes models of Keras 2 only.
    "TF_USE_LEGACY_KERAS": "1",
    # oneDNN chooses its kernels, and with them the rounding, by the processor.
    "TF_ENABLE_ONEDNN_OPTS": "0",
    # The network is small; a graphics card would not be faster, and would round differently.
    "CUDA_VISIBLE_DEVICES": "-1",
}


def prepare() -> None:
    """Set the environment in which TensorFlow has to be imported.

    Raises:
        HarmcuError: TensorFlow was imported before, in another one.
    """
    if "tensorflow" not in sys.modules:
        os.environ.update(_ENVIRONMENT)
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # A training in another environment ends with another model, and not always with the same one.
    if any(os.environ.get(name) != value for name, value in _ENVIRONMENT.items()):
        wanted = " ".join(f"{name}={value}" for name, value in _ENVIRONMENT.items())
        raise HarmcuError(
            f"TensorFlow was imported before the trainer could set it up; set {wanted} in the "
            "environment"
        )


def start(seed: int) -> None:
    """Import TensorFlow, seed everything and ask for deterministic operations.

    Raises:
        HarmcuError: TensorFlow, tf-keras or tensorflow-model-optimization is not installed, or
            was imported before with other settings.
    """
    prepare()
    try:
        with silenced():
            import tensorflow as tf
            import tensorflow_model_optimization  # noqa: F401  (fails here, not after training)
            import tf_keras

            _use_fixed_threads(tf)
            tf.config.experimental.enable_op_determinism()
            tf_keras.backend.clear_session()
            # Dropout then draws from generators that ``seed_layers`` can seed anew.
            tf_keras.backend.experimental.enable_tf_random_generator()
            # The first operation makes TensorFlow look for devices, and say so.
            tf.zeros(1)
    except ImportError as error:
        raise HarmcuError(
            f'training needs TensorFlow ({error}); pip install "harmcu[train]"'
        ) from error
    random.seed(seed)
    np.random.seed(seed % 2**32)
    tf.random.set_seed(seed)
    tf.get_logger().setLevel("ERROR")


def seed_layers(model: Any, seed: int) -> None:
    """Seed the layers of a network that draw at random, such as dropout.

    Args:
        model: a tf_keras.Model; the layers inside of wrappers count too.
        seed: the layers get this and the numbers after it.
    """
    for number, layer in enumerate(model.submodules):
        source = getattr(layer, "_random_generator", None)
        generator = getattr(source, "_generator", None)
        if generator is not None:
            generator.reset_from_seed(seed + number)


def versions() -> dict[str, str]:
    """Return the versions of what decides the bits of a model."""
    from importlib.metadata import version

    packages = ["harmcu", "numpy", "tensorflow", "tf-keras", "tensorflow-model-optimization"]
    if tflm.is_installed():
        packages.append("tflite-micro")
    return {"python": sys.version.split()[0], **{name: version(name) for name in packages}}


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Drop what native code writes to standard error, and Python's warnings.

    Nothing of ours may report inside: it would be dropped as well.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


def _use_fixed_threads(tf: Any) -> None:
    # Refused once TensorFlow has run an operation: then a training before this one has set them.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS)
