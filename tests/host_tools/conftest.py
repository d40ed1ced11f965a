from pathlib import Path

import pytest

from codegen import boards, project
from host_tools.build import Program, build
from trainer.bundle import Bundle


@pytest.fixture(scope="session")
def host_program(shared_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The made-up bundle's firmware as a native process."""
    return build_for("host", shared_bundle, tmp_path_factory.mktemp("host_program") / "project")


def build_for(board: str, bundle: Bundle, path: Path) -> Program:
    files = project.generate(bundle, boards.load(board), "aot")
    return build(project.write(path, files))
