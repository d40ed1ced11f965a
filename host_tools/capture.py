"""Record labelled takes: samples go from a source to files as they arrive."""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools import interrupts
from host_tools.board_stream import BoardStream
from host_tools.device import Device
from host_tools.link import Link
from host_tools.port import Port, PortGoneError
from host_tools.ports import ANSWER_SECONDS
from host_tools.sample_stream import SILENT, Chunk, RateMeter, Source
from host_tools.sketch_stream import SketchStream
from host_tools.terminal import BACKSPACE, ENTER, ESCAPE
from trainer import recording_file
from trainer.datasets.recordings import RATE_TOLERANCE
from trainer.errors import HarmcuError
from trainer.reading.options import Options
from trainer.recording import Counts
from trainer.recording_file import Header, Writer

COUNTDOWN = 3.0
"""Seconds between starting a take and its first sample."""

SHOWN_SECONDS = 10.0
"""Of samples, that a live view can show."""

LEAST_SAMPLES = 2
"""Of a take: what is shorter has no rate, and is not read back as a recording."""

MESSAGES = 6
"""Of the latest, that a live view can show."""


@dataclass(frozen=True)
class Request:
    """What to record.

    Attributes:
        label: the activity.
        subject: who is recorded.
        out: folder of the recordings.
        seconds: length of a take; None: until it is stopped.
        takes: how many; None: one, if ``seconds`` is given, else until the user leaves.
    """

    label: str
    subject: str
    out: Path
    seconds: float | None = None
    takes: int | None = None

    @property
    def wanted(self) -> int | None:
        """How many takes end the recording; None: no number does."""
        return self.takes or (1 if self.seconds is not None else None)


def open_source(port: str, options: Options, say: Callable[[str], None]) -> Source:
    """Open what is at a port: a harmcu board, or a sketch that prints lines of numbers.

    Raises:
        HarmcuError: it cannot be opened, its IMU does not work, or it prints no samples.
    """
    link = Link(port)
    try:
        with contextlib.suppress(_NoHarmcuBoardError):
            _expect_harmcu(link)
            return BoardStream(link)
    except BaseException:
        link.close()
        raise
    link.close()
    opened = Port(port)
    try:
        return SketchStream(opened, options, say)
    except BaseException:
        opened.close()
        raise


class _NoHarmcuBoardError(Exception):
    """There is something else at the port."""


def _expect_harmcu(link: Link) -> None:
    try:
        Device(link, ANSWER_SECONDS).status()
    except PortGoneError:
        raise
    except HarmcuError:
        raise _NoHarmcuBoardError from None


