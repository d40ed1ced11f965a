"""Any data set to harmcu's own recordings, or to Edge Impulse's documents."""

from __future__ import annotations

from pathlib import Path

from trainer import folder, recording_file
from trainer.errors import HarmcuError
from trainer.progress import Progress, silent
from trainer.reading import edge_impulse
from trainer.recording import Dataset


def to_recordings(dataset: Dataset, out: Path, progress: Progress = silent) -> int:
    """Write a data set as ``SUBJECT/LABEL.NNN.rec`` files.

    Returns:
        how many files were written.

    Raises:
        HarmcuError: ``out`` is not empty or cannot be written.
    """
    folder.check_free(out, ())
    names = recording_file.names_of(dataset.recordings)
    for number, (name, recording) in enumerate(zip(names, dataset.recordings, strict=True)):
        progress("write", number, len(names), {})
        recording_file.write(out / name, recording)
    progress("write", len(names), len(names), {})
    return len(names)


def to_edge_impulse(
    dataset: Dataset, out: Path, form: str = "json", progress: Progress = silent
) -> int:
    """Write a data set as documents ``LABEL.NNN.json`` or ``.cbor``.

    The published test subjects, where there are such, go into a folder ``testing`` and the others
    into ``training``.

    Returns:
        how many files were written.

    Raises:
        HarmcuError: ``out`` is not empty or cannot be written.
    """
    folder.check_free(out, ())
    seen: dict[str, int] = {}
    total = len(dataset.recordings)
    for number, recording in enumerate(dataset.recordings):
        progress("write", number, total, {})
        test = recording.subject in dataset.official_test_subjects
        part = ("testing" if test else "training") if dataset.official_test_subjects else ""
        label = recording_file.safe(recording.label) or "unknown"
        stem = f"{part}/{label}".lower()
        seen[stem] = seen.get(stem, 0) + 1
        file = out / part / f"{label}.{seen[stem]:03}.{form}"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(edge_impulse.export(recording, form))
        except OSError as error:
            raise HarmcuError(
                f"{file}: {error.strerror}; choose a folder you can write to"
            ) from None
    progress("write", total, total, {})
    return total
