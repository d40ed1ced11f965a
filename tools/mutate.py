"""Breaks the code at random places, one after the other, and counts how often a test notices.

    python tools/mutate.py [--sample 60] [--seed 1] [GROUP]...

A mutant is the source with one operator, number or statement changed. The tests of its group run on
a copy of the repository; a mutant that no test notices survives, and is printed. What the compiler
cannot build is no mutant. One that runs into the time limit is noticed.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

PATIENCE = 5.0
"""The tests of one mutant may take so many times what they take without one."""

OPERATORS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "and": "or", "or": "and", "+": "-", "-": "+", "*": "+", "/": "*", "//": "*", "%": "*",
    "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "&", "+=": "-=", "-=": "+=", "++": "--",
    "--": "++", "|=": "&=", "&=": "|=", "<<=": ">>=", ">>=": "<<=", "true": "false",
    "false": "true", "True": "False", "False": "True", "break": "continue", "continue": "break",
}  # fmt: skip

# A token of C: what is skipped, then words, numbers, and operators, the longest first.
_C_TOKEN = re.compile(
    r"(?P<skip>/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|^[ \t]*\#(?:\\\n|[^\n])*)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<number>0[xX][0-9a-fA-F]+[uUlL]*|\d[\w.]*)"
    r"|(?P<operator><<=|>>=|->|\+\+|--|<=|>=|==|!=|&&|\|\||<<|>>|[-+*/%&|^]=|[-+*/%&|^<>=])",
    re.DOTALL | re.MULTILINE,
)
_C_STATEMENT = re.compile(
    r"^[ ]{4,}(?!return|break|continue|static|const)[\w*>\[\].()-]+ ?"
    r"(?:=|\+=|-=|\(|\|=|<<=|\+\+|--)[^;{}]*;$",
    re.MULTILINE,
)
_INTEGER = re.compile(r"(\d+)([uUlL]*)")


@dataclass(frozen=True)
class Group:
    """Files that belong together, and the tests that must notice when one is wrong."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Mutant:
    """One change: ``old`` at ``place``, an offset in the text of ``file``, becomes ``new``."""

    file: str
    place: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Return the changed text."""
        return text[: self.place] + self.new + text[self.place + len(self.old) :]

    def describe(self, text: str) -> str:
        """Return where it is and what it changes, in a line."""
        line = text.count("\n", 0, self.place) + 1
        source = text.splitlines()[line - 1].strip()
        return f"{self.file}:{line}: {self.old.strip()!r} to {self.new!r} in: {source}"


def _c(*names: str) -> tuple[str, ...]:
    return tuple(f"firmware/src/{name}.c" for name in names)


def _py(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.py" for name in names)


def _tests(station: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{station}/test_{name}.py" for name in names)


_KERNEL_TESTS = (
    "tests/codegen/test_aot.py", "tests/codegen/test_aot_random.py",
    "tests/codegen/test_aot_cortex_m.py", "tests/codegen/test_aot_activations.py",
    "tests/codegen/test_aot_lstm.py",
)  # fmt: skip

GROUPS = {
    "sample-path-c": Group(
        _c("scale", "resample", "quantize", "window", "whole_window", "pipeline"),
        (
            "tests/firmware/test_stages.py", "tests/firmware/test_session.py",
            "tests/host_tools/test_verify.py",
        ),
    ),
    "sample-path": Group(
        ("trainer/sample_path.py", "trainer/windows.py", "trainer/resample.py"),
        (
            "tests/trainer/test_sample_path.py", "tests/trainer/test_windows.py",
            "tests/trainer/test_resample.py", "tests/firmware/test_stages.py",
        ),
    ),
    "decision": Group(_c("decision"), ("tests/firmware/test_stages.py",)),
    "wire-c": Group(
        _c("crc", "line_read", "line_write"), ("tests/firmware/test_lines.py",)
    ),
    "session": Group(_c("session"), ("tests/firmware/test_session.py",)),
    "wire": Group(("host_tools/protocol.py",), ("tests/host_tools/test_protocol.py",
        "tests/firmware/test_lines.py")),
    "kernels": Group(
        _c(*(f"kernels/{name}" for name in (
            "arithmetic", "conv2d", "copy", "copy_blocks", "depthwise_conv1d", "depthwise_conv2d",
            "fully_connected", "lstm", "pool2d", "reduce", "softmax",
        ))),
        _KERNEL_TESTS,
    ),
    "streaming": Group(
        _c("kernels/stream", "kernels/depthwise_columns"),
        ("tests/codegen/test_streaming.py", "tests/host_tools/test_stream_programs.py"),
    ),
    "knn": Group(_c("kernels/knn"), ("tests/codegen/test_knn_engine.py",)),
    "reading": Group(
        _py("trainer/reading", "assemble", "columns", "csv_table", "edge_impulse", "files", "guess",
            "options", "path_names", "timeline")
        + _py("trainer", "units", "datasets/csv", "datasets/edge_impulse", "datasets/recordings"),
        _tests("trainer", "datasets_csv", "edge_impulse", "files", "timeline", "units",
               "hostile_data", "datasets", "recording_file"),
    ),
    "recording": Group(
        _py("trainer", "recording", "recording_file"), _tests("trainer", "recording_file")
    ),
    "bundle": Group(
        _py("trainer", "bundle", "folder", "spec", "golden", "compact", "labels"),
        _tests("trainer", "bundle", "hostile_bundle", "folder", "spec", "labels", "compact"),
    ),
    "people": Group(
        _py("trainer", "splits", "leaks", "held_out"),
        _tests("trainer", "splits", "leaks", "held_out"),
    ),
    "figures": Group(
        _py("trainer", "evaluate", "continuous", "interval", "met", "thresholds", "temperature"),
        _tests("trainer", "evaluate", "continuous", "interval", "met", "thresholds",
               "temperature"),
    ),
    "capture": Group(
        _py("host_tools", "capture", "board_stream", "sample_stream", "sketch_stream", "link",
            "port"),
        _tests("host_tools", "capture", "device", "screens"),
    ),
    "monitor": Group(
        _py("host_tools", "monitor", "decision_log"), _tests("host_tools", "monitor", "screens")
    ),
    "verify": Group(
        _py("host_tools", "verify", "device"), _tests("host_tools", "verify", "device")
    ),
    "project": Group(
        _py("codegen", "project", "sketch", "c_text", "agreement", "boards"),
        _tests("codegen", "project", "sketch_layout", "c_text", "agreement"),
    ),
    "tflite": Group(
        _py("codegen", "tflite", "graph", "memory"),
        _tests("codegen", "tflite", "hostile_tflite", "memory", "aot"),
    ),
}  # fmt: skip


def mutants(file: str, text: str) -> Iterator[Mutant]:
    """Yield every mutant of a file."""
    yield from _in_python(file, text) if file.endswith(".py") else _in_c(file, text)


def _in_c(file: str, text: str) -> Iterator[Mutant]:
    for found in _C_TOKEN.finditer(text):
        old, place = found.group(), found.start()
        if found.lastgroup == "skip":
            continue
        new = _next(old) if found.lastgroup == "number" else OPERATORS.get(old)
        if new is None or (old in "*&-+" and not _is_binary(text, place)):
            continue
        yield Mutant(file, place, old, new)
    for found in _C_STATEMENT.finditer(text):
        yield Mutant(file, found.start(), found.group(), ";")


def _is_binary(text: str, place: int) -> bool:
    """Tell whether an operator has blanks around it, as clang-format sets binary ones."""
    return text[place - 1] == " " == text[place + 1]


def _in_python(file: str, text: str) -> Iterator[Mutant]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        place = starts[token.start[0] - 1] + token.start[1]
        if token.type == tokenize.NUMBER:
            new = _next(token.string)
        elif token.type in (tokenize.OP, tokenize.NAME):
            new = OPERATORS.get(token.string)
        else:
            continue
        if _is_type_or_decorator(token):
            continue
        if token.string in ("*", "-") and not _is_binary(text, place):
            continue
        if new is not None:
            yield Mutant(file, place, token.string, new)


def _is_type_or_decorator(token: tokenize.TokenInfo) -> bool:
    """Tell whether a token only says what kind of thing something is, which no run changes."""
    is_type = "None" in token.line or token.line.lstrip().startswith("def ")
    return token.line.startswith("@") or (token.string == "|" and is_type)


def _next(number: str) -> str | None:
    """Return an integer one larger, in its own notation; None for other numbers."""
    if number[:2] in ("0x", "0X"):
        digits = number[2:].rstrip("uUlL")
        return f"0x{int(digits, 16) ^ 1:X}{number[2 + len(digits) :]}"
    found = _INTEGER.fullmatch(number)
    return f"{int(found[1]) + 1}{found[2]}" if found else None


def main() -> None:
    """Break what the command line names and print who survives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("group", nargs="*", choices=[[], *GROUPS], default=[])
    parser.add_argument("--sample", type=int, default=60, help="mutants of a group; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="harmcu-mutants-") as folder:
        copy = Path(folder) / "harmcu"
        _copy(copy)
        for name in given.group or GROUPS:
            _break(name, GROUPS[name], copy, given.sample, given.seed)


def _copy(target: Path) -> None:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, names):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


