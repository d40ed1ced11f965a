"""Watch a board classify, live."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from host_tools import ports
from host_tools.board_stream import STATES, check_sensor
from host_tools.closing import Closing
from host_tools.device import Device, OtherModelError, OtherRuntimeError
from host_tools.drawing import fitted
from host_tools.link import Link, Restart
from host_tools.port import PortGoneError
from host_tools.protocol import Classification, Imu, Refusal, Status
from trainer.errors import HarmcuError
from trainer.printable import printable

CLASSIFY = "classify"
"""The mode in which a board says its decisions."""

SILENCE = 10.0
"""Seconds without a decision after which the monitor says so."""

LEAST_PATIENCE, MISSED = 1.0, 2.5
"""Seconds, and intervals between decisions, without one: then the last is no longer shown."""

LOOKED_SECONDS = 0.5
"""Between two looks for a board that is gone."""

LOSS_SECONDS = 10.0
"""For which a screen warns of samples that the sensor lost."""

OFF_RATE = 0.05
"""Share by which a sensor's rate may be off: its windows are so much longer or shorter."""

ENGINE_FAILS = "the engine fails on this board; use the engine aot, or a larger arena for tflm"

ASKED_SECONDS = 3.0
"""Without a decision, after which the board is asked whether it still classifies."""

REMEMBERED_SECONDS = 900.0
"""Of decisions, for a screen to show."""

REMEMBERED = 20_000
"""Decisions at most, of a board that says more than twenty a second."""

BAR_WIDTH = 20

MESSAGES_A_STEP = 256
"""So that a board that never pauses is shown, and Ctrl-C is heard."""


@dataclass(frozen=True)
class Decided:
    """A decision and when it was heard.

    Attributes:
        seconds: since the monitor was started.
        said: the board's line.
    """

    seconds: float
    said: Classification


