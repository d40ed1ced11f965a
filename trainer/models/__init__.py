"""Architectures, one module each.

A module of this package is an architecture. Its file name is the name that users type, and it
has::

    SIZES: Mapping[str, object]            # the sizes that users may choose
    def build(size: str, shape: Shape) -> tf_keras.Model

where the model takes float [batch, window, 1, channels] and gives the probabilities of the labels.
Modules are imported only when they are asked for: they bring TensorFlow with them.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from trainer.errors import UnknownNameError

if TYPE_CHECKING:
    import tf_keras


@dataclass(frozen=True)
class Shape:
    """What a model has to fit: samples and channels of a window, labels, and the hop in samples."""

    window: int
    hop: int
    channels: int
    labels: int


def names() -> tuple[str, ...]:
    """Return the names of all architectures, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def build(architecture: str, size: str, shape: Shape) -> tf_keras.Model:
    """Build an untrained network.

    Raises:
        HarmcuError: the architecture or size is unknown, or the shape does not fit it.
    """
    check(architecture, size)
    return _module(architecture).build(size, shape)


def check(architecture: str, size: str) -> None:
    """Check that a network of these names can be built.

    Raises:
        UnknownNameError: the architecture, or its size, is not known.
    """
    sizes = tuple(_module(architecture).SIZES)
    if size not in sizes:
        raise UnknownNameError(f"size of {architecture}", size, sizes)


def check_name(architecture: str) -> None:
    """Check the name of an architecture, without TensorFlow.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if architecture not in names():
        raise UnknownNameError("architecture", architecture, names())


def _module(architecture: str) -> ModuleType:
    check_name(architecture)
    return importlib.import_module(f"{__name__}.{architecture}")