class Take:
    """One recording while it is made.

    Attributes:
        path: of its file.
        label: as it was corrected last.
        named: the label that its file is named after.
        samples, gaps, lost, clipped: so far.
        meter: of its own rate.
    """

    def __init__(self, path: Path, header: Header, first: int, meter: RateMeter) -> None:
        """Create the file.

        Args:
            path: of the file.
            header: its header.
            first: index within the stream of the sample that becomes the first.
            meter: of the whole stream, for takes too short to measure a rate.

        Raises:
            HarmcuError: it cannot be written.
        """
        self.path = path
        self.label = self.named = header.label
        self.samples = self.gaps = self.lost = self.clipped = 0
        self.meter = RateMeter(meter.least_seconds)
        self._stream_meter = meter
        self._header = header
        self._first = first
        self._next = 0
        self.is_cut = False
        self.trouble = ""
        self._writer = Writer(path, header)

    def add(self, chunk: Chunk, most: int | None) -> None:
        """Write a chunk, as far as ``most`` samples, lost ones included, reach.

        Raises:
            HarmcuError: the disk is full or gone.
        """
        first = chunk.first - self._first
        counts = chunk.counts if most is None else chunk.counts[: max(0, most - first)]
        if len(counts):
            if first > self._next:
                self.gaps, self.lost = self.gaps + 1, self.lost + first - self._next
            self._writer.write(counts, first)
            self._next, self.samples = first + len(counts), self.samples + len(counts)
            full = np.abs(counts.astype(np.int32)) >= recording_file.FULL_SCALE
            self.clipped += int(full.any(axis=1).sum())
        elif most is not None and first > self._next:
            # What was lost at the end of a take is missing, too.
            end = min(first, most)
            self.gaps, self.lost = self.gaps + 1, self.lost + end - self._next
            self._writer.lose(end)
            self._next = end
        self.meter.add(chunk)

    @property
    def seconds(self) -> float:
        """How long it is, lost samples included, at the nominal rate."""
        return self._next * 1000 / self._header.rate_millihertz

    @property
    def hz(self) -> float | None:
        """The measured rate, or None when too little was measured."""
        return self.meter.hz or self._stream_meter.hz

    def reaches(self, samples: int | None) -> bool:
        """Tell whether it is as long as so many samples."""
        return samples is not None and self._next >= samples

    def mark(self) -> None:
        """Mark the next sample."""
        self._writer.mark()

    def relabel(self, label: str) -> None:
        """Correct the label, for all of it."""
        self._writer.relabel(label)
        self.label = label

    def flaws(self) -> list[str]:
        """Return what is wrong with it, for people."""
        flaws = []
        nominal = self._header.rate_millihertz / 1000
        if self.hz is not None and abs(self.hz / nominal - 1) > RATE_TOLERANCE:
            off = self.hz / nominal - 1
            flaws.append(f"rate {self.hz:.1f} Hz, {off:+.1%} off the nominal {nominal:g} Hz")
        if self.lost:
            flaws.append(f"samples lost: {self.lost}, gaps: {self.gaps}")
        if self.clipped:
            flaws.append(f"samples clipped: {self.clipped}")
        if self.trouble:
            flaws.append(self.trouble)
        return flaws

    def close(self, stopped: str = "") -> None:
        """Write the end line, with what stopped the take when that was not the user."""
        if self.hz is not None:
            self._writer.measured(self.hz)
        if stopped:
            self._writer.stopped(stopped)
        if self.trouble:
            self._writer.troubled(self.trouble)
        self._writer.close()

    def summary(self) -> str:
        """Return what it came to, in a line."""
        rate = "rate not known" if self.hz is None else f"{self.hz:.1f} Hz"
        found = "; ".join(self.flaws()) or "no gaps, no clipping"
        return f"{self.path}: {self.samples:,} samples, {self.seconds:.1f} s, {rate}; {found}"


