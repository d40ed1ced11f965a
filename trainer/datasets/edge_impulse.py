"""``edge-impulse``: recordings of Edge Impulse's data acquisition format, JSON and CBOR.

A file, or an exported project's folder or archive, whose ``training`` and ``testing`` folders are
its split, and whose ``info.labels`` says the labels. Units are what the files state, or guessed
when they say N/A.
"""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.reading import assemble, edge_impulse, files, timeline
from trainer.reading.edge_impulse import Document, Labelled
from trainer.reading.options import Options, with_stated
from trainer.reading.path_names import AMBIGUOUS, reader
from trainer.reading.timeline import Floats, Stream
from trainer.recording import Dataset, Note, Recording

OPTIONS = ("units", "names")

Indices = npt.NDArray[np.int64]

LARGEST_DOCUMENT = 32 << 20
"""Bytes; Python takes 25 times as many for one. Six axes at 119 Hz for an hour make 20 MB."""

MOST_VALUES = 200_000_000
"""Of all documents, 8 bytes each: six axes at 119 Hz for three days."""

_LABELS = (edge_impulse.LABELS, edge_impulse.STRUCTURED)
_TEST_FOLDERS = {"test", "testing"}


def load(path: Path | None = None, options: Options | None = None) -> Dataset:
    """Load every document at ``path``.

    Raises:
        HarmcuError: there is none, or one makes no sense.
    """
    if path is None:
        raise HarmcuError("documents must be named; give a file, folder or archive with --data")
    options = options or Options()
    documents: dict[str, Document] = {}
    values = 0
    notes: list[Note] = []
    digests: dict[str, str] = {}
    labels: dict[str, tuple[Labelled, ...]] = {}
    for name, content in files.members(path, _is_wanted):
        _check_size(name, content)
        if name.endswith(_LABELS):
            folder = PurePosixPath(name).parent
            said = edge_impulse.labels(content, name)
            for of, parts in said.items():
                place = (folder / of).as_posix()
                labels[place] = parts or labels.get(place, ())
            digests[name] = hashlib.sha256(content).hexdigest()
            continue
        document = edge_impulse.read(content, name)
        if document is None:
            notes.append(Note("dropped", "files of another kind", 1, name))
            continue
        documents[name] = document
        values += document.values.size
        if values > MOST_VALUES:
            raise HarmcuError(f"{path}: holds more than fits into memory; load part of it")
        digests[name] = hashlib.sha256(content).hexdigest()
    if not documents:
        raise HarmcuError(f"{path}: holds no document of Edge Impulse's acquisition format")
    units = {name: _units(document, name, options, notes) for name, document in documents.items()}
    recordings: list[Recording] = []
    test: list[str] = []
    for name, document in documents.items():
        stated = labels.get(name, (Labelled(document.label),))
        made = _recordings(document, name, units[name], stated, options, notes)
        recordings += made
        if _TEST_FOLDERS & {*PurePosixPath(name).parts[:-1]}:
            test += [recording.subject for recording in made]
    return assemble.dataset("edge-impulse", recordings, digests, notes, test)


def _is_wanted(name: str) -> bool:
    return name.endswith(_LABELS) or name.lower().endswith(edge_impulse.SUFFIXES)


def _check_size(name: str, content: bytes) -> None:
    if len(content) > LARGEST_DOCUMENT:
        raise HarmcuError(
            f"{name}: is larger than {LARGEST_DOCUMENT >> 20} MiB; split it into recordings"
        )


def _units(document: Document, name: str, options: Options, notes: list[Note]) -> assemble.Units:
    stated = tuple(dict.fromkeys(unit for unit in document.units if unit))
    finite = document.values[np.isfinite(document.values).all(axis=1)]
    sensors: list[Floats] = []
    for sensor in "ag":
        mine = [index for index, axis in enumerate(document.axes) if axis[0] == sensor]
        sensors.append(finite[:, mine])
    try:
        given = with_stated(options.units, stated)
        units = assemble.Units(given, sensors[0], sensors[1])
    except HarmcuError as error:
        raise HarmcuError(f"{name}: {error}") from None
    notes += units.notes
    return units


def _recordings(
    document: Document,
    name: str,
    units: assemble.Units,
    stated: tuple[Labelled, ...],
    options: Options,
    notes: list[Note],
) -> list[Recording]:
    rows = np.flatnonzero(np.isfinite(document.values).all(axis=1))
    rows = rows[units.possible(document.values[rows], document.axes)]
    if len(rows) < len(document.values):
        what = "rows with a value that is no number or that no IMU measures"
        notes.append(Note("dropped", what, len(document.values) - len(rows), name))
    if len(rows) < 2:
        notes.append(Note("dropped", "recordings without two samples", 1, name))
        return []
    stem = PurePosixPath(name).with_suffix("").as_posix()
    named = reader(options.names)(stem) if options.names else None
    if named and named.is_ambiguous:
        notes.append(Note("guessed", AMBIGUOUS, 1, name))
    if not (named and named.subject):
        notes.append(Note("remark", assemble.NO_SUBJECT, 1, name))
    # A device is not a person: without a subject, every file is its own.
    subject = (named.subject if named else "") or name
    made: list[Recording] = []
    labelled = np.zeros(len(rows), bool)
    for part in [Labelled(named.label)] if named else stated:
        end = len(document.values) if part.last is None else part.last + 1
        bounds = (min(part.first, len(document.values)), min(end, len(document.values)))
        chosen = slice(*np.searchsorted(rows, bounds).tolist())
        labelled[chosen] = True
        made += _labelled(document, name, units, rows[chosen], part.label, subject, notes)
    if not labelled.all():
        notes.append(Note("dropped", "rows without a label", int((~labelled).sum()), name))
    return made


def _labelled(
    document: Document,
    name: str,
    units: assemble.Units,
    rows: Indices,
    label: str,
    subject: str,
    notes: list[Note],
) -> list[Recording]:
    """Return the recordings of some rows of a document."""
    if len(rows) < 2:
        notes.append(Note("dropped", "recordings without two samples", 1, name))
        return []
    rate = document.rate_millihertz / 1000
    stream = Stream(rows / rate, document.values[rows], rows)
    found = timeline.uniform([stream], rate)
    notes += assemble.bridged_notes(found, name)
    notes += assemble.alone_notes(stream, found, name)
    return [
        Recording(
            counts=units.counts(stretch.values, document.axes),
            axes=document.axes,
            rate_millihertz=document.rate_millihertz,
            label=label,
            subject=subject,
            source=f"{name}, rows {stretch.index[0]} to {stretch.index[-1]}",
            board=document.device,
            take=name,
        )
        for stretch in found
    ]
