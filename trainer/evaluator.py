"""What evaluates a model: TFLM's kernels where they install, else TensorFlow's reference ones."""

from __future__ import annotations

from trainer import tflm
from trainer.golden import Engine


def load(model: bytes) -> Engine:
    """Return what runs a model: int8 windows [windows, window, channels] to int8 scores.

    Raises:
        HarmcuError: neither tflite-micro nor TensorFlow is installed, or they reject the model.
    """
    if tflm.is_installed():
        return tflm.Tflm(model).run
    from trainer.reference import Reference

    return Reference(model).run


def desktop(model: bytes) -> Engine:
    """Return the interpreter that a desktop program would use, to compare with.

    Raises:
        HarmcuError: TensorFlow is not installed.
    """
    from trainer.reference import Reference

    return Reference(model, by_default=True).run


def name() -> str:
    """Return the name of the kernels that ``load`` uses, for people."""
    if tflm.is_installed():
        return tflm.NAME
    from trainer.reference import NAME

    return NAME
