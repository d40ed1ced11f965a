"""Compiles parts of the runtime for this machine, with sanitizers."""

from collections.abc import Iterable
from pathlib import Path

from host_engine import FIRMWARE, SANITIZED, STRICT, run


class Stages:
    """The stages of the sample path, each callable by itself."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "stages"
        names = ["scale", "quantize", "window", "decision", "crc", "line_read", "line_write"]
        sources = [FIRMWARE / "src" / f"{name}.c" for name in names]
        main = Path(__file__).with_name("stages_main.c")
        run(["gcc", *STRICT, *SANITIZED, main, *sources, "-o", self._program])

    def __call__(self, stage: str, data: bytes, arguments: Iterable[object] = ()) -> bytes:
        """Runs one stage on ``data``."""
        return run([self._program, stage, *map(str, arguments)], data)
