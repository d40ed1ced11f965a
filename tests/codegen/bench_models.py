"""The reference models that lie beside the data sets."""

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).parents[3] / "shared" / "datasets"
BENCH = Path(os.environ.get("HARMCU_DATA", _DEFAULT)).parent / "bench"


def bench(name: str) -> bytes:
    """Reads a file of the bench folder, or skips the test where there is none."""
    path = BENCH / name
    if not path.is_file():
        pytest.skip(f"{path} is absent; set HARMCU_DATA to the data sets beside the bench folder")
    return path.read_bytes()
