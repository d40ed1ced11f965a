"""Streaming engines as a whole: on the emulated Cortex-M4F, and on recordings of people."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from made_up_bundle import AWKWARD_LABELS, made_up_spec
from programs import build_for
from streaming_models import SMALL, StreamExample, cnn, streams

from codegen import aot, streaming
from host_tools import bench, verify
from host_tools.build import Program
from trainer import datasets, golden
from trainer.bundle import Bundle
from trainer.recording import Recording, six_axes
from trainer.spec import Spec
from trainer.tflm import Tflm

HOP = 16
SHARED = Path(__file__).resolve().parents[3] / "shared" / "datasets"
HAPT = Path(os.environ.get("HARMCU_DATA", SHARED)) / "hapt" / "HAPT_Data_Set.tar.xz"


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "cflags", ["", pytest.param("-Os", marks=SLOW), pytest.param("-DHARMCU_PORTABLE", marks=SLOW)]
)
def test_random_streams_on_the_emulated_core(cflags: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_check_gain", lambda *_: None)

    @settings(
        max_examples=2,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(example=streams())
    def check(example: StreamExample) -> None:
        cost = bench.measure_stream(example.model, "random", example.hop, cflags)
        assert isinstance(cost, bench.StreamCost)
        assert cost.exact is True

    check()


def test_figures_of_a_hop() -> None:
    model = cnn(128, *SMALL)
    whole = aot.generate(model, "cnn", "0" * 64)
    stream = bench.measure_stream(model, "cnn", HOP)
    assert isinstance(stream, bench.StreamCost)
    assert stream.exact is True
    # The new columns take 15.6 % of the multiplications; some work is the same for any hop.
    assert 0.15 < stream.macs / whole.macs < 0.16
    assert stream.instructions < 0.2 * sum(layer.estimate for layer in whole.layers)
    # A step takes the most of a hop, and comes with one sample.
    assert 0.5 * stream.instructions < stream.worst_sample < stream.instructions
    assert abs(stream.estimate - stream.instructions) < 0.1 * stream.instructions
    assert bench.stream_document(stream)["stream"]["hop"] == HOP


def test_why_a_hop_costs_a_whole_window() -> None:
    reason = bench.measure_stream(cnn(64, 8, [(5, 8)]), "cnn", 6)
    assert isinstance(reason, str)
    assert "hop 6 is not a multiple of 4" in reason
    assert bench.stream_document(reason) == {"stream": None, "why_whole": reason}


def test_emulated_board_streams_and_verifies(shared_bundle: Bundle, tmp_path: Path) -> None:
    program = build_for("mps2_an386", shared_bundle, tmp_path / "project")
    facts = program.project.manifest.aot
    assert facts is not None
    assert facts["stream"] is not None
    assert "src/whole_window.c" not in program.project.manifest.files
    found = verify.in_bulk(program, shared_bundle.spec, golden.traces(shared_bundle.golden))
    assert found.first_difference is None
    assert found.equal == found.windows > 0


@pytest.fixture(scope="module")
def network(
    tmp_path_factory: pytest.TempPathFactory, shared_bundle: Bundle
) -> tuple[Program, Spec]:
    """The trainer's network with random weights as a native process, at a hop of an eighth."""
    model = cnn(128, *SMALL, labels=len(AWKWARD_LABELS))
    spec = dataclasses.replace(made_up_spec(model), window=128, hop=HOP)
    bundle = dataclasses.replace(shared_bundle, spec=spec, model=model)
    return build_for("host", bundle, tmp_path_factory.mktemp("network") / "project"), spec


def assert_verified(network: tuple[Program, Spec], recordings: list[Recording]) -> None:
    program, spec = network
    engine = Tflm(cnn(128, *SMALL, labels=len(AWKWARD_LABELS))).run
    traces = [
        golden.run(spec, engine, six_axes(recording), recording.rate_millihertz)
        for recording in recordings
    ]
    found = verify.in_bulk(program, spec, traces)
    assert found.first_difference is None
    assert found.equal == found.windows > 50
    assert len(np.unique(np.concatenate([trace.scores for trace in traces]), axis=0)) > 10


def test_recordings_of_a_watch(network: tuple[Program, Spec]) -> None:
    longest = sorted(datasets.load("watch", None).recordings, key=lambda r: -len(r.counts))
    assert_verified(network, longest[:2])


@pytest.mark.slow
def test_recordings_of_a_phone(network: tuple[Program, Spec]) -> None:
    if not HAPT.exists():
        pytest.skip(f"{HAPT} is absent; set HARMCU_DATA to the folder of the data sets")
    longest = sorted(datasets.load("hapt", HAPT).recordings, key=lambda r: -len(r.counts))
    assert_verified(network, longest[:20])
