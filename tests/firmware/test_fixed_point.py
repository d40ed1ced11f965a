"""Fixed-point arithmetic against a model in unbounded integers, written from the definition."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
MAIN = Path(__file__).with_name("fixed_point_main.c")
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1"]
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fixed_point") / "program"
    include = f"-I{FIRMWARE / 'include'}"
    subprocess.run(["gcc", *FLAGS, *SANITIZED, include, MAIN, "-o", path], check=True)
    return path


def _half_away(numerator: int, exponent: int) -> int:
    """numerator / 2^exponent, rounded to nearest, halves away from zero."""
    half = (1 << exponent) >> 1
    magnitude = (abs(numerator) + half) >> exponent
    return magnitude if numerator >= 0 else -magnitude


def rescale(value: int, multiplier: int, shift: int) -> int:
    """Multiplies by multiplier * 2^(shift - 31) with a rounding after each of the two steps."""
    shifted = (value << max(shift, 0)) & 0xFFFFFFFF
    shifted -= (shifted & 0x80000000) << 1
    # The first rounding takes halves upwards: -1.5 becomes -1.
    high = (shifted * multiplier + (1 << 30)) >> 31
    return _half_away(high, max(-shift, 0))


def test_rescale(program: Path) -> None:
    rng = np.random.default_rng(0)
    edges = np.array([0, 1, -1, 2, -2, 3, -3, 2**30, -(2**30), 2**31 - 1, -(2**31)], np.int64)
    small, large = rng.integers(-300, 300, 3000), rng.integers(-(2**31), 2**31, 3000)
    values = np.concatenate([edges, small, large])
    count = len(values) * 6
    triples = np.empty((count, 3), np.int64)
    triples[:, 0] = np.tile(values, 6)
    triples[:, 1] = rng.choice([0, 1, 2**30, 2**31 - 1, *rng.integers(2**30, 2**31, 20)], count)
    triples[:, 2] = rng.integers(-31, 31, count)
    raw = subprocess.run(
        [program], input=triples.astype("<i4").tobytes(), check=True, capture_output=True
    ).stdout
    expected = [rescale(*map(int, triple)) for triple in triples]
    assert np.frombuffer(raw, "<i4").tolist() == expected
