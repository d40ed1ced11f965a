"""From a project to a program, with the compiler that its board names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from codegen.boards import Board, Toolchain
from codegen.project import BUILD, NO_ENGINE, Project
from trainer.errors import HarmcuError


@dataclass(frozen=True)
class Program:
    """A built project.

    Attributes:
        project: what was built.
        path: the program.
        flash_bytes: code, constants and initial values.
        ram_bytes: static variables, with the stack's reserve where the board has one.
    """

    project: Project
    path: Path
    flash_bytes: int
    ram_bytes: int


def build(project: Project) -> Program:
    """Compile and link a project.

    Raises:
        HarmcuError: the project is a sketch, the compiler is missing, the board cannot link the
            engine, or the compiler rejects a file.
    """
    board = project.board
    toolchain = toolchain_of(board)
    if project.manifest.engine not in (*board.engines, NO_ENGINE):
        raise HarmcuError(
            f"the board {board.name} has no TensorFlow Lite Micro library to link the engine "
            f"{project.manifest.engine} with; build it in your own project, or generate for the "
            f"engine {board.engines[0]}"
        )
    compiler = find(toolchain.compiler, toolchain)
    out = project.path / BUILD
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise HarmcuError(f"{out}: {error.strerror}; choose a folder you can write to") from None
    with ThreadPoolExecutor() as pool:
        jobs = [
            pool.submit(_compile, compiler, toolchain.flags, project, source)
            for source in project.manifest.sources
        ]
        objects = [job.result() for job in jobs]
    program = out / toolchain.program
    script = toolchain.linker_script
    link = ["-T", f"board/{script}"] if script else []
    target = ["-o", f"{BUILD}/{toolchain.program}"]
    flags = [*toolchain.flags, *toolchain.link_flags]
    run([compiler, *flags, *link, *objects, *target], project.path)
    flash, ram = sizes(toolchain, program)
    return Program(project, program, flash, ram)


def toolchain_of(board: Board) -> Toolchain:
    """Return what builds for a board.

    Raises:
        HarmcuError: arduino-cli does.
    """
    if board.toolchain is None:
        raise HarmcuError(
            f"the board {board.name} is built by arduino-cli; use `harmcu flash`, or open the "
            "sketch in the Arduino IDE"
        )
    return board.toolchain


def find(command: str, toolchain: Toolchain) -> str:
    """Return the path of a command of the toolchain.

    Raises:
        HarmcuError: it is not installed; the message says how to install it.
    """
    path = shutil.which(command)
    if path is None:
        raise HarmcuError(f"{command} is not installed; {install_hint(toolchain.install)}")
    return path


def install_hint(install: dict[str, str]) -> str:
    """Return the command that installs something on this system."""
    if sys.platform == "darwin":
        return install["macos"]
    if sys.platform == "win32":
        return install["windows"]
    if "linux" in install:
        return install["linux"]
    return f"sudo apt-get install {install['debian']}, or your system's package of that name"


def _compile(compiler: str, flags: tuple[str, ...], project: Project, source: str) -> str:
    """Compile one file and return the object's path, relative to the project."""
    target = f"{BUILD}/{source.replace('/', '_')}.o"
    # Paths are relative and includes fixed, so that the object does not depend on where it lies.
    includes = ["-Iinclude", "-Isrc/kernels", "-Imodel", "-Iaot", "-Iboard"]
    run([compiler, *flags, *includes, "-c", source, "-o", target], project.path)
    return target


def run(command: list[str], folder: Path) -> str:
    """Run a tool in a folder and return what it said.

    Raises:
        HarmcuError: it failed; the message holds its first error.
    """
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode:
        raise HarmcuError(f"{folder}: {_reason(Path(command[0]).name, result.stderr)}")
    return result.stdout


def _reason(tool: str, said: str) -> str:
    """Return, in one line, why a tool failed and what to do."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no message"]
    for line in lines:
        if "overflowed by" in line:
            return f"does not fit the board ({line.split(': ')[-1]}); train a smaller model"
        if "string.h: No such file" in line:
            return f"{tool} has no C library; install libnewlib-arm-none-eabi or libc6-dev"
        if "cstddef: No such file" in line or "cstdint: No such file" in line:
            return f"{tool} has no C++ library; install libstdc++-arm-none-eabi-newlib"
        if "No space left" in line:
            return f"{tool} failed: {line[:200]}; free some space"
        if "unrecognized" in line or "command-line option" in line:
            return f"{tool} failed: {line[:200]}; check the flags"
    errors = [line for line in lines if "undefined reference" in line]
    errors += [line for line in lines if "error" in line.lower()]
    return f"{tool} failed: {(errors or lines)[0][:200]}; generate the project again"


def sizes(toolchain: Toolchain, program: Path) -> tuple[int, int]:
    """Return (flash, RAM) in bytes, from the Berkeley format of `size`: text, data, bss, ..."""
    output = run([find(toolchain.size, toolchain), program.name], program.parent)
    text, data, bss = (int(field) for field in output.splitlines()[1].split()[:3])
    return text + data, data + bss
