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

from trainer.errors import HarmcuError

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
    module = _module(architecture)
    if size not in module.SIZES:
        raise HarmcuError(
            f"{architecture} has no size {size!r}; choose one of {', '.join(module.SIZES)}"
        )
    return module.build(size, shape)


def _module(architecture: str) -> ModuleType:
    if architecture not in names():
        raise HarmcuError(
            f"unknown architecture {architecture!r}; choose one of {', '.join(names())}"
        )
    return importlib.import_module(f"{__name__}.{architecture}")
