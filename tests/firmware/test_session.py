"""The session on a scripted board: every line that it sends is known beforehand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from host_engine import FIRMWARE, SANITIZED, STRICT, run

from host_tools import protocol
from host_tools.protocol import Ack, Imu, Label, Line, Message, Refusal, Sample, Status, Trace
from trainer.recording import Counts

SOURCES = (
    "session", "pipeline", "resample", "quantize", "window", "decision", "crc", "line_read",
    "line_write", "scale",
)  # fmt: skip
OK, ABSENT, STUCK = 0, 1, 2
UNKNOWN = -1
POLL = "poll"
SEQUENCE = 7


class Programs:
    """Sessions with three labels, and with none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        main = Path(__file__).with_name("session_main.c")
        sources = [FIRMWARE / "src" / f"{name}.c" for name in SOURCES]
        for labels in (0, 3):
            program = folder / str(labels)
            run(["gcc", *STRICT, *SANITIZED, f"-DLABELS={labels}", main, *sources, "-o", program])

    def start(self, script: Sequence[str], labels: int = 3, *arguments: str) -> list[object]:
        """Plays a script; gives all that was said: messages, and other lines as text."""
        said = run([self._folder / str(labels), *arguments], "\n".join(script).encode())
        lines = said.decode().split("\r\n")
        assert lines.pop() == "", "every line has its end"
        numbers = [int(line.split(",")[1].split("*")[0]) for line in lines if line[0] == "$"]
        assert numbers == list(range(len(numbers)))
        return [_message(line) if line[0] == "$" else line for line in lines if line != "open"]

    def __call__(self, *script: str, labels: int = 3) -> list[object]:
        """Plays a script; leaves out the status with which every session begins."""
        first, *said = self.start([*script, POLL], labels)
        assert isinstance(first, Status)
        return said


def _message(line: str) -> Message:
    decoded = protocol.decode(line)
    assert isinstance(decoded, Line), line
    return protocol.parse(decoded)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(tmp_path_factory.mktemp("session"))


def send(kind: str, *fields: str) -> str:
    line = protocol.encode(Line(kind, SEQUENCE, fields)).decode()
    return f"port {line.strip()}"


def sample(ax: int, ay: int = 0, gz: int = 0, lost: int = 0) -> str:
    return f"sample {ax} {ay} 0 0 0 {gz} {lost}"


def inject(first: int, counts: Counts) -> str:
    return send("INJ", str(first), protocol.encode_counts(counts))


def results(said: Sequence[object]) -> list[tuple[int, int, int, int, list[int], str]]:
    """The classifications, as window, label, score, ticks, scores and name."""
    return [
        (m.window, m.label, m.score, m.ticks, m.scores.tolist(), m.name)
        for m in said
        if isinstance(m, protocol.Classification)
    ]


def plain(said: Sequence[object]) -> list[object]:
    """The same in values that can be compared."""
    return [*results(said), *(m for m in said if not isinstance(m, protocol.Classification))]


def status(mode: str, damaged: int = 0) -> Status:
    return Status(3, "scripted", "double", "scripted", "abc", 1000, mode, damaged)


REFUSED = [
    (send("XYZ"), "type"),
    (send("STA"), "type"),
    (send("GET"), "get"),
    (send("GET", "everything"), "get"),
    (send("GET", "status", "labels"), "get"),
    (send("GET", "labels", "status"), "get"),
    (send("GET", "imu", "status"), "get"),
    (send("RUN"), "run"),
    (send("RUN", "inject"), "run"),
    (send("RUN", "live"), "run"),
    (send("RUN", "stopped", "stopped"), "run"),
    (send("RST"), "rate"),
    (send("RST", "x"), "rate"),
    (send("RST", "119000", "119000"), "rate"),
    (send("INJ", "0"), "samples"),
    (send("INJ", "x", "AAAAAAAAAAAAAAAA"), "samples"),
    (send("INJ", "0", "AAAA"), "samples"),
    (send("INJ", "0", ""), "samples"),
    (send("INJ", "0", "AAAAAAAAAAAAAAAA", "0"), "samples"),
    (send("INJ", "0", "AAAAAAAAAAAAAAAA"), "mode"),
]


def test_a_session_says_first_what_it_is(session: Programs) -> None:
    assert session.start([]) == [status("live")]
    recorder = Status(3, "scripted", "none", "", "", 1000, "live", 0)
    assert session.start([], 0) == [recorder]
    assert session.start([], 3, "broken") == [status("stopped"), Refusal(0, "engine", 0)]


