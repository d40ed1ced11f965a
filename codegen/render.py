"""Jinja templates into text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2


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
