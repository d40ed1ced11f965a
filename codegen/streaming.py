"""Finds how a model runs on a stream: which columns every few samples add, and what is kept.

A tensor that still has the time axis consists of columns; column i of a window that starts at
sample s covers the samples from s + i * stride on. When every stride divides the hop, the columns
of consecutive windows are the same ones, so each needs to be computed only once. docs/streaming.md
explains the rest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from codegen import estimate, kernels, stream_estimate
from codegen.graph import ConvOptions, Graph, Operator, PoolOptions, Tensor
from codegen.kernels import Layer
from codegen.memory import Overlap

# Sums of int8 over this many columns fit int16.
_MOST_BLOCK_COLUMNS = 256
# More columns of the last layer in one step than this only cost memory.
_MOST_STEP_COLUMNS = 8
# A step of fewer samples needs less RAM and is taken when it costs at most this much more.
_TOLERANCE = 1.02

_RESHAPES = frozenset({"RESHAPE", "EXPAND_DIMS", "SQUEEZE"})
_COLUMN_WISE = frozenset({"ADD", "CONCATENATION", "LOGISTIC", "MUL", "QUANTIZE"})
_POOLS = frozenset({"MEAN", "REDUCE_MAX", "SUM"})


class CannotStreamError(Exception):
    """Why a model needs whole windows, as the end of a sentence."""


@dataclass(frozen=True)
class Track:
    """A tensor with a time axis.

    Attributes:
        root: index of the tensor whose bytes it shares; its own unless a layer reshaped it.
        axis: the time axis; all axes before it have size 1.
        columns: of a window.
        stride: samples from one column to the next.
        size: int8 values of a column.
    """

    root: int
    axis: int
    columns: int
    stride: int
    size: int


@dataclass(frozen=True)
class Walk:
    """How a layer walks along time: each of its columns sees ``reach`` columns of its input."""

    reach: int
    stride: int


@dataclass(frozen=True, eq=False)
class Timeline:
    """What of a model depends on time.

    Attributes:
        graph: the model.
        hop: samples.
        tracks: by tensor.
        walks: of the layers on the time axis, by operator.
        pools: operators that reduce the time axis.
        needed: columns of each root that have to be there when a window ends.
        stride: samples from one column to the next in the slowest tensor.
    """

    graph: Graph
    hop: int
    tracks: dict[int, Track]
    walks: dict[int, Walk]
    pools: tuple[Operator, ...]
    needed: dict[int, int]
    stride: int

    def root(self, tensor: Tensor) -> Track:
        """The track of the tensor whose bytes ``tensor`` shares."""
        return self.tracks[self.tracks[tensor.index].root]


@dataclass(frozen=True)
class Buffer:
    """The columns of one tensor during a step: those kept from before, then the new ones.

    Attributes:
        kept: columns from earlier steps.
        new: columns that a step adds.
        size: bytes of a column.
    """

    kept: int
    new: int
    size: int

    @property
    def kept_bytes(self) -> int:
        """Bytes that stay from one step to the next."""
        return self.kept * self.size

    @property
    def new_bytes(self) -> int:
        """Bytes that a step adds."""
        return self.new * self.size


@dataclass(frozen=True, eq=False)
class StreamPool:
    """The columns that reductions over time gather; members as in ``harmcu_stream_pool_layer``.

    Attributes:
        root: the tensor.
        has_sums, has_maxima: what its reductions need.
    """

    root: int
    channels: int
    columns: int
    before: int
    blocks: int
    steps: int
    first_start: int
    has_sums: bool
    has_maxima: bool

    @property
    def state_bytes(self) -> int:
        """RAM for the blocks."""
        return self.blocks * self.channels * (2 * self.has_sums + self.has_maxima)


@dataclass(frozen=True, eq=False)
class Stream:
    """A model cut into steps of equal length, and a head that runs when a window ends.

    Attributes:
        timeline: the model.
        samples: that come with a step.
        first_samples: those with which the first step of a stream is complete.
        step: layers of a step.
        head: layers behind the reductions; the reductions themselves included, lowered as they
            are in the whole model.
        buffers: by root tensor; that of the graph's input holds the samples.
        offsets: bytes into its input's buffer at which a layer begins to read, by operator and
            place among the inputs.
        pools: by root tensor.
    """

    timeline: Timeline
    samples: int
    first_samples: int
    step: tuple[Layer, ...]
    head: tuple[Layer, ...]
    buffers: dict[int, Buffer]
    offsets: dict[tuple[int, int], int]
    pools: dict[int, StreamPool]

    @property
    def steps_a_hop(self) -> int:
        """Steps between two windows."""
        return self.timeline.hop // self.samples

    @property
    def macs(self) -> int:
        """Multiplications of a weight and an input for each hop, padding of the width included."""
        step = sum(layer.macs for layer in self.step)
        return self.steps_a_hop * step + sum(layer.macs for layer in self.head)

    @property
    def work(self) -> stream_estimate.Work:
        """What each hop does, for the estimate."""
        pooled = {operator.index for operator in self.timeline.pools}
        return stream_estimate.Work(
            steps=self.steps_a_hop,
            step=self.step,
            head=tuple(layer for layer in self.head if layer.operator.index not in pooled),
            samples=self.samples,
            kept=sum(buffer.kept > 0 for buffer in self.buffers.values()),
            pushed=tuple((pool.channels, pool.columns) for pool in self.pools.values()),
            pooled=tuple(map(self._pooled, self.timeline.pools)),
        )

    @property
    def estimate(self) -> int:
        """Instructions for each hop on a Cortex-M4."""
        return stream_estimate.instructions(self.work)

    def _pooled(self, operator: Operator) -> tuple[str, int, int]:
        source = operator.inputs[0]
        assert source is not None
        pool = self.pools[self.timeline.root(source).root]
        return operator.name, pool.channels, pool.blocks

    @property
    def state_bytes(self) -> int:
        """RAM that lives from step to step, the samples of an unfinished step included."""
        source = self.buffers[self.timeline.graph.input.index]
        kept = sum(buffer.kept_bytes for buffer in self.buffers.values())
        pools = sum(pool.state_bytes for pool in self.pools.values())
        return kept + source.new * source.size + pools


def plan(graph: Graph, hop: int) -> Stream:
    """Cuts a model into steps.

    Raises:
        CannotStreamError: the model needs whole windows.
        HarmcuError: the aot engine cannot run the model at all.
    """
    timeline = _timeline(graph, hop)
    lowered = [kernels.lower(operator) for operator in graph.operators]
    whole = sum(estimate.instructions(layer) for layer in lowered if not layer.is_in_place)
    candidates = [_stream(timeline, columns) for columns in _step_columns(timeline)]
    limit = min(candidate.estimate for candidate in candidates)
    _check_gain(hop, limit, whole)
    affordable = [c for c in candidates if c.estimate <= _TOLERANCE * limit]
    return min(affordable, key=lambda candidate: candidate.samples)


def _check_gain(hop: int, instructions: int, whole: int) -> None:
    if instructions >= whole:
        raise CannotStreamError(
            f"the columns of a hop of {hop} take some {instructions:,} instructions and those of a "
            f"whole window {whole:,}"
        )


def _step_columns(timeline: Timeline) -> list[int]:
    """How many columns of the slowest tensor a step may bring, so that steps fill a hop."""
    columns = timeline.hop // timeline.stride
    return [n for n in range(1, min(columns, _MOST_STEP_COLUMNS) + 1) if columns % n == 0]


def _timeline(graph: Graph, hop: int) -> Timeline:
    tracks = {graph.input.index: _input_track(graph.input)}
    walks: dict[int, Walk] = {}
    pools = []
    for operator in graph.operators:
        on_time = [t for t in operator.inputs if t is not None and t.index in tracks]
        if not on_time:
            continue
        if operator.name in _POOLS:
            _check_pool(operator, tracks[on_time[0].index], hop)
            pools.append(operator)
            continue
        walk, track = _follow(operator, tracks)
        if hop % track.stride:
            raise CannotStreamError(
                f"the hop {hop} is not a multiple of {track.stride}, the product of strides and "
                f"pools up to {operator.label}"
            )
        walks[operator.index] = walk
        tracks[operator.outputs[0].index] = track
    if not pools or graph.output.index in tracks:
        raise CannotStreamError("no layer averages over time or takes the maximum of it")
    stride = math.lcm(*(track.stride for track in tracks.values()))
    timeline = Timeline(graph, hop, tracks, walks, tuple(pools), {}, stride)
    return replace(timeline, needed=_needed(timeline))


def _input_track(tensor: Tensor) -> Track:
    axis = next((axis for axis, size in enumerate(tensor.shape) if size > 1), None)
    if axis is None:
        raise CannotStreamError("its input has no time axis")
    size = math.prod(tensor.shape[axis + 1 :])
    return Track(tensor.index, axis, tensor.shape[axis], 1, size)


def _follow(operator: Operator, tracks: dict[int, Track]) -> tuple[Walk, Track]:
    """How a layer walks along time, and the track of what it writes."""
    source, output = operator.inputs[0], operator.outputs[0]
    if operator.name in _RESHAPES and source is not None:
        return Walk(1, 1), _reshaped(operator, tracks[source.index])
    if operator.name in _COLUMN_WISE:
        return Walk(1, 1), _column_wise(operator, tracks)
    if not isinstance(operator.options, ConvOptions | PoolOptions) or source is None:
        raise CannotStreamError(f"{operator.label} needs all columns of a window at once")
    if source.index not in tracks or len(source.shape) != 4 or len(output.shape) != 4:
        raise CannotStreamError(f"{operator.label} mixes columns with what is no column")
    track = tracks[source.index]
    walk = _walk(operator, track)
    columns, size = output.shape[track.axis], math.prod(output.shape[track.axis + 1 :])
    padding = (columns - 1) * walk.stride + walk.reach - track.columns
    if padding > 0:
        raise CannotStreamError(f"{operator.label} pads the time axis (SAME); use VALID")
    if math.prod(output.shape[: track.axis]) != 1:
        raise CannotStreamError(f"{operator.label} has another axis before time")
    return walk, Track(output.index, track.axis, columns, track.stride * walk.stride, size)


def _walk(operator: Operator, track: Track) -> Walk:
    options = operator.options
    assert isinstance(options, ConvOptions | PoolOptions)
    if track.axis not in (1, 2):
        raise CannotStreamError(f"{operator.label} does not walk along time")
    along_height = track.axis == 1
    stride = options.stride_height if along_height else options.stride_width
    if isinstance(options, PoolOptions):
        reach = options.filter_height if along_height else options.filter_width
        return Walk(reach, stride)
    weights = operator.inputs[1]
    assert weights is not None
    dilation = options.dilation_height if along_height else options.dilation_width
    return Walk((weights.shape[track.axis] - 1) * dilation + 1, stride)


def _reshaped(operator: Operator, source: Track) -> Track:
    shape = operator.outputs[0].shape
    axis = next((axis for axis, size in enumerate(shape) if size > 1), 0)
    size = math.prod(shape[axis + 1 :])
    if (shape[axis : axis + 1], size) != ((source.columns,), source.size):
        raise CannotStreamError(f"{operator.label} needs all columns of a window at once")
    return replace(source, axis=axis)


def _column_wise(operator: Operator, tracks: dict[int, Track]) -> Track:
    """The track of what a layer writes that makes one column of the same column of each input."""
    output = operator.outputs[0]
    tensors = [tensor for tensor in operator.inputs if tensor is not None]
    on_time = [tracks[tensor.index] for tensor in tensors if tensor.index in tracks]
    first = on_time[0]
    rank = len(output.shape)
    columns = {(track.axis, track.columns, track.stride) for track in on_time}
    is_alike = columns == {(first.axis, output.shape[first.axis], first.stride)}
    others = [tensor for tensor in tensors if tensor.index not in tracks]
    if operator.name == "CONCATENATION":
        axis = getattr(operator.options, "axis", 0) % rank
        is_alike = is_alike and axis > first.axis and not others
    # A constant may take part as far as it is the same for every column.
    are_constant = all(
        tensor.data is not None and math.prod(tensor.shape[: first.axis + 1 - rank or None]) == 1
        for tensor in others
    )
    if not is_alike or not are_constant:
        raise CannotStreamError(f"{operator.label} needs all columns of a window at once")
    size = math.prod(output.shape[first.axis + 1 :])
    return Track(output.index, first.axis, first.columns, first.stride, size)


def _reduced(operator: Operator, track: Track) -> int:
    """How many values of a column a reduction over time takes together; 0 if it is another one."""
    source, axes = operator.inputs[0], operator.inputs[1]
    assert source is not None
    if axes is None or axes.data is None:
        return 0
    rank = len(source.shape)
    given = {int(axis) % rank for axis in np.frombuffer(axes.data, dtype="<i4")}
    reduced = {axis for axis in given if source.shape[axis] > 1} | ({track.axis} & given)
    expected = set(range(track.axis, track.axis + len(reduced)))
    return math.prod(source.shape[a] for a in reduced - {track.axis}) if reduced == expected else 0


def _check_pool(operator: Operator, track: Track, hop: int) -> None:
    values = _reduced(operator, track)
    if values == 0:
        raise CannotStreamError(f"{operator.label} does not reduce the time axis")
    if min(track.columns, hop // track.stride) * values > _MOST_BLOCK_COLUMNS:
        raise CannotStreamError(
            f"{operator.label} sums more than {_MOST_BLOCK_COLUMNS} columns a hop"
        )


def _needed(timeline: Timeline) -> dict[int, int]:
    """Columns of each root that must be there at the end of a window, counted from its start."""
    tracks = timeline.tracks
    needed = {track.root: 0 for track in tracks.values()}
    for operator in timeline.pools:
        assert operator.inputs[0] is not None
        pooled = timeline.root(operator.inputs[0])
        needed[pooled.root] = pooled.columns
    for operator in reversed(timeline.graph.operators):
        walk = timeline.walks.get(operator.index)
        output = operator.outputs[0]
        if walk is None or operator.name in _RESHAPES:
            continue
        # What nobody reads is computed all the same.
        wanted = needed[output.index] or tracks[output.index].columns
        needed[output.index] = wanted
        for tensor in operator.inputs:
            if tensor is not None and tensor.index in tracks:
                root = tracks[tensor.index].root
                needed[root] = max(needed[root], (wanted - 1) * walk.stride + walk.reach)
    return needed


def _stream(timeline: Timeline, columns: int) -> Stream:
    """Cuts a model into steps that bring ``columns`` columns of the slowest tensor."""
    samples = columns * timeline.stride
    layers: list[Layer] = []
    head: list[Layer] = []
    older: dict[tuple[int, int], int] = {}
    for operator in timeline.graph.operators:
        if operator.index not in timeline.walks:
            head.append(kernels.lower(operator))
            continue
        walk = timeline.walks[operator.index]
        layer = kernels.lower(_of_a_step(timeline, operator, walk, samples))
        layers.append(_for_few_columns(layer, walk))
        output = timeline.root(operator.outputs[0])
        if operator.name in _RESHAPES:
            continue
        for place, tensor in enumerate(operator.inputs):
            if tensor is not None and tensor.index in timeline.tracks:
                root = timeline.root(tensor).root
                need = timeline.needed[root] - timeline.needed[output.root] * walk.stride
                older[operator.index, place] = need
    buffers = _buffers(timeline, samples, older)
    return Stream(
        timeline=timeline,
        samples=samples,
        first_samples=(timeline.needed[timeline.graph.input.index] - 1) % samples + 1,
        step=tuple(layers),
        head=tuple(head),
        buffers=buffers,
        offsets=_offsets(timeline, buffers, older),
        pools=_pools(timeline, samples),
    )


def _of_a_step(timeline: Timeline, operator: Operator, walk: Walk, samples: int) -> Operator:
    """The operator on the columns that one step brings."""
    result = timeline.tracks[operator.outputs[0].index]
    new = samples // result.stride

    def cut(tensor: Tensor | None, columns: int) -> Tensor | None:
        if tensor is None or tensor.index not in timeline.tracks:
            return tensor
        axis = timeline.tracks[tensor.index].axis
        shape = (*tensor.shape[:axis], columns, *tensor.shape[axis + 1 :])
        return replace(tensor, shape=shape)

    inputs = tuple(cut(tensor, (new - 1) * walk.stride + walk.reach) for tensor in operator.inputs)
    output = cut(operator.outputs[0], new)
    assert output is not None
    return replace(operator, inputs=inputs, outputs=(output,))


def _for_few_columns(layer: Layer, walk: Walk) -> Layer:
    """The layer with a kernel that does not prepare for a long run, if there is one."""
    if layer.source != "depthwise_conv1d.c" or walk.stride != 1:
        return layer
    call = "harmcu_depthwise_columns(&layer, &weights, input0, output);"
    _, height, width, channels = layer.output.shape
    # With an odd number of positions the last two are computed when one of them is already there.
    overlap = Overlap(0, step=channels) if height * width % 2 == 0 else None
    source = "depthwise_columns.c"
    return replace(layer, source=source, calls=(call,), workspace=0, overlap=overlap)


def _buffers(
    timeline: Timeline, samples: int, older: dict[tuple[int, int], int]
) -> dict[int, Buffer]:
    """Args: older: columns before the new ones at which a layer begins, negative: after them."""
    kept = {track.root: 0 for track in timeline.tracks.values()}
    for (number, place), need in older.items():
        tensor = timeline.graph.operators[number].inputs[place]
        assert tensor is not None
        root = timeline.root(tensor).root
        kept[root] = max(kept[root], need)
    return {
        root: Buffer(
            kept=columns,
            new=samples // timeline.tracks[root].stride,
            size=timeline.tracks[root].size,
        )
        for root, columns in kept.items()
    }


def _offsets(
    timeline: Timeline, buffers: dict[int, Buffer], older: dict[tuple[int, int], int]
) -> dict[tuple[int, int], int]:
    offsets = {}
    for (number, place), need in older.items():
        tensor = timeline.graph.operators[number].inputs[place]
        assert tensor is not None
        buffer = buffers[timeline.root(tensor).root]
        offsets[number, place] = (buffer.kept - need) * buffer.size
    return offsets


def _pools(timeline: Timeline, samples: int) -> dict[int, StreamPool]:
    by_root: dict[int, list[Operator]] = {}
    for operator in timeline.pools:
        assert operator.inputs[0] is not None
        by_root.setdefault(timeline.root(operator.inputs[0]).root, []).append(operator)
    return {root: _pool(timeline, root, pools, samples) for root, pools in by_root.items()}


def _pool(timeline: Timeline, root: int, operators: Sequence[Operator], samples: int) -> StreamPool:
    track = timeline.tracks[root]
    tensors = [operator.inputs[0] for operator in operators]
    values = {
        _reduced(operator, timeline.tracks[tensor.index])
        for operator, tensor in zip(operators, tensors, strict=True)
        if tensor is not None
    }
    if len(values) > 1:
        raise CannotStreamError(f"{operators[0].label} and {operators[1].label} reduce other axes")
    taken = values.pop()
    new = samples // track.stride
    # Steps until the first window ends; in the last of them but (columns - 1) // new it starts.
    needed = timeline.needed[timeline.graph.input.index]
    steps = (needed - 1) // samples + 1
    return StreamPool(
        root=root,
        channels=track.size // taken,
        columns=new * taken,
        before=(new - 1 - (track.columns - 1) % new) * taken,
        blocks=-(-track.columns * track.stride // timeline.hop),
        steps=timeline.hop // samples,
        first_start=steps - (track.columns - 1) // new,
        has_sums=any(operator.name != "REDUCE_MAX" for operator in operators),
        has_maxima=any(operator.name == "REDUCE_MAX" for operator in operators),
    )
