"""What the trainer's tests share: the published data and one trained model."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from made_up import tiny_request
from published import published_data

from trainer import backend, evaluate, evaluator, exhibits, held_out, pipeline
from trainer.bundle import Bundle
from trainer.exhibits import Exhibits

# A busy computer is no failure, and in CI a change fails for what it does, not for its luck.
settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("patient")


# Some tests import what imports TensorFlow.
backend.prepare()


@pytest.fixture(scope="session")
def wisdm_archive() -> Path:
    return published_data("wisdm2019-watch/wisdm2019_watch_subjects_1600-1615.tar.xz")


@pytest.fixture(scope="session")
def wisdm_excerpt() -> Path:
    return published_data("wisdm-v1.1-excerpt")


@pytest.fixture(scope="session")
def nano33() -> Path:
    return published_data("nano33")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model after one epoch on the watch data; no test may rely on its being good."""
    return pipeline.train(tiny_request(tmp_path_factory.mktemp("trained") / "bundle"))


@pytest.fixture(scope="session")
def shown(trained: Bundle) -> Exhibits:
    """What the report of ``trained`` shows of held-out windows."""
    recordings = held_out.load(trained, "watch").recordings
    decisions = evaluate.decide(trained.spec, evaluator.load(trained.model), recordings)
    return exhibits.choose(trained.spec, decisions, recordings, trained.metrics["per_subject"])
