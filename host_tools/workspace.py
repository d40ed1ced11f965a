"""A folder to work in: harmcu.toml with the options of all commands, recordings/, and a README."""

from __future__ import annotations

from pathlib import Path

import jinja2

from codegen import boards
from host_tools import config
from trainer import folder
from trainer.errors import HarmcuError
from trainer.printable import printable

README = "README.md"
RECORDINGS = "recordings"


def create(path: Path, board: str) -> None:
    """Make a folder to work in.

    Args:
        path: where nothing or an empty folder stands.
        board: the one that the configuration names.

    Raises:
        HarmcuError: something stands there, or it cannot be written.
    """
    target = boards.load(board)
    values = {
        "name": printable(path.resolve().name),
        "board": target.name,
        "description": target.description,
        "arduino": target.arduino is not None,
    }
    files = {name: _render(name, values).encode() for name in (config.FILE, README)}
    folder.replace(path, files, ())
    try:
        (path / RECORDINGS).mkdir()
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; choose a folder you can write to") from None


def _render(name: str, values: dict[str, object]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        # Text and TOML; what varies are names of boards, and a folder's name in the README.
        autoescape=False,
    )
    return environment.get_template(f"{name}.j2").render(values)
