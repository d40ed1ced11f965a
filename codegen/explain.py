"""Shows people what the aot engine makes of a model: the cost of each layer, and the arena."""

from __future__ import annotations

from collections.abc import Sequence

from codegen import aot, estimate
from codegen.graph import Tensor
from codegen.kernels import Layer
from codegen.memory import Buffer, Plan
from trainer import knn

_COLUMNS = 64
_READ, _WRITTEN, _BOTH, _WORKSPACE, _KEPT, _FREE = "r", "w", "#", "s", ".", " "


def explain(model: bytes) -> str:
    """Return a table of the layers and a picture of the arena on whole windows, as plain text.

    Args:
        model: content of the .tflite file.

    Raises:
        HarmcuError: the file is damaged or holds something that the aot engine cannot run.
    """
    if knn.is_knn(model):
        return "A nearest-neighbour model has no layers and no arena."
    graph = aot.read(model)
    layers = aot.lower(graph)
    plan = aot.plan_memory(graph, layers)
    return "\n".join([*_costs(layers), "", *_picture(layers, plan)])


def _costs(layers: Sequence[Layer]) -> list[str]:
    rows = [("layer", "output", "MACs", "instructions", "weights, B")]
    for layer in layers:
        instructions = 0 if layer.is_in_place else estimate.instructions(layer)
        rows.append(
            (
                _title(layer),
                "x".join(map(str, layer.output.shape)),
                f"{layer.macs:,}",
                f"{instructions:,}",
                f"{layer.constant_bytes:,}",
            )
        )
    costs = [estimate.instructions(layer) for layer in layers if not layer.is_in_place]
    macs = sum(layer.macs for layer in layers)
    weights = sum(layer.constant_bytes for layer in layers)
    rows.append(("all", "", f"{macs:,}", f"{sum(costs):,}", f"{weights:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["What the layers cost; instructions are estimated for a Cortex-M4.", ""]
    for row in rows:
        texts = [cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
        numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        lines.append("  ".join([*texts, *numbers]).rstrip())
    return lines


def _picture(layers: Sequence[Layer], plan: Plan) -> list[str]:
    scale = max(1, -(-plan.arena_bytes // _COLUMNS))
    columns = -(-plan.arena_bytes // scale)
    excess = plan.arena_bytes - plan.lower_bound
    verdict = "no plan needs less" if excess == 0 else f"{excess:,} bytes above the lower bound"
    lines = [
        f"The arena of {plan.arena_bytes:,} bytes, one line a layer, one column for {scale} bytes;",
        f"at least {plan.lower_bound:,} are alive at once: {verdict}.",
        "",
        f"{_READ} read   {_WRITTEN} written   {_BOTH} read, then written over   "
        f"{_WORKSPACE} workspace   {_KEPT} kept for a later layer",
        "",
    ]
    width = max(len(_title(layer)) for layer in layers)
    for layer in layers:
        marks = _marks(layer, plan, scale, columns)
        places = ", ".join(str(plan.offset(tensor)) for tensor in layer.inputs)
        note = "the same bytes" if layer.is_in_place else f"{places} to {plan.offset(layer.output)}"
        lines.append(f"{_title(layer):{width}}  |{marks}|  {note}")
    return lines


def _title(layer: Layer) -> str:
    return f"{layer.operator.index:2d} {layer.operator.name}"


def _marks(layer: Layer, plan: Plan, scale: int, columns: int) -> str:
    """One line of the picture: what each part of the arena is for while the layer runs."""
    index = layer.operator.index
    alive = [buffer for buffer in plan.buffers if buffer.first <= index <= buffer.last]
    read = [_bytes_of(tensor, plan) for tensor in layer.inputs]
    written = [_bytes_of(layer.output, plan)]
    own = {tensor.index for tensor in (*layer.inputs, layer.output)}
    workspaces = [_bytes_at(buffer) for buffer in alive if not buffer.tensors]
    kept = [_bytes_at(b) for b in alive if b.tensors and not own & set(b.tensors)]
    marks = ""
    for start in range(0, columns * scale, scale):
        cell = range(start, start + scale)
        is_read, is_written = _meets(cell, read), _meets(cell, written)
        if is_read and is_written:
            marks += _BOTH
        elif is_read or is_written:
            marks += _WRITTEN if is_written else _READ
        elif _meets(cell, workspaces):
            marks += _WORKSPACE
        else:
            marks += _KEPT if _meets(cell, kept) else _FREE
    return marks


def _bytes_of(tensor: Tensor, plan: Plan) -> range:
    return range(plan.offset(tensor), plan.offset(tensor) + tensor.elements)


def _bytes_at(buffer: Buffer) -> range:
    return range(buffer.offset, buffer.offset + buffer.size)


def _meets(cell: range, places: Sequence[range]) -> bool:
    return any(place.start < cell.stop and cell.start < place.stop for place in places)
