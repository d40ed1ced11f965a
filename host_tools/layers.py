"""Which layer of the aot engine's C is the first to differ from TensorFlow Lite Micro.

A board says nothing about its layers. When its engine differs, the kernels are compiled for this
computer and run on the same window, layer after layer, over the whole window even where the board
computes only what is new. Either a layer differs here, too, and is named, or the fault lies with
the board's compiler, its flags or its memory.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from codegen import aot, boards
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
        project: whose kernels are compiled; None: those of this harmcu.
        window: int8 [window, channels].
    """
    try:
        return _explained(bundle, project, window)
    except HarmcuError as error:
        return f"its layers could not be compared here: {error}"


def _explained(bundle: Bundle, project: Project | None, window: Samples) -> str:
    spec = bundle.spec
    generated = aot.generate(bundle.model, spec.name, spec.provenance.model_sha256)
    places = [layer.output for layer in generated.layers if layer.output is not None]
    expected = tflm.tensors(bundle.model, window, [place.tensor for place in places])
    found = _outputs(generated, project, window)
    for layer, right, ours in zip(generated.layers, expected, found, strict=True):
        # A layer of which only the last step is needed has less to give than TFLM's.
        if len(right) == len(ours) and (right != ours).any():
            place = int(np.argmax(right != ours))
            return (
                f"layer {layer.number}, {layer.operator}, is the first to differ on this computer, "
                f"too: value {place} is {ours[place]}, TensorFlow Lite Micro has {right[place]}"
            )
    return (
        "every layer is right when whole windows run on this computer: look at the board's "
        "compiler, its flags and its memory"
    )


def _outputs(generated: AotModel, project: Project | None, window: Samples) -> list[Samples]:
    """Compile the engine for this computer and return what each of its layers gives.

    Raises:
        HarmcuError: there is no compiler, or it rejects the C.
    """
    toolchain = toolchain_of(boards.load("host"))
    ours = FIRMWARE / "src" / "kernels"
    theirs = ours if project is None else project.path / "src" / "kernels"
    # Where the board computes only what is new, the project lacks kernels of whole windows.
    kernels = [
        theirs / name if (theirs / name).is_file() else ours / name
        for name in generated.kernel_sources
    ]
    with tempfile.TemporaryDirectory(prefix="harmcu-") as name:
        folder = Path(name)
        (folder / "layers.c").write_text(generated.measured_source, "utf-8")
        for file, text in generated.files.items():
            (folder / file).write_text(text, "utf-8")
        includes = [folder, FIRMWARE / "include", ours, FIRMWARE / "bench"]
        command = [find(toolchain.compiler, toolchain), *toolchain.flags]
        command += [f"-I{path}" for path in includes]
        command += [str(FIRMWARE / "bench" / "trace.c")]
        command += map(str, kernels)
        run([*command, "-o", str(folder / "trace")], folder)
        dumped = subprocess.run(
            [folder / "trace"],
            input=window.tobytes(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    arenas = np.frombuffer(dumped.stdout, np.int8)
    if len(arenas) != (len(generated.layers) + ENCLOSING) * generated.arena_bytes:
        raise HarmcuError("the engine stopped on this computer; generate the project again")
    after = arenas.reshape(-1, generated.arena_bytes)[ENCLOSING:]
    return [
        arena[layer.output.offset : layer.output.offset + layer.output.bytes]
        for layer, arena in zip(generated.layers, after, strict=True)
        if layer.output is not None
    ]
