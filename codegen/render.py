"""Jinja templates into text, with the version of the runtime that the text is for."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from codegen.boards import FIRMWARE


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # The output is C: what comes from users goes through codegen.c_text.
        autoescape=False,
    )


def render(template: str, context: dict[str, Any]) -> str:
    """Return the template of that name in templates/ filled in; a missing value is an error."""
    return _environment().get_template(template).render(context)


@cache
def runtime_version() -> int:
    """Return HARMCU_RUNTIME_VERSION, the version of the interface that generated C relies on."""
    text = (FIRMWARE / "include" / "harmcu" / "version.h").read_text("utf-8")
    found = re.search(r"^#define HARMCU_RUNTIME_VERSION (\d+)$", text, re.MULTILINE)
    assert found is not None, "version.h belongs to this package"
    return int(found[1])
