"""The measuring programs of firmware/bench/: built for the board mps2_an386, run under QEMU.

A program runs one window, or one hop of a stream, after the other, and records scores, stack and
stamps. QEMU's clock counts instructions (``host_tools.emulator.EXACT``).
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codegen import boards
from codegen.boards import Toolchain
from codegen.runtime import FIRMWARE
from host_tools import emulator
from host_tools.build import find, run, sizes, toolchain_of
from trainer.errors import HarmcuError
from trainer.sample_path import Samples

BOARD = "mps2_an386"
TICK_NANOSECONDS = 40
"""Timer 0 of the board counts at 25 MHz."""

TIMEOUT = 600.0

HOME = FIRMWARE / "bench"
"""Where the sources of the programs lie."""


@dataclass(frozen=True)
class Records:
    """What a program recorded.

    Attributes:
        scores: int8 [windows, outputs].
        stack_bytes: the deepest of all windows.
        spans: by window, the instructions between stamps.
    """

    scores: Samples
    stack_bytes: int
    spans: list[list[int]]


class Programs:
    """Builds and runs measuring programs in one folder."""

    def __init__(self, folder: Path, output_bytes: int, cflags: Sequence[str]) -> None:
        """Check that the board's tools are there.

        Args:
            folder: an empty one, for everything that is built.
            output_bytes: of the model's scores.
            cflags: more flags for the compiler, after the board's own.

        Raises:
            HarmcuError: QEMU is missing.
        """
        emulator.check_installed(BOARD)
        self._folder = folder
        self._output_bytes = output_bytes
        self._board = boards.load(BOARD)
        self._cflags = cflags

    @property
    def toolchain(self) -> Toolchain:
        """What builds them."""
        return toolchain_of(self._board)

    def build(
        self,
        name: str,
        sources: Sequence[Path],
        numbers: Mapping[str, int],
        includes: Sequence[Path] = (),
        link: Sequence[str] = (),
    ) -> Path:
        """Compile firmware/bench/main.c with other C sources.

        Args:
            name: of the program.
            sources: C files.
            numbers: what the sources know as macros.
            includes: folders, besides those of the runtime.
            link: objects, archives and libraries, in the order for the linker.

        Raises:
            HarmcuError: the compiler is missing, or rejects a file or a flag.
        """
        files = [HOME / "main.c", *sources]
        files += [self._board.path / s for s in ("startup.c", "semihost.c")]
        folders = [FIRMWARE / "include", HOME, self._board.path, *includes]
        numbers = {**numbers, "BENCH_OUTPUT_BYTES": self._output_bytes}
        program = self._folder / f"{name}.elf"
        toolchain = self.toolchain
        command = [find(toolchain.compiler, toolchain), *toolchain.flags, *self._cflags]
        command += [f"-I{path}" for path in folders]
        command += [f"-D{key}={value}" for key, value in numbers.items()]
        command += [*map(str, files), *link, *toolchain.link_flags]
        command += ["-T", str(self._board.path / str(toolchain.linker_script)), "-o", str(program)]
        run(command, self._folder)
        return program

    def sizes(self, program: Path) -> tuple[int, int]:
        """Return (flash, static RAM) of a program, in bytes."""
        return sizes(self.toolchain, program)

    def run(self, program: Path, windows: Samples) -> Records:
        """Run int8 windows [windows, BENCH_INPUT_BYTES] through a program.

        Raises:
            HarmcuError: it faults, or takes more than ``TIMEOUT`` seconds.
        """
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

    def _records(self, data: bytes, count: int) -> Records:
        outputs = self._output_bytes
        scores, stacks, spans, place = [], [], [], 0
        for _ in range(count):
            scores.append(np.frombuffer(data, np.int8, outputs, place))
            stack, stamps = np.frombuffer(data, "<u4", 2, place + outputs).tolist()
            ticks = np.frombuffer(data, "<u4", stamps, place + outputs + 8).tolist()
            stacks.append(stack)
            spans.append(_spans(ticks))
            place += outputs + 8 + 4 * stamps
        return Records(np.stack(scores), max(stacks), spans)


def _spans(ticks: list[int]) -> list[int]:
    """Return the instructions between stamps, without those of the stamps themselves.

    A tick is shorter than an instruction, so one whole number of instructions since the start of
    the timer fits each count: QEMU's timer shows t where t < time / tick <= t + 1.
    """
    instruction = emulator.NANOSECONDS_PER_INSTRUCTION
    spans = np.diff([(tick + 1) * TICK_NANOSECONDS // instruction for tick in ticks])
    return [int(span - spans[0]) for span in spans[1:]]
