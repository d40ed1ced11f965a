"""The bookkeeping of the IMU against a made-up sensor whose every sample is known."""

from pathlib import Path

import pytest
from host_engine import FIRMWARE, SANITIZED, STRICT, run
from hypothesis import given, settings
from hypothesis import strategies as st

TICK_HZ = 1_000_000
NOMINAL = 119_000
BURST = 16
OK, STUCK = 0, 2
PERHAPS, SOME = 1, 2


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("imu") / "imu"
    main = Path(__file__).with_name("imu_main.c")
    run(["gcc", *STRICT, *SANITIZED, main, FIRMWARE / "src" / "imu.c", "-o", program])
    return program


class Sensor:
    """A queue that fills at its own rate, read by a driver as the boards' is.

    Attributes:
        script: commands for imu_main.c.
        times: when each sample that the driver took was taken, in ticks since the start.
        lost: samples that were dropped before each of them.
    """

    def __init__(self, rate: float, depth: int, start: int) -> None:
        self.script = [f"start {NOMINAL} {TICK_HZ} {start % 2**32}"]
        self.times: list[float] = []
        self.lost: list[int] = []
        self._period = TICK_HZ * 1000 / rate
        self._depth = depth
        self._start = start
        self._made = 0
        self._held = 0
        self._dropped = 0

    def look(self, now: int) -> None:
        """Let the driver look at ``now`` ticks after the start, until the queue is empty."""
        while True:
            made = int(now / self._period)
            self._held += made - self._made
            self._made = made
            overrun = self._held > self._depth
            self._dropped += max(0, self._held - self._depth)
            self._held = min(self._held, self._depth)
            taken = min(self._held, BURST)
            first = self._made - self._held
            self._held -= taken
            for i in range(taken):
                self.times.append((first + i + 1) * self._period)
                self.lost.append(self._dropped)
                self._dropped = 0
            ticks = (self._start + now) % 2**32
            # The value changes from burst to burst, as noise does.
            value = len(self.times) % 1000
            self.script.append(f"burst {ticks} {taken} {self._held} {SOME * overrun} {value}")
            if taken == 0:
                return


def play(program: Path, sensor: Sensor) -> tuple[list[list[int]], list[int]]:
    """What imu.c said: [ticks, lost] of every sample, and the last report."""
    said = run([program], "\n".join([*sensor.script, "report"]).encode()).decode().splitlines()
    numbers = [[int(field) for field in line.split()] for line in said]
    return numbers[:-1], numbers[-1]


@settings(max_examples=40, deadline=None)
@given(
    rate=st.integers(int(NOMINAL * 0.96), int(NOMINAL * 1.04)),
    start=st.integers(0, 2**32 - 1),
    pauses=st.lists(st.integers(1000, 150_000), min_size=10, max_size=150),
)
def test_samples_that_waited_get_their_own_time(
    program: Path, rate: int, start: int, pauses: list[int]
) -> None:
    sensor = Sensor(rate, 32, start)
    now = 0
    for pause in pauses:
        now += pause
        sensor.look(now)
    samples, report = play(program, sensor)
    period = TICK_HZ * 1000 / NOMINAL
    previous = 0
    for (ticks, lost), true in zip(samples, sensor.times, strict=True):
        time = (ticks - start) % 2**32
        # A driver cannot know when within a period the sensor takes its samples, and one that does
        # not know the true rate yet is off by 4 % of a long burst.
        assert abs(time - true) < 2.5 * period
        assert time >= previous
        assert lost == 0
        previous = time
    assert report[2:] == [len(sensor.times), 0, 0]


@settings(max_examples=20, deadline=None)
@given(rate=st.integers(int(NOMINAL * 0.96), int(NOMINAL * 1.04)), start=st.integers(0, 2**32 - 1))
def test_the_rate_is_measured_across_many_wraps(program: Path, rate: int, start: int) -> None:
    sensor = Sensor(rate, 32, start)
    for step in range(1, 400):
        sensor.look(step * 200_000)
    _, (state, measured, *_) = play(program, sensor)
    assert measured == pytest.approx(rate, rel=0.0005)
    assert state == OK


