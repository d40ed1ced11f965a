"""Pages of the site that are made from the source: spec.json from its schema, C from its headers.

MkDocs calls ``on_files`` (mkdocs.yml, ``hooks``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "trainer" / "spec.schema.json"
HEADERS = ROOT / "firmware" / "include" / "harmcu"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for name, text in (("spec.md", spec_page()), ("c-interface.md", c_page())):
        files.append(File.generated(config, f"reference/{name}", content=text))
    return files


def spec_page() -> str:
    """Return the fields of spec.json as a table, from its schema."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    rows = [
        f"| `{name}` | {kind} | {text} |"
        for name, kind, text in _fields(schema, schema["$defs"], "")
    ]
    return "\n".join(
        [
            "# spec.json",
            "",
            f"{schema['description']} A field that is not listed here is refused. Besides these, "
            "the file holds the SHA-256 of every part of the bundle, and of itself.",
            "",
            "| field | type | what |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _fields(
    schema: dict[str, Any], shared: dict[str, Any], above: str
) -> Iterator[tuple[str, str, str]]:
    """Give (name, type, description) of every property, those inside included."""
    for name, found in schema.get("properties", {}).items():
        inner = shared[found["$ref"].split("/")[-1]] if "$ref" in found else found
        path = f"{above}{name}"
        yield path, _kind(inner), str(inner.get("description", ""))
        yield from _fields(inner, shared, f"{path}.")
        yield from _fields(inner.get("items", {}), shared, f"{path}[].")


def _kind(schema: dict[str, Any]) -> str:
    """Return a property's type and limits in words."""
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    limits = [
        f"{word} {schema[key]}"
        for key, word in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("minItems", "at least"),
            ("maxItems", "at most"),
        )
        if key in schema
    ]
    pattern = [f"`{schema['pattern']}`".replace("|", "\\|")] if "pattern" in schema else []
    return " ".join([str(schema.get("type", "")), *limits, *pattern])


def c_page() -> str:
    """Return the runtime's headers, each with its comment as the text."""
    parts = [
        "# C interface",
        "",
        "The headers of the runtime, as they are. `board.h` is what a board has to provide, "
        "`engine.h` what an engine has to.",
        "",
    ]
    for header in sorted(HEADERS.glob("*.h")):
        parts += [f"## {header.name}", "", "```c", header.read_text("utf-8").rstrip(), "```", ""]
    return "\n".join(parts)
