"""What a model costs on a Cortex-M4F: instructions by layer, RAM, stack and flash, all measured.

The engine is built for the board mps2_an386 with the programs of firmware/bench/ and run under
QEMU, whose clock counts instructions (``host_tools.emulator.EXACT``). The programs:

- ``whole`` calls the engine as a sketch does; it gives the instructions and the stack.
- ``layers`` calls layer after layer with a stamp between; it gives the share of each.
- ``stream`` pushes sample after sample into the streaming engine with a stamp between.
- ``empty`` and ``idle`` are ``whole`` and ``stream`` with an engine that does nothing; flash, RAM
  and stack are counted above them.
"""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codegen import aot, boards, stream_engine
from codegen import knn as knn_engine
from codegen.aot import AotModel, LayerFacts
from codegen.boards import Toolchain
from codegen.runtime import FIRMWARE
from host_tools import emulator
from host_tools.build import find, run, sizes, toolchain_of
from trainer import bundle as bundles
from trainer import knn, tflm
from trainer.errors import HarmcuError
from trainer.sample_path import Samples

BOARD = "mps2_an386"
TICK_NANOSECONDS = 40
"""Timer 0 of the board counts at 25 MHz."""

_STRETCH = 24
"""Samples of a stream between two changes of its level and strength."""

WINDOWS = 16
"""Random windows besides the two extreme ones; their number is no matter of precision."""

TIMEOUT = 600.0

