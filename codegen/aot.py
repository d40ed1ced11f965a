"""Writes C for one model: the ``aot`` engine, without interpreter, flatbuffer or shape logic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codegen import estimate, fusion, kernels, memory, tflite
from codegen.c_text import c_array, c_comment, c_identifier
from codegen.graph import Graph, Tensor
from codegen.kernels import Fields, Layer, Struct, Table
from codegen.kernels.layer import Value
from codegen.render import render
from codegen.runtime import runtime_version
from trainer.errors import HarmcuError

# All weights together; above, no board could hold them and the C text would be enormous.
MAX_WEIGHTS_BYTES = tflite.MAX_MODEL_BYTES

_COLUMNS = 100
_NAME_LENGTH = 40
_TITLE_LENGTH = 60


@dataclass(frozen=True)
class LayerFacts:
    """One layer of the generated C, for people and for `harmcu bench`.

    Attributes:
        number: its place in the execution order.
        operator: builtin name.
        shape: of its first input and its output, as text.
        macs: multiplications of a weight and an input, padding included.
        estimate: instructions that it takes on a Cortex-M4, without running it.
    """

    number: int
    operator: str
    shape: str
    macs: int
    estimate: int


@dataclass(frozen=True)
class LayerOutput:
    """Where a layer's output lies in the arena, in bytes, and which tensor of the .tflite it is."""

    tensor: int
    offset: int
    size: int


@dataclass(frozen=True)
class StreamFacts:
    """What is particular to C that streams; MACs are then those of a hop.

    Attributes:
        window: samples.
        hop: samples between two windows.
        samples: that come with a step.
        state_bytes: RAM besides the arena, which lives from step to step.
        estimate: instructions that a hop takes on a Cortex-M4.
    """

    window: int
    hop: int
    samples: int
    state_bytes: int
    estimate: int


@dataclass(frozen=True)
class AotModel:
    """The C sources of one model and what they cost.

    Attributes:
        files: text by file name: ``model_aot.h`` and ``model_aot.c``.
        macs: multiplications of a weight and an input in one inference, padding included.
        arena_bytes: RAM for the activations.
        arena_lower_bound: the most bytes that are alive at once.
        weights_bytes: flash for weights, biases, scales and tables.
        kernel_sources: the files of firmware/src/kernels/ that the model needs, sorted.
        input_bytes, output_bytes: int8 values in and out.
        layers: what runs, in order; without those that only change a shape.
        measured_source: C that includes ``model_aot.c`` and implements firmware/bench/bench.h.
        outputs: of the layers, where they lie when a layer has run; none when the C streams.
        stream: None when the C takes whole windows.
        why_whole: why it does although a hop was given, as the end of a sentence.
    """

    files: dict[str, str]
    macs: int
    arena_bytes: int
    arena_lower_bound: int
    weights_bytes: int
    kernel_sources: tuple[str, ...]
    input_bytes: int
    output_bytes: int
    layers: tuple[LayerFacts, ...]
    measured_source: str
    outputs: tuple[LayerOutput, ...] = ()
    stream: StreamFacts | None = None
    why_whole: str = ""


@dataclass(frozen=True)
class _Array:
    """A table of constants as the template shows it."""

    type: str
    name: str
    length: int
    text: str


@dataclass(frozen=True)
class Step:
    """A layer as the templates show it."""

    number: int
    operator: str
    title: str
    function: str
    signature: str
    arrays: tuple[_Array, ...]
    constants: tuple[str, ...]
    calls: tuple[str, ...]
    arguments: str
    shape: str
    output_shape: str
    macs: int
    estimate: int
    is_in_place: bool


def read(model: bytes) -> Graph:
    """Reads a .tflite file as the aot engine runs it on whole windows.

    Raises:
        HarmcuError: the file is damaged.
    """
    return fusion.keep_last_step(tflite.read(model))


def check(graph: Graph) -> None:
    """Checks that the aot engine can run ``graph``.

    Raises:
        HarmcuError: it cannot; the message names the first layer that does not fit.
    """
    lower(fusion.keep_last_step(graph))


