"""Builds the fuzz targets with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from host_engine import FIRMWARE, STRICT, run
from peak_memory import with_own_peak

from codegen import boards, project
from trainer.bundle import Bundle

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"

TARGETS = {
    "lines": ["line_read.c", "line_write.c", "crc.c"],
    "stages": ["resample.c", "window.c", "decision.c"],
    "session": [],
}
"""The runtime's sources that each target is linked with; ``session`` takes a whole project."""

FUZZED = ("-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")


def build(target: str, folder: Path, bundle: Bundle, flags: Sequence[str] = FUZZED) -> Path:
    """Compiles a target into ``folder`` and gives the program."""
    program = folder / target
    sources = [FIRMWARE / "src" / name for name in TARGETS[target]]
    includes = []
    if target == "session":
        made = project.write(
            folder / "project", project.generate(bundle, boards.load("host"), "aot")
        )
        skipped = ("board/", "src/main.c")
        sources = [made.path / s for s in made.manifest.sources if not s.startswith(skipped)]
        includes = [f"-I{made.path / name}" for name in ("include", "src/kernels", "model", "aot")]
    main = FOLDER / f"{target}_fuzz.c"
    run(["clang", *STRICT, *flags, *includes, main, *sources, "-o", program])
    return program


def fuzz(program: Path, folder: Path, runs: int) -> str:
    """Runs a target on its corpus and on ``runs`` inputs made from it; gives what it reports.

    The same number of runs tries the same inputs.
    """
    new = folder / "new"
    new.mkdir(exist_ok=True)
    options = [f"-runs={runs}", "-seed=1", "-max_len=4096", "-print_final_stats=1"]
    limits = ["-timeout=60", "-rss_limit_mb=512", f"-artifact_prefix={folder}/"]
    command = [program, *options, *limits, new, CORPUS / program.name]
    result = subprocess.run(
        with_own_peak(command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    text = result.stderr.decode(errors="replace")
    assert result.returncode == 0, text[-4000:]
    return text
