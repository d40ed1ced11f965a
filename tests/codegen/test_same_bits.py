"""The same bits from every compiler and machine: random windows through random models."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from host_engine import HostCompiler
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from machines import BIG_ENDIAN, BITS_32, Machine, require
from made_up_bundle import made_up_model
from random_models import LAYERS, Example, chains, models
from tflm_oracle import tflm_scores

from codegen import aot

COMPILERS = {
    f"{compiler} {flags}": Machine(compiler, tuple(flags.split()), ())
    for compiler, flags in (
        ("gcc", "-O0"), ("gcc", "-O2"), ("gcc", "-O3"), ("gcc", "-Os"),
        ("gcc", "-O3 -march=native"), ("clang", "-Os"), ("clang", "-O3"),
    )
}  # fmt: skip
OTHERS = {"32 bit": BITS_32, "big-endian": BIG_ENDIAN}


def compiler_of(folder: Path, machine: Machine, *flags: str) -> HostCompiler:
    require(machine, folder)
    return HostCompiler(folder, machine.compiler, [*machine.flags, *flags], machine.emulator)


def expect_same_bits(compiler: HostCompiler, windows: int) -> None:
    """Compares with TensorFlow Lite Micro: one model of every layer, a chain, and a classifier."""
    model = made_up_model(5)
    shape = (windows, 1, 32, 1, 6)
    samples = np.random.default_rng(7).integers(-128, 128, shape).astype(np.int8)
    generated = aot.generate(model, "made_up", "0" * 64)
    found = compiler.scores(generated, samples.reshape(windows, -1), 5)
    assert found.tolist() == tflm_scores(model, samples).tolist()

    # The first batch is the simplest one, the other is random.
    @settings(
        max_examples=2,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*(models(name) for name in LAYERS), chains()))
    def check(examples: tuple[Example, ...]) -> None:
        for example in examples:
            digest = hashlib.sha256(example.model).hexdigest()
            generated = aot.generate(example.model, "random", digest)
            scores = compiler.scores(generated, example.windows(3), example.outputs)
            assert scores.tolist() == tflm_scores(example.model, example.windows(3)).tolist()

    check()


@pytest.mark.soak
@pytest.mark.parametrize("name", COMPILERS)
def test_every_level_of_two_compilers(name: str, tmp_path: Path) -> None:
    expect_same_bits(compiler_of(tmp_path, COMPILERS[name]), 1000)


@pytest.mark.soak
@pytest.mark.parametrize("name", OTHERS)
def test_other_machines(name: str, tmp_path: Path) -> None:
    expect_same_bits(compiler_of(tmp_path, OTHERS[name], "-O2"), 1000)
