"""Which layer of the aot engine's C is the first to differ from TensorFlow Lite Micro.

A board says nothing about its layers. When its engine differs, the same C is compiled for this
computer and run on the same window, layer after layer. Either a layer differs here, too, and is
named, or the C is right and the fault lies with the board's compiler, its flags or its memory.

C that streams never has a whole window. The engine of whole windows takes its place here: when that
one is right, the fault may lie in the streaming, too.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from codegen import aot, boards, stream_engine
from codegen.aot import AotModel
from codegen.project import Project
from codegen.runtime import FIRMWARE
from host_tools.build import find, run, toolchain_of
from trainer import tflm
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.sample_path import Samples

TIMEOUT = 60.0

ENCLOSING = 2
"""Dumps before the first layer: see firmware/bench/bench.h."""


def explain(bundle: Bundle, project: Project | None, window: Samples) -> str:
    """Return where the engine's C first differs on one window, in words.

    Args:
        bundle: the model.
        project: whose C is compiled; None: C that is generated anew.
        window: int8 [window, channels].
    """
    try:
        return _explained(bundle, project, window)
    except HarmcuError as error:
        return f"its layers could not be compared here: {error}"


def _explained(bundle: Bundle, project: Project | None, window: Samples) -> str:
    spec = bundle.spec
    streams = stream_engine.generate(
        bundle.model, spec.name, spec.provenance.model_sha256, spec.hop
    ).stream
    if streams:
        project = None
    generated = aot.generate(bundle.model, spec.name, spec.provenance.model_sha256)
    expected = tflm.tensors(bundle.model, window, [output.tensor for output in generated.outputs])
    found = _outputs(generated, project, window)
    for layer, right, ours in zip(generated.layers, expected, found, strict=True):
        wrong = np.flatnonzero(right != ours)
        if len(wrong):
            place = int(wrong[0])
            return (
                f"layer {layer.number}, {layer.operator}, is the first to differ on this computer, "
                f"too: value {place} is {ours[place]}, TensorFlow Lite Micro has {right[place]}"
            )
    if streams:
        return (
            "every layer is right over the whole window on this computer: look at what the board's "
            "engine keeps from hop to hop, and at its compiler, its flags and its memory"
        )
    return (
        "every layer is right when the same C runs on this computer: look at the board's compiler, "
        "its flags and its memory"
    )


def _outputs(generated: AotModel, project: Project | None, window: Samples) -> list[Samples]:
    """Compile the engine for this computer and return what each of its layers gives.

    Raises:
        HarmcuError: there is no compiler, or it rejects the C.
    """
    toolchain = toolchain_of(boards.load("host"))
    home = FIRMWARE if project is None else project.path
    kernels = home / "src" / "kernels"
    with tempfile.TemporaryDirectory(prefix="harmcu-") as name:
        folder = Path(name)
        (folder / "layers.c").write_text(generated.measured_source, "utf-8")
        engine = folder if project is None else project.path / "aot"
        if project is None:
            for file, text in generated.files.items():
                (folder / file).write_text(text, "utf-8")
        includes = [folder, engine, home / "include", kernels, FIRMWARE / "bench"]
        command = [find(toolchain.compiler, toolchain), *toolchain.flags]
        command += [f"-I{path}" for path in includes]
        command += [str(FIRMWARE / "bench" / "trace.c")]
        command += [str(kernels / source) for source in generated.kernel_sources]
        run([*command, "-o", str(folder / "trace")], folder)
        dumped = subprocess.run(
            [folder / "trace"],
            input=window.tobytes(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    arenas = np.frombuffer(dumped.stdout, np.int8)
    if len(arenas) != (len(generated.outputs) + ENCLOSING) * generated.arena_bytes:
        raise HarmcuError("the engine stopped on this computer; generate the project again")
    after = arenas.reshape(-1, generated.arena_bytes)[ENCLOSING:]
    return [
        arena[output.offset : output.offset + output.size]
        for output, arena in zip(generated.outputs, after, strict=True)
    ]
