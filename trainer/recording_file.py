"""harmcu's own recordings: lines of text that survive a crash. See docs/recordings.md.

A file is a header line, one line of counts a sample, and an end line; between the samples stand
marks and corrections of the label. The writer appends and flushes; whatever stops it, the file is
readable up to its last whole line, and a missing end line says that something did stop it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import json
import os
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

import numpy as np

from trainer.errors import HarmcuError
from trainer.recording import AXES, Counts, Note, Recording
from trainer.spec import check_shown

SUFFIX = ".rec"
SCHEMA = 1
HEADER = "harmcu-recording"
END = "end"
MARK = "mark"
LABEL = "label"

DISCARDED = ".discarded"
"""What is added to the name of a recording that nobody wants; no reader takes it then."""

FULL_SCALE = 32767
"""A count of this size, of either sign, is clipped: +-4 g or +-2000 deg/s."""

FLUSHED_SECONDS = 0.5
"""Of samples, after which what was written is handed to the disk."""

LARGEST_FILE = 4 << 30
"""Bytes; six axes at 119 Hz for twelve days. In memory they take a tenth of it."""

LONGEST_LINE = 4096
LONGEST_TEXT = 200
LONGEST_NAME = 120
"""Bytes of a label or subject in the name of a file."""

_DEVICE = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9¹²³]", re.IGNORECASE)

_ROW = re.compile(r"[0-9]{1,12}(?:,-?[0-9]{1,5}){1,6}")


@dataclass(frozen=True)
class Header:
    """What is known before the first sample.

    Attributes:
        label: the activity.
        subject: who was recorded.
        board: what recorded it; empty when that is not known.
        axes: which of ``trainer.recording.AXES`` are recorded, in that order.
        rate_millihertz: the sensor's nominal rate.
    """

    label: str
    subject: str
    board: str
    axes: tuple[str, ...]
    rate_millihertz: int


@dataclass(frozen=True)
class Contents:
    """A file as it was read.

    Attributes:
        header: the first line.
        pieces: (index of the first sample, int16 [samples, axes]), parted at gaps.
        marks: indices of the samples that whoever recorded marked.
        end: the fields of the end line; None when there is none.
        notes: what is missing or does not fit.
    """

    header: Header
    pieces: tuple[tuple[int, Counts], ...]
    marks: tuple[int, ...]
    end: Mapping[str, Any] | None
    notes: tuple[Note, ...]


class ByLine(Protocol):
    """A file that is read a line at a time."""

    def readline(self, size: int, /) -> bytes:
        """Return the next line, or its next ``size`` bytes."""


class ExistsError(HarmcuError):
    """A file that is there already."""


class Writer:
    """Writes one recording while it is being made.

    A context manager: leaving it, for whatever reason, writes the end line. Killed before, the
    file lacks that line and at most the samples of ``FLUSHED_SECONDS``.
    """

    def __init__(self, path: Path, header: Header) -> None:
        """Create the file and write its header.

        Raises:
            ExistsError: the file exists.
            HarmcuError: it cannot be written, or the header makes no sense.
        """
        # What no training takes is better refused now than when all is recorded.
        check_label(header.label)
        _check_header(header, str(path))
        self.path = path
        self._axes = len(header.axes)
        self._next = self._samples = self._gaps = self._lost = self._clipped = 0
        self._unflushed = 0
        self._flushed_every = max(1, round(FLUSHED_SECONDS * header.rate_millihertz / 1000))
        self._measured: float | None = None
        self._stopped = self._trouble = ""
        document = {
            "schema": SCHEMA,
            "label": header.label,
            "subject": header.subject,
            "board": header.board,
            "axes": list(header.axes),
            "rate_hz": header.rate_millihertz / 1000,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("x", encoding="utf-8", newline="\n")
            self._put(f"{HEADER} {_json(document)}\n", now=True)
        except FileExistsError:
            raise ExistsError(f"{path}: exists; recordings are never overwritten") from None
        except OSError as error:
            raise self._failure(error) from None

    def write(self, counts: Counts, first: int | None = None) -> None:
        """Append samples.

        Args:
            counts: int16 [samples, axes].
            first: index of the first of them since the recording began; larger than that of the
                next sample when samples were lost. None: none were.

        Raises:
            HarmcuError: the disk is full or gone; what was written stays readable.
        """
        first = self._next if first is None else first
        if counts.ndim != 2 or counts.shape[1] != self._axes or first < self._next:
            raise HarmcuError(
                f"{self.path}: sample {first} of shape {counts.shape} does not continue the "
                f"recording at {self._next}; please report this as a bug"
            )
        if not len(counts):
            return
        self.lose(first)
        rows = np.asarray(counts, np.int64)
        lines = (
            f"{first + number},{','.join(map(str, row))}\n"
            for number, row in enumerate(rows.tolist())
        )
        self._put("".join(lines))
        self._next, self._samples = first + len(rows), self._samples + len(rows)
        self._clipped += int((np.abs(rows) >= FULL_SCALE).any(axis=1).sum())

    def lose(self, until: int) -> None:
        """Count the samples before index ``until`` that were not written as lost."""
        if until > self._next:
            self._gaps, self._lost = self._gaps + 1, self._lost + until - self._next
            self._next = until

    def measured(self, rate_hz: float) -> None:
        """Say what rate the board's clock gives, for the end line."""
        self._measured = rate_hz

    def mark(self) -> None:
        """Mark the next sample.

        Raises:
            HarmcuError: the disk is full or gone.
        """
        self._put(f"{MARK} {_json({'sample': self._next})}\n", now=True)

    def relabel(self, label: str) -> None:
        """Correct the label of the whole recording; the name of the file stays.

        Raises:
            HarmcuError: it is no label, or the disk is full or gone.
        """
        check_label(label)
        self._put(f"{LABEL} {_json({'label': label})}\n", now=True)

    def stopped(self, reason: str) -> None:
        """Say what stopped the recording, for the end line, when it was not whoever made it."""
        self._stopped = reason

    def troubled(self, trouble: str) -> None:
        """Say what was wrong with the sensor meanwhile, for the end line."""
        self._trouble = trouble

    def close(self) -> None:
        """Write the end line and close; a second time does nothing.

        Raises:
            HarmcuError: the disk is full or gone, or the file is.
        """
        if self._file.closed:
            return
        document: dict[str, Any] = {
            "samples": self._samples,
            "measured_rate_hz": None if self._measured is None else round(self._measured, 3),
            "gaps": self._gaps,
            "lost": self._lost,
            "clipped": self._clipped,
        }
        if self._stopped:
            document["stopped"] = self._stopped
        if self._trouble:
            document["trouble"] = self._trouble
        try:
            self._put(f"{END} {_json(document)}\n", now=True)
            self._check_there()
        finally:
            self._give_up()

    def _check_there(self) -> None:
        """Check that what was written is still where it was begun."""
        try:
            is_there = os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except FileNotFoundError:
            is_there = False
        if not is_there:
            raise HarmcuError(
                f"{self.path}: was moved or deleted while it was recorded; look for it elsewhere"
            )

    def _give_up(self) -> None:
        # A full disk refuses what is left a second time; the file is closed nevertheless.
        with contextlib.suppress(OSError):
            self._file.close()

    def _put(self, text: str, now: bool = False) -> None:
        try:
            self._file.write(text)
            self._unflushed += text.count("\n")
            if now or self._unflushed >= self._flushed_every:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._unflushed = 0
        except OSError as error:
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> HarmcuError:
        return HarmcuError(
            f"{self.path}: cannot be written ({error.strerror}); free some space or choose another "
            "folder"
        )

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def write(path: Path, recording: Recording) -> None:
    """Write a whole recording.

    Raises:
        HarmcuError: the file exists or cannot be written.
    """
    header = Header(
        recording.label,
        recording.subject,
        recording.board,
        recording.axes,
        recording.rate_millihertz,
    )
    with Writer(path, header) as writer:
        writer.write(recording.counts)
        writer.measured(recording.rate_millihertz / 1000)