def generate(model: bytes, model_name: str, model_sha256: str) -> AotModel:
    """Writes the aot engine for a model.

    Args:
        model: content of the .tflite file.
        model_name: what the head comment calls the model.
        model_sha256: digest of ``model`` in hexadecimal, for the head comment.

    Returns:
        C that implements harmcu/engine.h; the same text for the same arguments.

    Raises:
        HarmcuError: the file is damaged or holds something that the aot engine cannot run.
    """
    graph = read(model)
    layers = lower(graph)
    plan = plan_memory(graph, layers)
    weights_bytes = sum(layer.constant_bytes for layer in layers)
    macs = sum(layer.macs for layer in layers)
    steps = [step_of(layer, arguments(layer, plan)) for layer in layers]
    running = [step for step in steps if not step.is_in_place]
    measured = {
        "calls": [f"{step.function}({step.arguments});" for step in running],
        "output_offset": plan.offset(graph.output),
    }
    values = {
        "model_name": c_comment(model_name),
        "model_sha256": c_comment(model_sha256),
        "runtime_version": runtime_version(),
        "macs": macs,
        "weights_bytes": weights_bytes,
        "estimate": sum(step.estimate for step in steps),
        "plan": plan,
        "steps": steps,
        "buffers": buffer_lines(graph, plan),
        "input_offset": plan.offset(graph.input),
        "output_offset": plan.offset(graph.output),
        "input_bytes": graph.input.elements,
        "output_bytes": graph.output.elements,
        "input_shape": shape_text(graph.input),
        "output_shape": shape_text(graph.output),
    }
    return AotModel(
        files={name: render(f"{name}.j2", values) for name in ("model_aot.h", "model_aot.c")},
        macs=macs,
        arena_bytes=plan.arena_bytes,
        arena_lower_bound=plan.lower_bound,
        weights_bytes=weights_bytes,
        kernel_sources=kernel_sources(layers),
        input_bytes=graph.input.elements,
        output_bytes=graph.output.elements,
        layers=tuple(map(facts, running)),
        outputs=tuple(
            LayerOutput(layer.output.index, plan.offset(layer.output), layer.output.elements)
            for layer, step in zip(layers, steps, strict=True)
            if not step.is_in_place
        ),
        measured_source=render("bench_layers.c.j2", measured),
    )


