"""Prove that a board computes what was evaluated: every stage of every window, bit for bit."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from codegen import boards
from host_tools import emulator
from host_tools.build import Program
from host_tools.device import Device, Observed
from host_tools.protocol import (
    CRC_START,
    INJECT_SAMPLES,
    SEQUENCE_RANGE,
    Ack,
    Line,
    Message,
    Refusal,
    Status,
    crc,
    encode_counts,
)
from trainer import resample, sample_path
from trainer.errors import HarmcuError
from trainer.golden import Trace
from trainer.recording import Counts
from trainer.sample_path import Samples, window_starts
from trainer.spec import Spec

STREAM_TRIES = 3
"""How often a stream is repeated when lines were damaged or lost on the way back."""

Observe = Callable[[Trace], Observed]
"""Injects a stream and returns what the board made of it."""

Progress = Callable[[int, int], None]
"""Called with the windows that are done and all there are."""


@dataclass(frozen=True)
class Difference:
    """The first place where a board computed something else than was evaluated.

    Attributes:
        stream: index of the injected stream.
        window: index of the window within it.
        stage: "missing", "surplus", "resample", "quantize", "engine" or "decision".
        sample: index of the injected sample with which the difference appears; None for a stage
            that sees no single samples.
        layer: where the engine differs, in words; empty for another stage.
    """

    stream: int
    window: int
    stage: str
    expected: str
    observed: str
    sample: int | None = None
    layer: str = ""

    def text(self) -> str:
        """Return it in words."""
        place = f"stream {self.stream}, window {self.window}"
        if self.sample is not None:
            place += f", from sample {self.sample} on,"
        text = f"{place} differs in stage {self.stage}: {self.expected} expected, {self.observed} "
        return f"{text}found{f'; {self.layer}' if self.layer else ''}"


@dataclass(frozen=True)
class Comparison:
    """What a verification found.

    Attributes:
        windows: compared.
        equal: of them, in every stage.
        first_difference: None when all are equal.
        right, labelled: windows decided as their truth says, of those whose truth is known.
        ticks: median of the board's clock an inference.
        tick_hz: of that clock.
        board: what the firmware says it runs on.
        seconds: that the run took on this computer.
        left_out: streams of rates for which the firmware has no resampler.
    """

    windows: int
    equal: int
    first_difference: Difference | None
    right: int
    labelled: int
    ticks: float
    tick_hz: int
    board: str
    seconds: float
    left_out: int

    def document(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        first = self.first_difference
        return {
            "windows": self.windows,
            "equal": self.equal,
            "left_out": self.left_out,
            "windows_a_second": self.windows / max(self.seconds, 1e-9),
            "milliseconds": self.ticks / self.tick_hz * 1000,
            "first_difference": None if first is None else asdict(first),
        }


def over_wire(
    device: Device, spec: Spec, traces: Sequence[Trace], progress: Progress | None = None
) -> Comparison:
    """Inject streams through a port and compare what comes back.

    Raises:
        HarmcuError: the board runs another model, or stops answering.
    """
    status = device.expect_model(spec.provenance.model_sha256)
    _expect_labels(device, spec)
    start = time.monotonic()
    usable = _usable(spec, traces, status)
    total = sum(len(trace.scores) for trace in usable.values())
    done = 0
    observed = []
    for trace in usable.values():
        observed.append(_inject(device, trace))
        done += len(trace.scores)
        if progress:
            progress(done, total)
    seconds = time.monotonic() - start
    found = _compare(spec, traces, usable, observed, status, seconds)
    return _located(spec, traces, found, lambda trace: _inject(device, trace))


def in_bulk(program: Program, spec: Spec, traces: Sequence[Trace]) -> Comparison:
    """Run streams through an emulated board at full speed and compare what comes back.

    Raises:
        HarmcuError: the program runs another model, refuses a stream or crashes.
    """
    start = time.monotonic()
    messages, observed = _run(program, traces)
    status = next(message for message in messages if isinstance(message, Status))
    if status.model_sha256 != spec.provenance.model_sha256:
        raise HarmcuError(f"{program.path}: built from another bundle; generate and build again")
    streams = dict(enumerate(traces))
    found = _compare(spec, traces, streams, observed, status, time.monotonic() - start)
    return _located(spec, traces, found, lambda trace: _run(program, [trace])[1][0])


def _usable(spec: Spec, traces: Sequence[Trace], status: Status) -> dict[int, Trace]:
    """Return the streams, by their index, of the rates that a board's firmware knows.

    Raises:
        HarmcuError: there are none.
    """
    if status.board not in boards.names():
        return dict(enumerate(traces))
    rates = {spec.rate_millihertz, *boards.load(status.board).sensor_rates_millihertz}
    usable = {i: trace for i, trace in enumerate(traces) if trace.rate_millihertz in rates}
    if traces and not usable:
        known = ", ".join(f"{rate / 1000:g}" for rate in sorted(rates))
        raise HarmcuError(
            f"the firmware of {status.board} knows {known} Hz, and no recording is of such a rate; "
            "verify with others"
        )
    return usable


def _run(program: Program, traces: Sequence[Trace]) -> tuple[list[Message], list[Observed]]:
    """Run streams through a program and return all that it said, and what it said of each."""
    commands = [("GET", ("status",)), *(c for trace in traces for c in _commands(trace))]
    lines = [
        Line(type_, index % SEQUENCE_RANGE, fields)
        for index, (type_, fields) in enumerate(commands)
    ]
    messages = emulator.run_bulk(program, lines)
    return messages, _by_stream(program, [type_ for type_, _ in commands], messages)


def _inject(device: Device, trace: Trace) -> Observed:
    """Inject one stream; again when the way back was damaged, for a board is not to blame then."""
    for _ in range(STREAM_TRIES):
        before = device.link.damaged + device.link.lost
        observed = device.inject(trace.counts, trace.rate_millihertz)
        if device.link.damaged + device.link.lost == before:
            return observed
    raise HarmcuError(
        f"{device.link.port}: lines are damaged or lost on every try; use another cable or port"
    )


def _expect_labels(device: Device, spec: Spec) -> None:
    labels = device.labels()
    if labels != spec.labels:
        raise HarmcuError(
            f"{device.link.port}: the board's labels are {', '.join(map(repr, labels))}; "
            "generate, build and flash this bundle first"
        )


def _commands(trace: Trace) -> list[tuple[str, tuple[str, ...]]]:
    commands: list[tuple[str, tuple[str, ...]]] = [("RST", (str(trace.rate_millihertz),))]
    for first in range(0, len(trace.counts), INJECT_SAMPLES):
        chunk = trace.counts[first : first + INJECT_SAMPLES]
        commands.append(("INJ", (str(first), encode_counts(chunk))))
    return commands


def _by_stream(
    program: Program, types: Sequence[str], messages: Sequence[Message]
) -> list[Observed]:
    """Divide messages into streams: commands are acknowledged in order, one each."""
    observed: list[Observed] = []
    answered = 0
    for message in messages:
        if isinstance(message, Refusal):
            raise HarmcuError(
                f"{program.path}: refused a command ({message.reason}); generate and build again"
            )
        if isinstance(message, Ack):
            if types[answered] == "RST":
                observed.append(Observed())
            answered += 1
        elif observed:
            observed[-1].take(message)
    if answered != len(types):
        raise HarmcuError(
            f"{program.path}: answered {answered} of {len(types)} commands; build it again"
        )
    return observed


def _compare(
    spec: Spec,
    traces: Sequence[Trace],
    usable: Mapping[int, Trace],
    observed: Sequence[Observed],
    status: Status,
    seconds: float,
) -> Comparison:
    windows = equal = right = labelled = 0
    first: Difference | None = None
    for (stream, trace), seen in zip(usable.items(), observed, strict=True):
        checks = _stage_checks(spec, trace)
        for window in range(len(trace.scores)):
            difference = _difference(spec, trace, seen, stream, window, checks[window])
            windows += 1
            equal += difference is None
            first = first or difference
            if trace.truth is not None and window in seen.classifications:
                labelled += 1
                right += seen.classifications[window].label == trace.truth
        surplus = sorted(seen.windows - set(range(len(trace.scores))))
        windows += len(surplus)
        if surplus:
            first = first or Difference(stream, surplus[0], "surplus", "no window", "one")
    if not windows:
        raise HarmcuError("no recording is as long as a window; verify with longer ones")
    ticks = [c.ticks for seen in observed for c in seen.classifications.values()]
    return Comparison(
        windows=windows,
        equal=equal,
        first_difference=first,
        right=right,
        labelled=labelled,
        ticks=statistics.median(ticks) if ticks else 0.0,
        tick_hz=status.tick_hz,
        board=status.board,
        seconds=seconds,
        left_out=len(traces) - len(usable),
    )


def _located(
    spec: Spec, traces: Sequence[Trace], found: Comparison, observe: Observe
) -> Comparison:
    """Add to the first difference the sample with which it appears, where single samples count."""
    first = found.first_difference
    if first is None or first.stage not in ("resample", "quantize"):
        return found
    sample = _first_sample(spec, traces[first.stream], first.window, observe)
    return replace(found, first_difference=replace(first, sample=sample))


def _first_sample(spec: Spec, trace: Trace, window: int, observe: Observe) -> int:
    """Return the index of the injected sample with which a board begins to differ.

    The stream is injected again and again, with all samples after one of them equal to the first;
    what the board makes of that either differs or does not, and halves what is left to search.
    """
    equal, different = 0, len(trace.counts)
    while different - equal > 1:
        middle = (equal + different) // 2
        counts = trace.counts.copy()
        counts[middle:] = counts[0]
        if _differs(spec, counts, trace.rate_millihertz, window, observe):
            different = middle
        else:
            equal = middle
    return different - 1


def _differs(
    spec: Spec, counts: Counts, rate_millihertz: int, last_window: int, observe: Observe
) -> bool:
    """Tell whether a board resamples or quantises a stream otherwise, up to a window."""
    table = resample.design(rate_millihertz, spec.rate_millihertz)
    resampled = resample.resample(counts, table)
    samples = sample_path.quantize(resampled, spec.channels)
    windows = len(window_starts(len(resampled), spec.window, spec.hop))
    none = np.zeros((windows, len(spec.labels)), np.int8)
    trace = Trace(rate_millihertz, counts, resampled, samples, none, np.zeros(windows, np.int64))
    seen = observe(trace).traces
    checks = _stage_checks(spec, trace)
    return any(
        window not in seen
        or (seen[window].counts_check, seen[window].samples_check) != checks[window]
        for window in range(min(windows, last_window + 1))
    )


def _stage_checks(spec: Spec, trace: Trace) -> list[tuple[int, int]]:
    """Return the CRCs of all resampled counts and of all int8 samples up to each window's end."""
    counts = _checks(spec, np.asarray(trace.resampled, "<i2"))
    return list(zip(counts, _checks(spec, trace.samples), strict=True))