@pytest.mark.parametrize(("command", "reason"), REFUSED)
def test_what_is_no_command_is_refused_by_its_number(
    session: Programs, command: str, reason: str
) -> None:
    assert session(command) == [Refusal(SEQUENCE, reason, 0)]


def test_a_rate_without_a_table_is_refused_by_its_number(session: Programs) -> None:
    assert session(send("RST", "119001")) == [Refusal(SEQUENCE, "rate", 119001)]


@pytest.mark.parametrize("command", [("GET", "labels"), ("RUN", "classify"), ("RST", "119000")])
def test_a_recorder_has_no_model(session: Programs, command: tuple[str, str]) -> None:
    assert session(send(*command), labels=0)[0] == Refusal(SEQUENCE, "model", 0)


@pytest.mark.parametrize("command", [("RUN", "classify"), ("RST", "119000")])
def test_an_engine_that_did_not_start_classifies_nothing(
    session: Programs, command: tuple[str, str]
) -> None:
    _, _, *said = session.start([send(*command), sample(1), POLL], 3, "broken")
    assert said == [Refusal(SEQUENCE, "engine", 0)]


def test_get_answers_what_was_asked_and_then_acknowledges(session: Programs) -> None:
    assert session(send("GET", "status")) == [status("live"), Ack(SEQUENCE)]
    labels = [Label(0, 3, "idle"), Label(1, 3, "a, b"), Label(2, 3, "ü")]
    assert session(send("GET", "labels")) == [*labels, Ack(SEQUENCE)]
    imu = Imu("scripted", "ok", 119000, 118900, 1, 2, 0)
    assert session(sample(1, lost=2), POLL, send("GET", "imu"))[-2:] == [imu, Ack(SEQUENCE)]


def test_damaged_lines_are_counted_and_the_next_one_is_heard(session: Programs) -> None:
    damaged = send("GET", "status").replace("status", "statut")
    said = session(damaged, POLL, damaged, send("GET", "status"))
    seen = [Refusal(0, "damaged", 1), Refusal(0, "damaged", 2), status("live", 2), Ack(SEQUENCE)]
    assert said == seen


@pytest.mark.parametrize("mode", ["stopped", "classify", "capture"])
def test_run_changes_the_mode(session: Programs, mode: str) -> None:
    said = session(send("RUN", mode), send("GET", "status"))
    assert said == [Ack(SEQUENCE), status(mode), Ack(SEQUENCE)]


def test_capture_counts_the_samples_that_the_sensor_lost(session: Programs) -> None:
    samples = ["sample 1 -2 3 -4 32767 -32768 9", "clock 4294967290", sample(5), sample(6, lost=3)]
    _, *said = session(send("RUN", "capture"), POLL, *samples, "clock 16", sample(7))
    assert [m for m in said if isinstance(m, Sample)] == [
        # What was lost before the first sample belongs to nobody's recording.
        Sample(0, 0, (1, -2, 3, -4, 32767, -32768)),
        Sample(1, 4294967290, (5, 0, 0, 0, 0, 0)),
        Sample(5, 4294967290, (6, 0, 0, 0, 0, 0)),
        Sample(6, 10, (7, 0, 0, 0, 0, 0)),
    ]


def test_capture_begins_again_at_zero(session: Programs) -> None:
    run_capture = [send("RUN", "capture"), POLL]
    said = session(*run_capture, sample(1), sample(2), POLL, *run_capture, sample(3))
    assert [m.index for m in said if isinstance(m, Sample)] == [0, 1, 0]


def test_classify_sends_every_window_and_shows_it(session: Programs) -> None:
    values = [(1, 2), (1, 2), (1, 2), (40, -128), (1, 2), (41, 127), (1, 2), (-128, 127)]
    said = session(send("RUN", "classify"), POLL, *(sample(*value) for value in values))
    assert results(said) == [
        # Four samples of 10 ticks and 100 for the scores; then two samples a hop.
        (0, 0, 40, 140, [40, -128, 4], "idle"),
        # Means of two windows, rounded down: 40.5, -0.5, 5.
        (1, 0, 40, 120, [41, 127, 6], "idle"),
        (2, 1, 127, 120, [-128, 127, 8], "a, b"),
    ]
    shown = [line for line in said if isinstance(line, str)]
    # (40 + 128) / 256 is 65.6 %.
    assert shown == ["show idle 66 new", "show idle 66 same", "show a, b 100 new"]


def test_a_score_below_its_threshold_is_unknown(session: Programs) -> None:
    said = session(send("RUN", "classify"), POLL, *[sample(-128, -128)] * 4)
    assert results(said) == [(0, UNKNOWN, 4, 140, [-128, -128, 4], "")]
    assert "show unknown 52 new" in said