def kernel_sources(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return the files in firmware/src/kernels/ that layers need, sorted."""
    sources = {layer.source for layer in layers if layer.source}
    # What the layers with weights share.
    sources |= {"finish.c" for layer in layers if layer.weights is not None}
    return tuple(sorted(sources))


def plan_memory(graph: Graph, layers: Sequence[Layer]) -> memory.Plan:
    """Plans the arena for lowered layers."""
    in_place = {layer.operator.index for layer in layers if layer.is_in_place}
    workspaces = {layer.operator.index: 2 * layer.workspace for layer in layers if layer.workspace}
    overlaps = {layer.operator.index: layer.overlap for layer in layers if layer.overlap}
    return memory.plan(graph, in_place, workspaces, overlaps)


def lower(graph: Graph) -> list[Layer]:
    """Chooses the kernels of all operators.

    Raises:
        HarmcuError: the aot engine cannot run one, or the weights are too large.
    """
    layers = []
    weights_bytes = 0
    for operator in graph.operators:
        layer = kernels.lower(operator)
        weights_bytes += layer.constant_bytes
        if weights_bytes > MAX_WEIGHTS_BYTES:
            raise HarmcuError(
                f"up to {operator.label} the weights take {weights_bytes} bytes, more than any "
                "board could hold; train a smaller model"
            )
        layers.append(layer)
    return layers


def facts(step: Step) -> LayerFacts:
    """Return what there is to know about a layer."""
    return LayerFacts(step.number, step.operator, step.shape, step.macs, step.estimate)


def arguments(layer: Layer, plan: memory.Plan) -> list[str]:
    """Return where the activations of a layer lie, as C."""
    tensors = (*layer.inputs, layer.output)
    return [f"&arena[{plan.offset(tensor)}]" for tensor in tensors] + workspace(layer, plan)


def workspace(layer: Layer, plan: memory.Plan) -> list[str]:
    """Return the argument for the workspace of a layer that has one."""
    if not layer.workspace:
        return []
    return [f"(int16_t *)(void *)&arena[{plan.workspace(layer.operator.index)}]"]


def step_of(layer: Layer, places: Sequence[str], instructions: int | None = None) -> Step:
    """Return how the templates show a layer: a function, and its call.

    Args:
        layer: lowered.
        places: arguments of the call: inputs, the output, and the workspace if it has one.
        instructions: that it takes, where they are not those of its kernel.
    """
    if instructions is None:
        instructions = 0 if layer.is_in_place else estimate.instructions(layer)
    operator = layer.operator
    function = f"layer{operator.index:02d}_{_short_name(layer)}"
    inputs = len(places) - 1 - bool(layer.workspace)
    return Step(
        number=operator.index,
        operator=operator.name,
        title=c_comment(layer.output.name.split(";")[0])[:_TITLE_LENGTH],
        function=function,
        signature=_signature(function, inputs, bool(layer.workspace)),
        arrays=_arrays(layer, function),
        constants=_constants(layer, function),
        calls=tuple(call.format_map(_table_names(layer, function)) for call in layer.calls),
        arguments=", ".join(places),
        shape=f"{shape_text(layer.inputs[0])} to {shape_text(layer.output)}",
        output_shape=shape_text(layer.output),
        macs=layer.macs,
        estimate=instructions,
        is_in_place=layer.is_in_place,
    )


def _short_name(layer: Layer) -> str:
    """Names a layer as its author did, as far as the converter kept that.

    A tensor is called ``model/conv2d_3/Relu;model/conv2d_3/BiasAdd;...``: the layer is the last
    part but one of the first path. Without a path, the operator has to do.
    """
    path = layer.output.name.split(";")[0].split("/")
    name = path[-2] if len(path) > 1 else layer.operator.name
    return c_identifier(name)[:_NAME_LENGTH].strip("_")


def _signature(function: str, inputs: int, has_workspace: bool) -> str:
    head = f"static void {function}("
    parameters = [f"const int8_t *input{number}" for number in range(inputs)] + ["int8_t *output"]
    if has_workspace:
        parameters.append("int16_t *workspace")
    lines = [head]
    for number, parameter in enumerate(parameters):
        text = parameter + (")" if number == len(parameters) - 1 else ",")
        gap = "" if lines[-1].endswith("(") else " "
        # The opening brace takes two columns more.
        if len(lines[-1]) + len(gap) + len(text) > _COLUMNS - 2 and gap:
            lines.append(" " * len(head) + text)
        else:
            lines[-1] += gap + text
    return "\n".join(lines)


def _arrays(layer: Layer, function: str) -> tuple[_Array, ...]:
    tables = list(layer.tables)
    if layer.weights is not None:
        parts = ("weights", "bias", "multiplier", "shift")
        tables += [Table(name, getattr(layer.weights, name)) for name in parts]
    return tuple(_array(table, f"{function}_{table.name}") for table in tables)


def _array(table: Table, name: str) -> _Array:
    kind, per_line = ("int8_t", 20) if table.values.itemsize == 1 else ("int32_t", 8)
    values = table.values.ravel()
    return _Array(kind, name, values.size, c_array(values.tolist(), per_line))


def _table_names(layer: Layer, function: str) -> dict[str, str]:
    return {table.name: f"{function}_{table.name}" for table in layer.tables}


def constant(struct: Struct, indent: int, tables: Mapping[str, str]) -> str:
    """Return the C that defines a constant of a struct; ``tables`` are the names of its tables."""
    fields = _braced(struct.fields, indent, tables)
    return f"{' ' * indent}static const {struct.type} {struct.name} = {fields};"


def _constants(layer: Layer, function: str) -> tuple[str, ...]:
    tables = _table_names(layer, function)
    texts = [constant(struct, 4, tables) for struct in layer.structs]
    if layer.weights is not None:
        parts = ("weights", "bias", "multiplier", "shift")
        names: dict[str, str] = {part: f"{function}_{part}" for part in parts}
        names["has_short_rescale"] = str(int(layer.weights.has_short_rescale))
        texts.append(f"    static const harmcu_weights weights = {_lines(names, 4)};")
    return tuple(texts)


def _braced(fields: Fields, indent: int, tables: Mapping[str, str]) -> str:
    """Writes designated initialisers: flat structs on one line, others one member a line."""
    values = {name: _value(value, indent + 4, tables) for name, value in fields.items()}
    is_flat = not any(isinstance(value, Mapping) for value in fields.values())
    if is_flat and indent > 4:
        return "{" + ", ".join(f".{name} = {value}" for name, value in values.items()) + "}"
    return _lines(values, indent)


def _value(value: Value, indent: int, tables: Mapping[str, str]) -> str:
    if isinstance(value, Mapping):
        return _braced(value, indent, tables)
    if isinstance(value, tuple):
        return _list([_value(item, indent + 4, tables) for item in value], indent)
    return tables[value] if isinstance(value, str) else str(value)


def _list(items: list[str], indent: int) -> str:
    """Writes an array: on one line, unless its elements are structs."""
    if not items[0].startswith("{"):
        return "{" + ", ".join(items) + "}"
    space = " " * indent
    return "{\n" + "".join(f"{space}    {item},\n" for item in items) + space + "}"


def _lines(values: Mapping[str, str], indent: int) -> str:
    space = " " * indent
    lines = "".join(f"{space}    .{name} = {value},\n" for name, value in values.items())
    return "{\n" + lines + space + "}"


def buffer_lines(graph: Graph, plan: memory.Plan) -> list[str]:
    """Return a line of text for each buffer of the arena that has a size."""
    last = len(graph.operators)
    lines = []
    for buffer in filter(lambda buffer: buffer.size, plan.buffers):
        if not buffer.tensors:
            lines.append(f"{buffer.offset:7d} +{buffer.size:6d}  workspace of layer {buffer.first}")
            continue
        start = "input" if graph.input.index in buffer.tensors else f"layer {buffer.first}"
        end = "output" if buffer.last == last else f"layer {buffer.last}"
        lines.append(f"{buffer.offset:7d} +{buffer.size:6d}  {start} to {end}")
    return lines


def shape_text(tensor: Tensor) -> str:
    """Return ``1x128x1x6`` for example."""
    return "x".join(str(size) for size in tensor.shape) or "scalar"
