"""Paths as options and arguments of commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class _NotEmpty(click.Path):
    """A path; an empty one, as of a variable that is not set, is not the folder one is in."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        if not os.fspath(value):
            self.fail("the path is empty; for the folder you are in, write a dot", param, ctx)
        return super().convert(value, param, ctx)


PATH = _NotEmpty(path_type=Path)
FOLDER = _NotEmpty(path_type=Path, file_okay=False)
