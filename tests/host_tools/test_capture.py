"""Capturing from a board double, from sketches that print numbers, and through a bad cable."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from board_double import BoardDouble, Damage, Harmcu, Printer
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tools import board_stream, capture, capture_screen, sample_stream, sketch_stream
from host_tools.board_stream import BoardStream
from host_tools.capture import Capture, Request
from host_tools.cli import main
from host_tools.device import Device
from host_tools.link import Link, Restart
from host_tools.port import PortGoneError
from host_tools.protocol import (
    Ack,
    Classification,
    Line,
    LineReader,
    Sample,
    Text,
    encode,
    parse,
)
from host_tools.sample_stream import Chunk, RateMeter, silence
from host_tools.sketch_stream import SketchStream
from trainer import datasets, recording_file
from trainer.errors import HarmcuError
from trainer.reading.options import Options
from trainer.reading.options import parse as parse_options
from trainer.recording import AXES, Counts

ROOT = Path(__file__).parents[2]
COUNTS: Counts = np.random.default_rng(7).integers(-9000, 9000, (4000, 6)).astype(np.int16)


@pytest.fixture(autouse=True)
def _no_countdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "COUNTDOWN", 0.0)


class Given:
    """A source of chunks that are given one after another."""

    def __init__(self, chunks: list[Chunk], rate_millihertz: int = 100_000) -> None:
        self.description, self.board, self.trouble = "given", "none", ""
        self.axes: tuple[str, ...] = AXES
        self.rate_millihertz = rate_millihertz
        self.parts_takes = False
        self.meter = RateMeter(2.0)
        self._chunks = chunks

    def read(self, timeout: float) -> list[Chunk]:
        del timeout
        chunks = self._chunks[:1]
        del self._chunks[:1]
        for chunk in chunks:
            self.meter.add(chunk)
        return chunks

    def close(self) -> None:
        """Nothing is open."""


def chunks(*firsts: int, size: int = 50, hz: float = 100.0) -> list[Chunk]:
    return [Chunk(f, COUNTS[f : f + size], size, size / hz) for f in firsts]


def record(source: Given, request: Request, keys: str = "") -> tuple[Capture, list[str]]:
    """Run a capture whose keys are pressed one a step; q is pressed when the source is dry."""
    said: list[str] = []
    made = Capture(source, request, said.append)
    pressed = iter(keys)

    def key() -> str:
        return "" if source._chunks and len(keys) == 0 else next(pressed, "")

    def show() -> None:
        if not source._chunks:
            made.press("q")

    capture.run(made, show, key)
    return made, said


def only_file(folder: Path) -> recording_file.Contents:
    (file,) = folder.rglob("*.rec")
    return recording_file.read(file.read_bytes(), file.name)


def test_a_take_of_a_given_length_is_exact(tmp_path: Path) -> None:
    made, _ = record(Given(chunks(0, 50, 100, 150)), Request("w", "a", tmp_path, seconds=1.2))
    contents = only_file(tmp_path)
    assert (contents.pieces[0][1] == COUNTS[:120]).all()
    assert made.finished[0].samples == len(contents.pieces[0][1]) == 120


def test_takes_follow_one_another(tmp_path: Path) -> None:
    request = Request("w", "a", tmp_path, seconds=0.5, takes=3)
    made, _ = record(Given(chunks(*range(0, 500, 50))), request)
    assert [take.path.name for take in made.finished] == [f"w.00{n}.rec" for n in (1, 2, 3)]
    assert made.is_over


def test_gaps_clipping_and_a_rate_that_is_off_are_said_and_stored(tmp_path: Path) -> None:
    clipped = COUNTS[:50].copy()
    clipped[3, 1] = 32767
    given = chunks(0, 50, 120, 170, 220, 270, hz=97.0)
    given[1] = Chunk(50, clipped, 50, 50 / 97)
    _, said = record(Given(given), Request("w", "a", tmp_path))
    assert "warning: samples lost: 20, gaps: 1" in said
    assert "warning: samples clipped: 1" in said
    assert sum(text.startswith("warning: rate") for text in said) == 1
    assert "warning: rate 97.0 Hz, -3.0% off the nominal 100 Hz" in said
    end = only_file(tmp_path).end
    assert end is not None
    assert (end["gaps"], end["lost"], end["clipped"]) == (1, 20, 1)
    assert end["measured_rate_hz"] == pytest.approx(97.0, rel=1e-3)
    notes = datasets.load("recordings", tmp_path).notes
    assert {note.kind for note in notes} == {"repaired", "remark"}


def test_a_discarded_take_is_put_aside(tmp_path: Path) -> None:
    made, _ = record(Given(chunks(0, 50, 100, 150, 200)), Request("w", "a", tmp_path), keys="d")
    assert not made.finished
    (aside,) = tmp_path.rglob("*.discarded")
    contents = recording_file.read(aside.read_bytes(), aside.name)
    assert sum(len(counts) for _, counts in contents.pieces) > 0
    assert not list(tmp_path.rglob("*.rec"))


def test_a_board_that_begins_anew_begins_another_take(tmp_path: Path) -> None:
    given = chunks(0, 50, 0, 50)
    given[2] = dataclasses.replace(given[2], begins_anew=True)
    made, said = record(Given(given), Request("w", "a", tmp_path))
    assert [take.samples for take in made.finished] == [100, 100]
    assert any("the board began anew" in text for text in said)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    for _ in range(2):
        record(Given(chunks(0, 50)), Request("w", "a", tmp_path, seconds=0.5))
    assert sorted(p.name for p in tmp_path.rglob("*.rec")) == ["w.001.rec", "w.002.rec"]


def stream(board: Harmcu, damage: Damage | None, wanted: int) -> tuple[list[Chunk], Link]:
    """Return what a double's capture mode gives, up to so many samples or a second's silence."""
    with BoardDouble(board) as double:
        link = Link(double.port)
        source = BoardStream(link)
        double._damage = damage
        got: list[Chunk] = []
        quiet = 0
        while sum(len(chunk.counts) for chunk in got) < wanted and quiet < 5:
            arrived = source.read(0.1)
            quiet = 0 if arrived else quiet + 1
            got += arrived
        double._damage = None
        source.close()
        return got, link


def test_every_sample_arrives(tmp_path: Path) -> None:
    del tmp_path
    got, link = stream(Harmcu(COUNTS), None, len(COUNTS))
    assert (np.concatenate([chunk.counts for chunk in got]) == COUNTS).all()
    assert (link.damaged, link.lost) == (0, 0)


def test_the_board_s_clock_may_wrap() -> None:
    """micros() wraps every 71.6 minutes."""
    got, _ = stream(Harmcu(COUNTS, rate=117.3, first_tick=(1 << 32) - 5_000_000), None, len(COUNTS))
    meter = RateMeter(1.0)
    for chunk in got:
        meter.add(chunk)
    assert meter.hz == pytest.approx(117.3, rel=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_no_damaged_sample_is_taken(seed: int) -> None:
    damage = Damage(every=400, seed=seed)
    got, link = stream(Harmcu(COUNTS), damage, len(COUNTS))
    samples = 0
    for chunk in got:
        assert (chunk.counts == COUNTS[chunk.first : chunk.first + len(chunk.counts)]).all()
        samples += len(chunk.counts)
    assert damage.done > 100
    assert link.damaged > 0
    assert samples >= len(COUNTS) - 3 * damage.done
    missing = len(COUNTS) - samples
    assert link.lost >= missing * 0.9


FAULTS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "drop", "insert", "repeat", "cut", "swap"]),
        st.integers(0, 10_000),
        st.integers(0, 255),
    ),
    max_size=12,
)


def damaged(data: bytes, faults: list[tuple[str, int, int]]) -> bytes:
    out = bytearray(data)
    for kind, place, value in faults:
        at = place % len(out)
        if kind == "flip":
            out[at] ^= 1 << (value % 8)
        elif kind == "drop":
            del out[at]
        elif kind == "insert":
            out.insert(at, value)
        elif kind == "repeat":
            out[at:at] = out[at : at + value]
        elif kind == "cut":
            del out[at : at + value]
        else:
            out[at : at + 2] = out[at : at + 2][::-1]
        out = out or bytearray(b"\n")
    return bytes(out)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FAULTS, st.integers(1, 200))
def test_whatever_happens_on_the_way_no_wrong_sample_is_taken(
    faults: list[tuple[str, int, int]], size: int
) -> None:
    """Damage is told, and after it at most the damaged lines are missing."""
    lines = [Line("SMP", i, (str(i), str(i * 8403), *map(str, COUNTS[i]))) for i in range(200)]
    sent = b"".join(map(encode, lines))
    received = damaged(sent, faults)
    reader = LineReader()
    whole = []
    broken = 0
    for start in range(0, len(received), size):
        for line in reader.feed(received[start : start + size]):
            if isinstance(line, Line):
                whole.append(line)
            elif not isinstance(line, Text):
                broken += 1
    for line in whole:
        message = parse(line)
        assert isinstance(message, Sample)
        assert message.counts == tuple(COUNTS[message.index])
    # Every fault spoils what it touches: at most the two lines on whose border it falls, and of
    # those that it cuts out, as many as 255 bytes hold.
    longest = min(map(len, map(encode, lines)))
    cut = sum(kind == "cut" for kind, _, _ in faults) * (255 // longest + 1)
    assert len({line.sequence for line in whole}) >= 200 - 2 * len(faults) - cut
    missing = {line.sequence for line in lines} - {line.sequence for line in whole}
    in_between = {s for s in missing if s < max((line.sequence for line in whole), default=0)}
    assert broken or len(whole) - len(set(whole)) or _gaps(whole) >= len(in_between)


def _gaps(lines: list[Line]) -> int:
    sequences = sorted({line.sequence for line in lines})
    return sequences[-1] - len(sequences) + 1 if sequences else 0


def test_a_board_that_resets_in_mid_line_is_told_to_go_on() -> None:
    board = Harmcu(COUNTS, pace=2000, stop_after=300)
    with BoardDouble(board) as double, Link(double.port) as link:
        source = BoardStream(link)
        got: list[Chunk] = []
        while sum(len(chunk.counts) for chunk in got) < 300:
            got += source.read(0.1)
        double.script.interject(board.reset_in_mid_line())
        again: list[Chunk] = []
        while sum(len(chunk.counts) for chunk in again) < 100:
            again += source.read(0.1)
        assert again[0].first == 0
        assert link.damaged == 1
        assert [line.fields for line in board.heard[-1:]] == [("capture",)]


def test_a_board_that_begins_anew_in_secret_is_heard_at_once() -> None:
    """Its first line was lost: what follows counts as what it is."""
    ack = [encode(Line("ACK", s, ("1",))) for s in [10_000, 10_001, 1, 2, 3]]
    with BoardDouble(Harmcu(COUNTS[:1])) as double, Link(double.port) as link:
        link._take(b"".join(ack))
        assert list(map(type, link._arrived)) == [Ack, Ack, Restart, Ack, Ack, Ack]
        assert (link.lost, link.damaged) == (1, 0)


def test_a_board_without_a_working_sensor_is_refused() -> None:
    for state, sensor, said in (
        ("absent", "none", "no IMU answers"),
        ("stuck", "LSM9DS1", "stuck"),
        ("other", "BMI270", "generate for nano33ble_rev2"),
    ):
        board = Harmcu(COUNTS, state=state, sensor=sensor)
        with (
            BoardDouble(board) as double,
            Link(double.port) as link,
            pytest.raises(HarmcuError, match=said),
        ):
            BoardStream(link)


@pytest.mark.parametrize("nominal", [0.001, 1e6])
def test_a_rate_that_no_imu_has_is_refused(nominal: float) -> None:
    board = Harmcu(COUNTS, nominal=nominal)
    with (
        BoardDouble(board) as double,
        Link(double.port) as link,
        pytest.raises(HarmcuError, match=f"{double.port}: the board states a rate"),
    ):
        BoardStream(link)


def test_a_board_that_talks_of_everything_but_samples_is_heard_a_batch_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with BoardDouble(Harmcu(COUNTS)) as double, Link(double.port) as link:
        source = BoardStream(link)
        said = Classification(0, 0, 0, 0, np.zeros(2, np.int8), "a")
        monkeypatch.setattr(link, "receive", lambda *_: said)
        assert source.read(0.1) == []
        monkeypatch.setattr(board_stream, "PATIENCE", 0.0)
        with pytest.raises(HarmcuError, match=f"{double.port}: the board sent no"):
            source.read(0.1)


def test_samples_that_begin_anew_in_secret_are_another_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with BoardDouble(Harmcu(COUNTS)) as double, Link(double.port) as link:
        source = BoardStream(link)
        said = [Sample(i, i * 8403, (0,) * 6) for i in [7, 8, 9, 4, 5, 6, 6]]
        monkeypatch.setattr(link, "receive", lambda *_: said.pop(0) if said else None)
        chunks = source.read(0.1)
        assert [chunk.first for chunk in chunks] == [7, 4, 6]
        assert [chunk.begins_anew for chunk in chunks] == [True, True, True]


@pytest.mark.parametrize("size", [(1, 1), (21, 24), (23, 2), (5000, 1)])
def test_a_window_of_any_size_is_drawn(size: tuple[int, int], tmp_path: Path) -> None:
    with BoardDouble(Harmcu(COUNTS, pace=2000)) as double:
        source = BoardStream(Link(double.port))
        made = Capture(source, Request("w", "a", tmp_path))
        while not len(made.recent()):
            made.step(0.1)
        capture_screen.draw(made, size, is_unicode=True)
        source.close()


def test_a_capture_only_board_is_left_stopped() -> None:
    for engine, mode in (("none", "stopped"), ("aot", "classify")):
        board = Harmcu(COUNTS, engine=engine)
        with BoardDouble(board) as double:
            BoardStream(Link(double.port)).close()
            assert board._mode == mode


def test_an_unplugged_board_leaves_its_take(tmp_path: Path) -> None:
    board = Harmcu(COUNTS, pace=2000)
    with BoardDouble(board) as double:
        source = BoardStream(Link(double.port))
        made = Capture(source, Request("w", "a", tmp_path))

        def pull() -> None:
            if made.take is not None and made.take.samples >= 200:
                double.unplug()

        with pytest.raises(HarmcuError, match=r"is gone.*samples are kept in .*w\.001\.rec"):
            capture.run(made, pull, lambda: "")
        source.close()
    contents = only_file(tmp_path)
    assert contents.end is not None
    assert contents.end["stopped"] == "the board is gone"
    assert (contents.pieces[0][1] == COUNTS[: len(contents.pieces[0][1])]).all()


def test_a_board_comes_back_under_another_name(tmp_path: Path) -> None:
    del tmp_path
    with BoardDouble(Harmcu(COUNTS)) as double, Link(double.port) as link:
        before = double.port
        assert Device(link).status().board == "nano33ble"
        double.unplug()
        with pytest.raises(HarmcuError, match="is gone"):
            link.receive(1.0)
        double.replug()
        with Link(double.port) as other:
            assert Device(other).status().board == "nano33ble"
        assert double.port != before


TUTORIAL = ["aX,aY,aZ,gX,gY,gZ"]


def printed(counts: Counts) -> list[str]:
    return [
        ",".join([*(f"{v / 8192:.3f}" for v in row[:3]), *(f"{v / 16.384:.3f}" for v in row[3:])])
        for row in counts
    ]


Sketch = Callable[..., SketchStream]


@pytest.fixture
def sketch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sketch]:
    """Opens the stream of a sketch that prints lines at a rate, without much patience."""
    monkeypatch.setattr(capture, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(sketch_stream, "LISTENED_SECONDS", 1.0)
    monkeypatch.setattr(sketch_stream, "METERED_SECONDS", 0.8)
    with contextlib.ExitStack() as stack:

        def opened(lines: list[str], rate: float, options: Options | None = None) -> SketchStream:
            double = stack.enter_context(BoardDouble(Printer(lines, rate)))
            source = capture.open_source(double.port, options or Options(), lambda _: None)
            assert isinstance(source, SketchStream)
            stack.callback(source.close)
            return source

        yield opened


def test_the_data_forwarder_is_recorded_at_its_true_rate(tmp_path: Path, sketch: Sketch) -> None:
    counts = COUNTS.copy()
    counts[:, :3] = [0, 0, 8192]
    source = sketch([line.replace(",", "\t") for line in printed(counts)], rate=62.5)
    assert source.rate_millihertz == pytest.approx(62_500, rel=0.01)
    assert source.axes == AXES
    made = Capture(source, Request("w", "a", tmp_path, seconds=1.0))
    capture.run(made, lambda: None, lambda: "")
    got = only_file(tmp_path).pieces[0][1]
    first = next(i for i in range(len(counts)) if np.abs(counts[i].astype(int) - got[0]).max() < 9)
    assert np.abs(counts[first : first + len(got)].astype(int) - got).max() < 9
    assert len(got) == pytest.approx(62.5, abs=1)


def test_the_tutorial_s_blank_lines_part_takes(tmp_path: Path, sketch: Sketch) -> None:
    counts = COUNTS[:119].copy()
    counts[:, :3] = [0, 0, 8192]
    # Rotations below 36 could be rad/s, were it not the tutorial's sketch.
    counts[:, 3:] //= 64
    source = sketch([*TUTORIAL, *printed(counts), ""], rate=400.0)
    made = Capture(source, Request("punch", "a", tmp_path, takes=3))
    capture.run(made, lambda: None, lambda: "")
    source.close()
    assert [take.samples for take in made.finished[1:]] == [119, 119]
    got = sorted(tmp_path.rglob("*.rec"))[-1]
    contents = recording_file.read(got.read_bytes(), got.name)
    assert np.abs(contents.pieces[0][1].astype(int) - counts).max() < 9


def test_a_given_unit_leaves_the_one_that_a_header_states(sketch: Sketch) -> None:
    lines = ["ax,ay,az,gx (dps),gy (dps),gz (dps)", *["0,0,9.81,20,0,0"] * 50]
    source = sketch(lines, 200.0, parse_options(units="m/s^2"))
    counts = [chunk.counts for _ in range(5) for chunk in source.read(0.1)]
    assert np.concatenate(counts)[0].tolist() == [0, 0, 8195, 328, 0, 0]


def test_what_sketches_print_may_be_unclear(sketch: Sketch) -> None:
    resting = ["0.0,0.0,1.0,3.0,3.0,3.0"]
    with pytest.raises(HarmcuError, match=r"deg/s or rad/s; say which with --units"):
        sketch(resting, 200.0)
    source = sketch(resting, 200.0, Options(units=("g", "deg/s")))
    assert source.read(1.0)[0].counts[0].tolist() == [0, 0, 8192, 49, 49, 49]
    source.close()
    with pytest.raises(HarmcuError, match=r"4 numbers a line.*--columns"):
        sketch(["1,2,3,4"], 200.0)
    for header, message in (
        ("gx (mrad/s),gy (mrad/s),gz (mrad/s)", r"'gx .* states no unit that gx can be in"),
        ("ax (g),ay (g),az (mg)", r"its columns state both g and mg"),
    ):
        with pytest.raises(HarmcuError, match=message):
            sketch([header, *["1,2,3"] * 9], 200.0)


def test_damaged_lines_of_sketches_are_gaps(sketch: Sketch) -> None:
    lines = ["0,0,1,100,100,100"] * 30 + ["0,0,1,100,10"] + ["0,0,1,1x0,100,100"]
    source = sketch(lines, 200.0)
    got: list[Chunk] = []
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        got += source.read(0.1)
    source.close()
    samples = sum(len(chunk.counts) for chunk in got)
    lost = got[-1].first + len(got[-1].counts) - got[0].first - samples
    assert lost / (samples + lost) == pytest.approx(2 / 32, abs=0.02)


def test_a_sketch_that_prints_nothing(sketch: Sketch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch_stream, "PATIENCE", 0.3)
    with pytest.raises(HarmcuError, match="printed 0 lines of numbers"):
        sketch(["hello"], 50.0)


def read_until(source: BoardStream, is_so: Callable[[], bool]) -> list[Chunk]:
    deadline = time.monotonic() + 10
    chunks = []
    while not is_so():
        assert time.monotonic() < deadline, "in vain"
        chunks += source.read(0.02)
    return chunks


def runs(board: Harmcu) -> int:
    return [line.type for line in board.heard].count("RUN")


def test_silence_is_said_and_the_board_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_stream, "ASKED_SECONDS", 1.5)
    board = Harmcu(COUNTS, stop_after=10)
    with BoardDouble(board) as double, Link(double.port) as link:
        source = BoardStream(link)
        read_until(source, lambda: bool(source.trouble))
        assert source.trouble == "no sample for 1 s"
        assert runs(board) == 1
        (chunk,) = read_until(source, lambda: not source.trouble)
        assert runs(board) == 2
        assert (chunk.first, len(chunk.counts), chunk.begins_anew) == (0, 10, True)


@pytest.mark.parametrize(
    ("seconds", "hz", "said"),
    [
        (1.0, 119.0, ""),
        (1.2, 119.0, "no sample for 1 s"),
        (2.4, 1.0, ""),
        (2.6, 1.0, "no sample for 3 s"),
    ],
)
def test_how_long_a_silence_is_depends_on_the_rate(seconds: float, hz: float, said: str) -> None:
    assert silence(seconds, hz) == said


def test_a_board_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_stream, "ASKED_SECONDS", 0.1)
    monkeypatch.setattr(board_stream, "PATIENCE", 1.5)
    board = Harmcu(COUNTS, stop_after=10)
    with BoardDouble(board) as double, Link(double.port) as link:
        source = BoardStream(link)
        read_until(source, lambda: board._next == 10)
        monkeypatch.setattr(board, "hear", lambda _: b"")
        begun, reads = time.monotonic(), 0
        while time.monotonic() - begun < 1.4:
            source.read(0.02)
            reads += 1
        # One that waits for an answer would have read a few times.
        assert reads > 20
        with pytest.raises(HarmcuError, match="sent no sample for 2 s"):
            read_until(source, lambda: False)


def test_samples_that_were_late_are_kept_although_the_board_was_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(board_stream, "ASKED_SECONDS", 0.1)
    board = Harmcu(COUNTS, stop_after=10)
    with BoardDouble(board) as double, Link(double.port) as link:
        source = BoardStream(link)
        chunks = read_until(source, lambda: board._next == 10)
        late = [board._line("SMP", str(i), str(i * 8403), *("7",) * 6) for i in range(10, 15)]
        held: list[bytes] = []
        hear = board.hear

        def hear_late(data: bytes) -> bytes:
            held.append(hear(data))
            return b"".join(late) + held[0] if len(held) == 1 else held[-1]

        monkeypatch.setattr(board, "hear", hear_late)
        board.stop_after = 3
        chunks += read_until(source, lambda: runs(board) > 1 and board._next == 3)
        for _ in range(10):
            chunks += source.read(0.02)
    begun = [index for index, chunk in enumerate(chunks) if chunk.begins_anew]
    assert begun[0] == 0
    assert sum(len(chunk.counts) for chunk in chunks[: begun[1]]) == 15
    assert (chunks[begun[1]].first, len(chunks[begun[1]].counts)) == (0, 3)


def test_a_silence_is_written_down_when_the_take_ends_in_it(tmp_path: Path) -> None:
    for name, last in (("overcome", ""), ("lasting", "no sample for 2 s")):
        given = Given(chunks(0, 50, 100))
        made = Capture(given, Request(name, "a", tmp_path))
        made.step(0.0)
        for trouble in ("no sample for 1 s", last):
            given.trouble = trouble
            made.step(0.0)
        assert "warning: no sample for 1 s" in made.messages
        made.stop()
        assert made.finished[0].trouble == last


def test_what_arrived_before_the_cable_was_pulled_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BoardDouble(Harmcu(COUNTS)) as double, Link(double.port) as link:
        source = BoardStream(link)
        said: list[object] = [Sample(i, i * 8403, (0,) * 6) for i in range(9)]

        def receive(_: float) -> object:
            if said:
                return said.pop(0)
            raise PortGoneError("gone")

        monkeypatch.setattr(link, "receive", receive)
        made = Capture(source, Request("w", "a", tmp_path))
        with pytest.raises(HarmcuError, match="gone; 9 samples are kept"):
            capture.run(made, lambda: None, lambda: "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nominal": 238.0}, "began anew as nano33ble at 238 Hz; start again"),
        ({"board": "nano33ble_rev2"}, "began anew as nano33ble_rev2 at 119 Hz; start again"),
        ({"state": "absent"}, "no IMU answers"),
    ],
)
def test_a_board_that_was_flashed_while_it_recorded_is_another(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    board = Harmcu(COUNTS, pace=119)
    with BoardDouble(board) as double, Link(double.port) as link:
        made = Capture(BoardStream(link), Request("w", "a", tmp_path))
        for _ in range(20):
            made.step(0.02)
        for name, value in change.items():
            setattr(board, name, value)
        board.interject(board.reset_in_mid_line())
        with pytest.raises(HarmcuError, match=f"{said}.*; .* samples are kept"):
            capture.run(made, lambda: None, lambda: "")
    assert only_file(tmp_path).pieces


def test_a_take_that_was_cut_short_is_not_the_one_that_was_asked_for(tmp_path: Path) -> None:
    anew = [dataclasses.replace(chunk, begins_anew=True) for chunk in chunks(0)]
    given = Given([*chunks(0), *anew, *chunks(50, 100)])
    made, _ = record(given, Request("w", "a", tmp_path, seconds=1.0))
    assert [(take.samples, take.is_cut) for take in made.finished] == [(50, True), (100, False)]


def test_a_sensor_that_was_stuck_is_written_down(tmp_path: Path) -> None:
    given = Given(chunks(0, 50, 100))
    made = Capture(given, Request("walk", "a", tmp_path, seconds=1.5))
    made.step(0.0)
    given.trouble = "the IMU is stuck"
    made.step(0.0)
    given.trouble = ""
    made.step(0.0)
    assert "the IMU is stuck" in made.finished[0].summary()
    assert [note.what for note in only_file(tmp_path).notes] == [
        "recordings of a sensor in trouble: the IMU is stuck"
    ]


def test_a_label_that_could_not_be_read_back_is_refused(tmp_path: Path) -> None:
    made = Capture(Given(chunks(0, 50)), Request("walk", "a", tmp_path))
    made.step(0.0)
    for key in ("l", *("x" * 201), "\n"):
        made.press(key)
    assert "longer than 200 characters" in made.messages[-1]
    made.press("q")
    assert only_file(tmp_path).header.label == "walk"


@pytest.mark.parametrize(("blank", "said"), [([], "no sample for 0 s"), ([""], "")])
def test_a_sketch_that_falls_silent_is_said_unless_it_waits_for_movement(
    sketch: Sketch, monkeypatch: pytest.MonkeyPatch, blank: list[str], said: str
) -> None:
    monkeypatch.setattr(sample_stream, "SILENCE", 0.3)
    counts = COUNTS.copy()
    counts[:, :3] = [0, 0, 8192]
    source = sketch([*printed(counts[:40]), *blank], 200.0)
    source.read(0.05)
    assert source.trouble == ""
    monkeypatch.setattr(source._port, "read", lambda *_: b"")
    time.sleep(0.4)
    source.read(0.05)
    assert said in source.trouble
    assert bool(source.trouble) == bool(said)


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        ("gX,gY,gZ,aX,aY,aZ", True),
        ("aX,aY,aZ,gX,gY,gZ", False),
        ("gX,gY,gZ", False),  # cut off on the way
        ("gX,gY,gZ,aX,aY,a?", False),
        ("gX,gY,gZ,aX,aY,1.0", False),
    ],
)
def test_a_header_of_other_columns_ends_the_recording(
    sketch: Sketch, tmp_path: Path, header: str, changes: bool
) -> None:
    counts = COUNTS.copy()
    counts[:, :3] = [0, 0, 8192]
    source = sketch(["aX,aY,aZ,gX,gY,gZ", *printed(counts)[:399], header], 200.0)
    made = Capture(source, Request("w", "a", tmp_path, seconds=2.0))
    if changes:
        with pytest.raises(HarmcuError, match=r"other columns now, gX, gY.*samples are kept"):
            capture.run(made, lambda: None, lambda: "")
    else:
        capture.run(made, lambda: None, lambda: "")
        assert [take.samples + take.lost for take in made.finished] == [made.take_samples]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.01, "fewer than 2 samples at 100 Hz"), (0.02, "")]
)
def test_a_take_of_less_than_two_samples_is_refused(
    tmp_path: Path, seconds: float, said: str
) -> None:
    request = Request("w", "a", tmp_path, seconds=seconds)
    if said:
        with pytest.raises(HarmcuError, match=said):
            Capture(Given(chunks(0)), request)
    else:
        made, _ = record(Given(chunks(0)), request)
        assert made.finished[0].samples == 2


def test_a_host_that_was_busy_has_lost_nothing(
    sketch: Sketch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = COUNTS.copy()
    counts[:, :3] = [0, 0, 8192]
    source = sketch(printed(counts), 100.0)
    made = Capture(source, Request("w", "a", tmp_path, seconds=3.0))
    begun = time.monotonic()
    while time.monotonic() - begun < 0.5:
        made.step(0.05)
    read = source._port.read
    waiting = b""
    while time.monotonic() - begun < 2.0:
        waiting += read(0.05)

    def read_in_pieces(timeout: float = 0.0) -> bytes:
        """As a port gives 15 kB of a board that printed on: some at a time, without waiting."""
        nonlocal waiting
        piece, waiting = waiting[:1000], waiting[1000:]
        return piece or read(timeout)

    monkeypatch.setattr(source._port, "read", read_in_pieces)
    capture.run(made, lambda: None, lambda: "")
    (take,) = made.finished
    assert (take.lost, take.samples) == (0, made.take_samples)


def test_samples_lost_at_the_end_of_a_take_are_counted(tmp_path: Path) -> None:
    request = Request("w", "a", tmp_path, seconds=1.2)
    made, _ = record(Given(chunks(0, 50, 300)), request)
    assert (made.finished[0].lost, made.finished[0].seconds) == (20, 1.2)
    end = only_file(tmp_path).end
    assert end is not None
    assert (end["samples"], end["gaps"], end["lost"]) == (100, 1, 20)


def test_a_countdown_goes_on_when_the_last_take_is_discarded(tmp_path: Path) -> None:
    request = Request("w", "a", tmp_path, seconds=0.5, takes=2)
    given = Given(chunks(*range(0, 250, 50)))
    made = Capture(given, request)
    while not made.finished:
        made.step(0.0)
    made.discard()
    while given._chunks:
        made.step(0.0)
    assert len(made.finished) == 2
    assert len(list(tmp_path.rglob("*.discarded"))) == 1


def test_a_file_is_named_after_the_label_it_ends_with(tmp_path: Path) -> None:
    made = Capture(Given(chunks(*range(0, 200, 50))), Request("walk", "a", tmp_path))
    made.relabel("run")
    made.step(0.0)
    made.stop()
    made.start()
    made.step(0.0)
    made.relabel("walk")
    made.stop()
    assert [take.path.name for take in made.finished] == ["run.001.rec", "walk.001.rec"]
    assert only_labels(tmp_path) == {"run.001.rec": "run", "walk.001.rec": "walk"}


def only_labels(folder: Path) -> dict[str, str]:
    return {
        file.name: recording_file.read(file.read_bytes(), file.name).header.label
        for file in folder.rglob("*.rec")
    }


def test_a_file_that_ends_in_its_first_line_spoils_no_other(tmp_path: Path) -> None:
    record(Given(chunks(0, 50)), Request("w", "a", tmp_path, seconds=0.5))
    for content in (b"", b'harmcu-recording {"schema'):
        (tmp_path / "a" / "w.002.rec").write_bytes(content)
        loaded = datasets.load("recordings", tmp_path)
        assert len(loaded.recordings) == 1
        assert "recordings that end within their first line" in {n.what for n in loaded.notes}


def test_a_new_stream_is_another_take_whatever_its_first_index(tmp_path: Path) -> None:
    """Its first samples may be lost: then it looks like a gap of the old one."""
    given = [*chunks(0), dataclasses.replace(chunks(200)[0], begins_anew=True)]
    made, said = record(Given(given), Request("w", "a", tmp_path))
    assert [(take.samples, take.lost) for take in made.finished] == [(50, 0), (50, 0)]
    assert any("the board began anew" in text for text in said)


def test_a_reset_before_the_first_sample_is_seen() -> None:
    """The acknowledgement of RUN and the board's first line arrive together."""

    class Resets(Harmcu):
        def _answer(self, line: Line) -> bytes:
            said = super()._answer(line)
            resets = [each.fields for each in self.heard].count(("capture",)) == 1
            return said + self.reset_in_mid_line() if resets else said

    with BoardDouble(Resets(COUNTS)) as double, Link(double.port) as link:
        source = BoardStream(link)
        got = [chunk for _ in range(5) for chunk in source.read(0.1)]
        assert got[0].begins_anew
        assert got[0].first == 0


