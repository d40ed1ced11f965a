"""What a model costs on a Cortex-M4F: instructions by layer, RAM, stack and flash, all measured.

The engine is built with the programs of firmware/bench/ (``host_tools.measuring``):

- ``whole`` calls the engine as a sketch does; it gives the instructions and the stack.
- ``layers`` calls layer after layer with a stamp between; it gives the share of each.
- ``stream`` pushes sample after sample into the streaming engine with a stamp between.
- ``empty`` and ``idle`` are ``whole`` and ``stream`` with an engine that does nothing; flash, RAM
  and stack are counted above them.

The engine aot is harmcu's; the engine tflm needs a library of TensorFlow Lite Micro that the user
has (``host_tools.tflm_library``).
"""

from __future__ import annotations

import hashlib
import shlex
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codegen import aot, macs, stream_engine, tflite
from codegen import knn as knn_engine
from codegen import tflm as tflm_engine
from codegen.aot import AotModel, LayerFacts, shape_text
from codegen.runtime import FIRMWARE
from host_tools.measuring import HOME, Programs
from host_tools.tflm_library import Library
from trainer import bundle as bundles
from trainer import knn, tflm
from trainer.errors import HarmcuError
from trainer.progress import Progress
from trainer.sample_path import Samples

_STRETCH = 24
"""Samples of a stream between two changes of its level and strength."""

WINDOWS = 16
"""Random windows besides the two extreme ones; their number is no matter of precision."""