def _checks(spec: Spec, stream: npt.NDArray[np.int16] | Samples) -> list[int]:
    """Return the CRC of a whole stream up to the end of each window."""
    checks = []
    check, done = CRC_START, 0
    for start in window_starts(len(stream), spec.window, spec.hop):
        end = int(start) + spec.window
        check = crc(stream[done:end].tobytes(), check)
        done = end
        checks.append(check)
    return checks


def _difference(
    spec: Spec, trace: Trace, seen: Observed, stream: int, window: int, expected: tuple[int, int]
) -> Difference | None:
    """Return where one window first differs, stage after stage.

    ``expected`` holds the CRC of all counts and that of all samples up to the window's end.
    """
    said, checks = seen.classifications.get(window), seen.traces.get(window)
    if said is None or checks is None:
        return Difference(stream, window, "missing", "a decision", "none")
    if window in seen.repeated:
        return Difference(stream, window, "surplus", "one decision", "more")
    decision = int(trace.decisions[window])
    past = trace.scores[max(0, window + 1 - spec.decision.smoothing) : window + 1]
    score = int(past.sum(axis=0, dtype=np.int64).max()) // len(past)
    stages = (
        ("resample", f"CRC {expected[0]:04X}", f"CRC {checks.counts_check:04X}"),
        ("quantize", f"CRC {expected[1]:04X}", f"CRC {checks.samples_check:04X}"),
        ("engine", str(trace.scores[window].tolist()), str(said.scores.tolist())),
        ("decision", _name(spec, decision), f"{said.name!r} ({said.label})"),
        ("decision", f"score {score}", f"score {said.score}"),
    )
    for stage, evaluated, observed in stages:
        if evaluated != observed:
            return Difference(stream, window, stage, evaluated, observed)
    return None


def _name(spec: Spec, label: int) -> str:
    return f"{spec.labels[label] if label >= 0 else ''!r} ({label})"
