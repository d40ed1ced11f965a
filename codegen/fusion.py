"""Changes a graph so that it needs less memory and computes the same bytes."""

from dataclasses import replace

from codegen.graph import Graph, LstmOptions, Operator
from codegen.kernels.arranging import sliced
from codegen.kernels.walk import walk_fields


def keep_last_step(graph: Graph) -> Graph:
    """Lets an LSTM write its last step alone where a slice takes nothing else.

    A layer that returns one vector for a window is exported as a layer that returns all steps, and
    a STRIDED_SLICE behind it. The slice becomes a RESHAPE, which costs nothing.

    Raises:
        HarmcuError: a STRIDED_SLICE behind an LSTM does not fit the aot engine.
    """
    changed: dict[int, Operator] = {}
    for operator in graph.operators:
        options, steps = operator.options, operator.outputs[0]
        readers = [reader for reader in graph.operators if steps in reader.inputs]
        if not isinstance(options, LstmOptions) or len(readers) != 1 or steps is graph.output:
            continue
        reader = readers[0]
        if reader.name != "STRIDED_SLICE" or not _takes_the_last(reader):
            continue
        last = replace(steps, shape=(1, 1, steps.shape[-1]))
        changed[operator.index] = replace(
            operator, outputs=(last,), options=replace(options, keeps_all_steps=False)
        )
        changed[reader.index] = replace(reader, name="RESHAPE", inputs=(last,), options=None)
    operators = tuple(changed.get(operator.index, operator) for operator in graph.operators)
    return replace(graph, operators=operators)


def _takes_the_last(operator: Operator) -> bool:
    """Whether a slice is one run of bytes, as long as a step, at the end of its input."""
    steps = operator.inputs[0]
    assert steps is not None
    depth = steps.shape[-1] if steps.shape else 0
    start, walk = sliced(operator)
    is_a_run = walk == walk_fields(operator, (depth,), (1,), (1,))
    return is_a_run and start == steps.elements - depth
