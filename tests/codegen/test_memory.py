"""The arena: nothing that is alive is overwritten, and little is wasted."""

import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
from host_engine import SANITIZED, STRICT, HostCompiler, run
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from random_models import Example, chains
from tflm_oracle import tflm_scores

from codegen import aot, fusion, kernels, memory, tflite
from codegen.graph import Graph, Operator, Quantization, Tensor, TensorType


def _tensor(index: int, size: int) -> Tensor:
    quantization = Quantization(np.ones(1, np.float32), np.zeros(1, np.int64), 0)
    return Tensor(index, f"t{index}", TensorType.INT8, (1, size), quantization, None, False)


Case = tuple[Graph, set[int], dict[int, memory.Overlap]]
OVERLAPS = st.one_of(
    st.builds(memory.Overlap, st.integers(0, 200)),
    st.builds(memory.Overlap, st.none(), st.integers(1, 40)),
    st.just(memory.IN_PLACE),
)


@st.composite
def graphs(draw: DrawFn) -> Case:
    """Graphs with branches, joins and tensors that live long; some outputs may lie over inputs."""
    sizes = st.integers(1, 400)
    tensors = [_tensor(0, draw(sizes))]
    operators, in_place, overlaps = [], set(), {}
    for index in range(draw(st.integers(1, 14))):
        recent = st.sampled_from(tensors[-4:])
        inputs = tuple(draw(st.lists(recent, min_size=1, max_size=3, unique_by=id)))
        size = draw(sizes)
        if len(inputs) == 1 and draw(st.booleans()):
            in_place.add(index)
            size = inputs[0].elements
        elif draw(st.booleans()):
            overlaps[index] = draw(OVERLAPS)
        tensors.append(_tensor(index + 1, size))
        operators.append(Operator(index, "ANY", inputs, (tensors[-1],), None))
    return Graph(tuple(operators), tensors[0], tensors[-1]), in_place, overlaps


def _bytes_at(plan: memory.Plan, tensor: Tensor) -> range:
    start = plan.offset(tensor)
    return range(start, start + tensor.elements)


def _is_read_after(graph: Graph, tensor: Tensor, index: int) -> bool:
    readers = [o.index for o in graph.operators if tensor in o.inputs]
    return tensor is graph.output or any(reader > index for reader in readers)


def _check_overlap(
    plan: memory.Plan, operator: Operator, overlap: memory.Overlap | None, is_in_place: bool
) -> None:
    """An output lies over its first input as its operator allows, and over no other input."""
    written = _bytes_at(plan, operator.outputs[0])
    for number, tensor in enumerate(operator.inputs):
        assert tensor is not None
        read = _bytes_at(plan, tensor)
        if is_in_place or not set(read) & set(written):
            continue
        assert overlap is not None
        ahead = read.start - written.start
        if tensor is operator.inputs[0] or read.start == _start(plan, operator):
            minimum = 0 if overlap.distance is None else overlap.distance
            assert (ahead - minimum) % overlap.step == 0
            assert overlap.distance is None or ahead >= overlap.distance
        else:
            raise AssertionError(f"output lies over input {number}")


def _start(plan: memory.Plan, operator: Operator) -> int:
    """Where the first input lies: reshaped, it may be a second one too."""
    assert operator.inputs[0] is not None
    return plan.offset(operator.inputs[0])


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_live_bytes_are_never_overwritten(case: Case) -> None:
    graph, in_place, overlaps = case
    plan = memory.plan(graph, in_place, overlaps=overlaps)
    # Runs the graph on paper: who wrote each byte last?
    owner: dict[int, set[int]] = {}

    def write(tensor: Tensor, shared: set[int]) -> None:
        for byte in _bytes_at(plan, tensor):
            owner[byte] = {tensor.index} | shared

    write(graph.input, set())
    for operator in graph.operators:
        for tensor in operator.inputs:
            assert tensor is not None
            assert all(tensor.index in owner[b] for b in _bytes_at(plan, tensor))
        _check_overlap(plan, operator, overlaps.get(operator.index), operator.index in in_place)
        source, output = operator.inputs[0], operator.outputs[0]
        assert source is not None
        if operator.index in in_place:
            assert plan.offset(output) == plan.offset(source)
            write(output, owner[plan.offset(source)])
        else:
            write(output, set())
    assert all(graph.output.index in owner[b] for b in _bytes_at(plan, graph.output))
    assert max(owner) < plan.arena_bytes
    assert all(buffer.offset % memory.ALIGNMENT == 0 for buffer in plan.buffers)
    assert plan.arena_bytes >= plan.lower_bound


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=2, max_size=12))
@example([13, 9, 1, 13, 9, 5, 13, 9])
def test_chain_without_branches_reaches_the_lower_bound(sizes: list[int]) -> None:
    tensors = [_tensor(index, size) for index, size in enumerate(sizes)]
    operators = tuple(
        Operator(index, "ANY", (tensors[index],), (tensors[index + 1],), None)
        for index in range(len(sizes) - 1)
    )
    plan = memory.plan(Graph(operators, tensors[0], tensors[-1]), ())
    rounded = [math.ceil(size / memory.ALIGNMENT) * memory.ALIGNMENT for size in sizes]
    assert plan.lower_bound == max(a + b for a, b in pairwise(rounded))
    assert plan.arena_bytes == plan.lower_bound


