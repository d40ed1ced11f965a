"""``recordings``: harmcu's own format, which capturing and converting write.

See docs/recordings.md.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from trainer import leaks, recording_file, resample
from trainer.errors import HarmcuError
from trainer.reading import assemble, files
from trainer.recording import Dataset, Note, Recording, six_axes
from trainer.recording_file import Contents

RATE_TOLERANCE = 0.01
"""A measured rate this far from the nominal one changes nothing that a model could see."""

RATE_LIMIT = 0.2
"""Beyond it the header is wrong, and nobody knows what else is."""

OTHERS = (".csv", ".tsv", ".json", ".cbor")
"""Suffixes of what may be recordings, too, which `harmcu data convert` reads."""

CLIPPED_LIMIT = 0.05
"""Share of clipped samples beyond which a recording shows the sensor's range, not a movement."""


def load(path: Path | None = None) -> Dataset:
    """Load one recording, or all in a folder or archive.

    Raises:
        HarmcuError: there is none, or one is not of a known schema.
    """
    if path is None:
        raise HarmcuError("recordings must be named; give a file, folder or archive with --data")
    recordings: list[Recording] = []
    notes: list[Note] = []
    digests: dict[str, str] = {}

    def wanted(name: str) -> bool:
        if name.lower().endswith(OTHERS):
            notes.append(Note("dropped", "files that are no recordings of harmcu", 1, name))
        return name.lower().endswith(recording_file.SUFFIX)

    for name, file in files.opened(path, wanted):
        hashed = _Hashed(file)
        try:
            contents = recording_file.read(hashed, name)
        except recording_file.NoHeaderError:
            # The other recordings are none the worse.
            notes.append(Note("dropped", "recordings that end within their first line", 1, name))
            continue
        digests[name] = hashed.digest()
        notes += contents.notes
        unusable = _unusable(contents, name)
        if unusable is not None:
            notes.append(unusable)
            continue
        made = [r for r in recording_file.recordings(contents, name) if len(r.counts) > 1]
        recordings += _at_nominal_rate(made, contents)
        notes += _notes(made, contents, name)
    if not recordings:
        why = "; ".join(sorted({note.what for note in notes if note.kind == "dropped"}))
        raise HarmcuError(
            f"{path}: holds no {recording_file.SUFFIX} recording with samples"
            f"{f' ({why})' if why else ''}; check the path, record again, or turn other files "
            "into such with `harmcu data convert`"
        )
    return assemble.dataset("recordings", recordings, digests, notes)


class _Hashed:
    """A file whose SHA-256 is computed while it is read, for it may be larger than the memory."""

    def __init__(self, file: files.Member) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def readline(self, size: int, /) -> bytes:
        line = self._file.readline(size)
        self._hash.update(line)
        return line

    def digest(self) -> str:
        """Return the SHA-256 of the whole file, in hexadecimal digits."""
        while chunk := self._file.read(1 << 20):
            self._hash.update(chunk)
        return self._hash.hexdigest()


def _unusable(contents: Contents, name: str) -> Note | None:
    """Return why a recording must not train a model, or None."""
    samples = sum(len(counts) for _, counts in contents.pieces)
    clipped = sum(assemble.beyond_counts(counts) for _, counts in contents.pieces)
    if clipped > CLIPPED_LIMIT * samples:
        return Note("dropped", f"recordings clipped in over {CLIPPED_LIMIT:.0%} of them", 1, name)
    if abs(_deviation(contents)) > RATE_LIMIT:
        what = f"recordings whose measured rate is over {RATE_LIMIT:.0%} off"
        return Note("dropped", what, 1, name)
    return None


def _deviation(contents: Contents) -> float:
    """Return how far the measured rate is from the nominal one, as a share; 0 if not known."""
    measured = _measured_millihertz(contents)
    return measured / contents.header.rate_millihertz - 1.0 if measured else 0.0


def _measured_millihertz(contents: Contents) -> int:
    """Return the rate of the end line; 0 where there is none that can be one."""
    stated: object = (contents.end or {}).get("measured_rate_hz")
    if not isinstance(stated, int | float) or isinstance(stated, bool):
        return 0
    return round(stated * 1000) if 0.1 <= stated <= 100_000 else 0


def _at_nominal_rate(made: Iterable[Recording], contents: Contents) -> Iterator[Recording]:
    """Bring recordings whose rate was off to the nominal one, as the board's resampler does."""
    if abs(_deviation(contents)) <= RATE_TOLERANCE:
        yield from made
        return
    table = resample.design(_measured_millihertz(contents), contents.header.rate_millihertz)
    for recording in made:
        rows = leaks.row_digests(six_axes(recording))
        counts = resample.resample(recording.counts, table)
        yield dataclasses.replace(recording, counts=counts, rows=rows)


def _notes(made: list[Recording], contents: Contents, name: str) -> Iterator[Note]:
    if not made:
        yield Note("dropped", "recordings without two samples", 1, name)
    if abs(_deviation(contents)) > RATE_TOLERANCE:
        what = f"recordings measured over {RATE_TOLERANCE:.0%} off their rate, brought to it"
        yield Note("repaired", what, 1, name)
    clipped = sum(assemble.beyond_counts(recording.counts) for recording in made)
    if clipped:
        yield Note("remark", "clipped samples", clipped, name)
    if contents.marks:
        yield Note("remark", "marks", len(contents.marks), name)