class NoHeaderError(HarmcuError):
    """A file that ends within its first line: what wrote it was stopped before the first sample."""


def read(content: bytes | ByLine, source: str) -> Contents:
    """Read a recording, whole or cut off.

    A last line without its line end may be half a number and is left out. A line that is none of
    the format's is counted, and the samples around it stay where they are.

    Args:
        content: the file, or all that is in it.
        source: its name, for messages.

    Raises:
        NoHeaderError: it ends within its first line.
        HarmcuError: there is no header of a known schema or more than one, it makes no sense, or
            the file is larger than ``LARGEST_FILE``.
    """
    lines = _Lines(io.BytesIO(content) if isinstance(content, bytes) else content, source)
    first = next(lines.whole, None)
    if first is None:
        raise NoHeaderError(f"{source}: ends within its first line; nothing was recorded")
    header = _header(first, source)
    reader = _Rows(header, source)
    end: Mapping[str, Any] | None = None
    after: str | None = None
    marks: list[int] = []
    for number, line in enumerate(lines.whole, start=2):
        word, _, rest = line.partition(" ")
        document = _document(rest) if word in (END, MARK, LABEL) else None
        if word == END and document is not None:
            end, after = document, next(lines.whole, None)
            _expect_no_header(after or "", source, number + 1)
            break
        if word == MARK and document is not None and _is_index(document.get("sample")):
            marks.append(document["sample"])
        elif word == LABEL and document is not None and _is_label(document.get("label")):
            header = dataclasses.replace(header, label=document["label"])
        elif line:
            _expect_no_header(line, source, number)
            reader.take(line)
    notes = [*reader.notes(), *_end_notes(end, reader.samples, source)]
    if lines.cut:
        notes.append(Note("dropped", "lines cut off at the end of a file", 1, source))
    if after is not None:
        notes.append(Note("dropped", "lines after the end line", 1, source))
    return Contents(header, tuple(reader.pieces()), tuple(marks), end, tuple(notes))


