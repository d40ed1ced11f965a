"""A board as an object: ask what it is, and inject samples where its IMU driver would put them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from codegen.runtime import runtime_version
from host_tools.link import Link, Restart
from host_tools.port import ONE_HOST
from host_tools.protocol import (
    INJECT_SAMPLES,
    Ack,
    Classification,
    Imu,
    Label,
    Message,
    Refusal,
    Status,
    Trace,
    encode_counts,
)
from trainer.errors import HarmcuError
from trainer.recording import Counts

TIMEOUT = 10.0
"""Seconds without a word after which a board counts as dead; an emulated one can be slow."""

OUTSTANDING = 4
"""Commands on the way at a time: the board never waits for the host, and cannot be flooded."""

TRIES = 3
"""How often a command whose answer does not come is sent."""


@dataclass
class Observed:
    """What a board said about one injected stream.

    Attributes:
        classifications, traces: by window, the first of each.
        repeated: windows of which it said more than one of either.
    """

    classifications: dict[int, Classification] = field(default_factory=dict)
    traces: dict[int, Trace] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)

    @property
    def windows(self) -> set[int]:
        """All of which it said anything."""
        return {*self.classifications, *self.traces}

    def take(self, message: Message | Restart) -> None:
        """Keep what belongs to the stream, by its window."""
        if isinstance(message, Classification):
            if message is not self.classifications.setdefault(message.window, message):
                self.repeated.add(message.window)
        elif (
            isinstance(message, Trace)
            and self.traces.setdefault(message.window, message) is not message
        ):
            self.repeated.add(message.window)


AFTER_DAMAGE = 0.3
"""Seconds for which an answer may still come after a board heard a damaged line."""


class OtherRuntimeError(HarmcuError):
    """The board's firmware is of another version than this harmcu."""


class OtherModelError(HarmcuError):
    """The board runs another model than the one that is meant."""


