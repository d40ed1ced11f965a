"""Where the published data sets lie that tests read."""

import os
from pathlib import Path

import pytest

DATA = Path(
    os.environ.get("HARMCU_DATA", Path(__file__).resolve().parents[2] / "shared" / "datasets")
)


def published_data(name: str) -> Path:
    """Return a file or folder below the data sets, or skip the test."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is absent; set HARMCU_DATA to the folder of the data sets")
    return path