class Capture:
    """Takes of one source, one after another, driven by keys and time.

    Attributes:
        source: where the samples come from.
        request: what to record.
        label: of the next take.
        take: the one that is being recorded, or None.
        finished: those that were recorded.
        starts_in: seconds until a take starts, or None.
        typed: what was typed of a new label, or None when none is asked for.
        messages: the latest, for people.
        is_over: nothing more is wanted.
        is_interrupted: Ctrl-C ended it.
    """

    def __init__(
        self,
        source: Source,
        request: Request,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Begin the countdown of the first take.

        Raises:
            HarmcuError: a take is to be shorter than two samples, which are no movement.
        """
        self.source = source
        self.request = request
        self.label = request.label
        self.take: Take | None = None
        self.finished: list[Take] = []
        self.typed: str | None = None
        self.messages: deque[str] = deque(maxlen=MESSAGES)
        self.is_over = self.is_interrupted = False
        self._say = say
        self._start_at: float | None = None
        self._is_due = False
        self._said: set[str] = set()
        self._recent: deque[Counts] = deque()
        self._recent_samples = 0
        if self.take_samples is not None and self.take_samples < LEAST_SAMPLES:
            raise HarmcuError(
                f"--seconds {request.seconds:g} are fewer than {LEAST_SAMPLES} samples at "
                f"{source.rate_millihertz / 1000:g} Hz; give more"
            )
        self.start()

    @property
    def starts_in(self) -> float | None:
        """Seconds until a take starts, or None when none is about to."""
        return None if self._start_at is None else max(0.0, self._start_at - time.monotonic())

    @property
    def take_samples(self) -> int | None:
        """Samples that end a take, or None."""
        seconds = self.request.seconds
        return None if seconds is None else round(seconds * self.source.rate_millihertz / 1000)

    def recent(self) -> Counts:
        """Return the samples of the last ``SHOWN_SECONDS``, int16 [samples, axes]."""
        empty = np.zeros((0, len(self.source.axes)), np.int16)
        return np.concatenate([empty, *self._recent])[-self._shown_samples :]

    @property
    def _shown_samples(self) -> int:
        return round(SHOWN_SECONDS * self.source.rate_millihertz / 1000)

    def step(self, timeout: float) -> None:
        """Take what arrives within ``timeout`` seconds.

        Raises:
            PortGoneError: the board is gone.
            HarmcuError: the disk is full or gone.
        """
        if self._start_at is not None and time.monotonic() >= self._start_at:
            self._start_at, self._is_due = None, True
        for chunk in self.source.read(timeout):
            self._remember(chunk)
            self._record(chunk)
        self._say_flaws()

    def start(self) -> None:
        """Begin the countdown of a take."""
        self._start_at = time.monotonic() + COUNTDOWN
        self._tell(f"{self.label}: recording in {COUNTDOWN:g} seconds")

    def stop(self, reason: str = "") -> None:
        """End the take, if there is one, or the countdown."""
        self._start_at, self._is_due = None, False
        take, self.take = self.take, None
        if take is None:
            return
        # A silence that was overcome left no trace but samples that were lost; this one lasts.
        take.trouble = take.trouble or self.source.trouble
        take.close(reason)
        if take.label != take.named:
            take.path = _moved(take.path, lambda: self._path(take.label))
        take.is_cut = bool(reason)
        self.finished.append(take)
        self._tell(take.summary() + (f"; stopped: {reason}" if reason else ""))
        # A take that something cut short is kept, and is not one of those that were asked for.
        whole = sum(not take.is_cut for take in self.finished)
        self.is_over = whole == self.request.wanted

    def discard(self) -> None:
        """End the take and put it, or else the last one, aside under another name."""
        if self.take is None and not self.finished:
            self._tell("there is no take to discard")
            return
        # A countdown goes on: it is of the next take.
        if self.take is not None:
            self.stop("discarded")
        take = self.finished.pop()
        self.is_over = False
        aside = take.path.with_name(take.path.name + recording_file.DISCARDED)
        moved = _moved(take.path, lambda: aside)
        if moved == take.path:
            self._tell(f"{take.path} cannot be renamed and stays; delete it by hand")
            return
        take.path = moved
        self._tell(f"put aside as {take.path}")

    def relabel(self, label: str) -> None:
        """Give the take that is being recorded, and those after it, another label."""
        try:
            recording_file.check_label(label)
        except HarmcuError as error:
            self._tell(f"{error}; the old one stays")
            return
        self.label = label
        if self.take is not None:
            self.take.relabel(label)
        self._tell(f"the label is {label} now")

    def press(self, key: str) -> None:
        """Do what a key stands for."""
        if self.typed is not None:
            self._type(key)
        elif key in (" ", ENTER):
            is_running = self.take is not None or self._start_at is not None or self._is_due
            self.stop() if is_running else self.start()
        elif key == "l":
            self.typed = ""
        elif key == "d":
            self.discard()
        elif key == "m" and self.take is not None:
            self.take.mark()
            self._tell(f"marked at {self.take.seconds:.1f} s")
        elif key in ("q", ESCAPE):
            self.stop()
            self.is_over = True

    def _type(self, key: str) -> None:
        assert self.typed is not None
        if key == ENTER:
            self.relabel(self.typed.strip())
        if key in (ENTER, ESCAPE):
            self.typed = None
        elif key == BACKSPACE:
            self.typed = self.typed[:-1]
        elif key.isprintable():
            self.typed += key

    def _record(self, chunk: Chunk) -> None:
        if self.take is not None and chunk.begins_anew:
            self.stop("the board began anew")
            self._is_due = not self.is_over
        elif self.take is not None and chunk.begins_take:
            self.stop()
            self._is_due = not self.is_over
        if self._is_due:
            self._is_due = False
            self._begin(chunk.first)
        if self.take is not None:
            self.take.add(chunk, self.take_samples)
            if self.take.reaches(self.take_samples):
                self.stop()
                if not self.is_over:
                    self.start()

    def _begin(self, first: int) -> None:
        source = self.source
        header = Header(
            self.label, self.request.subject, source.board, source.axes, source.rate_millihertz
        )
        self._said.clear()
        while self.take is None:
            # Another capture may have taken the name meanwhile; then there is a next one.
            with contextlib.suppress(recording_file.ExistsError):
                self.take = Take(self._path(self.label), header, first, source.meter)
        self._tell(f"recording {self.take.path}")

    def _path(self, label: str) -> Path:
        return recording_file.free_path(self.request.out, self.request.subject, label)

    def _remember(self, chunk: Chunk) -> None:
        self._recent.append(chunk.counts)
        self._recent_samples += len(chunk.counts)
        while self._recent_samples - len(self._recent[0]) >= self._shown_samples:
            self._recent_samples -= len(self._recent.popleft())

    def _say_flaws(self) -> None:
        """Say, once a take, each kind of trouble as soon as it shows."""
        if self.take is not None and not self.source.trouble.startswith(SILENT):
            self.take.trouble = self.take.trouble or self.source.trouble
        flaws = self.take.flaws() if self.take is not None else []
        for text in [*flaws, *filter(None, [self.source.trouble])]:
            kind = re.split(r"\d", text)[0]
            if kind not in self._said:
                self._said.add(kind)
                self._tell(f"warning: {text}")

    def _tell(self, text: str) -> None:
        self.messages.append(text)
        self._say(text)


def _moved(path: Path, target: Callable[[], Path]) -> Path:
    """Move a file; where that cannot be done, it stays where it is."""
    new = target()
    try:
        # Made by nobody else, then replaced: another capture may want the name, too.
        new.open("x").close()
        path.replace(new)
    except OSError:
        return path
    return new


def _kept(path: Path) -> int:
    """Return how many samples a file has; what was written last, a full disk may have refused."""
    try:
        contents = recording_file.read(path.read_bytes(), path.name)
    except (OSError, HarmcuError):
        return 0
    return sum(len(counts) for _, counts in contents.pieces)


def check_end(source: Source, request: Request, say: Callable[[str], None]) -> None:
    """Check that a recording without keys can come to its end, and say what brings it.

    Raises:
        HarmcuError: takes are counted that nothing would end.
    """
    if request.takes and request.seconds is None and not source.parts_takes:
        raise HarmcuError(
            "--takes without --seconds: outside of a terminal no key ends a take; add --seconds"
        )
    if request.seconds is None:
        ends = "a blank line of the sketch ends a take; " if source.parts_takes else ""
        say(f"{ends}Ctrl-C ends the recording")


def run(capture: Capture, show: Callable[[], None], read_key: Callable[[], str]) -> None:
    """Record until everything is recorded or the user leaves.

    Whatever ends it, the take that is being recorded is closed and kept.

    Args:
        capture: what to record.
        show: called ten times a second or so.
        read_key: returns a pressed key, or an empty string.

    Raises:
        HarmcuError: the board is gone, or the disk is full; the message names the file.
        SystemExit: the process was told to end.
    """
    reason = "harmcu was ended"
    try:
        # Ctrl-C is how one stops recording: it must not tear a sample.
        with interrupts.deferred() as interrupted:
            while not (capture.is_over or interrupted()):
                capture.step(0.05)
                while key := read_key():
                    capture.press(key)
                show()
        capture.is_interrupted = interrupted()
        reason = "interrupted" if capture.is_interrupted else ""
    except HarmcuError as error:
        take = capture.take
        is_gone = isinstance(error, PortGoneError)
        # A full disk takes no end line either.
        with contextlib.suppress(HarmcuError):
            capture.stop("the board is gone" if is_gone else "the board or the disk failed")
        kept = f"; {_kept(take.path):,} samples are kept in {take.path}" if take else ""
        raise HarmcuError(f"{error}{kept}") from None
    finally:
        capture.stop(reason)
