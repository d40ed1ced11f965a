"""Splits: nobody who trains a model also tests it.

Windows of one person resemble one another, and overlapping ones share samples; a random split of
windows flatters by 10 points and more (arXiv 1904.02666). Where a data set names too few people,
whole recordings take their place, and where there are too few of those, blocks of a recording with
a gap of a window between them. ``divide`` decides which; the report says it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from trainer.errors import HarmcuError
from trainer.recording import Dataset, Recording, Unit
from trainer.spec import Split

TEST_SHARE = 0.3
"""Subjects held out where the data set has no split of its own: as in UCI HAR, 9 of 30."""

VALIDATION_SHARE = 0.15
"""Subjects of the rest that choose the model and never train it."""

LEAVE_ONE_OUT = "loso"
"""As many folds as subjects: leave one subject out."""

DRAWS = 100
"""Draws of subjects to look through for one that leaves no label without a part."""

_BLOCKS = {"training block": 0.6, "validation block": 0.15, "test block": 0.25}
"""Shares of a recording, in the order of time, where there is nothing larger to divide."""

BLOCK_STEP = 16
LEAST_BLOCK_WINDOW = 48

_NAMES = {
    "subject": "subjects held out",
    "recording": "recordings held out",
    "block": "blocks within recordings",
}

Labels = Mapping[str, frozenset[str]]
"""The labels of every subject."""

Key = TypeVar("Key")


def divide(dataset: Dataset, gap_seconds: float) -> Dataset:
    """Return the data set with a subject for each of what a split has to keep together.

    People, where at least 3 of them were recorded, or 2 beside those of an official test part. Else
    recordings, where every label has as many. Else blocks of the recordings of each subject and
    label, ``gap_seconds`` apart.

    Args:
        dataset: as loaded; its official test part stays as it is. Its ``streams`` are of people,
            and go where recordings or blocks take their place.
        gap_seconds: a window, so that no two windows of different blocks share a sample.
    """
    test = dataset.official_test_subjects
    needed = 2 if test else 3
    rest = [r for r in dataset.recordings if r.subject not in test]
    labels_of = _labels_of(rest)
    if _is_enough(labels_of, needed):
        unit: Unit = "recording" if _one_label_each(labels_of) else "subject"
        streams = dataset.streams if unit == "subject" else ()
        return dataclasses.replace(dataset, unit=unit, streams=streams)
    recordings = [
        r
        if r.subject in test
        else dataclasses.replace(r, subject=f"{r.subject}, {r.take or f'recording {n}'}")
        for n, r in enumerate(dataset.recordings, start=1)
    ]
    if _is_enough(_labels_of(r for r in recordings if r.subject not in test), needed):
        return dataclasses.replace(
            dataset, recordings=tuple(recordings), unit="recording", streams=()
        )
    whole = [r for r in dataset.recordings if r.subject in test]
    blocks = _blocks(rest, gap_seconds, with_test=not test)
    return dataclasses.replace(dataset, recordings=(*blocks, *whole), unit="block", streams=())


def block_window(dataset: Dataset, window: int) -> int:
    """Return the longest window, at most ``window``, of which two fit into every block.

    Args:
        dataset: before ``divide``, of one rate.
        window: the data set's own.

    Returns:
        a multiple of ``BLOCK_STEP``, and no less than ``LEAST_BLOCK_WINDOW``, fit or not.
    """
    samples: Counter[tuple[str, str]] = Counter()
    for recording in dataset.recordings:
        if recording.subject not in dataset.official_test_subjects:
            samples[recording.subject, recording.label] += len(recording.counts)
    # One window more for the gap.
    most = min(_BLOCKS.values()) * min(samples.values()) / 3
    return min(window, max(LEAST_BLOCK_WINDOW, int(most) // BLOCK_STEP * BLOCK_STEP))


def by_subject(dataset: Dataset, seed: int) -> Split:
    """Divide the subjects into those who train, choose and test the model.

    The test subjects are the data set's own or, without such, a fixed draw from the subjects'
    names. They do not depend on ``seed``, so that models of different seeds can be compared. The
    validation subjects do, and come from the training part. Where every subject has one label, as
    takes have, each label is drawn from by itself.

    Args:
        dataset: from ``divide``.
        seed: of the choice of validation subjects.

    Raises:
        HarmcuError: there are fewer than three subjects.
    """
    subjects = _subjects(dataset)
    if dataset.unit == "block":
        return _by_block(dataset, subjects)
    if len(subjects) < 3:
        raise HarmcuError(
            f"{dataset.name} has {len(subjects)} subjects; to train, choose and test a model on "
            "different people takes at least 3"
        )
    labels_of = _labels_of(dataset.recordings)
    test = dataset.official_test_subjects or _draw(subjects, TEST_SHARE, dataset.name, labels_of)
    name = "official" if dataset.official_test_subjects else _NAMES[dataset.unit]
    return _with_validation(dataset, seed, test, name)


def folds(dataset: Dataset, count: int | None, seed: int) -> list[Split]:
    """Divide the subjects into folds, each of which is the test part once.

    Which subjects share a fold depends on their names alone, and not on ``seed``.

    Args:
        dataset: from ``divide``, without an official test part.
        count: of folds; None: leave one subject out.
        seed: of the choice of validation subjects, from the other folds.

    Raises:
        HarmcuError: there are too few subjects.
    """
    subjects = _subjects(dataset)
    labels_of = _labels_of(dataset.recordings)
    if dataset.unit == "block" or (count is None and dataset.unit != "subject"):
        raise HarmcuError(
            f"{dataset.name} names too few people to leave one out or make folds of them; record "
            "more, or name them with --names"
            + ("" if dataset.unit == "block" else ", or make folds of its takes with --folds 5")
        )
    count = len(subjects) if count is None else count
    groups = _by_labels(subjects, labels_of) if _one_label_each(labels_of) else [subjects]
    fewest = min(len(group) for group in groups)
    if not 2 <= count <= fewest:
        raise HarmcuError(f"{count} folds of {fewest} {dataset.unit}s; choose 2 to {fewest}")
    members: list[list[str]] = [[] for _ in range(count)]
    for group in groups:
        for place, subject in enumerate(_ranked(group, f"{dataset.name}/folds")):
            members[place % count].append(subject)
    return [
        _with_validation(dataset, seed, tuple(fold), f"fold {number} of {count}, by {dataset.unit}")
        for number, fold in enumerate(members, start=1)
    ]


def of_subjects(recordings: Iterable[Recording], subjects: Sequence[str]) -> tuple[Recording, ...]:
    """Return the recordings of ``subjects``, in their order in the data set."""
    return tuple(recording for recording in recordings if recording.subject in subjects)


def natural_order(subject: str) -> tuple[bool, int, str, str]:
    """Return a key that sorts 2 before 10, and numbers before names."""
    # By length first: a number of five thousand digits is no int.
    digits = subject.lstrip("0") if subject.isdecimal() else ""
    return (not subject.isdecimal(), len(digits), digits, subject)


def _subjects(dataset: Dataset) -> list[str]:
    return sorted({recording.subject for recording in dataset.recordings}, key=natural_order)


def _labels_of(recordings: Iterable[Recording]) -> dict[str, frozenset[str]]:
    labels: dict[str, frozenset[str]] = {}
    for recording in recordings:
        labels[recording.subject] = labels.get(recording.subject, frozenset()) | {recording.label}
    return labels


def _one_label_each(labels_of: Labels) -> bool:
    """Tell whether subjects are takes: then a draw that ignored labels would lose some."""
    return len(set(labels_of.values())) > 1 and all(len(have) == 1 for have in labels_of.values())


def _by_labels(subjects: Sequence[str], labels_of: Labels) -> list[list[str]]:
    groups: dict[frozenset[str], list[str]] = {}
    for subject in subjects:
        groups.setdefault(labels_of[subject], []).append(subject)
    return list(groups.values())


def _is_enough(labels_of: Labels, needed: int) -> bool:
    """Tell whether every part of a split gets one subject, and of takes one for each label."""
    if _one_label_each(labels_of):
        return min(map(len, _by_labels(list(labels_of), labels_of))) >= needed
    return len(labels_of) >= needed


def _with_validation(dataset: Dataset, seed: int, test: Sequence[str], name: str) -> Split:
    rest = [subject for subject in _subjects(dataset) if subject not in test]
    labels_of = {s: have for s, have in _labels_of(dataset.recordings).items() if s in rest}
    validation = _draw(rest, VALIDATION_SHARE, f"{dataset.name}/{seed}", labels_of)
    return Split(
        name=name,
        train=tuple(subject for subject in rest if subject not in validation),
        validation=validation,
        test=tuple(sorted(test, key=natural_order)),
    )


def _draw(subjects: Sequence[str], share: float, salt: str, labels_of: Labels) -> tuple[str, ...]:
    """Return ``share`` of the subjects, at least one: those whose salted digests are smallest.

    A digest depends on no library's random generator, so the draw is the same for ever. When it
    takes the last of a label, or none of it, other salts are tried.
    """
    if _one_label_each(labels_of):
        groups = _by_labels(subjects, labels_of)
        of_all = [s for group in groups for s in _smallest(group, share, salt)]
        return tuple(sorted(of_all, key=natural_order))
    best = _smallest(subjects, share, salt)
    for number in range(1, DRAWS):
        if _lost(subjects, best, labels_of) == (0, 0):
            break
        other = _smallest(subjects, share, f"{salt}/{number}")
        best = min(best, other, key=lambda each: _lost(subjects, each, labels_of))
    return best


def _lost(subjects: Sequence[str], drawn: Sequence[str], labels_of: Labels) -> tuple[int, int]:
    """Return how many labels the rest has lost, and how many were not drawn."""
    rest = [labels_of[subject] for subject in subjects if subject not in drawn]
    labels = frozenset().union(*labels_of.values())
    left, taken = frozenset().union(*rest), frozenset().union(*(labels_of[s] for s in drawn))
    return len(labels - left), len(labels - taken)


def _smallest(subjects: Sequence[str], share: float, salt: str) -> tuple[str, ...]:
    count = max(1, round(share * len(subjects)))
    return tuple(sorted(_ranked(subjects, salt)[:count], key=natural_order))


def _ranked(subjects: Sequence[str], salt: str) -> list[str]:
    return sorted(subjects, key=lambda s: hashlib.sha256(f"{salt}/{s}".encode()).digest())


def _by_block(dataset: Dataset, subjects: Sequence[str]) -> Split:
    def of(block: str) -> tuple[str, ...]:
        return tuple(subject for subject in subjects if subject.endswith(f": {block}"))

    training, validation, test = (of(block) for block in _BLOCKS)
    name = _NAMES["block"]
    if dataset.official_test_subjects:
        return Split("official", training, validation, dataset.official_test_subjects)
    return Split(name, training, validation, test)


def _blocks(
    recordings: Sequence[Recording], gap_seconds: float, with_test: bool
) -> list[Recording]:
    """Cut what each subject did under each label into blocks, in the order of time."""
    shares = {name: share for name, share in _BLOCKS.items() if with_test or "test" not in name}
    groups: dict[tuple[str, str], list[Recording]] = {}
    for recording in recordings:
        groups.setdefault((recording.subject, recording.label), []).append(recording)
    blocks: list[Recording] = []
    for group in groups.values():
        total, end, position = sum(len(r.counts) for r in group), 0.0, 0
        bounds = []
        for name, share in shares.items():
            begin, end = end, end + share / sum(shares.values()) * total
            bounds.append((name, round(begin), round(end)))
        for recording in group:
            gap = math.ceil(round(gap_seconds * recording.rate_millihertz / 1000, 6))
            for name, begin, finish in bounds:
                # The gap is taken from the earlier of two blocks.
                finish -= gap if finish < total else 0
                first, last = (
                    max(0, begin - position),
                    min(len(recording.counts), finish - position),
                )
                if first < last:
                    blocks.append(_piece(recording, first, last, name))
            position += len(recording.counts)
    return blocks


def _piece(recording: Recording, first: int, last: int, block: str) -> Recording:
    rows = recording.rows
    if rows is not None:
        # Rows were read at other times than the counts' grid; the gap is wider than the difference.
        of_count = len(rows) / len(recording.counts)
        rows = rows[round(first * of_count) : round(last * of_count)]
    return dataclasses.replace(
        recording,
        counts=recording.counts[first:last],
        rows=rows,
        subject=f"{recording.subject}: {block}",
        source=f"{recording.source}, samples {first} to {last - 1}",
    )
