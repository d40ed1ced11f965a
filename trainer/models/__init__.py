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

import dataclasses
import importlib
import pkgutil
from types import ModuleType
from typing import Any

from trainer.errors import UnknownNameError
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
    check(architecture, size)
    trained: Trained = _module(architecture).train(size, material, epochs, seed, progress)
    return trained


def check(architecture: str, size: str) -> None:
    """Check that a model of these names can be trained.

    Raises:
        UnknownNameError: the architecture, or its size, is not known.
    """
    sizes = tuple(_module(architecture).SIZES)
    if size not in sizes:
        raise UnknownNameError(f"size of {architecture}", size, sizes)


def settings(architecture: str, size: str) -> dict[str, Any]:
    """Return what an architecture decides about a training: its size and, of a network, its recipe.

    Raises:
        UnknownNameError: the architecture, or its size, is not known.
    """
    check(architecture, size)
    module = _module(architecture)
    recipe = getattr(module, "RECIPE", None)
    return {
        "size": repr(module.SIZES[size]),
        "recipe": dataclasses.asdict(recipe) if recipe else None,
    }


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
