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
    names = recording_file.names_of(dataset.recordings)
    with folder.filled(out) as fresh:
        for number, (name, recording) in enumerate(zip(names, dataset.recordings, strict=True)):
            progress("write", number, len(names), {})
            recording_file.write(fresh / name, recording)
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
        HarmcuError: ``out`` is not empty or cannot be written, or two labels would be one.
    """
    total = len(dataset.recordings)
    _check_distinct(dataset)
    names = _document_names(dataset, form)
    with folder.filled(out) as fresh:
        for number, (name, recording) in enumerate(zip(names, dataset.recordings, strict=True)):
            progress("write", number, total, {})
            _write(fresh / name, edge_impulse.export(recording, form))
    progress("write", total, total, {})
    return total


def renamed_labels(dataset: Dataset) -> dict[str, str]:
    """Return what labels are called that a file's name cannot hold as they are."""
    names = {label: _document_label(label) for label in dataset.labels}
    return {label: name for label, name in names.items() if label != name}


def _check_distinct(dataset: Dataset) -> None:
    labels: dict[str, str] = {}
    for label in dataset.labels:
        name = _document_label(label).lower()
        if name in labels:
            raise HarmcuError(
                f"the labels {labels[name]!r} and {label!r} would both be {name!r} in a file's "
                "name; rename one"
            )
        labels[name] = label


def _document_label(label: str) -> str:
    return recording_file.safe(label) or "unknown"


def _document_names(dataset: Dataset, form: str) -> list[str]:
    seen: dict[str, int] = {}
    names = []
    for recording in dataset.recordings:
        test = recording.subject in dataset.official_test_subjects
        part = ("testing/" if test else "training/") if dataset.official_test_subjects else ""
        stem = f"{part}{_document_label(recording.label)}"
        seen[stem.lower()] = number = seen.get(stem.lower(), 0) + 1
        names.append(f"{stem}.{number:03}.{form}")
    return names


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise HarmcuError(f"{file}: {error.strerror}; choose a folder you can write to") from None
