"""What reads files and the wire in Python, against inputs that nobody wrote."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import reader_seeds
from peak_memory import with_own_peak

TARGETS = ("wire", "model", "bundle", "csv", "json", "cbor", "recordings", "toml")
SHORT, LONG = 1_000, 1_000_000

COVERED = {
    "wire": 50, "model": 300, "bundle": 80, "csv": 150, "json": 100, "cbor": 100,
    "recordings": 100, "toml": 40,
}  # fmt: skip
"""Branches that the seeds alone reach, at least: a seed that is refused at once reaches fewer."""


@pytest.fixture(scope="module", autouse=True)
def atheris() -> None:
    if importlib.util.find_spec("atheris") is None:
        # In CI a missing tool is a failure, never a silent skip.
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say("atheris is missing; it has wheels for Python 3.11 and later on Linux")


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_no_input_breaks_it(target: str, tmp_path: Path) -> None:
    expect_no_find(target, tmp_path, SHORT)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("target", TARGETS)
def test_a_million_inputs(target: str, tmp_path: Path) -> None:
    expect_no_find(target, tmp_path, LONG)


def expect_no_find(target: str, folder: Path, runs: int) -> None:
    """Runs a target on its seeds and on ``runs`` inputs made from them, always the same ones."""
    seeds = folder / "seeds"
    reader_seeds.write(target, seeds)
    program = Path(__file__).with_name("readers_fuzz.py")
    longest = max(4096, *(seed.stat().st_size for seed in seeds.iterdir()))
    options = [f"-runs={runs}", "-seed=1", f"-max_len={longest}", "-print_final_stats=1"]
    # Instrumented code keeps 2 kB of each input; what a reader holds is in test_hostile_data.py.
    options += ["-timeout=60", "-rss_limit_mb=6000", f"-artifact_prefix={folder}/"]
    command = [sys.executable, program, target, *options, seeds]
    result = subprocess.run(
        with_own_peak(command),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    said = result.stderr.decode(errors="replace")
    assert result.returncode == 0, said[-4000:]
    covered = re.search(r"INITED cov: (\d+)", said)
    assert covered is not None, said[-4000:]
    assert int(covered[1]) >= COVERED[target]
    executed = re.search(r"stat::number_of_executed_units: (\d+)", said)
    assert executed is not None
    assert int(executed[1]) >= runs
