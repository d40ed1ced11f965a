"""The whole loop without hardware: recordings, model, bundle, C, an emulated board, the proof."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen import boards, project
from host_tools import build, emulator, monitor, verify
from host_tools.console import Console
from host_tools.device import Device
from host_tools.link import Link
from trainer import datasets, evaluator, golden, held_out, pipeline
from trainer.bundle import Bundle
from trainer.golden import Trace
from trainer.recording import Recording

STEPS = 7
WIRE_WINDOWS = 300
"""Windows over the emulated UART, which carries some 700 samples a second; the rest go in bulk."""

LIVE_SECONDS = 8.0

EPOCHS = 40
"""Fewer than an architecture's own, so that the loop takes minutes."""


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    dataset: str
    data: Path | None
    board: str
    out: Path
    seed: int


def run(request: Request, console: Console) -> dict[str, Any]:
    """Run the loop and return its figures.

    Raises:
        HarmcuError: something is missing or fails; the message says what to do.
    """
    start = time.monotonic()
    board = boards.load(request.board)
    # Whoever lacks a compiler should hear it now and not after the training.
    toolchain = build.toolchain_of(board)
    build.find(toolchain.compiler, toolchain)
    emulator.check_installed(board.name)
    project.check_free(request.out / "project")
    bundle, recordings = _train(request, console)
    made = project.write(request.out / "project", project.generate(bundle, board, "aot"))
    _say_generated(made, console)
    program = build.build(made)
    console.step(
        5,
        STEPS,
        "Build",
        f"{program.path}: {program.flash_bytes:,} bytes of flash, {program.ram_bytes:,} of RAM "
        f"(stack included); boots on {board.name}: {board.description}",
    )
    wire, bulk = _verify(program, bundle, recordings, console)
    _show_live(program, bundle, recordings, console)
    figures = _figures(bundle, program, wire, bulk)
    _show_figures(figures, bulk, time.monotonic() - start, console)
    return figures


def _train(request: Request, console: Console) -> tuple[Bundle, tuple[Recording, ...]]:
    dataset = datasets.load(request.dataset, request.data)
    samples = sum(len(recording.counts) for recording in dataset.recordings)
    subjects = len({recording.subject for recording in dataset.recordings})
    console.step(
        1,
        STEPS,
        "Data",
        f"{dataset.name}: {len(dataset.recordings)} recordings of {subjects} subjects, "
        f"{samples:,} samples, {len(dataset.labels)} labels",
    )
    with console.progress() as bars:
        bundle = pipeline.train(
            pipeline.TrainRequest(
                dataset=request.dataset,
                data=request.data,
                out=request.out / "bundle",
                seed=request.seed,
                epochs=EPOCHS,
            ),
            bars,
        )
    spec, metrics = bundle.spec, bundle.metrics
    split = spec.provenance.split
    console.step(
        2,
        STEPS,
        "Train",
        f"{spec.provenance.architecture} {spec.provenance.size}, {len(bundle.model):,} bytes of "
        f"int8 .tflite; subjects {' '.join(split.train)} trained it, {' '.join(split.validation)} "
        f"validated it, {' '.join(split.test)} are held out",
    )
    console.step(
        3,
        STEPS,
        "Bundle",
        f"{bundle.path}: {metrics['accuracy']:.1%} of {metrics['windows']:,} held-out windows "
        f"right, on {metrics['kernels']}",
    )
    return bundle, held_out.load(bundle, request.dataset, request.data).recordings


def _say_generated(made: project.Project, console: Console) -> None:
    tflm = made.manifest.tflm
    text = f"{made.path}: C for this model"
    if tflm is not None:
        text += (
            f", and for TensorFlow Lite Micro the array, {len(tflm['operators'])} operators and "
            f"an arena of {tflm['bytes']:,} bytes ({tflm['measured_bytes']:,} measured + "
            f"{tflm['margin_bytes']:,} margin)"
        )
    console.step(4, STEPS, "Generate", text)


