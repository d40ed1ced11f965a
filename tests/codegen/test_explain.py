"""The picture of the arena shows what the plan says."""

import re

from host_engine import Int8Array
from hypothesis import HealthCheck, Phase, given, settings
from random_models import OPERATORS, Example, Model, chains, schema

from codegen import aot, kernels
from codegen.explain import explain


def _depthwise() -> bytes:
    """Twelve samples of eight channels through a filter of three taps, which works in place."""
    model = Model(seed=1)
    source = model.activation((1, 12, 1, 8), 0.1, 0)
    values: Int8Array = model.rng.integers(-127, 128, (1, 3, 1, 8)).astype("int8")
    weights = model.constant(values, [0.01])
    bias = model.constant(model.rng.integers(-9, 9, 8).astype("int32"), [0.001])
    options = schema.DepthwiseConv2DOptionsT()
    options.strideH = options.strideW = options.depthMultiplier = 1
    options.dilationHFactor = options.dilationWFactor = 1
    result = model.activation((1, 12, 1, 8), 0.3, 0)
    kind = schema.BuiltinOptions.DepthwiseConv2DOptions
    operands = [source.index, weights, bias]
    model.add(OPERATORS.DEPTHWISE_CONV_2D, operands, result, kind, options)
    return model.finish(source, result)


def test_a_layer_in_place_reads_and_writes_the_same_bytes() -> None:
    text = explain(_depthwise())
    workspace = 2 * (6 + 11 + 6)
    size = 96 + -(-workspace // 8) * 8
    assert f"The arena of {size} bytes" in text
    assert f"at least {size} are alive at once: no plan needs less" in text
    line = next(line for line in text.splitlines() if "|" in line)
    assert re.fullmatch(r" 0 DEPTHWISE_CONV_2D  \|#{32}s{15,16} *\|  0 to 0", line)
    assert re.search(r"^all +288 ", text, re.MULTILINE)


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(chains())
def test_every_layer_has_its_line(example: Example) -> None:
    graph = aot.read(example.model)
    layers = [kernels.lower(operator) for operator in graph.operators]
    plan = aot.plan_memory(graph, layers)
    lines = [line for line in explain(example.model).splitlines() if "|" in line]
    assert len(lines) == len(layers)
    for layer, line in zip(layers, lines, strict=True):
        marks = line.split("|")[1]
        scale = -(-plan.arena_bytes // 64)
        for tensor, allowed in [(layer.inputs[0], "r#"), (layer.output, "w#")]:
            first = plan.offset(tensor) // scale
            last = (plan.offset(tensor) + tensor.elements - 1) // scale
            # A column where one tensor ends and the other begins shows either.
            assert set(marks[first + 1 : last]) <= set(allowed), line
        assert len(marks) == -(-plan.arena_bytes // scale)
