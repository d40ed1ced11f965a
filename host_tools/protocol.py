"""Lines of the wire: ``$TYPE,seq,field,...*CRC``. docs/wire.md is the specification.

``firmware/src/line_read.c`` and ``line_write.c`` are the other implementation.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

import numpy as np

from trainer.recording import AXES, Counts
from trainer.sample_path import Samples

LINE_MAX = 384
"""Longest line, from the ``$`` to the last digit of the CRC (HARMCU_LINE_MAX)."""

CRC_START = 0xFFFF
"""CRC-16/CCITT-FALSE starts here."""

SEQUENCE_RANGE = 1 << 16

TEXT_START = "# "
"""How a line for people begins."""

INJECT_SAMPLES = 20
"""Samples that one INJ line may carry (session.c)."""

# What percent-encoding leaves as it is: printable ASCII without the characters of the frame.
_PLAIN = "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) not in "%,*$")
_SHAPE = re.compile(r"\$([A-Z]{3}),(\d{1,5})((?:,[ -)+-~]*)?)\*([0-9A-F]{4})")


class ProtocolError(ValueError):
    """A line that is whole, but does not say what its type promises."""


@dataclass(frozen=True)
class Line:
    """A whole line: its type, its sequence number and its fields, still escaped."""

    type: str
    sequence: int
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Text:
    """A line for people, which begins with ``# ``: it has no number and no check."""

    text: str


@dataclass(frozen=True)
class Damaged:
    """Bytes that ended like a line and are none: what was received, for people to look at."""

    text: str


def crc(data: bytes, start: int = CRC_START) -> int:
    """Return the CRC-16/CCITT-FALSE of ``data``, continued from ``start``."""
    return binascii.crc_hqx(data, start)


def escape(text: str) -> str:
    """Percent-encode a label's UTF-8 bytes, so that it can stand in a field."""
    return quote_from_bytes(text.encode(), safe=_PLAIN)


def unescape(field: str) -> str:
    """Return the text that ``escape`` encoded.

    Raises:
        ProtocolError: the bytes are not UTF-8.
    """
    try:
        return unquote_to_bytes(field).decode()
    except UnicodeDecodeError:
        raise ProtocolError(f"the field {field!r} is not UTF-8") from None


def encode(line: Line) -> bytes:
    """Return a line as it goes over the wire, line end included."""
    body = ",".join((line.type, str(line.sequence), *line.fields)).encode("ascii")
    encoded = b"$%b*%04X" % (body, crc(body))
    assert len(encoded) <= LINE_MAX, "every line of the specification fits"
    return encoded + b"\r\n"


def decode(text: str) -> Line | Text | Damaged:
    """Return the line that ``text`` is, without its line end."""
    if text.startswith(TEXT_START):
        return Text(text.removeprefix(TEXT_START))
    found = _SHAPE.fullmatch(text)
    if found is None or len(text) > LINE_MAX:
        return Damaged(text)
    type_, sequence, fields, stated = found.groups()
    if crc(text[1 : text.rindex("*")].encode("ascii")) != int(stated, 16):
        return Damaged(text)
    if int(sequence) >= SEQUENCE_RANGE:
        return Damaged(text)
    return Line(type_, int(sequence), tuple(fields.split(",")[1:]))


class LineReader:
    """Collects received bytes into lines."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Line | Text | Damaged]:
        """Take bytes and give every line that they complete, in order.

        A ``$`` in the middle of a line starts another one: the rest of the first is lost.
        """
        *complete, self._buffer = re.split(rb"[\r\n]", self._buffer + data)
        # A flood without a line end must not fill the memory.
        if len(self._buffer) > 2 * LINE_MAX:
            complete.append(self._buffer)
            self._buffer = b""
        for piece in complete:
            for part in re.split(rb"(?<=.)(?=\$)", piece):
                if part:
                    yield decode(part.decode("ascii", "replace"))


def encode_counts(counts: Counts) -> str:
    """Return int16 [samples, 6] as a field: base64 of little-endian values."""
    return base64.b64encode(np.ascontiguousarray(counts, "<i2").tobytes()).decode()


@dataclass(frozen=True)
class Status:
    """STA: what a board is and runs.

    A capture-only firmware has the engine ``none``, and no model: its name and digest are empty.
    """

    runtime_version: int
    board: str
    engine: str
    model: str
    model_sha256: str
    tick_hz: int
    mode: str
    damaged: int


@dataclass(frozen=True)
class Label:
    """LBL: one of the model's labels."""

    index: int
    count: int
    name: str


