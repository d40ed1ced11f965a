"""Verification must find what is wrong, and say where."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_up_bundle import made_up_model, made_up_spec
from programs import build_for

from codegen import boards, project
from host_tools import emulator, verify
from host_tools.build import Program, build
from host_tools.device import Device, Observed
from host_tools.link import Link
from trainer import golden
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.tflm import Tflm


@pytest.mark.parametrize("rate", [119_000, 99_800, 50_000, 20_000])
def test_the_board_is_exact_at_every_rate(
    host_program: Program, shared_bundle: Bundle, rate: int
) -> None:
    traces = [t for t in golden.traces(shared_bundle.golden) if t.rate_millihertz == rate]
    found = verify.in_bulk(host_program, shared_bundle.spec, traces)
    assert found.first_difference is None
    assert found.equal == found.windows == sum(len(trace.scores) for trace in traces) > 0
    assert found.labelled == found.windows


def test_over_a_wire(host_program: Program, shared_bundle: Bundle) -> None:
    traces = golden.traces(shared_bundle.golden)
    seen: list[tuple[int, int]] = []
    with emulator.serve(host_program) as board, Link(board.url) as link:
        found = verify.over_wire(
            Device(link), shared_bundle.spec, traces, lambda *done: seen.append(done)
        )
    assert found.equal == found.windows
    assert seen[-1] == (found.windows, found.windows)


def test_what_was_lost_before_is_not_held_against_a_stream(
    host_program: Program, shared_bundle: Bundle
) -> None:
    traces = golden.traces(shared_bundle.golden)[:1]
    with emulator.serve(host_program) as board, Link(board.url) as link:
        link.lost, link.damaged = 3, 2
        found = verify.over_wire(Device(link), shared_bundle.spec, traces)
    assert found.equal == found.windows


@pytest.mark.parametrize("part", ["classifications", "traces"])
def test_half_an_answer_is_a_missing_decision(
    host_program: Program, shared_bundle: Bundle, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board may say what it decided, and not of what; or the other way round."""
    inject = Device.inject

    def halved(device: Device, counts: np.ndarray, rate_millihertz: int) -> Observed:
        seen = inject(device, counts, rate_millihertz)
        del getattr(seen, part)[1]
        return seen

    monkeypatch.setattr(Device, "inject", halved)
    traces = golden.traces(shared_bundle.golden)[:1]
    with emulator.serve(host_program) as board, Link(board.url) as link:
        found = verify.over_wire(Device(link), shared_bundle.spec, traces)
    first = found.first_difference
    assert first is not None
    assert (first.stream, first.window, first.stage) == (0, 1, "missing")
    assert found.equal == found.windows - 1


@pytest.mark.parametrize("part", ["classifications", "traces"])
@pytest.mark.parametrize(("window", "said"), [(1, "one decision"), (-1, "no window")])
def test_what_a_board_says_beyond_what_was_evaluated_is_a_difference(
    host_program: Program,
    shared_bundle: Bundle,
    part: str,
    window: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A window that comes twice, whatever it says, or one after the last."""
    inject = Device.inject
    traces = golden.traces(shared_bundle.golden)[:1]
    number = window % (len(traces[0].scores) + 1)

    def more(device: Device, counts: np.ndarray, rate_millihertz: int) -> Observed:
        seen = inject(device, counts, rate_millihertz)
        seen.take(dataclasses.replace(getattr(seen, part)[1], window=number))
        return seen

    monkeypatch.setattr(Device, "inject", more)
    with emulator.serve(host_program) as board, Link(board.url) as link:
        found = verify.over_wire(Device(link), shared_bundle.spec, traces)
    first = found.first_difference
    assert first is not None
    assert (first.window, first.stage, first.expected) == (number, "surplus", said)
    assert found.equal == found.windows - 1


def test_a_wrong_score_of_a_decision_is_found(
    host_program: Program, shared_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the share that people see behind the label."""
    inject = Device.inject

    def changed(device: Device, counts: np.ndarray, rate_millihertz: int) -> Observed:
        seen = inject(device, counts, rate_millihertz)
        said = seen.classifications[1]
        seen.classifications[1] = dataclasses.replace(said, score=-said.score - 1)
        return seen

    monkeypatch.setattr(Device, "inject", changed)
    traces = golden.traces(shared_bundle.golden)[:1]
    with emulator.serve(host_program) as board, Link(board.url) as link:
        first = verify.over_wire(Device(link), shared_bundle.spec, traces).first_difference
    assert first is not None
    assert (first.window, first.stage) == (1, "decision")
    assert first.expected.startswith("score ")


def test_figures_of_a_comparison() -> None:
    found = verify.Comparison(
        windows=8, equal=8, first_difference=None, right=7, labelled=8, ticks=50_000.0,
        tick_hz=25_000_000, board="b", seconds=4.0, left_out=0,
    )  # fmt: skip
    assert found.document() == {
        "windows": 8, "equal": 8, "left_out": 0, "windows_a_second": 2.0, "milliseconds": 2.0,
        "first_difference": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "file", "old", "new"),
    [
        ("resample", "src/resample.c", "+= table->step", "+= table->step + 1U"),
        ("resample", "src/integer.h", "(int32_t)1 << (shift - 1U)", "(int32_t)0"),
        ("quantize", "model/model_config.c", ".multiplier = 20000", ".multiplier = 20400"),
        ("engine", "aot/model_aot.c", ".input_offset = 0", ".input_offset = 1"),
        ("decision", "src/decision.c", "sum > best_sum", "sum < best_sum"),
    ],
)
def test_a_fault_is_found_in_its_stage(
    made_up: Bundle, tmp_path: Path, stage: str, file: str, old: str, new: str
) -> None:
    file = file.replace("src/integer.h", "include/harmcu/integer.h")
    made = project.write(
        tmp_path / "project", project.generate(made_up, boards.load("host"), "aot")
    )
    text = (made.path / file).read_text()
    assert old in text
    (made.path / file).write_text(text.replace(old, new, 1))
    traces = golden.traces(made_up.golden)
    found = verify.in_bulk(build(made), made_up.spec, traces)
    assert found.first_difference is not None
    assert found.first_difference.stage == stage
    assert found.equal < found.windows
    assert found.document()["first_difference"]["stage"] == stage