MOST_HOP = 1000
"""The measuring program has room for the stamps of so many samples (main.c)."""


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs; ``estimate`` is what codegen expected without running it."""

    number: int
    operator: str
    shape: str
    macs: int
    instructions: int
    estimate: int


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
        estimate: the sum over the layers.
        layers: in the order in which they run.
    """

    macs: int
    instructions: int
    ram_bytes: int
    stack_bytes: int
    flash_bytes: int
    weights_bytes: int
    exact: bool | None
    estimate: int
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
            f"{layer.estimate:,}",
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
    return {
        "MACs": f"{cost.macs:,}",
        "instructions": f"{cost.instructions:,}{per_mac} (estimated {cost.estimate:,})",
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
        return path.read_bytes(), path.name
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; give a bundle or a .tflite file") from None


def check_engine(engine: str) -> None:
    """Check that an engine can be built for the measuring board.

    Raises:
        HarmcuError: it needs sources that are not part of harmcu.
    """
    if engine not in boards.load(BOARD).engines:
        raise HarmcuError(
            f"the engine {engine} cannot be measured here: TensorFlow Lite Micro's sources, which "
            "its library for Arduino holds, are not part of harmcu; measure the engine aot, or "
            "flash a board with `harmcu generate --engine tflm` and read the latency it reports"
        )


@dataclass(frozen=True)
class _Run:
    """What a measuring program recorded: scores, and by window the deepest stack and stamps."""

    scores: Samples
    stack_bytes: int
    spans: list[list[int]]


def measure(model: bytes, name: str, cflags: str = "") -> Cost:
    """Build, run and compare the aot engine of a model.

    Args:
        model: content of the .tflite file.
        name: for messages and the generated C.
        cflags: more flags for the compiler, after the board's own.

    Raises:
        HarmcuError: the engine cannot run the model, a tool is missing, or the flags are wrong.
    """
    emulator.check_installed(BOARD)
    generate_c = knn_engine.generate if knn.is_knn(model) else aot.generate
    generated = generate_c(model, name, hashlib.sha256(model).hexdigest())
    windows = _windows(generated.input_bytes)
    with tempfile.TemporaryDirectory(prefix="harmcu-") as folder:
        bench = _Bench(Path(folder), generated, shlex.split(cflags))
        size = {"BENCH_INPUT_BYTES": generated.input_bytes}
        whole = bench.program("whole", ["whole.c", "aot/model_aot.c"], size)
        layers = bench.program("layers", ["aot/layers.c"], size)
        empty = bench.program("empty", ["whole.c", "no_engine.c"], {"BENCH_INPUT_BYTES": 1})
        flash, ram = (a - b for a, b in zip(bench.sizes(whole), bench.sizes(empty), strict=True))
        measured = bench.run(whole, windows)
        by_layer = bench.run(layers, windows)
        idle = bench.run(empty, windows[:, :1])
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
        stack_bytes=measured.stack_bytes - idle.stack_bytes,
        flash_bytes=flash,
        weights_bytes=generated.weights_bytes,
        exact=_is_exact(model, windows, measured.scores),
        estimate=sum(cost.estimate for cost in costs),
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
    emulator.check_installed(BOARD)
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
        bench = _Bench(Path(folder), generated, shlex.split(cflags))
        stream = bench.program("stream", ["stream.c", "aot/model_aot.c"], numbers)
        empty = bench.program("idle", ["stream.c", "no_engine.c"], numbers)
        flash, ram = (a - b for a, b in zip(bench.sizes(stream), bench.sizes(empty), strict=True))
        data = samples.reshape(records, -1)
        measured, idle = bench.run(stream, data), bench.run(empty, data)
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


class _Bench:
    """Builds and runs measuring programs in one folder."""

    def __init__(self, folder: Path, generated: AotModel, cflags: list[str]) -> None:
        self._folder = folder
        self._generated = generated
        self._board = boards.load(BOARD)
        self._cflags = cflags
        (folder / "aot").mkdir()
        for name, text in generated.files.items():
            (folder / "aot" / name).write_text(text, "utf-8")
        (folder / "aot" / "layers.c").write_text(generated.measured_source, "utf-8")

    @property
    def _toolchain(self) -> Toolchain:
        return toolchain_of(self._board)

    def program(self, name: str, sources: list[str], numbers: dict[str, int]) -> Path:
        """Compile firmware/bench/main.c with sources from there or from this folder.

        The sources know ``numbers`` as macros.
        """
        home, kernels = FIRMWARE / "bench", FIRMWARE / "src" / "kernels"
        files = [home / "main.c"]
        files += [self._folder / s if s.startswith("aot/") else home / s for s in sources]
        files += [self._board.path / s for s in ("startup.c", "semihost.c")]
        if "no_engine.c" not in sources:
            files += [kernels / s for s in self._generated.kernel_sources]
        includes = [FIRMWARE / "include", kernels, home, self._board.path, self._folder / "aot"]
        numbers = {**numbers, "BENCH_OUTPUT_BYTES": self._generated.output_bytes}
        program = self._folder / f"{name}.elf"
        toolchain = self._toolchain
        command = [find(toolchain.compiler, toolchain), *toolchain.flags, *self._cflags]
        command += [f"-I{path}" for path in includes]
        command += [f"-D{key}={value}" for key, value in numbers.items()]
        command += [*map(str, files), *toolchain.link_flags]
        command += ["-T", str(self._board.path / str(toolchain.linker_script)), "-o", str(program)]
        run(command, self._folder)
        return program

    def sizes(self, program: Path) -> tuple[int, int]:
        """Return (flash, static RAM) of a program."""
        return sizes(self._toolchain, program)

    def run(self, program: Path, windows: Samples) -> _Run:
        """Run windows through a program."""
        source, target = self._folder / "windows.bin", self._folder / "records.bin"
        source.write_bytes(windows.tobytes())
        command = [*emulator.qemu(program, exact=True), "-serial", "null"]
        command += emulator.semihosting(str(source), str(target))
        try:
            subprocess.run(command, stderr=subprocess.DEVNULL, timeout=TIMEOUT, check=True)
        except subprocess.SubprocessError:
            raise HarmcuError(
                f"the measuring program {program.name} failed under QEMU; the model may need more "
                "RAM than the board has"
            ) from None
        return self._records(target.read_bytes(), len(windows))

    def _records(self, data: bytes, count: int) -> _Run:
        outputs = self._generated.output_bytes
        scores, stacks, spans, place = [], [], [], 0
        for _ in range(count):
            scores.append(np.frombuffer(data, np.int8, outputs, place))
            stack, stamps = np.frombuffer(data, "<u4", 2, place + outputs).tolist()
            ticks = np.frombuffer(data, "<u4", stamps, place + outputs + 8).tolist()
            stacks.append(stack)
            spans.append(_spans(ticks))
            place += outputs + 8 + 4 * stamps
        return _Run(np.stack(scores), max(stacks), spans)


def _spans(ticks: list[int]) -> list[int]:
    """Return the instructions between stamps, without those of the stamps themselves.

    A tick is shorter than an instruction, so one whole number of instructions since the start of
    the timer fits each count: QEMU's timer shows t where t < time / tick <= t + 1.
    """
    instruction = emulator.NANOSECONDS_PER_INSTRUCTION
    spans = np.diff([(tick + 1) * TICK_NANOSECONDS // instruction for tick in ticks])
    return [int(span - spans[0]) for span in spans[1:]]


def _ratio(instructions: int, macs: int) -> float | None:
    return round(instructions / macs, 3) if macs else None