def _verify(
    program: build.Program, bundle: Bundle, recordings: Sequence[Recording], console: Console
) -> tuple[verify.Comparison, verify.Comparison]:
    """Compare the board with the evaluation: over the wire at a sensor's rate, then in bulk."""
    spec = bundle.spec
    engine = evaluator.load(bundle.model)
    rate = program.project.board.sensor_rates_millihertz[0]
    at_sensor_rate = [golden.replay(spec, engine, r, rate) for r in recordings]
    few = _some_of(at_sensor_rate, WIRE_WINDOWS)
    many = [golden.replay(spec, engine, r, r.rate_millihertz) for r in recordings]
    with (
        console.progress() as bars,
        emulator.serve(program, exact=True) as served,
        Link(served.url) as link,
    ):
        wire = verify.over_wire(
            Device(link),
            spec,
            few,
            lambda done, total: bars("verify over the wire", done, total, {}),
        )
    _say_verified(wire, f"over {served.url}, recordings brought to {rate / 1000:g} Hz", console)
    bulk = verify.in_bulk(program, spec, many)
    _say_verified(bulk, "in bulk, every held-out recording at its own rate", console)
    return wire, bulk


def _some_of(traces: Sequence[Trace], windows: int) -> list[Trace]:
    """Return streams, evenly taken from all of them, that have about so many windows."""
    total = sum(len(trace.scores) for trace in traces)
    return list(traces[:: max(1, total // windows)])


def _say_verified(comparison: verify.Comparison, how: str, console: Console) -> None:
    first = comparison.first_difference
    text = f"{comparison.equal:,} of {comparison.windows:,} windows equal, {how}"
    if first is not None:
        text += f"; {first.text()}"
    console.step(6, STEPS, "Verify", text)


def _show_live(
    program: build.Program, bundle: Bundle, recordings: Sequence[Recording], console: Console
) -> None:
    """Let the board's IMU play a held-out recording, and watch."""
    recording = recordings[0]
    rate = program.project.board.sensor_rates_millihertz[0]
    counts = golden.at_rate(recording, rate)
    console.step(7, STEPS, "Live", f"its IMU plays {recording.source}: {recording.label}")
    with emulator.serve(program, counts, rate) as served, Link(served.url) as link:
        watched = monitor.Monitor(link, bundle.spec.provenance.model_sha256)
        console.line("    " + watched.identity)
        monitor.watch(
            watched,
            lambda decided: console.line("    " + monitor.decision_line(decided, watched.status)),
            lambda text: console.line("    " + text),
            LIVE_SECONDS,
        )


def _figures(
    bundle: Bundle, program: build.Program, wire: verify.Comparison, bulk: verify.Comparison
) -> dict[str, Any]:
    exact = emulator.counts_instructions(program.project.board.name)
    tflm = program.project.manifest.tflm
    return {
        "accuracy": bundle.metrics["accuracy"],
        "windows_compared": wire.windows + bulk.windows,
        "windows_equal": wire.equal + bulk.equal,
        "model_bytes": len(bundle.model),
        "flash_bytes": program.flash_bytes,
        "ram_bytes": program.ram_bytes,
        "tflm_arena_bytes": tflm["bytes"] if tflm else None,
        "instructions_per_inference": (
            emulator.instructions(bulk.ticks, bulk.tick_hz) if exact else None
        ),
        "model_sha256": bundle.spec.provenance.model_sha256,
        "report": str(bundle.report),
    }


def _show_figures(
    figures: dict[str, Any],
    bulk: verify.Comparison,
    seconds: float,
    console: Console,
) -> None:
    instructions, arena = figures["instructions_per_inference"], figures["tflm_arena_bytes"]
    console.line("")
    console.table(
        {
            "held-out accuracy": f"{figures['accuracy']:.1%} evaluated, "
            f"{bulk.right / max(1, bulk.labelled):.1%} by what the board said",
            "windows": f"{figures['windows_compared']:,} compared, "
            f"{figures['windows_equal']:,} equal",
            "model": f"{figures['model_bytes']:,} bytes, sha256 {figures['model_sha256'][:16]}...",
            "firmware": f"{figures['flash_bytes']:,} bytes of flash, "
            f"{figures['ram_bytes']:,} bytes of RAM",
            "TFLM's arena": f"{arena:,} bytes for the same model" if arena else "not measured here",
            "inference": f"{instructions:,} instructions" if instructions else "not counted here",
            "report": figures["report"],
            "time": f"{seconds:.0f} s",
        }
    )