def test_the_sample_is_named_with_which_a_difference_appears(
    made_up: Bundle, tmp_path: Path
) -> None:
    """The board spoils one count, which stands out among the others."""
    made = project.write(
        tmp_path / "project", project.generate(made_up, boards.load("host"), "aot")
    )
    source = made.path / "src" / "quantize.c"
    text = source.read_text()
    old = "    const int32_t product ="
    assert old in text
    source.write_text(text.replace(old, f"    if (count == 12345) {{ return 7; }}\n{old}"))
    counts = np.random.default_rng(3).integers(-9000, 9000, (200, 6)).astype(np.int16)
    counts[137, 0] = 12345
    trace = golden.run(made_up.spec, Tflm(made_up.model).run, counts, 50_000)
    found = verify.in_bulk(build(made), made_up.spec, [trace])
    first = found.first_difference
    assert first is not None
    assert (first.stage, first.sample) == ("quantize", 137)
    assert "sample 137" in first.text()


def test_rates_that_the_firmware_lacks_are_left_out(
    host_program: Program, shared_bundle: Bundle
) -> None:
    engine = Tflm(shared_bundle.model).run
    counts = np.random.default_rng(4).integers(-9000, 9000, (200, 6)).astype(np.int16)
    odd = golden.run(shared_bundle.spec, engine, counts, 33_000)
    known = golden.run(shared_bundle.spec, engine, counts, 119_000)
    with emulator.serve(host_program) as served, Link(served.url) as link:
        found = verify.over_wire(Device(link), shared_bundle.spec, [odd, known])
        assert (found.left_out, found.windows) == (1, len(known.scores))
        with pytest.raises(HarmcuError, match="119 Hz, and no recording is of such a rate"):
            verify.over_wire(Device(link), shared_bundle.spec, [odd])


def test_a_wrong_evaluation_is_found(host_program: Program, shared_bundle: Bundle) -> None:
    """One score of one window, one step off."""
    trace = golden.traces(shared_bundle.golden)[1]
    scores = trace.scores.copy()
    scores[2, 0] ^= 1
    trace = dataclasses.replace(trace, scores=scores)
    found = verify.in_bulk(host_program, shared_bundle.spec, [trace])
    first = found.first_difference
    assert first is not None
    assert (first.stream, first.window, first.stage) == (0, 2, "engine")
    assert found.equal == found.windows - 1


def test_firmware_of_another_bundle_is_refused(made_up: Bundle, host_program: Program) -> None:
    spec = made_up.spec
    other = dataclasses.replace(
        spec, provenance=dataclasses.replace(spec.provenance, model_sha256="f" * 64)
    )
    with pytest.raises(HarmcuError, match="another bundle"):
        verify.in_bulk(host_program, other, golden.traces(made_up.golden)[:1])


def test_comparing_nothing_is_no_proof(host_program: Program, shared_bundle: Bundle) -> None:
    engine = Tflm(shared_bundle.model).run
    short = golden.run(shared_bundle.spec, engine, np.zeros((9, 6), np.int16), 50_000)
    with pytest.raises(HarmcuError, match="no recording is as long as a window"):
        verify.in_bulk(host_program, shared_bundle.spec, [short])


@pytest.mark.parametrize("rate", [119_000, 99_800, 20_000])
def test_long_streams_do_not_drift(host_program: Program, shared_bundle: Bundle, rate: int) -> None:
    rng = np.random.default_rng(rate)
    counts = rng.integers(-32768, 32768, (20_000, 6)).astype(np.int16)
    trace = golden.run(shared_bundle.spec, Tflm(shared_bundle.model).run, counts, rate)
    found = verify.in_bulk(host_program, shared_bundle.spec, [trace])
    assert found.first_difference is None


def test_the_most_and_longest_labels(made_up: Bundle, tmp_path: Path) -> None:
    """128 labels of 48 bytes, none of which may stand in a line as it is."""
    labels = tuple(f"{index:03d}" + "\u00e9" * 22 + "*" for index in range(128))
    model = made_up_model(len(labels))
    spec = made_up_spec(model, labels)
    largest = dataclasses.replace(made_up, spec=spec, model=model)
    program = build_for("host", largest, tmp_path / "project")
    counts = np.random.default_rng(1).integers(-9000, 9000, (200, 6)).astype(np.int16)
    trace = golden.run(spec, Tflm(model).run, counts, 50_000)
    with emulator.serve(program) as served, Link(served.url) as link:
        found = verify.over_wire(Device(link), spec, [trace])
    assert found.first_difference is None
