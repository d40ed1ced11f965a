"""Recordings told apart by what they hold, whatever their files and folders are called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from trainer.recording import Recording


def sha256(recordings: Sequence[Recording]) -> str:
    """Return one SHA-256 over the counts of recordings, their labels, subjects, axes and rates."""
    whole = hashlib.sha256()
    for recording in recordings:
        facts = [recording.label, recording.subject, recording.axes, recording.rate_millihertz]
        counts = hashlib.sha256(recording.counts.astype("<i2").tobytes()).hexdigest()
        whole.update(f"{json.dumps(facts)} {counts}\n".encode())
    return whole.hexdigest()