class Device:
    """A board at the other end of a link."""

    def __init__(self, link: Link, timeout: float | None = None) -> None:
        """Take a link.

        Args:
            link: to the board.
            timeout: seconds without an answer after which the board counts as dead; None:
                ``TIMEOUT``.
        """
        self.link = link
        self._timeout = TIMEOUT if timeout is None else timeout

    def status(self) -> Status:
        """Ask what the board is and runs.

        Raises:
            HarmcuError: the board does not answer, or is no harmcu board.
        """
        found = [m for m in self._ask("GET", "status") if isinstance(m, Status)]
        if not found:
            raise HarmcuError(f"{self.link.port}: the board did not state what it is; reset it")
        return found[-1]

    def labels(self) -> tuple[str, ...]:
        """Ask for the model's labels.

        Raises:
            HarmcuError: the board does not answer, or some labels were lost.
        """
        for _ in range(TRIES):
            said = [m for m in self._ask("GET", "labels") if isinstance(m, Label)]
            names = {label.index: label.name for label in said}
            # A count may be any number; as many names as were heard are to be compared.
            if said and len(names) == said[0].count and sorted(names) == list(range(len(names))):
                return tuple(names[index] for index in sorted(names))
        raise HarmcuError(f"{self.link.port}: labels are lost on every try; use another cable")

    def imu(self) -> Imu:
        """Ask how the sensor does.

        Raises:
            HarmcuError: the board does not answer.
        """
        found = [m for m in self._ask("GET", "imu") if isinstance(m, Imu)]
        if not found:
            raise HarmcuError(f"{self.link.port}: the board did not state its sensor; reset it")
        return found[-1]

    def run(self, mode: str) -> None:
        """Start the mode "classify", "capture" or "stopped".

        Raises:
            HarmcuError: the board does not answer or refuses.
        """
        self._ask("RUN", mode)

    def expect_runtime(self) -> Status:
        """Return the board's status after checking that its firmware is of this harmcu's time.

        Raises:
            OtherRuntimeError: it is not.
        """
        status = self.status()
        if status.runtime_version != runtime_version():
            raise OtherRuntimeError(
                f"{self.link.port}: the firmware has runtime version {status.runtime_version}, "
                f"this harmcu {runtime_version()}; generate, build and flash again"
            )
        return status

    def expect_model(self, sha256: str) -> Status:
        """Return the board's status after checking that it runs this model.

        Raises:
            OtherModelError: it runs another one.
            HarmcuError: as ``expect_runtime``.
        """
        status = self.expect_runtime()
        if status.model_sha256 != sha256:
            raise OtherModelError(
                f"{self.link.port}: the board runs the model {status.model_sha256[:12]}, the "
                f"bundle is {sha256[:12]}; generate, build and flash this bundle first"
            )
        return status

    def inject(
        self,
        counts: Counts,
        rate_millihertz: int,
        progress: Callable[[int], None] | None = None,
    ) -> Observed:
        """Run one stream through the board.

        Args:
            counts: int16 [samples, 6].
            rate_millihertz: rate of the stream; the firmware must know it.
            progress: called with the number of samples that the board has taken.

        Raises:
            HarmcuError: the board takes no sample any more, or does not know the rate.
        """
        self._ask("RST", str(rate_millihertz))
        observed = Observed()
        outstanding: deque[tuple[int, int]] = deque()
        first = taken = 0
        deadline = time.monotonic() + self._timeout
        while first < len(counts) or outstanding:
            first = self._fill(outstanding, counts, first)
            message = self.link.receive(self._timeout / TRIES)
            if time.monotonic() > deadline:
                # It may well talk, of other things or to refuse.
                raise HarmcuError(
                    f"{self.link.port}: the board took no sample for {self._timeout:g} s; reset it"
                )
            if message is None:
                first = outstanding[0][1]
                outstanding.clear()
            elif isinstance(message, Ack):
                _acknowledge(outstanding, message)
                done = outstanding[0][1] if outstanding else first
                if done > taken:
                    taken, deadline = done, time.monotonic() + self._timeout
                    if progress:
                        progress(taken)
            elif isinstance(message, Refusal):
                first = self._go_back(outstanding, message, first)
            else:
                observed.take(message)
        return observed

    def _fill(self, outstanding: deque[tuple[int, int]], counts: Counts, first: int) -> int:
        """Send samples until enough are on the way; return the first one that is not."""
        while first < len(counts) and len(outstanding) < OUTSTANDING:
            chunk = counts[first : first + INJECT_SAMPLES]
            sequence = self.link.send("INJ", str(first), encode_counts(chunk))
            outstanding.append((sequence, first))
            first += len(chunk)
        return first

    def _go_back(self, outstanding: deque[tuple[int, int]], refusal: Refusal, first: int) -> int:
        """Return the sample to send next after a refusal.

        A line that was lost makes the board refuse those after it, stating the sample it waits
        for. Refusals of commands that are not outstanding any more were dealt with before.
        """
        if all(sequence != refusal.command for sequence, _ in outstanding):
            return first
        if refusal.reason != "index" or refusal.detail > first:
            raise self._refused(refusal)
        outstanding.clear()
        return refusal.detail

    def _ask(self, type_: str, *fields: str) -> list[Message | Restart]:
        """Send a command and return what came before its acknowledgement."""
        sent: list[int] = []
        before: list[Message | Restart] = []
        for _ in range(TRIES):
            sent.append(self.link.send(type_, *fields))
            if self._is_answered(sent, before):
                return before
        raise HarmcuError(f"{self.link.port}: no answer; {_why_silent(self.link.port)}")

    def _is_answered(self, sent: list[int], before: list[Message | Restart]) -> bool:
        """Tell whether a command is acknowledged in time, whichever of its repeats that is of.

        A board that classifies talks all the time, so the time is for the answer, not for a word;
        what it says meanwhile goes to ``before``.
        """
        deadline = time.monotonic() + self._timeout / TRIES
        while (left := deadline - time.monotonic()) > 0:
            message = self.link.receive(left)
            if isinstance(message, Ack) and message.command in sent:
                return True
            if isinstance(message, Refusal):
                if message.reason == "damaged":
                    # It may be of this command or of noise before it, which is not answered.
                    deadline = min(deadline, time.monotonic() + AFTER_DAMAGE)
                elif message.command in sent:
                    raise self._refused(message)
            if message is not None:
                before.append(message)
        return False

    def _refused(self, refusal: Refusal) -> HarmcuError:
        advice = {
            "rate": f"the firmware has no resampler from {refusal.detail / 1000:g} Hz; "
            "inject at one of the rates of its board",
            "mode": "the board was reset; try again",
            "model": "it can only record; generate a project from a bundle and flash that",
            "engine": "its engine cannot run the model; use the engine aot or a larger arena",
        }.get(refusal.reason, "the firmware is older or newer than this harmcu; generate it again")
        return HarmcuError(f"{self.link.port}: the board refused ({refusal.reason}); {advice}")


def _why_silent(port: str) -> str:
    if "://" in port:
        return f"check that a harmcu project runs there; {ONE_HOST}"
    return "check that the board runs a harmcu project and that the port is the board's"


def _acknowledge(outstanding: deque[tuple[int, int]], ack: Ack) -> None:
    """Drop the command that ``ack`` answers, and those before it: their answers were lost."""
    if any(sequence == ack.command for sequence, _ in outstanding):
        while outstanding.popleft()[0] != ack.command:
            pass
