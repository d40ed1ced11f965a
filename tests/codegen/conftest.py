"""Fixtures that the tests of codegen share."""

from pathlib import Path

import pytest
from host_engine import HostCompiler


@pytest.fixture(scope="session")
def host_compiler(tmp_path_factory: pytest.TempPathFactory) -> HostCompiler:
    return HostCompiler(Path(tmp_path_factory.mktemp("host")))