MOST_HOP = 1000
"""The measuring program has room for the stamps of so many samples (main.c)."""


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs; ``estimate`` is what codegen expects of aot without running it."""

    number: int
    operator: str
    shape: str
    macs: int
    instructions: int
    estimate: int | None


@dataclass(frozen=True)
class Cost:
    """What one inference costs, in its most expensive window.

    Attributes:
        macs: multiplications of a weight and an input, padding included.
        instructions: executed by harmcu_engine_invoke().
        ram_bytes: static variables of the engine.
        stack_bytes: the most that an inference needs.
        flash_bytes: code and constants, weights included.
        weights_bytes: flash for weights, biases and scales.
        exact: whether every score equals the evaluation's; None for a network without
            tflite-micro.
        estimate: the sum over the layers; None for the engine tflm.
        layers: in the order in which they run.
    """

    macs: int
    instructions: int
    ram_bytes: int
    stack_bytes: int
    flash_bytes: int
    weights_bytes: int
    exact: bool | None
    estimate: int | None
    layers: tuple[LayerCost, ...]

    def document(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        layers = [
            {**asdict(layer), "instructions_per_mac": _ratio(layer.instructions, layer.macs)}
            for layer in self.layers
        ]
        per_mac = _ratio(self.instructions, self.macs)
        return {**asdict(self), "instructions_per_mac": per_mac, "layers": layers}


@dataclass(frozen=True)
class StreamCost:
    """What each hop costs when only its new columns are computed.

    Attributes:
        hop: samples between two windows.
        samples: that come with a step.
        macs: multiplications of a weight and an input.
        instructions: of the most expensive hop, all its samples and the scores at its end.
        worst_sample: of these, those for the most expensive sample.
        ram_bytes: static variables, those that live from step to step included.
        stack_bytes: the most that a sample needs.
        flash_bytes: code and constants, weights included.
        exact: whether every score equals TensorFlow Lite Micro's on the whole window; None without
            tflite-micro.
        estimate: of the instructions.
    """

    hop: int
    samples: int
    macs: int
    instructions: int
    worst_sample: int
    ram_bytes: int
    stack_bytes: int
    flash_bytes: int
    exact: bool | None
    estimate: int


LAYER_COLUMNS = ("layer", "shape", "MACs", "instructions", "per MAC", "estimate")


def layer_rows(cost: Cost) -> list[tuple[str, ...]]:
    """Return the cells of one line a layer, for people."""
    return [
        (
            f"{layer.number} {layer.operator}",
            layer.shape,
            f"{layer.macs:,}" if layer.macs else "",
            f"{layer.instructions:,}",
            f"{layer.instructions / layer.macs:.2f}" if layer.macs else "",
            "" if layer.estimate is None else f"{layer.estimate:,}",
        )
        for layer in cost.layers
    ]


_VERDICT = {
    True: "yes, every score equals the evaluation's",
    False: "NO, scores differ from the evaluation's",
    None: "not compared: the package tflite-micro is not installed",
}


def rows(cost: Cost) -> dict[str, str]:
    """Return names and totals, for people."""
    per_mac = f", {cost.instructions / cost.macs:.2f} per MAC" if cost.macs else ""
    estimate = "" if cost.estimate is None else f" (estimated {cost.estimate:,})"
    return {
        "MACs": f"{cost.macs:,}",
        "instructions": f"{cost.instructions:,}{per_mac}{estimate}",
        "RAM": f"{cost.ram_bytes:,} bytes and {cost.stack_bytes:,} of stack",
        "flash": f"{cost.flash_bytes:,} bytes, {cost.weights_bytes:,} of them weights",
        "exact": _VERDICT[cost.exact],
    }


def stream_rows(hop: int, stream: StreamCost | str, whole: Cost) -> dict[str, str]:
    """Return what a hop costs, for people, or why it costs a whole window."""
    if isinstance(stream, str):
        return {"hop": f"{hop} samples; every hop costs a whole window: {stream}"}
    return {
        "hop": f"{hop} samples, of which every {stream.samples} are a step",
        "hop: instructions": f"{stream.instructions:,} (estimated {stream.estimate:,}), "
        f"{stream.instructions / whole.instructions:.3f} of the whole window's; "
        f"{stream.worst_sample:,} in the worst sample",
        "hop: RAM": f"{stream.ram_bytes:,} bytes and {stream.stack_bytes:,} of stack; no window is "
        "kept",
        "hop: flash": f"{stream.flash_bytes:,} bytes",
        "hop: exact": _VERDICT[stream.exact],
    }


def stream_document(stream: StreamCost | str | None) -> dict[str, Any]:
    """Return what ``measure_stream`` found, for ``--json``."""
    if isinstance(stream, StreamCost):
        return {"stream": asdict(stream), "why_whole": None}
    return {"stream": None, "why_whole": stream}


def load(path: Path) -> tuple[bytes, str]:
    """Read a model from a bundle or a .tflite file; returns its content and its name.

    Raises:
        HarmcuError: there is neither.
    """
    if path.is_dir():
        bundle = bundles.read(path)
        return bundle.model, bundle.spec.name
    try:
        if not path.is_file() or path.stat().st_size > bundles.MAX_FILE_BYTES:
            what = "no such file" if not path.exists() else "no file, or none of a model's size"
            raise HarmcuError(f"{path}: {what}; give a bundle or a .tflite file")
        content = path.read_bytes()
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; give a bundle or a .tflite file") from None
    try:
        if not knn.is_knn(content):
            tflite.read(content)
    except HarmcuError as error:
        raise HarmcuError(f"{path}: {error}") from None
    return content, path.name


def _flags(cflags: str) -> list[str]:
    try:
        return shlex.split(cflags)
    except ValueError as error:
        raise HarmcuError(f"--cflags {cflags!r}: {error}; write flags as for a shell") from None


def measure(model: bytes, name: str, cflags: str = "") -> Cost:
    """Build, run and compare the aot engine of a model.

    Args:
        model: content of the .tflite file.
        name: for messages and the generated C.
        cflags: more flags for the compiler, after the board's own.

    Raises:
        HarmcuError: the engine cannot run the model, a tool is missing, or the flags are wrong.
    """
    generate_c = knn_engine.generate if knn.is_knn(model) else aot.generate
    generated = generate_c(model, name, hashlib.sha256(model).hexdigest())
    windows = _windows(generated.input_bytes)
    with tempfile.TemporaryDirectory(prefix="harmcu-") as folder:
        programs = Programs(Path(folder), generated.output_bytes, _flags(cflags))
        engine = _Aot(Path(folder), generated)
        size = {"BENCH_INPUT_BYTES": generated.input_bytes}
        whole = programs.build("whole", [HOME / "whole.c", *engine.sources], size, engine.includes)
        layers = programs.build("layers", engine.measured_sources, size, engine.includes)
        measured = programs.run(whole, windows)
        by_layer = programs.run(layers, windows)
        flash, ram, stack = _above_empty(programs, whole, measured.stack_bytes)
    totals = [spans[0] for spans in measured.spans]
    worst = int(np.argmax(totals))
    costs = tuple(
        _layer_cost(facts, count)
        for facts, count in zip(generated.layers, by_layer.spans[worst], strict=True)
    )
    if not np.array_equal(measured.scores, by_layer.scores):
        raise HarmcuError(f"{name}: two builds of the engine differ; please report this as a bug")
    return Cost(
        macs=generated.macs,
        instructions=totals[worst],
        ram_bytes=ram,
        stack_bytes=stack,
        flash_bytes=flash,
        weights_bytes=generated.weights_bytes,
        exact=_is_exact(model, windows, measured.scores),
        estimate=sum(layer.estimate for layer in generated.layers),
        layers=costs,
    )


def measure_tflm(
    model: bytes, name: str, library: Library, cflags: str, progress: Progress
) -> Cost:
    """Build, run and compare the tflm engine of a model.

    Flash for weights is the whole .tflite file, and static RAM holds the arena that a sketch gets.

    Args:
        model: content of the .tflite file.
        name: for messages and the generated C++.
        library: of TensorFlow Lite Micro.
        cflags: more flags for the compiler, after the board's own, for the library, too.
        progress: hears of every file of the library that is compiled.

    Raises:
        HarmcuError: TensorFlow Lite Micro cannot run the model, a tool is missing, the flags are
            wrong, or the library does not compile.
    """
    if knn.is_knn(model):
        raise HarmcuError(f"{name}: a nearest-neighbour model runs on the engine aot only")
    graph = tflite.read(model)
    arena = tflm.measure_arena(model).bytes
    digest = hashlib.sha256(model).hexdigest()
    generated = tflm_engine.generate(model, name, digest, arena)
    if library.is_arduino and generated.has_per_channel_dense:
        raise HarmcuError(
            f"{name}: a dense layer is quantised per channel, which Arduino's library computes "
            "wrongly; measure the engine aot, or give a tree of create_tflm_tree.py"
        )
    size = {"BENCH_INPUT_BYTES": graph.input.elements}
    windows = _windows(graph.input.elements)
    with tempfile.TemporaryDirectory(prefix="harmcu-") as folder:
        programs = Programs(Path(folder), graph.output.elements, _flags(cflags))
        built = library.compiled(programs.toolchain, _flags(cflags), progress)
        files = {**generated.files, "measured.cpp": generated.measured_engine}
        source = next(name for name in files if name.endswith("_model_data.cpp"))
        whole, layers = (
            programs.build(
                program,
                [HOME / "whole.c"],
                size,
                link=built.link(Path(folder), files, [engine, source]),
            )
            for program, engine in (("whole", "tflm_engine.cpp"), ("layers", "measured.cpp"))
        )
        measured = programs.run(whole, windows)
        by_layer = programs.run(layers, windows)
        flash, ram, stack = _above_empty(programs, whole, measured.stack_bytes)
    totals = [spans[0] for spans in measured.spans]
    worst = int(np.argmax(totals))
    # Stamps stand before and after every operator.
    counts = by_layer.spans[worst][1::2]
    costs = tuple(
        LayerCost(
            number=operator.index,
            operator=operator.name,
            shape=shape_text(operator.outputs[0]),
            macs=macs.of(operator),
            instructions=count,
            estimate=None,
        )
        for operator, count in zip(graph.operators, counts, strict=True)
    )
    return Cost(
        macs=sum(cost.macs for cost in costs),
        instructions=totals[worst],
        ram_bytes=ram,
        stack_bytes=stack,
        flash_bytes=flash,
        weights_bytes=len(model),
        exact=_is_exact(model, windows, measured.scores),
        estimate=None,
        layers=costs,
    )


def measure_stream(model: bytes, name: str, hop: int, cflags: str = "") -> StreamCost | str:
    """Build, run and compare the streaming aot engine of a model.

    Args:
        model: content of the .tflite file; its input is [1, window, 1, channels].
        name: for messages and the generated C.
        hop: samples between two windows.
        cflags: more flags for the compiler, after the board's own.

    Returns:
        the cost, or why the model takes whole windows, as the end of a sentence.

    Raises:
        HarmcuError: the hop is too long, the engine cannot run the model, a tool is missing, or
            the flags are wrong.
    """
    if knn.is_knn(model):
        return knn_engine.WHY_WHOLE
    generated = stream_engine.generate(model, name, hashlib.sha256(model).hexdigest(), hop)
    if generated.stream is None:
        return generated.why_whole
    if hop > MOST_HOP:
        raise HarmcuError(f"a hop of {hop} samples is too long to measure; at most {MOST_HOP}")
    window = generated.stream.window
    channels = generated.input_bytes // window
    # The first window and the hops after it; whole records from the first sample on.
    records = -(-window // hop) + WINDOWS
    skip = -window % hop
    samples = _stream(records * hop, channels)
    numbers = {"BENCH_INPUT_BYTES": hop * channels, "BENCH_HOP": hop, "BENCH_SKIP": skip}
    with tempfile.TemporaryDirectory(prefix="harmcu-") as folder:
        programs = Programs(Path(folder), generated.output_bytes, _flags(cflags))
        engine = _Aot(Path(folder), generated)
        sources = [HOME / "stream.c", *engine.sources]
        stream = programs.build("stream", sources, numbers, engine.includes)
        empty = programs.build("idle", [HOME / "stream.c", HOME / "no_engine.c"], numbers)
        flash, ram = _difference(programs.sizes(stream), programs.sizes(empty))
        data = samples.reshape(records, -1)
        measured, idle = programs.run(stream, data), programs.run(empty, data)
    complete = slice(-WINDOWS - 1, None)
    starts = range(skip, len(samples) - window + 1, hop)
    windows = np.stack([samples[start : start + window].ravel() for start in starts])
    spans = measured.spans[complete]
    return StreamCost(
        hop=hop,
        samples=generated.stream.samples,
        macs=generated.macs,
        instructions=max(map(sum, spans)),
        worst_sample=max(map(max, spans)),
        ram_bytes=ram,
        stack_bytes=measured.stack_bytes - idle.stack_bytes,
        flash_bytes=flash,
        exact=_is_exact(model, windows, measured.scores[complete]),
        estimate=generated.stream.estimate,
    )


class _Aot:
    """The C of the aot engine in a folder of its own."""

    def __init__(self, folder: Path, generated: AotModel) -> None:
        home = folder / "aot"
        home.mkdir()
        for name, text in {**generated.files, "layers.c": generated.measured_source}.items():
            (home / name).write_text(text, "utf-8")
        kernels = FIRMWARE / "src" / "kernels"
        used = [kernels / source for source in generated.kernel_sources]
        self.includes = [kernels, home]
        self.sources = [home / "model_aot.c", *used]
        self.measured_sources = [home / "layers.c", *used]


def _above_empty(programs: Programs, whole: Path, stack_bytes: int) -> tuple[int, int, int]:
    """Return (flash, RAM, stack) of ``whole`` above the same program without an engine."""
    sources = [HOME / "whole.c", HOME / "no_engine.c"]
    empty = programs.build("empty", sources, {"BENCH_INPUT_BYTES": 1})
    flash, ram = _difference(programs.sizes(whole), programs.sizes(empty))
    idle = programs.run(empty, np.zeros((1, 1), np.int8))
    return flash, ram, stack_bytes - idle.stack_bytes


def _difference(of: tuple[int, int], above: tuple[int, int]) -> tuple[int, int]:
    return of[0] - above[0], of[1] - above[1]


def _stream(count: int, channels: int) -> Samples:
    """Return int8 [count, channels] whose level and strength change as people's movements do."""
    rng = np.random.default_rng(1)
    stretches = -(-count // _STRETCH)
    level = rng.uniform(-128, 128, (stretches, channels))
    strength = 128 * rng.uniform(0, 1, (stretches, channels)) ** 3
    noise = rng.uniform(-1, 1, (stretches, _STRETCH, channels))
    stream = (level[:, np.newaxis] + strength[:, np.newaxis] * noise).reshape(-1, channels)
    samples: Samples = np.clip(np.round(stream[:count]), -128, 127).astype(np.int8)
    return samples


def _layer_cost(facts: LayerFacts, instructions: int) -> LayerCost:
    return LayerCost(
        number=facts.number,
        operator=facts.operator,
        shape=facts.shape,
        macs=facts.macs,
        instructions=instructions,
        estimate=facts.estimate,
    )


def _windows(size: int) -> Samples:
    """Return int8 [windows, size]: the two extremes, then random ones."""
    windows = np.random.default_rng(1).integers(-128, 128, (WINDOWS + 2, size)).astype(np.int8)
    windows[0], windows[1] = -128, 127
    return windows


def _is_exact(model: bytes, windows: Samples, scores: Samples) -> bool | None:
    if knn.is_knn(model):
        read = knn.read(model)
        return np.array_equal(read.run(windows.reshape(-1, read.window, read.channels)), scores)
    if not tflm.is_installed():
        return None
    return np.array_equal(tflm.Tflm(model).run(windows[:, :, np.newaxis]), scores)


def _ratio(instructions: int, macs: int) -> float | None:
    return round(instructions / macs, 3) if macs else None
