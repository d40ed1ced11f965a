"""Nested loops over tensors, for layers whose operands step differently along their axes."""

import math
from collections.abc import Iterable, Sequence

from codegen.graph import Operator
from codegen.kernels.layer import Fields
from codegen.kernels.rules import require

# Nested loops of a harmcu_walk.
_AXES = 4


def dense_strides(shape: Sequence[int]) -> list[int]:
    """How far one step along each axis moves in a tensor that lies row after row."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def broadcast_strides(shape: Sequence[int], target: Sequence[int]) -> list[int]:
    """The same for a tensor of ``shape`` that is repeated to ``target``; 0 where it repeats."""
    missing = len(target) - len(shape)
    steps = [
        0 if size == 1 else step for size, step in zip(shape, dense_strides(shape), strict=True)
    ]
    return [0] * missing + steps


def walk_fields(
    operator: Operator, sizes: Iterable[int], first: Iterable[int], second: Iterable[int]
) -> Fields:
    """A ``harmcu_walk``: neighbouring axes that either array sees as one become one.

    Args:
        operator: for messages.
        sizes: of each axis, outermost first.
        first: steps of one array along the axes.
        second: steps of the other.
    """
    merged: list[tuple[int, int, int]] = []
    for size, step, other in zip(sizes, first, second, strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1:] == (size * step, size * other):
            size *= merged.pop()[0]
        merged.append((size, step, other))
    require(len(merged) <= _AXES, operator, f"it walks along {len(merged)} separate axes")
    loops = [(1, 0, 0)] * (_AXES - len(merged)) + merged
    names = ("size", "first", "second")
    return {name: tuple(loop[place] for loop in loops) for place, name in enumerate(names)}
