"""Plans the arena: which bytes each activation occupies while it is alive."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

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
class Plan:
    """Where every activation lies.

    Attributes:
        buffers: in the order in which they come alive.
        arena_bytes: size of the arena.
        lower_bound: the most bytes that are alive at once; no plan needs less.
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


def plan(
    graph: Graph, in_place: Collection[int], workspaces: Mapping[int, int] | None = None
) -> Plan:
    """Finds a small arena for the activations of ``graph``.

    Args:
        graph: every activation is int8.
        in_place: indices of the operators whose output takes over the bytes of their input.
        workspaces: bytes that an operator needs only while it runs, by its index.

    Returns:
        A plan in which buffers that are alive together do not overlap. Orders of placement are
        tried until the lower bound is reached or the work limit is spent; the result depends on
        the graph alone.
    """
    buffers = _lives(graph, in_place) + _workspaces(workspaces or {})
    bound = _lower_bound(buffers)
    best = min((_placed(order) for order in _orders(buffers)), key=_extent)
    best = _improved(best, bound)
    ordered = sorted(best, key=lambda buffer: (buffer.first, buffer.tensors))
    return Plan(tuple(ordered), _extent(best), bound)


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
            size=-(-tensors[0].elements // ALIGNMENT) * ALIGNMENT,
            first=first[root],
            last=last[root],
            offset=0,
        )
        for root, tensors in members.items()
    ]


def _workspaces(sizes: Mapping[int, int]) -> list[Buffer]:
    step = _WORKSPACE_ALIGNMENT
    return [
        Buffer((), -(-size // step) * step, index, index, 0, step) for index, size in sizes.items()
    ]


def _lower_bound(buffers: Iterable[Buffer]) -> int:
    # The sum only grows where a buffer comes alive, so looking there is enough.
    alive = list(buffers)
    return max(
        sum(other.size for other in alive if other.first <= buffer.first <= other.last)
        for buffer in alive
    )


def _orders(buffers: Sequence[Buffer]) -> list[list[Buffer]]:
    return [
        list(buffers),
        list(reversed(buffers)),
        sorted(buffers, key=lambda b: (-b.size, b.first)),
        sorted(buffers, key=lambda b: (-b.size * (b.last - b.first + 1), b.first)),
    ]


def _placed(order: Iterable[Buffer]) -> list[Buffer]:
    """Gives each buffer in turn the lowest offset that is free for all of its life."""
    placed: list[Buffer] = []
    for buffer in order:
        offset, step = 0, buffer.alignment
        for other in sorted(filter(buffer.meets, placed), key=lambda b: b.offset):
            if offset + buffer.size <= other.offset:
                break
            offset = max(offset, -(-(other.offset + other.size) // step) * step)
        placed.append(replace(buffer, offset=offset))
    return placed


def _extent(buffers: Iterable[Buffer]) -> int:
    return max(buffer.offset + buffer.size for buffer in buffers)


def _improved(best: list[Buffer], bound: int) -> list[Buffer]:
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
            candidate = _placed(order)
            if _extent(candidate) < _extent(best):
                best, progress = candidate, True
    return best
