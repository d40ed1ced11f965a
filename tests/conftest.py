"""What the tests of every station share."""

import shutil
from pathlib import Path

import pytest
from made_up_bundle import write_bundle
from published import published_data

from trainer.bundle import Bundle, read


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--port", help="port of a real board, for tests/hardware")
    parser.addoption("--board", default="nano33ble", help="what stands there: nano33ble_rev2 ...")


@pytest.fixture(scope="session")
def shared_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_bundle(tmp_path_factory.mktemp("made_up") / "bundle")


@pytest.fixture
def made_up(shared_bundle: Bundle, tmp_path: Path) -> Bundle:
    """A bundle of one's own, to damage."""
    return read(shutil.copytree(shared_bundle.path, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def uci_har_archive() -> Path:
    return published_data("uci-har/UCI_HAR_Dataset.tar.xz")


@pytest.fixture(scope="session")
def hapt_archive() -> Path:
    return published_data("hapt/HAPT_Data_Set.tar.xz")
