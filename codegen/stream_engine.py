"""Writes the ``aot`` engine that streams, for models that allow it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from codegen import aot, memory, stream_estimate, streaming, tflite
from codegen.aot import AotModel, Step, StreamFacts
from codegen.c_text import c_comment
from codegen.graph import Graph, Tensor
from codegen.kernels import Layer, Struct
from codegen.memory import Overlap
from codegen.render import render
from codegen.runtime import runtime_version
from codegen.streaming import CannotStreamError, Stream, StreamPool

_SOURCE = "stream.c"


@dataclass(frozen=True)
class _Kept:
    """Columns of a layer that stay from one step to the next, as the template shows them."""

    name: str
    columns: str
    kept_bytes: int
    new_bytes: int


@dataclass(frozen=True)
class _Pool:
    """A reduction over time as the template shows it."""

    name: str
    constant: str
    columns: str
    facts: StreamPool


@dataclass(frozen=True)
class _Part:
    """A layer of a step, and what becomes of its output besides being read by other layers."""

    step: Step
    kept: _Kept | None
    pool: _Pool | None


def generate(model: bytes, model_name: str, model_sha256: str, hop: int) -> AotModel:
    """Writes the aot engine for a model and a hop; it streams when the model allows it.

    Args:
        model: content of the .tflite file.
        model_name: what the head comment calls the model.
        model_sha256: digest of ``model`` in hexadecimal, for the head comment.
        hop: samples between two windows.

    Returns:
        C that implements harmcu/engine.h; the same text for the same arguments.

    Raises:
        HarmcuError: the file is damaged or holds something that the aot engine cannot run.
    """
    graph = tflite.read(model)
    aot.check(graph)
    try:
        stream = streaming.plan(graph, hop)
    except CannotStreamError as reason:
        whole = aot.generate(model, model_name, model_sha256)
        return replace(whole, why_whole=str(reason))
    return _written(stream, model_name, model_sha256)


def _written(stream: Stream, model_name: str, model_sha256: str) -> AotModel:
    graph = stream.timeline.graph
    layers = sorted((*stream.step, *stream.head), key=lambda layer: layer.operator.index)
    plan = aot.plan_memory(_in_steps(stream), [_between_buffers(stream, layer) for layer in layers])
    pools = {root: _pool(stream, pool, plan) for root, pool in stream.pools.items()}
    parts = [_part(stream, layer, plan, pools) for layer in stream.step]
    head = [_head_step(stream, layer, plan) for layer in stream.head]
    functions = [part.step for part in parts if not part.step.is_in_place]
    functions += [step for step in head if not step.is_in_place]
    source = stream.buffers[graph.input.index]
    weights_bytes = sum(layer.constant_bytes for layer in layers)
    facts = StreamFacts(
        window=stream.timeline.tracks[graph.input.index].columns,
        hop=stream.timeline.hop,
        samples=stream.samples,
        state_bytes=stream.state_bytes,
        estimate=stream.estimate,
    )
    values = {
        "model_name": c_comment(model_name),
        "model_sha256": c_comment(model_sha256),
        "runtime_version": runtime_version(),
        "facts": facts,
        "macs": stream.macs,
        "weights_bytes": weights_bytes,
        "plan": plan,
        "buffers": aot.buffer_lines(graph, plan),
        "parts": parts,
        "head": head,
        "pools": list(pools.values()),
        "pool_of_samples": pools.get(graph.input.index),
        "functions": functions,
        "first_samples": stream.first_samples,
        "source": source,
        "first_filled": source.kept + stream.samples - stream.first_samples,
        "output_offset": plan.offset(graph.output),
        "input_bytes": graph.input.elements,
        "output_bytes": graph.output.elements,
        "input_shape": aot.shape_text(graph.input),
        "output_shape": aot.shape_text(graph.output),
    }
    templates = {"model_aot.h": "model_stream.h.j2", "model_aot.c": "model_stream.c.j2"}
    pooled = [operator.index for operator in stream.timeline.pools]
    called = [layer for layer in layers if layer.operator.index not in pooled]
    return AotModel(
        files={name: render(template, values) for name, template in templates.items()},
        macs=stream.macs,
        arena_bytes=plan.arena_bytes,
        arena_lower_bound=plan.lower_bound,
        weights_bytes=weights_bytes,
        kernel_sources=tuple(sorted({*aot.kernel_sources(called), _SOURCE})),
        input_bytes=graph.input.elements,
        output_bytes=graph.output.elements,
        layers=tuple(map(aot.facts, functions)),
        measured_source="",
        stream=facts,
    )


def _in_steps(stream: Stream) -> Graph:
    """The graph with the sizes that tensors have during a step, for the planner.

    The samples have a place of their own. Layers of a step and of the head keep the order of the
    model, so what meets in either also meets here.
    """
    graph, tracks = stream.timeline.graph, stream.timeline.tracks

    def sized(tensor: Tensor) -> Tensor:
        if tensor.index not in tracks:
            return tensor
        root = tracks[tensor.index].root
        buffer = stream.buffers[root]
        size = 0 if root == graph.input.index else (buffer.kept + buffer.new) * buffer.size
        return replace(tensor, shape=(size,))

    operators = tuple(
        replace(
            operator,
            inputs=tuple(None if t is None else sized(t) for t in operator.inputs),
            outputs=tuple(map(sized, operator.outputs)),
        )
        for operator in graph.operators
    )
    return replace(graph, operators=operators, input=sized(graph.input))


def _between_buffers(stream: Stream, layer: Layer) -> Layer:
    """The layer with its overlap as one of the buffers, which begin with columns that are kept."""
    number, source = layer.operator.index, layer.operator.inputs[0]
    if layer.overlap is None or source is None or (number, 0) not in stream.offsets:
        return layer
    if stream.timeline.root(source).root == stream.timeline.graph.input.index:
        return replace(layer, overlap=None)
    buffer = stream.buffers[stream.timeline.root(layer.output).root]
    shift = buffer.kept_bytes - stream.offsets[number, 0]
    distance, step = layer.overlap.distance, layer.overlap.step
    if distance is None:
        return layer if shift % step == 0 else replace(layer, overlap=None)
    return replace(layer, overlap=Overlap(distance + shift, step))


def _place(stream: Stream, tensor: Tensor, plan: memory.Plan, offset: int) -> str:
    """The address of a byte of the columns of a tensor."""
    if stream.timeline.tracks[tensor.index].root == stream.timeline.graph.input.index:
        return f"&samples[{offset}]"
    return f"&arena[{plan.offset(tensor) + offset}]"


def _part(stream: Stream, layer: Layer, plan: memory.Plan, pools: Mapping[int, _Pool]) -> _Part:
    number = layer.operator.index
    arguments = [
        _place(stream, tensor, plan, stream.offsets[number, place])
        for place, tensor in enumerate(layer.operator.inputs)
        if tensor is not None and (number, place) in stream.offsets
    ]
    root = stream.timeline.root(layer.output).root
    buffer = stream.buffers[root]
    arguments.append(_place(stream, layer.output, plan, buffer.kept_bytes))
    step = aot.step_of(layer, [*arguments, *aot.workspace(layer, plan)])
    if layer.is_in_place:
        return _Part(step, None, None)
    columns = _place(stream, layer.output, plan, 0)
    kept = _Kept(f"kept{number:02d}", columns, buffer.kept_bytes, buffer.new_bytes)
    return _Part(step, kept if buffer.kept else None, pools.get(root))


def _head_step(stream: Stream, layer: Layer, plan: memory.Plan) -> Step:
    source = layer.operator.inputs[0]
    if source is None or source.index not in stream.timeline.tracks:
        return aot.step_of(layer, aot.arguments(layer, plan))
    track = stream.timeline.root(source)
    pool = stream.pools[track.root]
    name = _pool_name(pool)
    if layer.operator.name != "REDUCE_MAX":
        count = track.columns * track.size // pool.channels
        structs = tuple(struct for struct in layer.structs if struct.name == "scale")
        call = f"harmcu_stream_mean(&{name}_layer, &{name}, &scale, {count}, output);"
    else:
        structs = ()
        call = f"harmcu_stream_max(&{name}_layer, &{name}, output);"
    streamed = replace(layer, structs=structs, calls=(call,))
    instructions = stream_estimate.pooled(layer.operator.name, pool.channels, pool.blocks)
    return aot.step_of(streamed, [f"&arena[{plan.offset(layer.output)}]"], instructions)


def _pool_name(pool: StreamPool) -> str:
    return f"pool_of_tensor{pool.root}"


def _pool(stream: Stream, pool: StreamPool, plan: memory.Plan) -> _Pool:
    tensor = next(
        tensor
        for operator in stream.timeline.pools
        if (tensor := operator.inputs[0]) is not None
        and stream.timeline.root(tensor).root == pool.root
    )
    names = ("channels", "columns", "before", "blocks", "steps", "first_start")
    fields: Mapping[str, int] = {name: getattr(pool, name) for name in names}
    name = _pool_name(pool)
    struct = Struct("harmcu_stream_pool_layer", f"{name}_layer", fields)
    columns = _place(stream, tensor, plan, stream.buffers[pool.root].kept_bytes)
    return _Pool(name, aot.constant(struct, 0, {}), columns, pool)
