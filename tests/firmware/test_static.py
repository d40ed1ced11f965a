"""What can be said of the firmware without running it: its stack, its memory, its faults."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import callgraph
import pytest
from host_engine import FIRMWARE, run
from made_up_bundle import write_knn_bundle
from programs import build_for

from codegen import boards, project
from trainer.bundle import Bundle

BOARD = "mps2_an386"


@pytest.fixture(scope="module", autouse=True)
def _compiler() -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        # In CI a missing tool is a failure, never a silent skip.
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say("arm-none-eabi-gcc is missing; install gcc-arm-none-eabi")


def stack_budget() -> int:
    """Gives the bytes that the linker script sets aside."""
    script = (FIRMWARE / "boards" / BOARD / "link.ld").read_text("utf-8")
    found = re.search(r"^linker_stack_size = (\d+)K;", script, re.MULTILINE)
    assert found is not None
    return int(found[1]) << 10


def graph_of(bundle: Bundle, folder: Path, level: str) -> callgraph.CallGraph:
    """Compiles a project for the Cortex-M4 with the board's flags and reads what calls what."""
    board = boards.load(BOARD)
    assert board.toolchain is not None
    made = project.write(folder / "project", project.generate(bundle, board, "aot"))
    flags = [flag for flag in board.toolchain.flags if not flag.startswith("-O")]
    includes = [
        f"-I{made.path / name}" for name in ("include", "src/kernels", "model", "aot", "board")
    ]
    for number, source in enumerate(made.manifest.sources):
        command = [board.toolchain.compiler, *flags, level, *callgraph.FLAGS, *includes]
        run([*command, "-c", made.path / source, "-o", folder / f"{number}.o"])
    return callgraph.read(sorted(folder.glob("*.ci")))


@pytest.mark.parametrize(
    ("level", "model"), [("-Os", "network"), ("-O2", "network"), ("-O2", "knn")]
)
def test_the_stack_stays_below_what_is_set_aside(
    level: str, model: str, shared_bundle: Bundle, tmp_path: Path
) -> None:
    """And nothing calls itself: ``deepest`` refuses a circle."""
    bundle = shared_bundle if model == "network" else write_knn_bundle(tmp_path / "knn")
    graph = graph_of(bundle, tmp_path, level)
    deepest, way = graph.deepest("main")
    print(f"{model} {level}: {deepest} bytes, {' > '.join(way)}")
    assert len(way) > 5
    # The assembly of conv2d.c pushes ten words that the compiler does not know of. An exception
    # pushes eight and, where the FPU is used, eighteen more (Armv7-M Architecture Reference Manual,
    # B1.5.7).
    assert deepest + 4 * (10 + 8 + 18) < stack_budget()


def test_a_circle_and_a_frame_of_no_fixed_size_are_seen(tmp_path: Path) -> None:
    source = tmp_path / "circle.c"
    source.write_text(
        "int odd(int n);\n"
        "__attribute__((noinline)) int even(int n) { return n == 0 ? 1 : odd(n - 1) + 1; }\n"
        "__attribute__((noinline)) int odd(int n) { return n == 0 ? 0 : even(n - 1) + 2; }\n"
        "int main(void) { return even(5); }\n"
    )
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-O0", *callgraph.FLAGS]
    run([*command, "-c", source, "-o", tmp_path / "circle.o"])
    with pytest.raises(AssertionError, match="recursion: main > even > odd > even"):
        callgraph.read(tmp_path.glob("*.ci")).deepest("main")
    source.write_text("void use(char *); int main(int n) { char a[n]; use(a); return 0; }\n")
    run([*command, "-c", source, "-o", tmp_path / "circle.o"])
    with pytest.raises(AssertionError, match="no fixed size"):
        callgraph.read(tmp_path.glob("*.ci"))


def test_nothing_is_allocated(shared_bundle: Bundle, tmp_path: Path) -> None:
    """What the linker kept of the C library."""
    program = build_for(BOARD, shared_bundle, tmp_path / "project")
    symbols = run(["arm-none-eabi-nm", program.path]).decode().split()
    assert "harmcu_session_poll" in symbols
    heap = re.compile(r"_?(malloc|calloc|realloc|free|sbrk)(_r)?|__malloc_\w+")
    assert [name for name in symbols if heap.fullmatch(name)] == []


@pytest.mark.slow
def test_clang_tidy_finds_nothing() -> None:
    """By firmware/.clang-tidy, which says what it leaves out and why."""
    if shutil.which("clang-tidy") is None:
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say("clang-tidy is missing; install the Debian package clang-tidy")
    sources = sorted((FIRMWARE / "src").rglob("*.c"))
    flags = ["-std=c11", "-Ifirmware/include", "-Ifirmware/src/kernels"]
    found = subprocess.run(
        ["clang-tidy", "-quiet", *sources, "--", *flags],
        cwd=FIRMWARE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout
    assert "warning:" not in found.stdout


SUPPRESSED = {
    # Right shifts of negative numbers: integer.h asserts that they are arithmetic.
    "shiftTooManyBitsSigned": "firmware/src/kernels/*",
    "shiftNegativeLHS": "firmware/include/harmcu/integer.h",
}


def test_cppcheck_finds_nothing() -> None:
    if shutil.which("cppcheck") is None:
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say("cppcheck is missing; install the Debian package cppcheck")
    command = ["cppcheck", "--std=c11", "--enable=warning,style,performance,portability", "-q"]
    command += ["--suppress=missingIncludeSystem", "--error-exitcode=1", "--platform=unix32"]
    command += [f"--suppress={rule}:{place}" for rule, place in SUPPRESSED.items()]
    command += ["-Ifirmware/include", "-Ifirmware/src/kernels"]
    command += ["firmware/src", "firmware/no_model", "firmware/bench"]
    found = subprocess.run(
        command, cwd=FIRMWARE.parent, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
