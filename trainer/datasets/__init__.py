"""Public data sets and recordings in, canonical recordings out: one module a format.

A module of this package is an adapter. Its file name, with ``-`` for ``_``, is the name that users
type, and it has one function::

    def load(path: Path | None) -> Dataset

so that adding a format is adding a file. A format whose files do not say everything themselves
names what a user may say, fields of ``trainer.reading.options.Options``, and takes it::

    OPTIONS = ("columns", "rate_millihertz")
    def load(path: Path | None, options: Options | None = None) -> Dataset

Adapters are imported only when they are asked for.
"""

import importlib
import pkgutil
from pathlib import Path

from trainer.errors import HarmcuError, UnknownNameError
from trainer.reading.options import Options
from trainer.recording import Dataset

_SAME_PEOPLE = ({"uci-har", "hapt"}, {"csv", "edge-impulse", "recordings"})
"""Data sets that recorded the same subjects, under the same names, and formats that may have."""


def are_same_people(one: str, other: str) -> bool:
    """Tell whether subjects of the same name may be the same people in two data sets."""
    return one == other or any({one, other} <= names for names in _SAME_PEOPLE)


def names() -> tuple[str, ...]:
    """Return the names of all adapters, sorted."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def load(name: str, path: Path | None = None, options: Options | None = None) -> Dataset:
    """Load data set ``name``, from ``path`` where it is not part of an installed package.

    Raises HarmcuError for an unknown name, for a choice that the format leaves no one, and for
    anything wrong with the data.
    """
    if name not in names():
        raise UnknownNameError("data set", name, names())
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    taken = getattr(module, "OPTIONS", ())
    options = options or Options()
    for choice in options.given:
        if choice not in taken:
            option = choice.removesuffix("_millihertz")
            raise HarmcuError(f"{name} says its {option} itself; leave out --{option}")
    dataset: Dataset = module.load(path, options) if taken else module.load(path)
    return dataset
