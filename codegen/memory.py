"""Plans the arena: which bytes each activation occupies while it is alive."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from codegen.graph import Graph, Tensor

# Kernels may read an activation in words of four bytes, and a workspace in words of eight.
ALIGNMENT = 4
_WORKSPACE_ALIGNMENT = 8

# The search below stops after this much work, measured in pairs of buffers compared.
_SEARCH_BUDGET = 2_000_000


@dataclass(frozen=True)
class Buffer:
    """Bytes that one tensor, or a chain of reshaped ones, occupies.

    Attributes:
        tensors: indices of the tensors that share the bytes; empty for a layer's workspace.
        size: bytes, rounded up to ``alignment``.
        first: operator that writes it first; 0 for the graph's input, which is there before.
        last: operator that reads it last; the number of operators for the graph's output, which
            is copied out after them.
        offset: where it begins in the arena, a multiple of ``alignment``.
        alignment: in bytes.
    """

    tensors: tuple[int, ...]
    size: int
    first: int
    last: int
    offset: int
    alignment: int = ALIGNMENT

    def meets(self, other: "Buffer") -> bool:
        """Whether both are alive at the same time."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Overlap:
    """How an operator's output may lie over its first computed input, which nothing reads later.

    The output may begin ``distance`` bytes before the input, or ``distance`` plus any multiple of
    ``step``: the operator then never writes a byte of the input that it has still to read. Without
    a distance, it may also begin any multiple of ``step`` before or after the input.
    """

    distance: int | None
    step: int = 1

    def allows(self, source: int, output: int) -> bool:
        """Whether the output may begin at ``output`` when the input begins at ``source``."""
        extra = source - output - (self.distance or 0)
        return (extra >= 0 or self.distance is None) and extra % self.step == 0


IN_PLACE = Overlap(0, step=2**31)
"""Input and output begin at the same byte, or do not overlap at all."""


@dataclass(frozen=True)
class Plan:
    """Where every activation lies.

    Attributes:
        buffers: in the order in which they come alive.
        arena_bytes: size of the arena.
        lower_bound: the most bytes that are alive at once, those of an output that lies over its
            input counted once; no plan needs less.
    """

    buffers: tuple[Buffer, ...]
    arena_bytes: int
    lower_bound: int

    def offset(self, tensor: Tensor) -> int:
        """Where ``tensor`` begins in the arena, in bytes."""
        return next(buffer.offset for buffer in self.buffers if tensor.index in buffer.tensors)

    def workspace(self, layer: int) -> int:
        """Where the workspace of a layer that has one begins, in bytes."""
        return next(b.offset for b in self.buffers if not b.tensors and b.first == layer)


# By the tensors of an operator's input and those of its output.
_Overlaps = Mapping[tuple[tuple[int, ...], tuple[int, ...]], Overlap]


def plan(
    graph: Graph,
    in_place: Collection[int],
    workspaces: Mapping[int, int] | None = None,
    overlaps: Mapping[int, Overlap] | None = None,
) -> Plan:
    """Finds a small arena for the activations of ``graph``.

    Args:
        graph: every activation is int8.
        in_place: indices of the operators whose output takes over the bytes of their input.
        workspaces: bytes that an operator needs only while it runs, by its index.
        overlaps: how the output of an operator may lie over its first input that is no constant, by
            its index.

    Returns:
        A plan in which buffers that are alive together do not overlap, but for ``overlaps``. Orders
        of placement are tried until the lower bound is reached or the work limit is spent; the
        result depends on the graph alone.
    """
    buffers = _lives(graph, in_place) + _workspaces(workspaces or {})
    allowed = _allowed(graph, buffers, overlaps or {})
    bound = _lower_bound(buffers, allowed)
    trials = [_placed(order, allowed) for order in _orders(buffers)]
    best = min(trials + _from_both_ends(buffers, bound, allowed), key=_extent)
    best = _improved(best, bound, allowed)
    ordered = sorted(best, key=lambda buffer: (buffer.first, buffer.tensors))
    return Plan(tuple(ordered), _extent(best), bound)


def _allowed(
    graph: Graph, buffers: Sequence[Buffer], overlaps: Mapping[int, Overlap]
) -> dict[tuple[tuple[int, ...], tuple[int, ...]], Overlap]:
    """The overlaps of operators after which nothing reads their input."""
    owner = {index: buffer for buffer in buffers for index in buffer.tensors}
    allowed = {}
    for index, overlap in overlaps.items():
        operator = graph.operators[index]
        computed = [t for t in operator.inputs if t is not None and t.data is None]
        source, output = owner[computed[0].index], owner[operator.outputs[0].index]
        if source.last == index and output is not source:
            allowed[source.tensors, output.tensors] = overlap
    return allowed


