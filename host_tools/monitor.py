"""Watch a board classify, live."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from host_tools.board_stream import STATES, check_sensor
from host_tools.decision_log import DecisionLog
from host_tools.device import Device
from host_tools.drawing import fitted, printable
from host_tools.link import Link
from host_tools.protocol import Classification, Imu, Status

SILENCE = 10.0
"""Seconds without a decision after which the monitor says so."""

REMEMBERED_SECONDS = 900.0
"""Of decisions, for a screen to show."""

BAR_WIDTH = 20


@dataclass(frozen=True)
class Decided:
    """A decision and when it was heard.

    Attributes:
        seconds: since the monitor was started.
        said: the board's line.
    """

    seconds: float
    said: Classification


class Monitor:
    """A board that classifies, and what was heard of it.

    Attributes:
        link: to the board.
        status, labels, imu: what the board said of itself; ``imu`` is the latest.
        decided: decisions of the last ``REMEMBERED_SECONDS``.
        decisions: how many there were.
        latency_ms, worst_ms: of the engine, in the latest window and in the worst.
    """

    def __init__(self, link: Link, model_sha256: str | None = None) -> None:
        """Start a board's classification.

        Args:
            link: to the board.
            model_sha256: the model that the board must run, or None for any.

        Raises:
            HarmcuError: the board does not answer, runs another model or none, or has the IMU of
                the other revision.
        """
        self.link = link
        self._device = Device(link)
        self.status = (
            self._device.expect_model(model_sha256)
            if model_sha256
            else self._device.expect_runtime()
        )
        self.labels = self._device.labels()
        self.imu = self._device.imu()
        if self.imu.state == "other":
            check_sensor(link.port, self.status, self.imu)
        self.decided: deque[Decided] = deque()
        self.decisions = 0
        self.latency_ms = self.worst_ms = 0.0
        self._run()
        self._started = self._heard = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the board has been watched."""
        return time.monotonic() - self._started

    @property
    def identity(self) -> str:
        """What the board is and runs, for people."""
        status = self.status
        return (
            f"{status.board}, engine {status.engine}, model {printable(status.model)} "
            f"{status.model_sha256[:12]} at {self.link.port}"
        )

    @property
    def trouble(self) -> str:
        """What keeps decisions from coming, for people; empty: nothing."""
        if self.imu.state in STATES:
            return STATES[self.imu.state]
        if time.monotonic() - self._heard > SILENCE:
            return f"no decision for {SILENCE:.0f} s; does the board have a working IMU?"
        return ""

    @property
    def losses(self) -> str:
        """What was lost on the way and in the sensor, for people."""
        text = f"{self.link.lost} lines lost and {self.link.damaged} damaged"
        if self.imu.lost:
            text += f", {self.imu.lost} samples lost by the sensor"
        return text

    def step(self, timeout: float) -> list[Decided]:
        """Return the decisions that arrive within ``timeout`` seconds.

        Raises:
            PortGoneError: the board is gone.
        """
        arrived: list[Decided] = []
        message = self.link.receive(timeout)
        while message is not None:
            if isinstance(message, Classification):
                arrived.append(self._take(message))
            elif isinstance(message, Imu):
                self.imu = message
            message = self.link.receive(0.0)
        if self.link.restarts != self._restarts:
            # The board forgot that it was to say its decisions.
            self._run()
        return arrived

    def _run(self) -> None:
        self._device.run("classify")
        self._restarts = self.link.restarts

    def _take(self, said: Classification) -> Decided:
        decided = Decided(self.seconds, said)
        self._heard = time.monotonic()
        self.decisions += 1
        self.latency_ms = said.ticks / self.status.tick_hz * 1000
        self.worst_ms = max(self.worst_ms, self.latency_ms)
        self.decided.append(decided)
        while self.decided[0].seconds < decided.seconds - REMEMBERED_SECONDS:
            self.decided.popleft()
        return decided


def watch(
    monitor: Monitor,
    show: Callable[[Decided], None],
    warn: Callable[[str], None],
    seconds: float | None = None,
    is_over: Callable[[], bool] = lambda: False,
    log: DecisionLog | None = None,
) -> None:
    """Show every decision.

    Args:
        monitor: of the board.
        show: takes each decision.
        warn: takes what is wrong, when it changes.
        seconds: how long to watch, or None until ``is_over``.
        is_over: asked ten times a second or so.
        log: gets every decision, too.

    Raises:
        HarmcuError: the board is gone, or the log cannot be written.
    """
    warned = ""
    losses = monitor.losses
    while not (is_over() or (seconds is not None and monitor.seconds >= seconds)):
        for decided in monitor.step(0.1):
            if log is not None:
                log.write(decided.seconds, decided.said, monitor)
            show(decided)
        if monitor.trouble not in ("", warned):
            warn(monitor.trouble)
        warned = monitor.trouble
        if monitor.losses != losses:
            losses = monitor.losses
            warn(f"{losses} so far")


def share(score: int) -> float:
    """Return the share that an int8 softmax score q stands for, (q + 128) / 256."""
    return (score + 128) / 256


def decision_line(decided: Decided, status: Status) -> str:
    """Return a decision as a line for people: time, label, score, a bar, and the latency."""
    said = decided.said
    bar = "#" * round(share(said.score) * BAR_WIDTH)
    milliseconds = said.ticks / status.tick_hz * 1000
    name = fitted(said.name or "(unknown)", max(24, len(said.name)))
    return (
        f"{decided.seconds:7.1f} s  {name} {share(said.score):4.2f} {bar:<{BAR_WIDTH}} "
        f"{milliseconds:6.2f} ms"
    )
