"""Tests that need a board on the desk: ``pytest tests/hardware --port /dev/ttyACM0``.

Without ``--port`` they are deselected. They flash the board and leave the last sketch on it.
"""

from pathlib import Path

import pytest
from cli import harmcu, harmcu_json

from trainer.bundle import Bundle

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--port") is None:
        ours = [item for item in items if HERE in item.path.parents]
        items[:] = [item for item in items if item not in ours]
        config.hook.pytest_deselected(items=ours)


@pytest.fixture(scope="session")
def board_port(request: pytest.FixtureRequest) -> str:
    port: str = request.config.getoption("--port")
    return port


@pytest.fixture(scope="session")
def board_name(request: pytest.FixtureRequest) -> str:
    name: str = request.config.getoption("--board")
    return name


@pytest.fixture(scope="session")
def flashed(
    board_port: str,
    board_name: str,
    shared_bundle: Bundle,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The board with the made-up bundle's sketch; its port, which may have another name now."""
    sketch = tmp_path_factory.mktemp("hardware") / "made_up"
    harmcu("generate", shared_bundle.path, "--board", board_name, "-o", sketch)
    found = harmcu_json("flash", sketch, "--port", board_port, "--yes")
    assert found["model_sha256"] == shared_bundle.spec.provenance.model_sha256
    port: str = found["port"]
    return port