@settings(max_examples=30, deadline=None)
@given(
    rate=st.integers(int(NOMINAL * 0.98), int(NOMINAL * 1.02)),
    busy=st.integers(300_000, 900_000),
    start=st.integers(0, 2**32 - 1),
)
def test_what_was_dropped_is_counted(program: Path, rate: int, busy: int, start: int) -> None:
    sensor = Sensor(rate, 32, start)
    for step in range(1, 800):
        sensor.look(step * 10_000)
    sensor.look(800 * 10_000 + busy)
    sensor.look(801 * 10_000 + busy)
    samples, (_, _, _, lost, overruns) = play(program, sensor)
    assert overruns == 1
    assert lost == pytest.approx(sum(sensor.lost), abs=1)
    gaps = [index for index, (_, missing) in enumerate(samples) if missing]
    assert gaps == [index for index, missing in enumerate(sensor.lost) if missing]
    assert samples[gaps[0]][1] == lost


def test_silence_and_sameness_are_stuck(program: Path) -> None:
    script = [f"start {NOMINAL} {TICK_HZ} 0", "burst 9000 1 0 0 5"]
    silent = [*script, "burst 400000 0 0 0 0", "report", "burst 700000 0 0 0 0", "report"]
    back = [*silent, "burst 710000 1 0 0 9", "report"]
    said = run([program], "\n".join(back).encode()).decode().splitlines()
    assert [int(line.split()[0]) for line in said if len(line.split()) == 5] == [OK, STUCK, OK]
    same = [*script, *(f"burst {9000 + 8403 * i} 1 0 0 5" for i in range(1, 130)), "report"]
    said = run([program], "\n".join(same).encode()).decode().splitlines()
    assert said[-1].split()[0] == str(STUCK)


def said_of(program: Path, *script: str) -> list[list[int]]:
    said = run([program], "\n".join(script).encode()).decode().splitlines()
    return [[int(field) for field in line.split()] for line in said]


@pytest.mark.parametrize("wraps", [0, 3])
def test_what_a_sensor_did_not_say_while_it_was_away_is_lost(program: Path, wraps: int) -> None:
    """Off the bus, for longer than the clock runs, and back with an empty queue."""
    period = TICK_HZ * 1000 / NOMINAL
    script = [f"start {NOMINAL} {TICK_HZ} 0"]
    script += [f"burst {round(period * n) + 10} 1 0 0 {n}" for n in range(1, 11)]
    now = round(period * 10) + 20
    away = wraps * 2**32 + 2_000_000
    script += [f"stop {(now + away * part // 8) % 2**32}" for part in range(9)]
    script += [f"start {NOMINAL} {TICK_HZ} {(now + away) % 2**32}"]
    script += [f"burst {(now + away + 9000) % 2**32} 1 0 0 7", "report"]
    *samples, (state, _, taken, lost, overruns) = said_of(program, *script)
    assert samples[-1][1] == lost == pytest.approx((away + 9000) / period - 1, abs=1.5)
    assert (state, taken, overruns) == (OK, 11, 0)


def test_a_sensor_that_was_silent_lost_what_it_did_not_say(program: Path) -> None:
    script = [f"start {NOMINAL} {TICK_HZ} 0", "burst 9000 1 0 0 5", "burst 700000 0 0 0 0"]
    *_, sample, report = said_of(program, *script, "burst 1009000 2 0 0 9", "report")
    assert sample == [sample[0], 0]
    assert report[3] == pytest.approx(117, abs=1.5)
    assert report[4] == 0


def test_a_full_queue_has_not_overrun_yet(program: Path) -> None:
    """The BMI270 says only that its queue is full: whether it dropped samples, the clock tells."""
    period = TICK_HZ * 1000 / NOMINAL
    for more, lost in ((0, 0), (40, 40)):
        full = round(period * (1 + 170 + more)) + 100
        script = [f"start {NOMINAL} {TICK_HZ} 0", f"burst {round(period) + 100} 1 0 0 5"]
        *_, report = said_of(program, *script, f"burst {full} 16 154 {PERHAPS} 6", "report")
        assert report[3:] == [lost, int(lost > 0)]