def _lives(graph: Graph, in_place: Collection[int]) -> list[Buffer]:
    members: dict[int, list[Tensor]] = {graph.input.index: [graph.input]}
    owner = {graph.input.index: graph.input.index}
    first = {graph.input.index: 0}
    last = {graph.input.index: 0}
    for operator in graph.operators:
        for tensor in operator.inputs:
            if tensor is not None and tensor.data is None and not tensor.is_variable:
                last[owner[tensor.index]] = operator.index
        output = operator.outputs[0]
        source = operator.inputs[0]
        if operator.index in in_place and source is not None:
            owner[output.index] = owner[source.index]
            members[owner[output.index]].append(output)
            continue
        owner[output.index] = output.index
        members[output.index] = [output]
        first[output.index] = last[output.index] = operator.index
    last[owner[graph.output.index]] = len(graph.operators)
    return [
        Buffer(
            tensors=tuple(tensor.index for tensor in tensors),
            size=_rounded_up(tensors[0].elements, ALIGNMENT),
            first=first[root],
            last=last[root],
            offset=0,
        )
        for root, tensors in members.items()
    ]


def _workspaces(sizes: Mapping[int, int]) -> list[Buffer]:
    step = _WORKSPACE_ALIGNMENT
    return [
        Buffer((), _rounded_up(size, step), index, index, 0, step) for index, size in sizes.items()
    ]


def _lower_bound(buffers: Sequence[Buffer], allowed: _Overlaps) -> int:
    # The sum only grows where a buffer comes alive, so looking there is enough.
    return max(
        sum(other.size for other in buffers if other.first <= time <= other.last)
        - _saved(buffers, allowed, time)
        for time in {buffer.first for buffer in buffers}
    )


def _saved(buffers: Sequence[Buffer], allowed: _Overlaps, time: int) -> int:
    """The bytes that the input and the output of the operator at ``time`` can share."""
    sizes = {buffer.tensors: buffer.size for buffer in buffers if buffer.tensors}
    lasts = {buffer.tensors: buffer.last for buffer in buffers}
    return sum(
        max(0, min(sizes[source], sizes[output] - (overlap.distance or 0)))
        for (source, output), overlap in allowed.items()
        if lasts[source] == time
    )


def _orders(buffers: Sequence[Buffer]) -> list[list[Buffer]]:
    return [
        list(buffers),
        list(reversed(buffers)),
        sorted(buffers, key=lambda b: (-b.size, b.first)),
        sorted(buffers, key=lambda b: (-b.size * (b.last - b.first + 1), b.first)),
    ]


def _placed(order: Iterable[Buffer], allowed: _Overlaps) -> list[Buffer]:
    """Gives each buffer in turn the lowest offset that is free for all of its life."""
    placed: list[Buffer] = []
    for buffer in order:
        others = [other for other in placed if buffer.meets(other)]
        offsets = {0}.union(*(_beside(buffer, other, allowed) for other in others))
        free = (
            offset
            for offset in sorted(offsets)
            if all(_is_free(replace(buffer, offset=offset), other, allowed) for other in others)
        )
        placed.append(replace(buffer, offset=next(free)))
    return placed


def _from_both_ends(
    buffers: Sequence[Buffer], bound: int, allowed: _Overlaps
) -> list[list[Buffer]]:
    """One buffer at the bottom and the next at the top, if that fits into ``bound``.

    It always does in a chain of layers, where two are alive at once and neither needs a workspace.
    """
    tops = [(bound - buffer.size) // buffer.alignment * buffer.alignment for buffer in buffers]
    placed = [
        replace(buffer, offset=top if number % 2 else 0)
        for number, (buffer, top) in enumerate(zip(buffers, tops, strict=True))
    ]
    pairs = combinations(placed, 2)
    fits = all(_is_free(one, other, allowed) for one, other in pairs if one.meets(other))
    return [placed] if fits else []


def _beside(buffer: Buffer, other: Buffer, allowed: _Overlaps) -> set[int]:
    """The offsets next to or over ``other`` at which ``buffer`` may begin."""
    offsets = {other.offset + other.size}
    if over := allowed.get((other.tensors, buffer.tensors)):
        before = other.offset - (over.distance or 0)
        offsets.add(before // buffer.alignment * buffer.alignment)
    if under := allowed.get((buffer.tensors, other.tensors)):
        offsets.add(other.offset + (under.distance or 0))
    return {_rounded_up(offset, buffer.alignment) for offset in offsets if offset >= 0}


def _is_free(buffer: Buffer, other: Buffer, allowed: _Overlaps) -> bool:
    if buffer.offset + buffer.size <= other.offset or other.offset + other.size <= buffer.offset:
        return True
    over = allowed.get((other.tensors, buffer.tensors))
    under = allowed.get((buffer.tensors, other.tensors))
    return (over is not None and over.allows(other.offset, buffer.offset)) or (
        under is not None and under.allows(buffer.offset, other.offset)
    )


def _rounded_up(count: int, step: int) -> int:
    return -(-count // step) * step


def _extent(buffers: Iterable[Buffer]) -> int:
    return max(buffer.offset + buffer.size for buffer in buffers)


def _improved(best: list[Buffer], bound: int, allowed: _Overlaps) -> list[Buffer]:
    """Swaps pairs in the order of placement while that shrinks the arena."""
    count = len(best)
    trials = _SEARCH_BUDGET // (count * count)
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)] if trials else []
    progress = True
    while progress and _extent(best) > bound:
        progress = False
        for i, j in pairs:
            if trials == 0 or _extent(best) == bound:
                break
            trials -= 1
            order = list(best)
            order[i], order[j] = order[j], order[i]
            candidate = _placed(order, allowed)
            if _extent(candidate) < _extent(best):
                best, progress = candidate, True
    return best
