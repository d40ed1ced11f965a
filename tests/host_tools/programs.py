"""Builds programs for tests."""

from pathlib import Path

from codegen import boards, project
from host_tools.build import Program, build
from trainer.bundle import Bundle


def build_for(board: str, bundle: Bundle, path: Path) -> Program:
    """Generate and build a bundle for a board."""
    files = project.generate(bundle, boards.load(board), "aot")
    return build(project.write(path, files))
