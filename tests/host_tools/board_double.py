"""A board without hardware and without its firmware: a pseudo-terminal driven by a script.

``BoardDouble`` owns the pseudo-terminal: it carries bytes between the host and a script, can damage
and delay them, and can be pulled out and come back under another name. Scripts say what is said:
``Harmcu`` answers as a harmcu board, ``Printer`` prints as other people's sketches do, ``Relay``
stands between the host and a real firmware.
"""

import base64
import os
import random
import select
import socket
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

import numpy as np

from codegen.runtime import runtime_version
from host_tools.protocol import Damaged, Line, LineReader, Text, encode, escape
from trainer.recording import Counts


class Script(Protocol):
    """What a double says."""

    def hear(self, data: bytes) -> bytes:
        """Take what the host sent; return the answer."""

    def say(self) -> bytes:
        """Return what is to be said now without having been asked."""


class Damage:
    """Flips, drops, repeats and inserts bytes, one in ``every`` on average."""

    def __init__(self, every: int, seed: int = 1) -> None:
        self._every = every
        self._random = random.Random(seed)
        self.done = 0

    def __call__(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._random.randrange(self._every):
                out.append(byte)
                continue
            self.done += 1
            kind = self._random.choice(["flip", "drop", "repeat", "noise"])
            if kind == "flip":
                out.append(byte ^ (1 << self._random.randrange(8)))
            elif kind == "repeat":
                out += bytes([byte, byte])
            elif kind == "noise":
                out += bytes([byte, self._random.randrange(256)])
        return bytes(out)


class BoardDouble:
    """A script at the other end of a pseudo-terminal.

    Attributes:
        port: the name to open; another one after ``replug``.
    """

    def __init__(
        self, script: Script, damage: Damage | None = None, chunk: int = 4096, delay: float = 0.0
    ) -> None:
        self.script = script
        self._damage = damage
        self._chunk, self._delay = chunk, delay
        self._unsent = b""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.port = ""

    def __enter__(self) -> "BoardDouble":
        self.replug()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unplug()

    def unplug(self) -> None:
        """Pull the board out: whoever has the port open reads that it is gone."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def replug(self) -> None:
        """Plug the board in again; the port has another name as long as the old one is open."""
        self._stopping.clear()
        self._unsent = b""
        master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._thread = threading.Thread(target=self._serve, args=(master, slave), daemon=True)
        self._thread.start()

    def _serve(self, master: int, slave: int) -> None:
        try:
            while not self._stopping.is_set():
                self._exchange(master)
        finally:
            os.close(slave)
            os.close(master)

    def _exchange(self, master: int) -> None:
        if not self._unsent:
            self._send(self.script.say())
        wants_to_write = [master] if self._unsent else []
        readable, writable, _ = select.select([master], wants_to_write, [], 0.002)
        if readable:
            heard = os.read(master, 4096)
            self._send(self.script.hear(self._damage(heard) if self._damage else heard))
        if writable:
            os.set_blocking(master, False)
            try:
                sent = os.write(master, self._unsent[: self._chunk])
            except BlockingIOError:
                sent = 0
            self._unsent = self._unsent[sent:]
            if self._delay:
                time.sleep(self._delay)

    def _send(self, data: bytes) -> None:
        self._unsent += self._damage(data) if self._damage else data


@dataclass
class Harmcu:
    """Answers as a harmcu board that plays counts as fast as it is told to.

    Attributes:
        counts: int16 [samples, 6], played once.
        rate: samples a second by the board's clock, which is what SMP states.
        pace: samples a second by the wall clock; 0: as fast as the host takes them.
        lost: indices of samples that the sensor loses.
        decisions: (label index, score) of one CLS after another in classify mode.
        stop_after: samples after which the board falls silent; None: all of them.
    """

    counts: Counts
    rate: float = 119.0
    nominal: float = 119.0
    pace: float = 0.0
    lost: frozenset[int] = frozenset()
    labels: Sequence[str] = ("walking", "running", "resting")
    decisions: Sequence[tuple[int, int]] = ()
    decision_seconds: float = 0.01
    board: str = "nano33ble"
    engine: str = "aot"
    model: str = "watch"
    sha256: str = "ab" * 32
    sensor: str = "LSM9DS1"
    state: str = "ok"
    first_tick: int = 0
    tick_hz: int = 1_000_000
    stop_after: int | None = None
    heard: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = LineReader()
        self.restart()

    def restart(self) -> None:
        """Begin as after a reset."""
        self._sequence = 0
        self._mode = "live"
        self._next = self._decided = 0
        self._pending = b""
        self._started = time.monotonic()

    def reset_in_mid_line(self) -> bytes:
        """Return half a line and what a board says after it was reset."""
        half = self._line("SMP", "0", "0", "1", "2", "3", "4", "5", "6")[:13]
        self.restart()
        return half + self._status()

    def hear(self, data: bytes) -> bytes:
        """Answer commands."""
        said = b""
        for line in self._reader.feed(data):
            if isinstance(line, Damaged):
                said += self._line("ERR", "0", "damaged", "1")
            elif not isinstance(line, Text):
                self.heard.append(line)
                said += self._answer(line)
        return said

    def interject(self, data: bytes) -> None:
        """Say something else before anything more."""
        self._pending += data

    def say(self) -> bytes:
        """Stream what the mode streams."""
        said, self._pending = self._pending, b""
        if self._mode == "capture":
            return said + b"".join(self._samples())
        if self._mode == "classify":
            return said + b"".join(self._decisions())
        return said

    def _answer(self, line: Line) -> bytes:
        ack = (str(line.sequence),)
        match (line.type, *line.fields):
            case ("GET", "status"):
                return self._status() + self._line("ACK", *ack)
            case ("GET", "labels"):
                count = str(len(self.labels))
                each = (
                    self._line("LBL", str(i), count, escape(label))
                    for i, label in enumerate(self.labels)
                )
                return b"".join(each) + self._line("ACK", *ack)
            case ("GET", "imu"):
                return self._imu() + self._line("ACK", *ack)
            case ("RUN", mode):
                if mode == "classify" and self.engine == "none":
                    return self._line("ERR", *ack, "model", "0")
                self._mode, self._next = mode, 0
                self._started = time.monotonic()
                return self._line("ACK", *ack)
        return self._line("ERR", *ack, "type", "0")

    def _status(self) -> bytes:
        version = str(runtime_version())
        identity = (version, self.board, self.engine, self.model, self.sha256, str(self.tick_hz))
        return self._line("STA", *identity, self._mode, "0")

    def _imu(self) -> bytes:
        lost = str(sum(index < self._next for index in self.lost))
        rates = (str(round(self.nominal * 1000)), str(round(self.rate * 1000)))
        return self._line("IMU", self.sensor, self.state, *rates, str(self._next), lost, "0")

    def _samples(self) -> Iterator[bytes]:
        end = len(self.counts) if self.stop_after is None else self.stop_after
        if self.pace:
            end = min(end, int((time.monotonic() - self._started) * self.pace))
        for index in range(self._next, min(end, self._next + 200)):
            self._next = index + 1
            if index in self.lost:
                continue
            ticks = (self.first_tick + round(index / self.rate * self.tick_hz)) % (1 << 32)
            counts = map(str, self.counts[index].tolist())
            yield self._line("SMP", str(index), str(ticks), *counts)

    def _decisions(self) -> Iterator[bytes]:
        due = int((time.monotonic() - self._started) / self.decision_seconds)
        while self._decided < min(due, len(self.decisions)):
            label, score = self.decisions[self._decided]
            scores = np.full(len(self.labels), -100, np.int8)
            scores[max(label, 0)] = score
            name = escape(self.labels[label]) if label >= 0 else ""
            packed = base64.b64encode(scores.tobytes()).decode()
            yield self._line(
                "CLS", str(self._decided), str(label), str(score), "4200", packed, name
            )
            self._decided += 1

    def _line(self, type_: str, *fields: str) -> bytes:
        sequence, self._sequence = self._sequence, (self._sequence + 1) % (1 << 16)
        return encode(Line(type_, sequence, fields))


class Printer:
    """Prints lines at a pace, as sketches that know nothing of harmcu do; hears nothing.

    Args:
        lines: what to print, again and again.
        rate: lines a second.
    """

    def __init__(self, lines: Sequence[str], rate: float) -> None:
        self._lines, self._rate = lines, rate
        self._started, self._printed = time.monotonic(), 0

    def hear(self, data: bytes) -> bytes:
        """Hear nothing."""
        del data
        return b""

    def say(self) -> bytes:
        """Print what is due."""
        due = int((time.monotonic() - self._started) * self._rate)
        chosen = [self._lines[i % len(self._lines)] for i in range(self._printed, due)]
        self._printed = due
        return "".join(f"{line}\r\n" for line in chosen).encode()


class Relay:
    """Stands between the host and another port, ``socket://127.0.0.1:PORT``."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("socket://").split(":")
        self._board = socket.create_connection((host, int(port)))
        self._board.setblocking(False)

    def hear(self, data: bytes) -> bytes:
        """Pass on what the host says."""
        self._board.sendall(data)
        return b""

    def say(self) -> bytes:
        """Pass on what the board says."""
        try:
            return self._board.recv(64)
        except BlockingIOError:
            return b""