_POISON_MAIN = """
#include <stdio.h>

int main(int argc, char **argv) {
    (void)argv;
    int8_t scores[MODEL_AOT_OUTPUT_BYTES];
    poison = argc > 1 ? 0x55 : -1;
    memset(arena, poison, sizeof arena);
    while (fread(harmcu_engine_input(), MODEL_AOT_INPUT_BYTES, 1, stdin) == 1) {
        harmcu_engine_invoke(scores);
        fwrite(scores, sizeof scores, 1, stdout);
    }
    return 0;
}
"""


def _poisoned(example: Example, generated: aot.AotModel) -> str:
    """The generated C with every dead byte overwritten after each layer."""
    graph = fusion.keep_last_step(tflite.read(example.model))
    plan = aot.plan_memory(graph, [kernels.lower(o) for o in graph.operators])

    def spoil(match: re.Match[str]) -> str:
        index = int(match[1])
        alive = bytearray(plan.arena_bytes)
        for tensor in [graph.input, *(o.outputs[0] for o in graph.operators[: index + 1])]:
            if _is_read_after(graph, tensor, index):
                covered = _bytes_at(plan, tensor)
                alive[covered.start : covered.stop] = b"\1" * len(covered)
        dead = [f"arena[{i}] = poison;" for i, used in enumerate(alive) if not used]
        return match[0] + "\n" + "\n".join(dead)

    text = generated.files["model_aot.c"]
    text = re.sub(r"(?=static alignas\(16\) int8_t arena)", "static int8_t poison;\n", text)
    head, invoke = text.split("bool harmcu_engine_invoke", 1)
    invoke = re.sub(r"^    layer(\d+)_\w+\(.*\);$", spoil, invoke, flags=re.MULTILINE)
    return f"{head}bool harmcu_engine_invoke{invoke}{_POISON_MAIN}"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=2, max_size=9), st.integers(1, 40))
def test_chain_of_outputs_over_inputs_reaches_the_lower_bound(quads: list[int], gap: int) -> None:
    sizes = [4 * quad for quad in quads]
    tensors = [_tensor(index, size) for index, size in enumerate(sizes)]
    operators = tuple(
        Operator(index, "ANY", (tensors[index],), (tensors[index + 1],), None)
        for index in range(len(sizes) - 1)
    )
    overlaps = {operator.index: memory.Overlap(4 * gap) for operator in operators}
    plan = memory.plan(Graph(operators, tensors[0], tensors[-1]), (), overlaps=overlaps)
    apart = [(a + b, max(a + 4 * gap, b)) for a, b in pairwise(sizes)]
    assert plan.lower_bound == max(map(min, apart))
    assert plan.arena_bytes <= max(a + b for a, b in pairwise(sizes))


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(example=chains())
def test_dead_bytes_may_be_spoilt(host_compiler: HostCompiler, example: Example) -> None:
    windows = example.windows(3)
    generated = aot.generate(example.model, "poisoned", "0" * 64)
    expected = tflm_scores(example.model, windows).tobytes()
    folder = host_compiler.new_folder(generated)
    source = Path(folder / "poisoned.c")
    source.write_text(_poisoned(example, generated), encoding="utf-8")
    program = folder / "engine"
    objects = host_compiler.objects(generated)
    run(["gcc", *STRICT, *SANITIZED, f"-I{folder}", source, *objects, "-o", program])
    assert run([program], windows.tobytes()) == expected
    assert run([program, "other"], windows.tobytes()) == expected