@dataclass(frozen=True)
class Classification:
    """CLS: what a window was decided to be.

    Attributes:
        window: index within the stream.
        label: index, or -1 for unknown.
        score: mean int8 score of the best label over the smoothed windows, rounded down.
        ticks: of the board's clock, spent in the engine.
        scores: int8 [labels], of this window alone.
        name: the label; empty for unknown.
    """

    window: int
    label: int
    score: int
    ticks: int
    scores: Samples
    name: str


@dataclass(frozen=True)
class Trace:
    """TRC: a check of every stage before the engine, for one window of an injected stream."""

    window: int
    counts_check: int
    samples_check: int


@dataclass(frozen=True)
class Sample:
    """SMP: one sample of the IMU.

    Attributes:
        index: of the sensor's samples since capturing began; it skips those that were lost.
        ticks: the board's clock when the sample was taken; wraps at 2**32.
        counts: of the six axes.
    """

    index: int
    ticks: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Imu:
    """IMU: how the sensor does.

    Attributes:
        sensor: ``LSM9DS1``, ``BMI270``, ``replay`` or ``none``.
        state: ``ok``, ``absent``, ``stuck``, or ``other``: the sensor of the other revision.
        rate_millihertz: nominal.
        measured_millihertz: against the board's clock; 0 until it is known.
        samples, lost, overruns: since the board was started.
    """

    sensor: str
    state: str
    rate_millihertz: int
    measured_millihertz: int
    samples: int
    lost: int
    overruns: int


@dataclass(frozen=True)
class Ack:
    """ACK: the command with this sequence number was carried out."""

    command: int


@dataclass(frozen=True)
class Refusal:
    """ERR: the command with this sequence number was not carried out."""

    command: int
    reason: str
    detail: int


Message = Status | Label | Classification | Trace | Sample | Imu | Ack | Refusal


def parse(line: Line) -> Message:
    """Return the message that a line from a board carries.

    Raises:
        ProtocolError: the type is unknown, or the fields are not those of its type.
    """
    f = line.fields
    try:
        if line.type == "STA" and len(f) == 8:
            version, tick_hz, damaged = map(_count, (f[0], f[5], f[7]))
            if tick_hz > 0:
                return Status(version, f[1], f[2], f[3], f[4], tick_hz, f[6], damaged)
        if line.type == "LBL" and len(f) == 3:
            return Label(_count(f[0]), _count(f[1]), unescape(f[2]))
        if line.type == "CLS" and len(f) == 6:
            scores = np.frombuffer(base64.b64decode(f[4], validate=True), np.int8)
            window, label, score, ticks = _count(f[0]), int(f[1]), int(f[2]), _count(f[3])
            if -1 <= label < len(scores) and -128 <= score <= 127:
                return Classification(window, label, score, ticks, scores, unescape(f[5]))
        if line.type == "TRC" and len(f) == 3:
            return Trace(_count(f[0]), _count(f[1]), _count(f[2]))
        if line.type == "SMP" and len(f) == 2 + len(AXES):
            counts = tuple(map(int, f[2:]))
            if min(counts) >= -32768 and max(counts) <= 32767:
                return Sample(_count(f[0]), _count(f[1]), counts)
        if line.type == "IMU" and len(f) == 7:
            rate, measured, samples, lost, overruns = map(_count, f[2:])
            if rate > 0 or f[1] != "ok":
                return Imu(f[0], f[1], rate, measured, samples, lost, overruns)
        if line.type == "ACK" and len(f) == 1:
            return Ack(_count(f[0]))
        if line.type == "ERR" and len(f) == 3:
            return Refusal(_count(f[0]), f[1], _count(f[2]))
    except ProtocolError:
        raise
    except ValueError as error:
        raise ProtocolError(f"{line.type}: {error}") from None
    raise ProtocolError(f"{line.type} with {','.join(f)} is not in the specification")


def _count(field: str) -> int:
    """Return a number that a board counts in 32 bits.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[0-9]{1,10}", field) or int(field) >= 1 << 32:
        raise ValueError(f"{field!r} is no number of 32 bits")
    return int(field)