def _expect_no_header(line: str, source: str, number: int) -> None:
    """Refuse two recordings in one file: the second's samples would get the first one's label.

    Raises:
        HarmcuError: another one begins with this line.
    """
    # Behind half a line, too, where the first one was cut off.
    _, found, rest = line.partition(f"{HEADER} ")
    if found and _document(rest) is not None:
        raise HarmcuError(
            f"{source}, line {number}: another recording begins here; put it into a file of its own"
        )


def recordings(contents: Contents, source: str) -> list[Recording]:
    """Return a file's recordings: one, and one more for every gap."""
    header = contents.header
    return [
        Recording(
            counts=counts,
            axes=header.axes,
            rate_millihertz=header.rate_millihertz,
            label=header.label,
            subject=header.subject,
            source=f"{source}, samples {first} to {first + len(counts) - 1}",
            board=header.board,
            take=source,
        )
        for first, counts in contents.pieces
    ]


class _Lines:
    """The whole lines of a file; ``cut`` tells, at its end, whether half a one follows them."""

    def __init__(self, file: ByLine, source: str) -> None:
        self.cut = False
        self.whole: Iterator[str] = self._lines(file, source)

    def _lines(self, file: ByLine, source: str) -> Iterator[str]:
        size = 0
        for number in itertools.count(1):
            line = file.readline(LONGEST_LINE + 1)
            size += len(line)
            if size > LARGEST_FILE:
                raise HarmcuError(f"{source}: is larger than {LARGEST_FILE >> 20} MiB; split it")
            if not line.endswith(b"\n"):
                self.cut = bool(line)
                if _has_line_end(file):
                    raise HarmcuError(
                        f"{source}, line {number}: no line of a recording is this long"
                    )
                return
            yield line.decode("utf-8", errors="replace").rstrip("\r\n")


def _has_line_end(file: ByLine) -> bool:
    """Tell whether the line goes on to a line end; a file system may leave a tail of zeros."""
    while piece := file.readline(1 << 16):
        if piece.endswith(b"\n"):
            return True
    return False


class _Rows:
    """The samples of a file while it is read."""

    def __init__(self, header: Header, source: str) -> None:
        self._axes = len(header.axes)
        self._source = source
        self._indices = array("q")
        self._values = array("h")
        self._damaged = 0

    @property
    def samples(self) -> int:
        return len(self._indices)

    def take(self, line: str) -> None:
        """Take one line; an index that does not rise is damage too."""
        numbers = [int(cell) for cell in line.split(",")] if _ROW.fullmatch(line) else []
        last = self._indices[-1] if self._indices else -1
        fits = len(numbers) == self._axes + 1 and numbers[0] > last
        if fits and all(-32768 <= count <= 32767 for count in numbers[1:]):
            self._indices.append(numbers[0])
            self._values.extend(numbers[1:])
        else:
            self._damaged += 1

    def pieces(self) -> Iterator[tuple[int, Counts]]:
        """Yield (first index, counts) of each stretch without a gap."""
        if not self._indices:
            return
        indices = np.array(self._indices)
        counts = np.array(self._values, np.int16).reshape(-1, self._axes)
        bounds = [0, *(np.flatnonzero(np.diff(indices) != 1) + 1).tolist(), len(indices)]
        for first, last in itertools.pairwise(bounds):
            yield int(indices[first]), counts[first:last]

    def notes(self) -> Iterator[Note]:
        """Yield what was dropped and lost."""
        if self._damaged:
            yield Note("dropped", "damaged lines", self._damaged, self._source)
        if self._indices:
            lost = self._indices[-1] - self._indices[0] + 1 - len(self._indices)
            if lost:
                yield Note(
                    "remark", "samples lost in gaps, which split a recording", lost, self._source
                )


def _end_notes(end: Mapping[str, Any] | None, samples: int, source: str) -> Iterator[Note]:
    if end is None:
        what = "recordings without an end line: cut off, their measured rate and clipping not known"
        yield Note("remark", what, 1, source)
        return
    if end.get("samples") != samples:
        yield Note("remark", "recordings whose end line counts other samples", 1, source)
    if trouble := end.get("trouble"):
        yield Note("remark", f"recordings of a sensor in trouble: {trouble}", 1, source)
    if stopped := end.get("stopped"):
        yield Note("remark", f"recordings that ended before their time: {stopped}", 1, source)


