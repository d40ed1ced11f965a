"""The firmware's side of the wire and the path of a sample, against inputs that nobody wrote."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import fuzzing
import pytest

from trainer.bundle import Bundle

SHORT, LONG = 10_000, 3_500_000
"""Inputs a target; three targets make ten million."""


@pytest.fixture(scope="session", autouse=True)
def libfuzzer() -> None:
    found = (
        subprocess.run(
            ["clang", "-print-file-name=libclang_rt.fuzzer-x86_64.a"],
            capture_output=True,
            text=True,
            check=False,
        )
        if shutil.which("clang")
        else None
    )
    if found is None or not Path(found.stdout.strip()).is_file():
        # In CI a missing tool is a failure, never a silent skip.
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say("clang's libFuzzer is missing; install clang and libclang-rt-14-dev")


@pytest.mark.slow
@pytest.mark.parametrize("target", fuzzing.TARGETS)
def test_no_input_breaks_it(target: str, shared_bundle: Bundle, tmp_path: Path) -> None:
    expect_no_find(target, shared_bundle, tmp_path, SHORT)


@pytest.mark.soak
@pytest.mark.parametrize("target", fuzzing.TARGETS)
def test_millions_of_inputs(target: str, shared_bundle: Bundle, tmp_path: Path) -> None:
    expect_no_find(target, shared_bundle, tmp_path, LONG)


def expect_no_find(target: str, bundle: Bundle, folder: Path, runs: int) -> None:
    """Runs a target; its corpus alone must reach what it was kept for."""
    said = fuzzing.fuzz(fuzzing.build(target, folder, bundle), folder, runs)
    executed = re.search(r"stat::number_of_executed_units: (\d+)", said)
    assert executed is not None
    assert int(executed[1]) >= runs
    corpus = re.search(r"INITED cov: (\d+)", said)
    assert corpus is not None
    assert int(corpus[1]) > {"lines": 100, "stages": 100, "session": 300}[target]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "file", "right", "wrong"),
    [
        ("lines", "line_read.c", "if (value < 0)", "if (value < -1)"),
        ("lines", "line_read.c", "bytes > capacity", "bytes > capacity + 1"),
        ("stages", "decision.c", "sum > best_sum", "sum >= best_sum"),
        ("stages", "resample.c", "resampler->newest + 1U == taps", "resampler->newest == taps"),
    ],
)
def test_a_fault_is_found(
    target: str,
    file: str,
    right: str,
    wrong: str,
    shared_bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fuzzers themselves: each must notice a fault of its own kind."""
    broken = shutil.copytree(fuzzing.FIRMWARE, tmp_path / "firmware")
    text = (broken / "src" / file).read_text("utf-8")
    assert right in text
    (broken / "src" / file).write_text(text.replace(right, wrong, 1), "utf-8")
    monkeypatch.setattr(fuzzing, "FIRMWARE", broken)
    with pytest.raises(AssertionError, match="SUMMARY: "):
        fuzzing.fuzz(fuzzing.build(target, tmp_path, shared_bundle), tmp_path, SHORT)
