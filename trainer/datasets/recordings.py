"""``recordings``: harmcu's own format, which capturing and converting write.

See docs/recordings.md.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from trainer import recording_file
from trainer.errors import HarmcuError
from trainer.reading import assemble, files
from trainer.recording import Dataset, Note, Recording


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
    for name, content in files.members(path, lambda n: n.endswith(recording_file.SUFFIX)):
        contents = recording_file.read(content, name)
        made = [r for r in recording_file.recordings(contents, name) if len(r.counts) > 1]
        recordings += made
        notes += contents.notes
        digests[name] = hashlib.sha256(content).hexdigest()
        if not made:
            notes.append(Note("dropped", "recordings without two samples", 1, name))
    if not recordings:
        raise HarmcuError(
            f"{path}: holds no {recording_file.SUFFIX} recording with samples; check the path"
        )
    return assemble.dataset("recordings", recordings, digests, notes)