@pytest.mark.parametrize("option", ["--label", "--subject"])
@pytest.mark.parametrize("text", ["", "  ", "a\nb", "\x1b[2J", "x" * 201])
def test_texts_that_would_spoil_a_screen_are_refused(option: str, text: str) -> None:
    arguments = {"--label": "w", "--subject": "a", option: text}
    given = [part for pair in arguments.items() for part in pair]
    result = CliRunner().invoke(main, ["capture", *given, "--port", "/dev/none"])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}': give 1 to 200 printable characters" in result.stderr


def test_a_take_that_cannot_be_renamed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Capture(Given(chunks(0, 50)), Request("w", "a", tmp_path))
    made.step(0.0)
    monkeypatch.setattr(capture, "_moved", lambda path, _: path)
    made.press("d")
    (file,) = tmp_path.rglob("*.rec")
    assert made.messages[-1] == f"{file} cannot be renamed and stays; delete it by hand"


def test_takes_of_two_rows_are_parted(sketch: Sketch) -> None:
    source = sketch([*TUTORIAL, "0,0,1,50,0,0", "0,0,1,60,0,0", ""], 200.0)
    got: list[Chunk] = []
    while sum(len(chunk.counts) for chunk in got) < 40:
        got += source.read(0.1)
    assert 15 <= sum(chunk.begins_take for chunk in got) <= 22
    assert {len(chunk.counts) for chunk in got} <= {1, 2}