def test_nothing_from_before_a_gap_is_in_a_later_window(session: Programs) -> None:
    before = [sample(90)] * 5
    said = session(
        send("RUN", "classify"), POLL, *before, sample(10, lost=1), sample(10), sample(10),
        sample(20),
    )  # fmt: skip
    assert results(said) == [
        (0, 0, 90, 140, [90, 0, 4], "idle"),
        # Without the gap a window would have ended at the sixth sample, and its mean be above 20.
        (1, 0, 20, 140, [20, 0, 4], "idle"),
    ]
    assert Imu("scripted", "ok", 119000, 118900, 9, 1, 0) in said


def test_a_new_run_begins_a_new_stream(session: Programs) -> None:
    start = [send("RUN", "classify"), POLL]
    said = session(*start, *[sample(90)] * 5, POLL, *start, *[sample(10)] * 4)
    assert results(said) == [
        (0, 0, 90, 140, [90, 0, 4], "idle"),
        (0, 0, 10, 140, [10, 0, 4], "idle"),
    ]


def test_a_window_that_the_engine_fails_on_is_an_error_and_no_decision(session: Programs) -> None:
    samples = [sample(1), sample(1), sample(1), sample(1, gz=99), sample(7), sample(7)]
    said = session(send("RUN", "classify"), POLL, *samples)
    # The window after it counts on; its mean is its own, for the failed one has no scores.
    assert plain(said[1:]) == [
        (1, 0, 7, 120, [7, 0, 6], "idle"),
        Refusal(0, "engine", 0),
        "show idle 53 new",
    ]


def test_live_is_for_people(session: Programs) -> None:
    said = session(*[sample(40)] * 4)
    assert said == ["# idle 0.66", "show idle 66 new"]
    assert session(*[sample(-128, -128)] * 4)[0] == "# unknown 0.52"


def test_stopped_drops_what_the_imu_delivers(session: Programs) -> None:
    said = session(send("RUN", "stopped"), POLL, *[sample(40)] * 9, POLL, send("GET", "imu"))
    assert said == [Ack(SEQUENCE), Imu("scripted", "ok", 119000, 118900, 9, 0, 0), Ack(SEQUENCE)]


def test_a_flood_of_samples_leaves_room_for_the_rest_of_the_loop(session: Programs) -> None:
    script = [send("RUN", "capture"), POLL, *[sample(1)] * 70, POLL, "clock 1", POLL]
    said = session(*script, send("GET", "imu"))
    polled = [m.samples for m in said if isinstance(m, Imu)]
    assert polled == [64]
    assert sum(isinstance(m, Sample) for m in said) == 70


def test_the_host_is_heard_between_two_samples(session: Programs) -> None:
    stop = send("RUN", "stopped").replace("port", "later 2")
    said = session(send("RUN", "capture"), POLL, stop, *[sample(1)] * 5)
    assert [type(m) for m in said] == [Ack, Sample, Sample, Ack]


COUNTS: Counts = np.array(
    [[50 * (i + 1), -i, 300, -300, 32767, -1] for i in range(8)], dtype=np.int16
)


def traced(counts: Counts, samples: bytes, window: int) -> Trace:
    checks = protocol.crc(counts.astype("<i2").tobytes()), protocol.crc(samples)
    return Trace(window, *checks)


def test_injected_samples_are_traced_and_classified(session: Programs) -> None:
    said = session(send("RST", "119000"), inject(0, COUNTS[:3]), inject(3, COUNTS[3:6]))
    quantized = np.clip(COUNTS[:, [0, 1, 5]], -128, 127).astype(np.int8)
    assert said[:3] == [
        Ack(SEQUENCE),
        Ack(SEQUENCE),
        traced(COUNTS[:4], quantized[:4].tobytes(), 0),
    ]
    assert said[4] == traced(COUNTS[:6], quantized[:6].tobytes(), 1)
    assert results(said) == [
        (0, 0, 127, 140, [127, -3, 4], "idle"),
        (1, 0, 127, 120, [127, -5, 6], "idle"),
    ]
    assert said[6:] == [Ack(SEQUENCE)], "and nothing of it is shown on the board"


def test_a_line_that_comes_twice_is_acknowledged_and_not_taken_twice(session: Programs) -> None:
    start = [send("RST", "119000"), inject(0, COUNTS[:4])]
    again = [inject(0, COUNTS[:4]), inject(2, COUNTS[2:4])]
    once = plain(session(*start, inject(4, COUNTS[4:6])))
    twice = plain(session(*start, *again, inject(4, COUNTS[4:6])))
    assert sorted(map(repr, twice)) == sorted(map(repr, [*once, Ack(SEQUENCE), Ack(SEQUENCE)]))


