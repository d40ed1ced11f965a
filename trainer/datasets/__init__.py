"""Public data sets and recordings in, canonical recordings out: one module a format.

A module of this package is an adapter. Its file name, with ``-`` for ``_``, is the name that users
type, and it has one function::

    def load(path: Path | None) -> Dataset

so that adding a format is adding a file. Adapters are imported only when they are asked for.
"""

import importlib
import pkgutil
from pathlib import Path

from trainer.errors import HarmcuError
from trainer.recording import Dataset


def names() -> tuple[str, ...]:
    """Return the names of all adapters, sorted."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def load(name: str, path: Path | None = None) -> Dataset:
    """Load data set ``name``, from ``path`` where it is not part of an installed package.

    Raises HarmcuError for an unknown name and for anything wrong with the data.
    """
    if name not in names():
        raise HarmcuError(f"unknown data set {name!r}; choose one of {', '.join(names())}")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    dataset: Dataset = module.load(path)
    return dataset
