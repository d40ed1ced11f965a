"""The samples of a harmcu board in its mode ``capture``."""

from __future__ import annotations

import contextlib
import itertools
import time

import numpy as np

from codegen import boards
from host_tools.device import Device
from host_tools.link import Link, Restart
from host_tools.port import PortGoneError
from host_tools.protocol import Ack, Imu, Sample, Status
from host_tools.sample_stream import SILENT, Chunk, RateMeter, silence
from trainer.errors import HarmcuError
from trainer.recording import AXES

METERED_SECONDS = 2.0
"""By the board's clock: a period is known to a microsecond."""

ASKED_SECONDS = 3.0
"""Without a sample, after which the board is asked to start again."""

PATIENCE = 15.0
"""Seconds without a sample after which a board that still talks is given up."""

MILLIHERTZ = range(1000, 10_000_001)
"""Rates that an IMU can have; a model's at least the first too, in spec.schema.json."""

CLOSING_SECONDS = 1.5
"""For which a board that is left is asked to classify again."""

BATCH = 4096
"""Messages taken at a time, so that a fast board cannot keep the screen from being drawn."""

TICK_RANGE = 1 << 32

STATES = {
    "absent": "no IMU answers; a Nano 33 BLE without Sense has none, so use another board",
    "failed": "the IMU answers, but does not start; unplug the board and plug it in again",
    "stuck": "the IMU is stuck: it gives nothing new; unplug the board and plug it in again",
}


class BoardStream:
    """A ``Source``: see there."""

    def __init__(self, link: Link) -> None:
        """Start capturing.

        Raises:
            HarmcuError: the board does not answer, is of another version, or its IMU does not work.
        """
        self._link = link
        self._device = Device(link)
        self._status = self._device.expect_runtime()
        imu = self._device.imu()
        check_sensor(link.port, self._status, imu)
        self.board = self._status.board
        self.axes: tuple[str, ...] = AXES
        self.rate_millihertz = imu.rate_millihertz
        self.description = f"{self.board}, {imu.sensor} at {link.port}"
        self.meter = RateMeter(METERED_SECONDS)
        self.parts_takes = False
        self.trouble = ""
        self._start()

    def _start(self) -> None:
        self._device.run("capture")
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._last: tuple[int, int] | None = None
        self._begins_anew = True
        self._asked_by: int | None = None
        self._sampled = self._asked = time.monotonic()

    def read(self, timeout: float) -> list[Chunk]:
        """Return what has arrived; see ``Source.read``.

        Raises:
            HarmcuError: no sample comes any more.
        """
        samples, ending = self._received(timeout)
        now = time.monotonic()
        if samples:
            self._sampled = self._asked = now
        chunks = self._chunks(samples)
        self._say_silence(now - self._sampled)
        if isinstance(ending, Restart):
            self._meet_again()
        elif isinstance(ending, Ack):
            self._begin_anew()
        elif now - self._sampled > PATIENCE:
            raise HarmcuError(
                f"{self._link.port}: the board sent no sample for {PATIENCE:.0f} s; "
                "unplug it and plug it in again"
            )
        elif now - self._asked > ASKED_SECONDS:
            # Its answer is not waited for: a board that hangs gives none, and one whose samples
            # were late must not have them overlooked.
            self._asked_by, self._asked = self._link.send("RUN", "capture"), now
        return chunks

    def _received(self, timeout: float) -> tuple[list[Sample], Restart | Ack | None]:
        """Return the samples of one stream, and what ended it."""
        samples: list[Sample] = []
        for number in range(BATCH):
            try:
                message = self._link.receive(0.0 if number else timeout)
            except PortGoneError:
                if not samples:
                    raise
                break  # what has arrived is kept; the next call says that it is gone
            if message is None:
                break
            if isinstance(message, Restart):
                return samples, message
            if isinstance(message, Ack) and message.command == self._asked_by:
                return samples, message
            if isinstance(message, Sample):
                samples.append(message)
            elif isinstance(message, Imu):
                self.trouble = STATES.get(message.state, "")
        return samples, None

    def _say_silence(self, seconds: float) -> None:
        # What the board says of its sensor tells more.
        if not self.trouble or self.trouble.startswith(SILENT):
            self.trouble = silence(seconds, self.rate_millihertz / 1000)

    def _meet_again(self) -> None:
        """Ask a board that began anew what it is now, and let it capture again.

        Raises:
            HarmcuError: it was flashed with something that does not continue the recording.
        """
        self._status, imu = self._device.expect_runtime(), self._device.imu()
        check_sensor(self._link.port, self._status, imu)
        if (self._status.board, imu.rate_millihertz) != (self.board, self.rate_millihertz):
            raise HarmcuError(
                f"{self._link.port}: the board began anew as {self._status.board} at "
                f"{imu.rate_millihertz / 1000:g} Hz; start again to record that"
            )
        self._start()

    def _chunks(self, samples: list[Sample]) -> list[Chunk]:
        if not samples:
            return []
        indices = np.array([sample.index for sample in samples], np.int64)
        counts = np.array([sample.counts for sample in samples], np.int16)
        bounds = [0, *(np.flatnonzero(np.diff(indices) != 1) + 1).tolist(), len(samples)]
        chunks = []
        for first, end in itertools.pairwise(bounds):
            if self._last is not None and samples[first].index <= self._last[0]:
                # All that would have told of its new beginning was lost.
                self._last, self._begins_anew = None, True
            intervals, seconds = self._since_last(samples[first], samples[end - 1])
            chunk = Chunk(
                samples[first].index,
                counts[first:end],
                intervals,
                seconds,
                begins_anew=self._begins_anew,
            )
            self._begins_anew = False
            self.meter.add(chunk)
            chunks.append(chunk)
        return chunks

    def _since_last(self, first: Sample, last: Sample) -> tuple[int, float]:
        """Return sampling periods and seconds up to a chunk's last sample.

        They count from the last sample of the chunk before or, in a new stream, from the chunk's
        own first one.
        """
        index, ticks = self._last or (first.index, first.ticks)
        self._last = (last.index, last.ticks)
        return last.index - index, (last.ticks - ticks) % TICK_RANGE / self._status.tick_hz

    def close(self) -> None:
        """Let the board classify again, when it can; one that is gone cannot."""
        with contextlib.suppress(HarmcuError):
            Device(self._link, CLOSING_SECONDS).run(
                "stopped" if self._status.engine == "none" else "classify"
            )
        self._link.close()


def check_sensor(port: str, status: Status, imu: Imu) -> None:
    """Check that a board's IMU works and is the one that its firmware is for.

    Raises:
        HarmcuError: it is not; the message says what to do.
    """
    if imu.state == "other":
        raise HarmcuError(
            f"{port}: the firmware is for {status.board}, but the board has a {imu.sensor}; "
            f"generate for {board_with(imu.sensor)} and flash that"
        )
    if imu.state in STATES:
        raise HarmcuError(f"{port}: {STATES[imu.state]}")
    if imu.rate_millihertz not in MILLIHERTZ:
        raise HarmcuError(
            f"{port}: the board states a rate of {imu.rate_millihertz / 1000:g} samples a second; "
            "generate, build and flash again"
        )


def board_with(sensor: str) -> str:
    """Return the name of the board that has a sensor."""
    known = map(boards.load, boards.names())
    names = [board.name for board in known if board.arduino and board.arduino.sensor == sensor]
    return " or ".join(names) or "the other revision"
