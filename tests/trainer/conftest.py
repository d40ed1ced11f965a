"""What the trainer's tests share: the published data and one trained model."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from made_up import tiny_request

from trainer import pipeline
from trainer.bundle import Bundle

# A busy computer is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

DATA = Path(
    os.environ.get("HARMCU_DATA", Path(__file__).resolve().parents[3] / "shared" / "datasets")
)
UCI_HAR = DATA / "uci-har" / "UCI_HAR_Dataset.tar.xz"


@pytest.fixture(scope="session")
def uci_har_archive() -> Path:
    if not UCI_HAR.is_file():
        pytest.skip(f"{UCI_HAR} is absent; set HARMCU_DATA to the folder of the data sets")
    return UCI_HAR


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model after one epoch on the watch data; no test may rely on its being good."""
    return pipeline.train(tiny_request(tmp_path_factory.mktemp("trained") / "bundle"))