def _break(name: str, group: Group, copy: Path, sample: int, seed: int) -> None:
    texts = {file: (ROOT / file).read_text("utf-8") for file in group.files}
    found = [mutant for file, text in texts.items() for mutant in mutants(file, text)]
    random.Random(seed).shuffle(found)
    begun = time.monotonic()
    if not _passes(group, copy, None):
        sys.exit(f"{name}: its tests fail without any mutant")
    limit = PATIENCE * (time.monotonic() - begun)
    killed = tried = 0
    survivors = []
    for mutant in found:
        if sample and tried == sample:
            break
        path, text = copy / mutant.file, texts[mutant.file]
        path.write_text(mutant.apply(text), "utf-8")
        if _is_source(path, copy):
            tried += 1
            if _passes(group, copy, limit):
                survivors.append(mutant.describe(text))
                print(f"    survives: {survivors[-1]}", flush=True)
            else:
                killed += 1
        path.write_text(text, "utf-8")
    print(f"{name}: {killed} of {tried} noticed, of {len(found)} possible", flush=True)


def _is_source(path: Path, copy: Path) -> bool:
    """Tell whether a file still is one in its language, on both kinds of core."""
    if path.suffix == ".py":
        return True
    includes = [f"-I{copy / 'firmware' / name}" for name in ("include", "src/kernels")]
    flags = ["-std=c11", "-fsyntax-only", "-w", *includes, str(path)]
    compilers = (["gcc"], ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"])
    runs = (subprocess.run([*c, *flags], capture_output=True, check=False) for c in compilers)
    return all(run.returncode == 0 for run in runs)


def _passes(group: Group, copy: Path, limit: float | None) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["-m", "not slow and not soak", *group.tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as tests:
        try:
            return tests.wait(limit) == 0
        except subprocess.TimeoutExpired:
            # An emulator would run on when its test is killed alone.
            os.killpg(tests.pid, signal.SIGKILL)
            return False


if __name__ == "__main__":
    main()
