"""A layer as codegen sees it: the kernel that computes it, and every number that this needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union

import numpy as np
import numpy.typing as npt

from codegen.graph import Operator, Tensor
from codegen.memory import Overlap

# Initialisers of a struct by member. A tuple is an array or a harmcu_extent, height first; a text
# is the name of a table of the layer.
Value = Union[int, str, tuple["int | Fields", ...], "Fields"]
Fields = Mapping[str, Value]


@dataclass(frozen=True)
class Struct:
    """A constant of one of the types in harmcu/kernels.h, as designated initialisers."""

    type: str
    name: str
    fields: Fields


@dataclass(frozen=True, eq=False)
class Weights:
    """What is behind a ``harmcu_weights``; all arrays but ``weights`` have one value a channel."""

    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    multiplier: npt.NDArray[np.int32]
    shift: npt.NDArray[np.int8]
    has_short_rescale: bool

    @property
    def nbytes(self) -> int:
        """Bytes of flash."""
        arrays = (self.weights, self.bias, self.multiplier, self.shift)
        return sum(array.nbytes for array in arrays)


@dataclass(frozen=True, eq=False)
class Table:
    """An array of constants besides ``Weights``, int8 or int32."""

    name: str
    values: npt.NDArray[np.int8] | npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Layer:
    """One operator, ready to be written as C.

    Attributes:
        operator: where it comes from.
        inputs: the activations that it reads.
        output: the activation that it writes.
        source: file in firmware/src/kernels/ that holds the kernel; empty when the output is the
            input under another shape and nothing is to be done.
        structs: constants that the calls name.
        calls: C statements; ``input0``, ``input1``... and ``output`` are the activations, and
            ``{name}`` is the table of that name.
        weights: None for layers without.
        tables: what else the layer needs in flash.
        macs: multiplications of a weight and an input, padding included.
        workspace: int16 values that the kernel needs while it runs; the calls name them
            ``workspace``.
        overlap: how the output may lie over the first input; None if it may not.
    """

    operator: Operator
    inputs: tuple[Tensor, ...]
    output: Tensor
    source: str
    structs: tuple[Struct, ...]
    calls: tuple[str, ...]
    weights: Weights | None = None
    macs: int = 0
    workspace: int = 0
    tables: tuple[Table, ...] = ()
    overlap: Overlap | None = None

    @property
    def is_in_place(self) -> bool:
        """Whether the output takes over the bytes of the input."""
        return not self.source

    @property
    def constant_bytes(self) -> int:
        """Bytes of flash for weights and tables."""
        weights = self.weights.nbytes if self.weights is not None else 0
        return weights + sum(table.values.nbytes for table in self.tables)
