"""TensorFlow Lite Micro, compiled from a library's sources for the measuring board.

Neither the sources nor what is compiled from them are part of harmcu. Two forms are known:

- a library for Arduino, as the Library Manager installs it: a folder with ``library.properties``
  and ``src/``; it is compiled as the Arduino core does, its CMSIS-NN kernels included.
- a tree of TensorFlow Lite Micro's own ``create_tflm_tree.py``: a folder with ``tensorflow/``.

What was compiled is kept in the user's cache folder, under a digest of sources, compiler and flags;
an interrupted compilation goes on where it was.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from codegen.boards import Toolchain
from codegen.runtime import FIRMWARE
from host_tools.build import find, run
from host_tools.measuring import HOME
from trainer.errors import HarmcuError
from trainer.progress import Progress

INTERPRETER = "tensorflow/lite/micro/micro_interpreter.h"
"""By this file a folder is known."""

_SOURCES = (".c", ".cc", ".cpp")

# Tests, what other cores and systems need, and what _SYSTEM replaces; names and folders of
# TensorFlow Lite Micro.
_LEFT_OUT = (
    "test", "mock_", "fake_", "ethosu", "examples", "benchmarks", "python", "signal",
    "debug_log.c",
)  # fmt: skip
_OTHER_KERNELS = ("arc_mli", "ceva", "hexagon", "vexriscv", "xtensa", "riscv_vector")

_THIRD_PARTY = (
    "flatbuffers/include", "gemmlowp", "ruy", "kissfft", "cmsis/CMSIS/Core/Include",
    "cmsis_nn", "cmsis_nn/Include", "cmsis", "cmsis/CMSIS/NN/Include", "cmsis/CMSIS/DSP/Include",
)  # fmt: skip
"""Where both forms keep the headers of what they use, under ``third_party``."""

# Flags of TensorFlow Lite Micro's Makefile for CMSIS-NN, and for code without exceptions.
_FLAGS = (
    "-w", "-DTF_LITE_STATIC_MEMORY", "-DTF_LITE_DISABLE_X86_NEON", "-DCMSIS_NN",
)  # fmt: skip
_CPP_FLAGS = ("-std=gnu++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics")
_C_FLAGS = ("-std=gnu11",)

# An Arduino library takes the core's headers unless it is told that there is none.
_ARDUINO_FLAGS = ("-DARDUINO=10607", "-DARDUINO_EXCLUDE_CODE")

_SYSTEM = HOME / "tflm"
"""What takes the place of a system, and of the Arduino core."""

_WANTS_ARDUINO = b"Arduino.h"


@dataclass(frozen=True)
class Compiled:
    """A library as the linker takes it.

    Attributes:
        archive: its objects.
        compiler: command and flags for C++ that uses it.
    """

    archive: Path
    compiler: tuple[str, ...]

    def link(self, folder: Path, files: Mapping[str, str], sources: Sequence[str]) -> list[str]:
        """Compile C++ and return what a program links to have it and the library.

        Args:
            folder: where to put it.
            files: text by file name.
            sources: those of them that are compiled.

        Raises:
            HarmcuError: the compiler rejects a file.
        """
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
        objects = [
            self._object(path, folder)
            for path in (*(folder / name for name in sources), _SYSTEM / "system.cpp")
        ]
        return [*objects, str(self.archive), "-lstdc++", "-lm"]

    def _object(self, source: Path, folder: Path) -> str:
        target = folder / f"{source.name}.o"
        includes = [f"-I{path}" for path in (_SYSTEM, FIRMWARE / "include", HOME, folder)]
        run(
            [self.compiler[0], *includes, *self.compiler[1:], "-c", str(source), "-o", str(target)],
            folder,
        )
        return str(target)


@dataclass(frozen=True)
class Library:
    """The sources of a library.

    Attributes:
        root: what its includes are relative to.
        is_arduino: whether it is made for Arduino.
    """

    root: Path
    is_arduino: bool

    def compiled(self, toolchain: Toolchain, cflags: Sequence[str], progress: Progress) -> Compiled:
        """Compile the library, or take what an earlier call compiled.

        Args:
            toolchain: of the board; its flags but those for C and for warnings are used.
            cflags: more flags, after those.
            progress: hears of every file.

        Raises:
            HarmcuError: the compiler is missing, or rejects a file that is needed.
        """
        machine = [f for f in toolchain.flags if not f.startswith(("-std=", "-W"))]
        compiler = find(toolchain.compiler, toolchain)
        common = [*machine, *_FLAGS, *(_ARDUINO_FLAGS if self.is_arduino else ()), *cflags]
        common += [f"-I{path}" for path in self._includes()]
        sources = self._sources()
        archive = _cache(self._digest(sources, [compiler, *common])) / "library.a"
        if not archive.is_file():
            archiver = find(toolchain.size.removesuffix("size") + "ar", toolchain)
            _compile(self.root, sources, [compiler, *common], archiver, archive, progress)
        return Compiled(archive, (compiler, *common, *_CPP_FLAGS))

    def _includes(self) -> list[Path]:
        third = self.root / "third_party"
        return [self.root, *(p for p in (third / name for name in _THIRD_PARTY) if p.is_dir())]

    def _sources(self) -> list[Path]:
        found = (p for p in sorted(self.root.rglob("*")) if p.suffix in _SOURCES and p.is_file())
        kept = [path for path in found if _is_wanted(path.relative_to(self.root), path)]
        # Kernels for CMSIS-NN stand in for the plain ones of the same name.
        special = {path.stem for path in kept if path.parent.name == "cmsis_nn"}
        return [p for p in kept if p.parent.name != "kernels" or p.stem not in special]

    def _digest(self, sources: Sequence[Path], command: Sequence[str]) -> str:
        version = run([command[0], "--version"], self.root)
        digest = hashlib.sha256("\n".join([version, *command]).encode())
        for path in sources:
            digest.update(path.relative_to(self.root).as_posix().encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()[:32]


def find_library(folder: Path | None) -> Library:
    """Return the library in a folder, or one that Arduino has installed.

    Raises:
        HarmcuError: there is none.
    """
    places = [folder] if folder else [p for home in _arduino() for p in sorted(home.glob("*"))]
    for place in places:
        for root in (place / "src", place):
            if (root / INTERPRETER).is_file():
                return Library(root, is_arduino=(place / "library.properties").is_file())
    where = str(folder) if folder else "the folders where Arduino keeps libraries"
    raise HarmcuError(
        f"{where}: no TensorFlow Lite Micro, {INTERPRETER}; get the library with `arduino-cli lib "
        "install Chirale_TensorFLowLite` and name its folder with --tflm-library, measure the "
        "engine aot, or flash a board and read the latency it reports"
    )


def _arduino() -> list[Path]:
    """Return where Arduino keeps libraries: ARDUINO_DIRECTORIES_USER, or the sketchbook."""
    given = os.environ.get("ARDUINO_DIRECTORIES_USER")
    homes = [Path(given)] if given else [Path.home() / "Arduino", Path.home() / "Documents/Arduino"]
    return [home / "libraries" for home in homes]


def _cache(digest: str) -> Path:
    path = platformdirs.user_cache_path("harmcu", appauthor=False) / "tflm" / digest
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; make the folder writable") from None
    return path


def _is_wanted(place: Path, path: Path) -> bool:
    folders = place.parts[:-1]
    if any(word in part for part in place.parts for word in _LEFT_OUT):
        return False
    if any(folder in _OTHER_KERNELS for folder in folders):
        return False
    return _WANTS_ARDUINO not in path.read_bytes()


def _compile(
    root: Path,
    sources: Sequence[Path],
    command: Sequence[str],
    archiver: str,
    archive: Path,
    progress: Progress,
) -> None:
    """Compile sources into an archive.

    A file that does not compile is left out: libraries hold kernels that no model of ours needs.
    Should one be needed, the linker says so.
    """
    step = "compile TensorFlow Lite Micro"
    progress(step, 0, len(sources), {})
    objects: list[Path] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(_object, command, path, archive.with_name(f"{number}.o"))
            for number, path in enumerate(sources)
        ]
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                made = job.result()
                objects += [made] if made else []
                progress(step, done, len(sources), {})
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    if not objects:
        raise HarmcuError(f"{root}: no file compiles with {command[0]}; give another library")
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    names = sorted(path.name for path in objects)
    run([archiver, "rcsD", partial.name, *names], archive.parent)
    partial.replace(archive)
    for path in objects:
        path.unlink()


def _object(command: Sequence[str], source: Path, target: Path) -> Path | None:
    if target.is_file():
        return target
    own = _C_FLAGS if source.suffix == ".c" else _CPP_FLAGS
    partial = target.with_suffix(f".{os.getpid()}.o")
    arguments = [*own, "-c", str(source), "-o", str(partial)]
    done = subprocess.run([*command, *arguments], capture_output=True, check=False)
    return partial.replace(target) if done.returncode == 0 else None
