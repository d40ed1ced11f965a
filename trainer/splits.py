"""Splits by subject: nobody who trains a model also tests it.

Windows of one person resemble one another, and overlapping ones share samples; a random split of
windows flatters by 10 points and more (arXiv 1904.02666).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from trainer.errors import HarmcuError
from trainer.recording import Dataset, Recording
from trainer.spec import Split

TEST_SHARE = 0.3
"""Subjects held out where the data set has no split of its own: as in UCI HAR, 9 of 30."""

VALIDATION_SHARE = 0.15
"""Subjects of the rest that choose the model and never train it."""


def by_subject(dataset: Dataset, seed: int) -> Split:
    """Divide the subjects into those who train, choose and test the model.

    The test subjects are the data set's own or, without such, a fixed draw from the subjects'
    names. They do not depend on ``seed``, so that models of different seeds can be compared. The
    validation subjects do, and come from the training part.

    Raises:
        HarmcuError: there are fewer than three subjects.
    """
    subjects = sorted({recording.subject for recording in dataset.recordings}, key=natural_order)
    if len(subjects) < 3:
        raise HarmcuError(
            f"{dataset.name} has {len(subjects)} subjects; to train, choose and test a model on "
            "different people takes at least 3"
        )
    test = dataset.official_test_subjects or _draw(subjects, TEST_SHARE, dataset.name)
    rest = [subject for subject in subjects if subject not in test]
    validation = _draw(rest, VALIDATION_SHARE, f"{dataset.name}/{seed}")
    return Split(
        name="official" if dataset.official_test_subjects else "subjects held out",
        train=tuple(subject for subject in rest if subject not in validation),
        validation=validation,
        test=tuple(sorted(test, key=natural_order)),
    )


def of_subjects(recordings: Iterable[Recording], subjects: Sequence[str]) -> tuple[Recording, ...]:
    """Return the recordings of ``subjects``, in their order in the data set."""
    return tuple(recording for recording in recordings if recording.subject in subjects)


def _draw(subjects: Sequence[str], share: float, salt: str) -> tuple[str, ...]:
    """Return ``share`` of the subjects, at least one: those whose salted digests are smallest.

    A digest depends on no library's random generator, so the draw is the same for ever.
    """
    count = max(1, round(share * len(subjects)))
    ranked = sorted(subjects, key=lambda s: hashlib.sha256(f"{salt}/{s}".encode()).digest())
    return tuple(sorted(ranked[:count], key=natural_order))


def natural_order(subject: str) -> tuple[bool, int, str]:
    """Return a key that sorts 2 before 10, and numbers before names."""
    is_number = subject.isdecimal()
    return (not is_number, int(subject) if is_number else 0, subject)