def _header(line: str, source: str) -> Header:
    document = _document(line.removeprefix("\ufeff").removeprefix(HEADER))
    if document is None or not line.removeprefix("\ufeff").startswith(f"{HEADER} "):
        raise HarmcuError(f"{source}, line 1: is no header of a harmcu recording; check the file")
    if document.get("schema") != SCHEMA:
        raise HarmcuError(
            f"{source}, line 1: schema {document.get('schema')!r} is not known, {SCHEMA} is; use "
            "the harmcu that wrote it"
        )
    rate, axes = document.get("rate_hz"), document.get("axes")
    number = isinstance(rate, int | float) and not isinstance(rate, bool) and 1 <= rate <= 10_000
    header = Header(
        label=_stated(document, "label"),
        subject=_stated(document, "subject"),
        board=_stated(document, "board"),
        axes=tuple(str(axis) for axis in axes) if isinstance(axes, list) else (),
        rate_millihertz=round(float(rate) * 1000) if number and rate is not None else 0,
    )
    _check_header(header, f"{source}, line 1")
    return header


def _stated(document: Mapping[str, Any], name: str) -> str:
    """Return a text of a header; a number is one, and null says nothing."""
    value = document.get(name)
    return "" if value is None else str(value)


def check_label(label: str) -> None:
    """Check that a label can be written and read back.

    Raises:
        HarmcuError: it cannot be shown, or is too long.
    """
    check_shown(label)
    if len(label) > LONGEST_TEXT:
        raise HarmcuError(
            f"the label {label[:20]!r}... is longer than {LONGEST_TEXT} characters; shorten it"
        )


def _check_header(header: Header, place: str) -> None:
    if not header.axes or header.axes != tuple(a for a in AXES if a in header.axes):
        raise HarmcuError(f"{place}: the axes must be some of {', '.join(AXES)}, in this order")
    if not 1000 <= header.rate_millihertz <= 10_000_000:
        raise HarmcuError(f"{place}: the rate must be 1 to 10000 Hz")
    texts = (header.label, header.subject, header.board)
    if not header.label.strip() or not all(map(_is_text, texts)):
        raise HarmcuError(
            f"{place}: there must be a label, and no text longer than {LONGEST_TEXT} characters or "
            "of half a character"
        )


def _is_label(label: object) -> bool:
    return isinstance(label, str) and bool(label.strip()) and _is_text(label)


def _is_text(text: str) -> bool:
    """Tell whether a text can be written; JSON can hold half of what UTF-16 takes two units for."""
    return len(text) <= LONGEST_TEXT and not any("\ud800" <= c <= "\udfff" for c in text)


def _is_index(sample: object) -> bool:
    return isinstance(sample, int) and not isinstance(sample, bool) and sample >= 0


def _document(text: str) -> Mapping[str, Any] | None:
    """Return the JSON object in a text, or None where there is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=True, allow_nan=False)


def names_of(recordings_: Sequence[Recording]) -> list[str]:
    """Return a file name for each recording: ``subject/label.001.rec``, safe on every system."""
    seen: dict[str, int] = {}
    names = []
    for recording in recordings_:
        stem = f"{safe(recording.subject) or 'unknown'}/{safe(recording.label)}"
        seen[stem.lower()] = number = seen.get(stem.lower(), 0) + 1
        names.append(f"{stem}.{number:03}{SUFFIX}")
    return names


def free_path(folder: Path, subject: str, label: str) -> Path:
    """Return the next name of a take, ``SUBJECT/LABEL.NNN.rec``, that none has had."""
    parent, stem = folder / (safe(subject) or "unknown"), safe(label) or "unlabelled"
    taken = re.compile(re.escape(stem.lower()) + r"\.([0-9]{3,30})\.rec.*")
    names = [path.name.lower() for path in parent.iterdir()] if parent.is_dir() else []
    numbers = [int(found[1]) for name in names if (found := taken.fullmatch(name))]
    return parent / f"{stem}.{max(numbers, default=0) + 1:03}{SUFFIX}"


def safe(text: str) -> str:
    """Return a text as the start of a file name that every system takes; may be empty.

    File systems count bytes (255 of them, suffixes included), and Windows keeps some names for
    devices, whatever follows the first dot (Win32, "Naming Files, Paths, and Namespaces").
    """
    name = re.sub(r"[^\w-]+", "_", text).strip("_")
    name = name.encode()[:LONGEST_NAME].decode(errors="ignore")
    return f"{name}_" if _DEVICE.fullmatch(name) else name
