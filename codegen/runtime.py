"""The hand-written runtime that generated C is for."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FIRMWARE = Path(__file__).resolve().parent.parent / "firmware"
"""The runtime's folder: beside this package in a checkout and in an installation alike."""


@cache
def runtime_version() -> int:
    """Return HARMCU_RUNTIME_VERSION, the version of the interface that generated C relies on."""
    text = (FIRMWARE / "include" / "harmcu" / "version.h").read_text("utf-8")
    found = re.search(r"^#define HARMCU_RUNTIME_VERSION (\d+)$", text, re.MULTILINE)
    assert found is not None, "version.h belongs to this package"
    return int(found[1])
