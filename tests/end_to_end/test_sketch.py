"""The sketch itself, unchanged, compiled as Arduino does, in QEMU with an IMU of registers."""

import itertools
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any

import numpy as np
import pytest
from sketch_double import build_sketch, running

from codegen import boards, project
from host_tools import verify
from host_tools.board_stream import BoardStream
from host_tools.device import Device
from host_tools.link import Link
from host_tools.port import Port
from host_tools.protocol import Classification, Imu, LineReader, Sample, Text
from trainer import evaluator, golden
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.recording import Counts
from trainer.units import apply_scale, scale_for

SENSORS = {"nano33ble": "LSM9DS1", "nano33ble_rev2": "BMI270"}
NOMINAL = {"LSM9DS1": 119_000, "BMI270": 99_800}
PATIENCE = 120.0

Programs = Callable[[str, bool], Path]


@pytest.fixture(scope="session")
def programs(shared_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """The program of a board's sketch, with the made-up model or without any; built once."""
    built: dict[tuple[str, bool], Path] = {}

    def program(board: str, with_model: bool) -> Path:
        if (board, with_model) not in built:
            path = tmp_path_factory.mktemp("sketch") / "activity"
            if with_model:
                files = project.generate(shared_bundle, boards.load(board), "aot", "activity")
            else:
                files = project.generate_capture_only(boards.load(board), "activity")
            project.write(path, files)
            built[board, with_model] = build_sketch(path, path.with_name("program"))
        return built[board, with_model]

    return program


def raw_samples(count: int) -> Counts:
    """Register values, angular rate first: noise, and both ends of what a sensor can say.

    The last axis stays noise, which tells every sample from the others.
    """
    raw = np.random.default_rng(7).integers(-9000, 9000, (count, 6)).astype(np.int16)
    raw[100:104, :5], raw[110:114, :5] = 32767, -32768
    return raw


def expected_counts(raw: Counts, sensor: str) -> Counts:
    """The counts that ``raw`` means: by the data sheets, in the axes of the first revision."""
    rate, acceleration = raw[:, :3], raw[:, 3:]
    if sensor == "LSM9DS1":
        return np.hstack([acceleration, apply_scale(rate, scale_for("deg/s", 0.07))])
    both = np.stack([acceleration, rate], 1).astype(int)
    turned = np.stack([-both[..., 1], -both[..., 0], both[..., 2]], 2)
    return np.clip(turned.reshape(-1, 6), -32768, 32767).astype(np.int16)


def receive(link: Link, kind: type | UnionType, count: int) -> list[Any]:
    """The next messages of a kind; others are passed over."""
    found: list[object] = []
    deadline = time.monotonic() + PATIENCE
    while len(found) < count:
        message = link.receive(1.0)
        if isinstance(message, kind):
            found.append(message)
        assert time.monotonic() < deadline, f"{len(found)} of {count} {kind}"
    return found


def position_in(recording: Counts, sample: Sample) -> int:
    (found,) = np.flatnonzero((recording == np.array(sample.counts)).all(1))
    return int(found)


def text_of(url: str, contains: str) -> str:
    """The first line for people that contains something."""
    reader = LineReader()
    deadline = time.monotonic() + PATIENCE
    port = Port(url)
    try:
        while time.monotonic() < deadline:
            for line in reader.feed(port.read(1.0)):
                if isinstance(line, Text) and contains in line.text:
                    return line.text
    finally:
        port.close()
    raise AssertionError(f"nobody said {contains!r}")


@pytest.mark.parametrize("board", SENSORS)
def test_what_the_imu_measured_is_captured(programs: Programs, board: str) -> None:
    """Every sample once, in counts, and the clock wraps meanwhile."""
    sensor = SENSORS[board]
    raw = raw_samples(3000)
    scene = [sensor, f"clock={2**32 - 4_000_000}"]
    with running(programs(board, True), *scene, raw=raw) as url, Link(url) as link:
        Device(link).run("capture")
        samples: list[Sample] = receive(link, Sample, 600)
        assert (link.damaged, link.lost) == (0, 0)
    recording = expected_counts(raw, sensor)
    first = position_in(recording, samples[0])
    assert [s.index for s in samples] == list(range(600))
    said = np.array([s.counts for s in samples])
    assert said.tolist() == recording[first : first + 600].tolist()
    spacing = np.diff(np.array([s.ticks for s in samples])) % 2**32
    period = 1e9 / NOMINAL[sensor]
    assert spacing.min() > 0.5 * period
    assert spacing.max() < 1.5 * period
    assert spacing.mean() == pytest.approx(period, rel=0.002)
    assert samples[-1].ticks < samples[0].ticks


@pytest.mark.parametrize("true_rate", [pytest.param(117_300, marks=pytest.mark.slow), 121_900])
def test_the_true_rate_is_measured(programs: Programs, true_rate: int) -> None:
    scene = ["LSM9DS1", f"rate={true_rate}", f"clock={2**32 - 4_000_000}"]
    with (
        running(programs("nano33ble", False), *scene, raw=raw_samples(500)) as url,
        Link(url) as link,
    ):
        Device(link).run("capture")
        said: list[Imu] = receive(link, Imu, 4)
    assert said[-1].rate_millihertz == 119_000
    assert said[-1].measured_millihertz == pytest.approx(true_rate, rel=0.001)
    assert (said[-1].lost, said[-1].overruns, said[-1].state) == (0, 0, "ok")


@pytest.mark.parametrize("board", SENSORS)
def test_the_sketch_computes_what_was_evaluated(
    programs: Programs, shared_bundle: Bundle, board: str
) -> None:
    scene = [SENSORS[board]]
    with running(programs(board, True), *scene, raw=raw_samples(500)) as url, Link(url) as link:
        device = Device(link)
        status = device.status()
        assert (status.board, status.mode, status.tick_hz) == (board, "live", 1_000_000)
        traces = golden.traces(shared_bundle.golden)
        found = verify.over_wire(device, shared_bundle.spec, traces)
        assert found.first_difference is None
        assert found.windows == found.equal == sum(len(trace.scores) for trace in traces)
        device.run("classify")
        windows: list[Classification] = receive(link, Classification, 20)
        assert [w.window for w in windows] == list(range(20))
    assert {w.name for w in windows} <= {*shared_bundle.spec.labels, ""}


def test_people_read_decisions(programs: Programs) -> None:
    with running(programs("nano33ble", True), "LSM9DS1", raw=raw_samples(500)) as url:
        assert re.fullmatch(r'say "hi" 0\.\d\d', text_of(url, "say"))


@pytest.mark.parametrize(
    ("board", "scene", "hint", "sensor", "state"),
    [
        ("nano33ble", "BMI270", "--board nano33ble_rev2", "BMI270", "other"),
        ("nano33ble_rev2", "LSM9DS1", "--board nano33ble", "LSM9DS1", "other"),
        ("nano33ble", "nothing", "no IMU answers", "none", "absent"),
    ],
)
def test_a_board_without_its_sensor_says_so(
    programs: Programs, board: str, scene: str, hint: str, sensor: str, state: str
) -> None:
    with running(programs(board, True), scene) as url, Link(url) as link:
        device = Device(link)
        said = device.imu()
        assert (said.sensor, said.state, said.samples) == (sensor, state, 0)
        device.run("capture")
        assert receive(link, Imu, 1)[0].state == state
    with running(programs(board, True), scene) as url:
        assert hint in text_of(url, hint)


@pytest.mark.parametrize(
    "board", ["nano33ble", pytest.param("nano33ble_rev2", marks=pytest.mark.slow)]
)
def test_a_sensor_that_repeats_itself_is_named(programs: Programs, board: str) -> None:
    scenes = [SENSORS[board], "stuck_from=300"]
    with running(programs(board, False), *scenes, raw=raw_samples(500)) as url, Link(url) as link:
        Device(link).run("capture")
        states = [message.state for message in receive(link, Imu, 2)]
    assert states[-1] == "stuck"


@pytest.mark.parametrize(
    ("board", "scene", "state", "seconds"),
    [
        ("nano33ble", "away_from=3000 away_until=5500", "absent", (2.5, 4.0)),
        ("nano33ble_rev2", "silent_from=300", "stuck", (0.4, 1.2)),
        pytest.param(
            *("nano33ble_rev2", "away_from=3000 away_until=5500", "absent", (2.5, 4.0)),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("nano33ble", "silent_from=300", "stuck", (0.4, 1.2)), marks=pytest.mark.slow
        ),
    ],
)
def test_a_sensor_that_comes_back_is_used_again(
    programs: Programs, board: str, scene: str, state: str, seconds: tuple[float, float]
) -> None:
    """Off the bus or silent, it is started again, and what it did not say is a gap."""
    scenes = [SENSORS[board], *scene.split()]
    with running(programs(board, False), *scenes, raw=raw_samples(500)) as url, Link(url) as link:
        Device(link).run("capture")
        said = receive(link, Sample | Imu, 500)
    samples = [message for message in said if isinstance(message, Sample)]
    imus = [message for message in said if isinstance(message, Imu)]
    assert state in [imu.state for imu in imus]
    assert (imus[-1].state, imus[-1].overruns) == ("ok", 0)
    indices = np.array([sample.index for sample in samples])
    (gap,) = np.flatnonzero(np.diff(indices) != 1)
    missing = int(indices[gap + 1] - indices[gap] - 1)
    assert missing == imus[-1].lost
    hertz = NOMINAL[SENSORS[board]] / 1000
    elapsed = (samples[gap + 1].ticks - samples[gap].ticks) % 2**32 / 1e6
    assert missing + 1 == pytest.approx(elapsed * hertz, abs=2)
    assert seconds[0] * hertz < missing < seconds[1] * hertz


@pytest.mark.parametrize("board", SENSORS)
def test_a_sensor_that_answers_but_does_not_start_is_named(programs: Programs, board: str) -> None:
    with running(programs(board, False), SENSORS[board], "start_fails") as url, Link(url) as link:
        imu = Device(link).imu()
        assert (imu.sensor, imu.state, imu.samples) == (SENSORS[board], "failed", 0)
        with pytest.raises(HarmcuError, match="does not start"):
            BoardStream(link)


def test_the_sensor_is_looked_for_until_it_is_found(programs: Programs) -> None:
    scene = ["LSM9DS1", "other_until=2500"]
    with (
        running(programs("nano33ble", False), *scene, raw=raw_samples(500)) as url,
        Link(url) as link,
    ):
        device = Device(link)
        assert device.imu().state == "other"
        device.run("capture")
        assert receive(link, Sample, 100)[0].index == 0
        assert device.imu().state == "ok"


@pytest.mark.parametrize("mode", ["live", "classify"])
def test_no_window_spans_lost_samples(programs: Programs, shared_bundle: Bundle, mode: str) -> None:
    """After a loss the first window holds samples of after it alone, and people hear of it."""
    spec, engine = shared_bundle.spec, evaluator.load(shared_bundle.model)
    raw = raw_samples(4000)
    scene = ["LSM9DS1", "busy_from=4000", "busy_for=700"]
    with running(programs("nano33ble", True), *scene, raw=raw) as url:
        if mode == "live":
            assert re.fullmatch(r"5\d samples of the IMU were lost: .*", text_of(url, "lost"))
            return
        with Link(url) as link:
            Device(link).run("classify")
            said = receive(link, Classification | Imu, 26)
    lost = next(at for at, m in enumerate(said) if isinstance(m, Imu) and m.lost)
    after = [message for message in said[lost:] if isinstance(message, Classification)][:3]
    before = [message for message in said[:lost] if isinstance(message, Classification)]
    assert [m.window for m in [*before, *after]] == list(range(len(before) + 3))
    recording = expected_counts(raw, "LSM9DS1")
    long = round(119 * (spec.window + 2 * spec.hop + 1) / 50)
    decided = [(m.scores.tolist(), m.label) for m in after]
    matches = []
    # The sensor ran for some 4.4 seconds before the first sample that was not lost.
    for first in range(440, 640):
        trace = golden.run(spec, engine, recording[first : first + long], 119_000)
        windows = zip(trace.scores[:3].tolist(), trace.decisions[:3].tolist(), strict=True)
        matches += [first] if list(windows) == decided else []
    assert len(matches) == 1


def test_the_led_blinks_when_the_decision_changes(
    programs: Programs, shared_bundle: Bundle, tmp_path: Path
) -> None:
    """Two movements in turn, between which the made-up model goes to and fro."""
    levels = np.array(
        [
            [-7000, 15000, 11000, -4000, 3000, 3000],
            [15000, -20000, -1000, 6000, -2000, 16000],
        ]
    )
    raw = (np.repeat(levels, 120, 0) + raw_samples(240) // 30).astype(np.int16)
    file = tmp_path / "led"
    reader = LineReader()
    said: list[str] = []
    with running(programs("nano33ble", True), "LSM9DS1", f"led={file}", raw=raw) as url:
        port = Port(url)
        while len(said) < 40:
            lines = reader.feed(port.read(1.0))
            said += [line.text for line in lines if isinstance(line, Text)]
        port.close()
        changes = np.frombuffer(file.read_bytes(), "<u4").reshape(-1, 2)
    labels = [text.rsplit(" ", 1)[0] for text in said]
    changed = [0, *(i + 1 for i, (a, b) in enumerate(itertools.pairwise(labels)) if a != b)]
    assert len(changed) > 3
    on, off = changes[changes[:, 1] == 1, 0], changes[changes[:, 1] == 0, 0]
    # A decision is made every hop; the board is ahead of what was read of it.
    hops = np.rint(np.diff(on.astype(int)) / (shared_bundle.spec.hop / 50 * 1000))
    assert hops[: len(changed) - 1].tolist() == np.diff(changed).tolist()
    lengths = off - on[: len(off)]
    assert (lengths.min(), lengths.max()) == pytest.approx((105, 105), abs=10)


@pytest.mark.parametrize(("board", "busy"), [("nano33ble", 500), ("nano33ble_rev2", 2500)])
def test_what_the_sensor_lost_is_counted(programs: Programs, board: str, busy: int) -> None:
    """The board is busy for longer than the queue lasts: the indices skip what is missing."""
    sensor = SENSORS[board]
    raw = raw_samples(4000)
    scene = [sensor, "busy_from=4000", f"busy_for={busy}"]
    with running(programs(board, False), *scene, raw=raw) as url, Link(url) as link:
        Device(link).run("capture")
        samples: list[Sample] = receive(link, Sample, 1000)
        imu = Device(link).imu()
    recording = expected_counts(raw, sensor)
    places = np.array([position_in(recording, sample) for sample in samples])
    missing = int(places[-1] - places[0] + 1 - len(samples))
    queue = 32 if sensor == "LSM9DS1" else 170
    assert missing == pytest.approx(busy * NOMINAL[sensor] / 1e6 - queue, abs=3)
    assert imu.overruns == 1
    assert imu.lost == pytest.approx(missing, abs=1)
    indices = np.array([sample.index for sample in samples])
    assert indices[-1] - indices[0] + 1 - len(samples) == imu.lost
    spacing = np.diff(np.array([s.ticks for s in samples])) % 2**32
    assert spacing.min() > 0


def test_nothing_waits_for_a_port_that_nobody_reads(programs: Programs) -> None:
    with (
        running(
            programs("nano33ble", True), "LSM9DS1", "deaf_until=8000", raw=raw_samples(500)
        ) as url,
        Link(url) as link,
    ):
        device = Device(link)
        device.imu()  # its answer waits for the port, the board does not
        imu = device.imu()
    assert imu.samples > 7.5 * 119
    assert (imu.lost, imu.overruns, imu.state) == (0, 0, "ok")


def test_a_board_that_only_records(programs: Programs) -> None:
    program = programs("nano33ble_rev2", False)
    with running(program, "BMI270", raw=raw_samples(500)) as url, Link(url) as link:
        device = Device(link)
        status = device.expect_model("")
        assert (status.engine, status.model, status.mode) == ("none", "", "live")
        for ask in (lambda: device.run("classify"), device.labels):
            with pytest.raises(HarmcuError, match=r"refused \(model\)"):
                ask()
    with running(program, "BMI270", raw=raw_samples(500)) as url:
        assert "harmcu capture" in text_of(url, "ready to record")
