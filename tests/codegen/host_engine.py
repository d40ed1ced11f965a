"""Compiles generated engines for this machine, with sanitizers, and runs them."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codegen.aot import AotModel

REPOSITORY = Path(__file__).parents[2]
FIRMWARE = REPOSITORY / "firmware"
MAIN = Path(__file__).with_name("engine_main.c")
STREAM_MAIN = Path(__file__).with_name("stream_main.c")
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", f"-I{FIRMWARE / 'include'}"]
SANITIZED = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

Int8Array = npt.NDArray[np.int8]


def run(command: Sequence[str | Path], stdin: bytes = b"") -> bytes:
    """Runs a command and shows what it said when it fails."""
    result = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    assert result.returncode == 0, f"{command}\n{result.stderr.decode(errors='replace')}"
    return result.stdout


class HostCompiler:
    """Holds the compiled kernels; every model is linked with them."""

    def __init__(
        self,
        folder: Path,
        command: str = "gcc",
        flags: Sequence[str] = SANITIZED,
        emulator: Sequence[str] = (),
    ) -> None:
        assert shutil.which(command), f"{command} is needed for these tests"
        self._folder = folder
        self._command = [command, *STRICT, *flags]
        self._emulator = emulator
        self._count = 0
        sources = sorted((FIRMWARE / "src" / "kernels").glob("*.c"))
        for source in sources:
            run([*self._command, "-c", source, "-o", folder / f"{source.stem}.o"])

    def new_folder(self, model: AotModel) -> Path:
        """Writes the sources of one engine into a folder of their own."""
        self._count += 1
        folder = self._folder / f"model{self._count}"
        folder.mkdir()
        for name, text in model.files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        return folder

    def objects(self, model: AotModel) -> list[Path]:
        """The kernels that the model asks for, and no others."""
        return [self._folder / f"{Path(name).stem}.o" for name in model.kernel_sources]

    def scores(self, model: AotModel, windows: Int8Array, outputs: int) -> Int8Array:
        """Runs the engine on int8 windows [count, ...]; gives int8 scores [count, outputs]."""
        folder = self.new_folder(model)
        program = folder / "engine"
        sources = [MAIN, folder / "model_aot.c", *self.objects(model)]
        run([*self._command, f"-I{folder}", *sources, "-o", program])
        raw = run([*self._emulator, program], windows.tobytes())
        shutil.rmtree(folder)
        return np.frombuffer(raw, dtype=np.int8).reshape(len(windows), outputs)

    def stream_scores(
        self, model: AotModel, samples: Int8Array, window: int, hop: int, resets: Sequence[int] = ()
    ) -> Int8Array:
        """Streams int8 samples [count, channels]; gives int8 scores [windows, outputs].

        A new stream begins with each sample of ``resets``.
        """
        folder = self.new_folder(model)
        program = folder / "engine"
        flags = [*STRICT, *SANITIZED, f"-I{folder}"]
        sources = [STREAM_MAIN, folder / "model_aot.c", FIRMWARE / "src" / "window.c"]
        run(["gcc", *flags, *sources, *self.objects(model), "-o", program])
        numbers = (window, hop, samples[0].size, *resets)
        raw = run([program, *map(str, numbers)], samples.tobytes())
        shutil.rmtree(folder)
        return np.frombuffer(raw, dtype=np.int8).reshape(-1, model.output_bytes)
