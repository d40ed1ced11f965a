"""What evaluates a model.

A .tflite file runs on TFLM's kernels where they install, else on TensorFlow's reference ones; a
nearest-neighbour model on the integers that define it.
"""

from __future__ import annotations

from trainer import knn, tflm
from trainer.golden import Engine


def load(model: bytes) -> Engine:
    """Return what runs a model: int8 windows [windows, window, channels] to int8 scores.

    Raises:
        HarmcuError: neither tflite-micro nor TensorFlow is installed, or they reject the model.
    """
    if knn.is_knn(model):
        return knn.read(model).run
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


def name(model: bytes) -> str:
    """Return the name of the kernels that ``load`` uses for a model, for people."""
    if knn.is_knn(model):
        return knn.NAME
    if tflm.is_installed():
        return tflm.NAME
    from trainer.reference import NAME

    return NAME
