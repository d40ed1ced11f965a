"""Architectures, one module each.

A module of this package is an architecture. Its file name is the name that users type, and it
has::

    SIZES: Mapping[str, object]            # the sizes that users may choose
    def train(
        size: str, material: Material, epochs: int | None, seed: int, progress: Progress
    ) -> Trained

where ``epochs`` None leaves their number to the architecture. A network builds itself in
floating point, names its ``Recipe`` and leaves the rest to ``trainer.fit.train``. The model
takes int8 [window, channels] and gives int8 scores [labels], quantised as
``INPUT`` and ``OUTPUT`` of ``trainer.spec`` say.

Modules are imported only when they are asked for: they bring TensorFlow with them.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from trainer.errors import HarmcuError
from trainer.progress import Progress
from trainer.training import Material, Trained


def names() -> tuple[str, ...]:
    """Return the names of all architectures, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def train(
    architecture: str,
    size: str,
    material: Material,
    epochs: int | None,
    seed: int,
    progress: Progress,
) -> Trained:
    """Train a model.

    Raises:
        HarmcuError: the architecture or size is unknown, or the material does not fit it.
    """
    module = _module(architecture)
    if size not in module.SIZES:
        raise HarmcuError(
            f"{architecture} has no size {size!r}; choose one of {', '.join(module.SIZES)}"
        )
    trained: Trained = module.train(size, material, epochs, seed, progress)
    return trained


def _module(architecture: str) -> ModuleType:
    if architecture not in names():
        raise HarmcuError(
            f"unknown architecture {architecture!r}; choose one of {', '.join(names())}"
        )
    return importlib.import_module(f"{__name__}.{architecture}")
