"""The kernels compile cleanly for every Cortex-M from M0 to M33."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
KERNELS = sorted((FIRMWARE / "src" / "kernels").glob("*.c"))
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", f"-I{FIRMWARE / 'include'}"]
CPUS = ["cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"]


@pytest.mark.parametrize("cpu", CPUS)
def test_no_warnings(cpu: str, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        # In CI a missing tool is a failure, never a silent skip.
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say("arm-none-eabi-gcc is missing; install gcc-arm-none-eabi")
    command = ["arm-none-eabi-gcc", f"-mcpu={cpu}", "-mthumb", "-Os", *STRICT, "-c", *KERNELS]
    result = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob("*.o"))) == len(KERNELS) > 0


@pytest.mark.parametrize("target", ["", "arm-none-eabi"])
def test_no_warnings_of_clang(target: str, tmp_path: Path) -> None:
    if shutil.which("clang") is None:
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say("clang is missing; install clang")
    command = ["clang", "-Os", *STRICT, "-c", *KERNELS]
    if target:
        command += [f"--target={target}", "-mcpu=cortex-m4", "-mthumb"]
        command += ["-isystem", _newlib()]
    result = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def _newlib() -> str:
    """Where the C library of the Arm compiler has its headers."""
    command = ["arm-none-eabi-gcc", "-print-sysroot"]
    root = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return next(
        str(p)
        for p in (Path(root) / "include", Path("/usr/lib/arm-none-eabi/include"))
        if p.is_dir()
    )