@pytest.mark.parametrize(("first", "count"), [(5, 1), (0, 5), (3, 2), (4294967295, 1)])
def test_samples_out_of_turn_are_refused_with_where_the_stream_stands(
    session: Programs, first: int, count: int
) -> None:
    said = session(send("RST", "119000"), inject(0, COUNTS[:4]), inject(first, COUNTS[:count]))
    assert said[-1] == Refusal(SEQUENCE, "index", 4)


def test_another_rate_takes_its_own_table_and_begins_again(session: Programs) -> None:
    start = [send("RST", "119000"), inject(0, COUNTS[:5]), send("RST", "50000")]
    *_, trace, _, ack = session(*start, inject(0, COUNTS[:4]))
    # The mean of a sample and the one before it, which the first one does not have.
    before = np.concatenate([COUNTS[:1], COUNTS[:3]]).astype(np.int64)
    means = ((COUNTS[:4] + before + 1) // 2).astype(np.int16)
    quantized = np.clip(means[:, [0, 1, 5]], -128, 127).astype(np.int8)
    assert (trace, ack) == (traced(means, quantized.tobytes(), 0), Ack(SEQUENCE))


def test_the_imu_is_not_heard_while_samples_are_injected(session: Programs) -> None:
    start = send("RST", "119000")
    heard = session(start, POLL, *[sample(9)] * 9, POLL, inject(0, COUNTS[:4]))
    assert plain(heard) == plain(session(start, inject(0, COUNTS[:4])))


def test_hosts_hear_of_the_imu_every_five_seconds(session: Programs) -> None:
    imu = Imu("scripted", "ok", 119000, 118900, 0, 0, 0)
    start = [send("RUN", "capture"), POLL]
    assert session(*start, "clock 4999", POLL) == [Ack(SEQUENCE)]
    assert session(*start, "clock 5000", POLL) == [Ack(SEQUENCE), imu]
    assert session(*start, "clock 5000", POLL, "clock 4999", POLL, "clock 1", POLL)[1:] == [imu] * 2


def test_what_changes_at_the_imu_is_said_at_once(session: Programs) -> None:
    start = [send("RUN", "classify"), POLL]
    stuck = Imu("scripted", "stuck", 119000, 118900, 0, 0, 0)
    again = Imu("scripted", "ok", 119000, 118900, 0, 4, 0)
    said = session(*start, f"imu {STUCK} 0", POLL, POLL, f"imu {OK} 4", POLL)
    assert said == [Ack(SEQUENCE), stuck, again]


def test_an_imu_that_is_absent_from_the_start_is_said_when_streaming_starts(
    session: Programs,
) -> None:
    said = session(f"imu {ABSENT} 0 look", POLL, send("RUN", "capture"), POLL)
    absent = Imu("scripted", "absent", 119000, 118900, 0, 0, 0)
    assert said == ["# look", Ack(SEQUENCE), absent]


def test_people_read_what_to_do_about_the_imu(session: Programs) -> None:
    assert session(f"imu {STUCK} 0 shake it", POLL) == ["# shake it"]
    lost = "# 3 samples of the IMU were lost: the next window begins after them"
    assert session(f"imu {OK} 3", POLL) == [lost]
    assert session(f"imu {STUCK} 3 shake it", POLL) == [lost, "# shake it"]
    # A state for which there is nothing to do, and one that is well whatever the driver hints at.
    assert session(f"imu {STUCK} 0", POLL) == []
    assert session(f"imu {OK} 1 shake it", POLL)[1:] == []


def test_people_read_how_to_record_where_there_is_no_model(session: Programs) -> None:
    ready = "# ready to record: harmcu capture --label walking"
    assert session("clock 5000", labels=0) == [ready]
    assert session("clock 5000") == []
    assert session("clock 4999", labels=0) == []


def test_a_recorder_records_and_shows_nothing(session: Programs) -> None:
    said = session(send("RUN", "capture"), POLL, *[sample(3)] * 5, labels=0)
    assert [m.index for m in said if isinstance(m, Sample)] == [0, 1, 2, 3, 4]
    assert not any(isinstance(m, str) for m in said)
    assert session(*[sample(3)] * 9, labels=0) == []


def test_the_session_ends_with_its_port(session: Programs) -> None:
    assert session(send("GET", "status"), "port_end") == [status("live"), Ack(SEQUENCE), "ended"]
