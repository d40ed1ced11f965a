"""Fixtures that the tests of codegen share."""

import os
import shutil
from pathlib import Path

import pytest
from host_engine import HostCompiler


@pytest.fixture(scope="session")
def host_compiler(tmp_path_factory: pytest.TempPathFactory) -> HostCompiler:
    return HostCompiler(Path(tmp_path_factory.mktemp("host")))


@pytest.fixture(scope="session")
def cortex_m_tools() -> None:
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            # In CI a missing tool is a failure, never a silent skip.
            say = pytest.fail if "CI" in os.environ else pytest.skip
            say(f"{tool} is missing; install gcc-arm-none-eabi and qemu-system-arm")
