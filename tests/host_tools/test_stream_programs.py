"""Streaming engines as a whole: on the emulated Cortex-M4F, and on recordings of people."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from made_up_bundle import AWKWARD_LABELS, made_up_spec
from programs import build_for
from random_models import OPERATORS, Model
from streaming_models import (
    SMALL,
    Convolution,
    StreamExample,
    classify,
    cnn,
    convolve,
    reduce_time,
    streams,
)

from codegen import aot, streaming
from host_tools import bench, verify
from host_tools.build import Program
from trainer import datasets, golden, splits
from trainer.bundle import Bundle
from trainer.recording import Counts, six_axes
from trainer.spec import Spec
from trainer.tflm import Tflm

HOP = 16
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


@pytest.mark.parametrize("hop", [1, 2, 3, 5])
def test_depthwise_at_a_few_columns_on_the_emulated_core(
    hop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns go two by two, with three taps or five; an odd one is left over."""
    monkeypatch.setattr(streaming, "_check_gain", lambda *_: None)
    model = Model(seed=hop)
    x = source = model.activation((1, 40, 1, 6), 1 / 32, 0)
    for taps in (5, 3):
        x = convolve(model, x, Convolution(None, taps))
    x = reduce_time(model, x, OPERATORS.MEAN)
    stream = bench.measure_stream(model.finish(source, classify(model, x, 3)), "few", hop)
    assert isinstance(stream, bench.StreamCost)
    assert stream.exact is True


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


@dataclasses.dataclass(frozen=True)
class Network:
    """The trainer's network with random weights, as a program that streams."""

    program: Program
    spec: Spec
    model: bytes

    def assert_equal_to_full_windows(self, streams: Iterable[Counts], windows: int) -> None:
        """Compares every stage of so many windows with the path in Python, and with TFLM."""
        engine, rate = Tflm(self.model).run, self.spec.rate_millihertz
        traces = [golden.run(self.spec, engine, counts, rate) for counts in streams]
        found = verify.in_bulk(self.program, self.spec, traces)
        assert found.first_difference is None
        assert found.equal == found.windows == windows
        scores = np.concatenate([trace.scores for trace in traces])
        assert len(np.unique(scores, axis=0)) > windows / 20


def network(bundle: Bundle, board: str, hop: int, path: Path) -> Network:
    model = cnn(128, *SMALL, labels=len(AWKWARD_LABELS))
    spec = dataclasses.replace(made_up_spec(model), window=128, hop=hop)
    program = build_for(board, dataclasses.replace(bundle, spec=spec, model=model), path)
    assert "src/whole_window.c" not in program.project.manifest.files
    return Network(program, spec, model)


def test_recordings_of_a_watch(shared_bundle: Bundle, tmp_path: Path) -> None:
    longest = sorted(datasets.load("watch", None).recordings, key=lambda r: -len(r.counts))
    streams = [six_axes(recording) for recording in longest[:2]]
    windows = sum((len(counts) - 128) // HOP + 1 for counts in streams)
    native = network(shared_bundle, "host", HOP, tmp_path / "project")
    native.assert_equal_to_full_windows(streams, windows)


@SLOW
def test_every_window_of_a_test_set(
    shared_bundle: Bundle, uci_har_archive: Path, tmp_path: Path
) -> None:
    """All 2,947 windows of the people of UCI HAR's test part, in their order as streams."""
    loaded = datasets.load("uci-har", uci_har_archive)
    held_out = splits.of_subjects(loaded.recordings, loaded.official_test_subjects)
    emulated = network(shared_bundle, "mps2_an386", 64, tmp_path / "project")
    emulated.assert_equal_to_full_windows(map(six_axes, held_out), 2947)


@SLOW
def test_a_whole_recording_of_a_phone(
    shared_bundle: Bundle, hapt_archive: Path, tmp_path: Path
) -> None:
    """Activities follow one another, without a gap and without a reset."""
    counts = datasets.load("hapt", hapt_archive).streams[0].counts
    windows = (len(counts) - 128) // HOP + 1
    assert windows > 1000
    emulated = network(shared_bundle, "mps2_an386", HOP, tmp_path / "project")
    emulated.assert_equal_to_full_windows([counts], windows)
