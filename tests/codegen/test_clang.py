"""Another compiler: the same bits on this machine, and no warning for any Cortex-M."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from host_engine import FIRMWARE, STRICT, HostCompiler, run
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_models import LAYERS, Example, chains, models
from tflm_oracle import tflm_scores

from codegen import aot

KERNELS = sorted((FIRMWARE / "src" / "kernels").glob("*.c"))
# Debian's package libnewlib-arm-none-eabi puts the C library's headers there.
NEWLIB = Path("/usr/lib/arm-none-eabi/include")


@pytest.fixture(scope="module")
def clang(tmp_path_factory: pytest.TempPathFactory) -> HostCompiler:
    if shutil.which("clang") is None:
        # In CI a missing tool is a failure, never a silent skip.
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say("clang is missing; install the Debian package clang")
    return HostCompiler(Path(tmp_path_factory.mktemp("clang")), "clang", ["-O2"])


def test_same_bits(clang: HostCompiler) -> None:
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
            windows = example.windows(3)
            digest = hashlib.sha256(example.model).hexdigest()
            generated = aot.generate(example.model, "random", digest)
            scores = clang.scores(generated, windows, example.outputs)
            assert scores.tolist() == tflm_scores(example.model, windows).tolist()

    check()


@pytest.mark.usefixtures("clang")
@pytest.mark.parametrize("cpu", ["cortex-m0", "cortex-m4", "cortex-m33"])
def test_no_warnings(cpu: str, tmp_path: Path) -> None:
    if not NEWLIB.is_dir():
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say(f"{NEWLIB} is absent; install libnewlib-arm-none-eabi")
    target = ["--target=arm-none-eabi", f"-mcpu={cpu}", "-mthumb", f"-isystem{NEWLIB}"]
    for kernel in KERNELS:
        run(["clang", *target, "-Os", *STRICT, "-c", kernel, "-o", tmp_path / "kernel.o"])