class Monitor(Closing):
    """A board that classifies, and what was heard of it; one that is unplugged is waited for.

    Attributes:
        link: to the board; another one after the board came back. Closed with the monitor.
        is_gone: the board is not there now.
        status, labels, imu: what the board said of itself; ``imu`` is the latest.
        decided: decisions of the last ``REMEMBERED_SECONDS``, at most ``REMEMBERED``.
        decisions: how many there were.
        restarts: how often the board began anew.
        samples_lost: by the sensor, as the board counts them, through every restart.
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
        self.is_gone = False
        self._found = ports.found_at(link.port)
        self._lost_before = self._damaged_before = 0
        self._looked = self._asked = self._samples_lost_at = -math.inf
        self.imu = self._meet(link, Device(link), model_sha256)
        self.samples_lost = self.imu.lost
        self._engine_fails = False
        self.decided: deque[Decided] = deque(maxlen=REMEMBERED)
        self.decisions = self.restarts = 0
        self._interval = SILENCE
        self.latency_ms = self.worst_ms = 0.0
        self._started = self._heard = time.monotonic()

    def _meet(self, link: Link, device: Device, model_sha256: str | None) -> Imu:
        """Check what the board is and runs, and let it say its decisions; return its sensor."""
        status = device.expect_model(model_sha256) if model_sha256 else device.expect_runtime()
        labels, imu = device.labels(), device.imu()
        if imu.state == "other":
            check_sensor(link.port, status, imu)
        device.run(CLASSIFY)
        self.link, self._device = link, device
        self.status, self.labels = status, labels
        return imu

    def close(self) -> None:
        """Close the link."""
        self.link.close()

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
        if self.is_gone:
            return f"{self.link.port} is gone; waiting for the board to come back"
        if self.imu.state in STATES:
            return STATES[self.imu.state]
        if self._engine_fails:
            return ENGINE_FAILS
        if time.monotonic() - self._heard > self._patience:
            return f"no decision for {self._patience:.0f} s; does the board have a working IMU?"
        return ""

    @property
    def doubt(self) -> str:
        """What makes decisions doubtful, for people; empty: nothing."""
        measured, nominal = self.imu.measured_millihertz, self.imu.rate_millihertz
        if measured and nominal and abs(measured / nominal - 1) > OFF_RATE:
            return (
                f"the sensor gives {measured / 1000:.1f} samples a second, not {nominal / 1000:g}; "
                "unplug the board and plug it in again"
            )
        return ""

    @property
    def _patience(self) -> float:
        """Seconds without a decision after which the last one is none any more."""
        return min(SILENCE, max(LEAST_PATIENCE, MISSED * self._interval))

    @property
    def is_losing(self) -> bool:
        """Whether the sensor lost samples a moment ago: the next window begins after them."""
        return time.monotonic() - self._samples_lost_at < LOSS_SECONDS

    @property
    def lines_lost(self) -> int:
        """Lines that never arrived."""
        return self._lost_before + self.link.lost

    @property
    def lines_damaged(self) -> int:
        """Lines that arrived damaged."""
        return self._damaged_before + self.link.damaged

    @property
    def losses(self) -> str:
        """What was lost on the way and in the sensor, for people."""
        text = f"{self.lines_lost} lines lost and {self.lines_damaged} damaged"
        if self.samples_lost:
            text += f", {self.samples_lost} samples lost by the sensor"
        return text

    def step(self, timeout: float) -> list[Decided]:
        """Return the decisions that arrive within ``timeout`` seconds.

        Raises:
            HarmcuError: the board came back with another model, or does not answer any more.
        """
        if self.is_gone:
            self._look(timeout)
            return []
        arrived: list[Decided] = []
        try:
            for number in range(MESSAGES_A_STEP):
                message = self.link.receive(0.0 if number else timeout)
                if message is None:
                    break
                if isinstance(message, Classification):
                    arrived.append(self._take(message))
                elif isinstance(message, Imu):
                    self._take_imu(message)
                elif isinstance(message, Refusal):
                    self._engine_fails |= message.reason == "engine"
                elif isinstance(message, Restart):
                    self._meet_again()
                elif isinstance(message, Status) and message.mode != CLASSIFY:
                    # It began anew, and the line that would have told was lost.
                    self._meet_again()
            self._ask_after_silence()
        except PortGoneError:
            self.is_gone = True
            self.link.close()
        return arrived

    def _ask_after_silence(self) -> None:
        now = time.monotonic()
        if now - max(self._heard, self._asked) > ASKED_SECONDS:
            # Its answer is not waited for: a board that hangs gives none.
            self._asked = now
            self.link.send("GET", "status")

    def _meet_again(self) -> None:
        """Ask a board that began anew what it is now: it may have been flashed meanwhile."""
        self.restarts += 1
        device = Device(self.link, ports.ANSWER_SECONDS)
        self._take_imu(self._meet(self.link, device, self.status.model_sha256))
        self._heard = time.monotonic()

    def _look(self, timeout: float) -> None:
        """Wait for a board that is gone, and go on with it, whatever its port's name is now."""
        time.sleep(timeout)
        if time.monotonic() - self._looked < LOOKED_SECONDS:
            return
        self._looked = time.monotonic()
        for name in ports.names_now(self.link.port, self._found):
            try:
                self._come_back(Link(name))
                return
            except (OtherModelError, OtherRuntimeError):
                raise
            except HarmcuError:
                continue  # it is not there yet, or does not answer yet

    def _come_back(self, link: Link) -> None:
        before = self.link
        try:
            device = Device(link, ports.ANSWER_SECONDS)
            self._take_imu(self._meet(link, device, self.status.model_sha256))
        except BaseException:
            link.close()
            raise
        self._lost_before += before.lost
        self._damaged_before += before.damaged
        self._found = ports.found_at(link.port) or self._found
        self.is_gone = False
        self._heard = time.monotonic()

    def _take_imu(self, said: Imu) -> None:
        # A board that began anew counts from nothing.
        before = self.imu.lost if said.lost >= self.imu.lost else 0
        if said.lost > before:
            self.samples_lost += said.lost - before
            self._samples_lost_at = time.monotonic()
        self.imu = said

    def _take(self, said: Classification) -> Decided:
        if len(said.scores) != len(self.labels):
            raise HarmcuError(
                f"{self.link.port}: the board scores {len(said.scores)} labels and has "
                f"{len(self.labels)}; generate, build and flash again"
            )
        name = self.labels[said.label] if said.label >= 0 else ""
        if said.name != name:
            raise HarmcuError(
                f"{self.link.port}: the board calls label {said.label} {said.name!r}, and it was "
                f"{name!r}; it runs another model now, start again"
            )
        decided = Decided(self.seconds, said)
        now = time.monotonic()
        if self.decided:
            self._interval = now - self._heard
        self._heard = now
        self._engine_fails = False
        self.decisions += 1
        self.latency_ms = said.ticks / self.status.tick_hz * 1000
        self.worst_ms = max(self.worst_ms, self.latency_ms)
        self.decided.append(decided)
        while self.decided[0].seconds < decided.seconds - REMEMBERED_SECONDS:
            self.decided.popleft()
        return decided


Log = Callable[[float, Classification, Monitor], None]
"""Takes seconds, a decision, and who heard it, as ``DecisionLog.write`` does."""


def watch(
    monitor: Monitor,
    show: Callable[[Decided], None],
    warn: Callable[[str], None],
    seconds: float | None = None,
    is_over: Callable[[], bool] = lambda: False,
    log: Log | None = None,
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
        HarmcuError: the board does not answer any more, or the log cannot be written.
    """
    warned = ""
    losses = monitor.losses
    was_gone = is_doubted = False
    restarts = monitor.restarts
    while not (is_over() or (seconds is not None and monitor.seconds >= seconds)):
        for decided in monitor.step(0.1):
            if log is not None:
                log(decided.seconds, decided.said, monitor)
            show(decided)
        if was_gone and not monitor.is_gone:
            warn(f"the board is back at {monitor.link.port}")
        was_gone = monitor.is_gone
        if monitor.trouble not in ("", warned):
            warn(monitor.trouble)
        warned = monitor.trouble
        if monitor.doubt and not is_doubted:
            warn(monitor.doubt)
        is_doubted = bool(monitor.doubt)
        if monitor.restarts != restarts:
            restarts = monitor.restarts
            warn("the board began anew")
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
