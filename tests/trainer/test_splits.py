import itertools
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import a_dataset, a_recording

from trainer import splits
from trainer.errors import HarmcuError
from trainer.recording import Counts, Dataset

NAMES = st.lists(
    st.text("abcdefgh0123456789", min_size=1, max_size=4), min_size=3, max_size=40, unique=True
)


@given(subjects=NAMES, seed=st.integers(0, 2**32 - 1))
def test_every_subject_is_on_one_side(subjects: list[str], seed: int) -> None:
    split = splits.by_subject(a_dataset(subjects), seed)
    sides = [*split.train, *split.validation, *split.test]
    assert sorted(sides) == sorted(subjects)
    assert split.train
    assert split.validation
    assert split.test


@given(subjects=NAMES, order=st.randoms(), seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_test_subjects_depend_on_names_alone(
    subjects: list[str], order: random.Random, seeds: tuple[int, int]
) -> None:
    shuffled = list(subjects)
    order.shuffle(shuffled)
    first = splits.by_subject(a_dataset(subjects), seeds[0])
    second = splits.by_subject(a_dataset(shuffled), seeds[1])
    assert first.test == second.test
    assert splits.by_subject(a_dataset(shuffled), seeds[0]) == first


def test_the_draw_is_the_same_for_ever() -> None:
    # Written down when it was first drawn: a change would make models incomparable.
    split = splits.by_subject(a_dataset([str(n) for n in range(1, 11)]), seed=1)
    assert (split.train, split.validation, split.test) == (
        ("1", "2", "3", "5", "6", "8"),
        ("7",),
        ("4", "9", "10"),
    )


def test_validation_follows_the_seed() -> None:
    dataset = a_dataset([str(n) for n in range(20)])
    assert len({splits.by_subject(dataset, seed).validation for seed in range(10)}) > 5


def test_numbers_come_in_their_order_and_before_names() -> None:
    names = ["10", "2", "b", "0", "7" * 5000, "007", "a", "30"]
    ordered = ["0", "2", "007", "10", "30", "7" * 5000, "a", "b"]
    assert sorted(names, key=splits.natural_order) == ordered


def test_an_official_split_is_kept() -> None:
    split = splits.by_subject(a_dataset(["1", "2", "10", "3"], official=("10", "2")), seed=1)
    assert split.name == "official"
    assert split.test == ("2", "10")
    assert {*split.train, *split.validation} == {"1", "3"}


def test_recordings_follow_their_subjects() -> None:
    dataset = a_dataset(["a", "b", "c"])
    chosen = splits.of_subjects(dataset.recordings, ("c", "a"))
    assert [recording.subject for recording in chosen] == ["a", "a", "c", "c"]


def test_two_people_are_too_few() -> None:
    with pytest.raises(HarmcuError, match=r"2 subjects; .* at least 3"):
        splits.by_subject(a_dataset(["a", "b"]), seed=1)


def takes(*labels: str, samples: int = 300) -> Dataset:
    """A data set without people: every recording is a subject of its own."""
    recordings = tuple(
        a_recording(samples, label, f"take {number}", seed=number)
        for number, label in enumerate(labels)
    )
    return Dataset("takes", recordings, tuple(dict.fromkeys(labels)), "0" * 64, (), 64, 16)


def of_one_person(dataset: Dataset) -> Dataset:
    recordings = tuple(replace(r, subject="anna") for r in dataset.recordings)
    return replace(dataset, recordings=recordings)


def labels_in(dataset: Dataset, subjects: tuple[str, ...]) -> set[str]:
    return {r.label for r in splits.of_subjects(dataset.recordings, subjects)}


@given(
    counts=st.lists(st.integers(3, 9), min_size=2, max_size=6),
    seed=st.integers(0, 2**32 - 1),
    is_named=st.booleans(),
)
def test_takes_of_every_label_are_in_every_part(
    counts: list[int], seed: int, is_named: bool
) -> None:
    labels = [f"label {number}" for number, count in enumerate(counts) for _ in range(count)]
    dataset = of_one_person(takes(*labels)) if is_named else takes(*labels)
    divided = splits.divide(dataset, 1.0)
    assert divided.unit == "recording"
    split = splits.by_subject(divided, seed)
    assert split.name == "recordings held out"
    for part in (split.train, split.validation, split.test):
        assert labels_in(divided, part) == {*labels}
    assert not {*split.train, *split.validation} & {*split.test}
    assert not {*split.train} & {*split.validation}


def test_a_label_of_few_people_is_taught_if_it_can_be() -> None:
    """Ten people, of whom two alone did the third thing: one of them has to train the model."""
    dataset = a_dataset([str(n) for n in range(10)])
    for pair in itertools.combinations(range(10), 2):
        extra = tuple(a_recording(label="jump", subject=str(n), seed=50 + n) for n in pair)
        more = replace(
            dataset, recordings=dataset.recordings + extra, labels=("walk", "sit", "jump")
        )
        divided = splits.divide(more, 1.0)
        split = splits.by_subject(divided, seed=1)
        assert divided.unit == "subject"
        assert "jump" in labels_in(divided, split.train)
        assert "jump" in labels_in(divided, split.test)


@given(
    lengths=st.lists(st.integers(200, 2000), min_size=2, max_size=4),
    pieces=st.integers(1, 2),
    window=st.integers(8, 32),
)
def test_blocks_are_a_window_apart(lengths: list[int], pieces: int, window: int) -> None:
    whole = takes(*(f"label {n}" for n, _ in enumerate(lengths) for _ in range(pieces)))
    recordings = tuple(
        replace(r, counts=numbered(lengths[n // pieces], n)) for n, r in enumerate(whole.recordings)
    )
    divided = splits.divide(replace(whole, recordings=recordings), window / 50)
    assert divided.unit == "block"
    split = splits.by_subject(divided, seed=1)
    assert split.name == "blocks within recordings"
    used: list[tuple[int, int, int]] = []
    for part, subjects in enumerate((split.train, split.validation, split.test)):
        for recording in splits.of_subjects(divided.recordings, subjects):
            which, first = recording.counts[0, :2].tolist()
            assert (np.diff(recording.counts[:, 1]) == 1).all()
            used.append((which, first, part))
            used.append((which, int(recording.counts[-1, 1]), part))
    for one, other in itertools.combinations(used, 2):
        if one[0] == other[0] and one[2] != other[2]:
            assert abs(one[1] - other[1]) > window
    kept = sum(len(r.counts) for r in divided.recordings)
    # Two gaps for each take, and nothing else is lost.
    assert sum(lengths) * pieces - kept <= len(lengths) * pieces * 2 * window


def cut(divided: Dataset) -> list[tuple[str, int, int, int]]:
    """Return the block, the recording, and the first and last sample of every piece."""
    return [
        (r.subject.split(": ")[1], *r.counts[0, :2].tolist(), int(r.counts[-1, 1]))
        for r in divided.recordings
        if ": " in r.subject
    ]


def test_blocks_go_on_over_the_recordings_of_one_person() -> None:
    whole = of_one_person(takes("walk", "walk", "sit"))
    lengths = (600, 400, 100)
    recordings = tuple(
        replace(r, counts=numbered(length, n))
        for n, (r, length) in enumerate(zip(whole.recordings, lengths, strict=True))
    )
    divided = splits.divide(replace(whole, recordings=recordings), 0.2)
    assert cut(divided) == [
        ("training block", 0, 0, 589),
        ("validation block", 1, 0, 139),
        ("test block", 1, 150, 399),
        ("training block", 2, 0, 49),
        ("validation block", 2, 60, 64),
        ("test block", 2, 75, 99),
    ]


def test_blocks_beside_official_test_takes_are_of_two_kinds() -> None:
    whole = takes("walk", "sit", "walk", "sit")
    recordings = tuple(replace(r, counts=numbered(1000, n)) for n, r in enumerate(whole.recordings))
    official = replace(whole, recordings=recordings, official_test_subjects=("take 2", "take 3"))
    divided = splits.divide(official, 0.2)
    assert cut(divided) == [
        (block, take, first, last)
        for take in (0, 1)
        for block, first, last in (("training block", 0, 789), ("validation block", 800, 999))
    ]
    assert [r.subject for r in divided.recordings[4:]] == ["take 2", "take 3"]


def numbered(samples: int, which: int) -> Counts:
    counts = np.zeros((samples, 6), np.int16)
    counts[:, 0], counts[:, 1] = which, np.arange(samples)
    return counts


def test_rows_are_cut_with_their_block() -> None:
    dataset = takes("walk", "sit", samples=1000)
    rows = np.arange(800, dtype=np.uint64)
    recordings = tuple(replace(r, rows=rows) for r in dataset.recordings)
    divided = splits.divide(replace(dataset, recordings=recordings), 1.0)
    first = divided.recordings[0]
    assert first.rows is not None
    assert len(first.rows) == round(len(first.counts) * 0.8)


def test_a_window_of_blocks_fits_twice() -> None:
    dataset = takes("walk", "sit", samples=1000)
    window = splits.block_window(dataset, 300)
    assert window == 48
    divided = splits.divide(dataset, window / 50)
    assert min(len(r.counts) for r in divided.recordings) >= 2 * window
    assert splits.block_window(takes("walk", "sit", samples=100_000), 128) == 128
    # A test block of 2,000 samples holds 300: two windows and a gap of 96, in steps of 16.
    assert splits.block_window(takes("walk", "sit", samples=2000), 300) == 96


def test_an_official_part_of_takes_leaves_the_rest_to_be_divided() -> None:
    dataset = takes(*["walk", "sit"] * 3)
    official = replace(dataset, official_test_subjects=("take 0", "take 1"))
    divided = splits.divide(official, 1.0)
    split = splits.by_subject(divided, seed=1)
    assert (split.name, split.test, divided.unit) == ("official", ("take 0", "take 1"), "recording")
    few = takes("walk", "sit", "walk", "sit", samples=1000)
    divided = splits.divide(replace(few, official_test_subjects=("take 0", "take 1")), 1.0)
    split = splits.by_subject(divided, seed=1)
    assert (split.test, divided.unit) == (("take 0", "take 1"), "block")
    for part in (split.train, split.validation):
        assert labels_in(divided, part) == {"walk", "sit"}


@given(subjects=NAMES, count=st.integers(2, 5), seed=st.integers(0, 99))
def test_every_subject_is_tested_in_one_fold(subjects: list[str], count: int, seed: int) -> None:
    dataset = splits.divide(a_dataset(subjects), 1.0)
    count = min(count, len(subjects))
    folds = splits.folds(dataset, count, seed)
    assert sorted(s for fold in folds for s in fold.test) == sorted(subjects)
    sizes = [len(fold.test) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for fold in folds:
        assert sorted([*fold.train, *fold.validation, *fold.test]) == sorted(subjects)
        assert fold.validation
    assert [f.test for f in folds] == [f.test for f in splits.folds(dataset, count, seed + 1)]


def test_one_subject_is_left_out_at_a_time() -> None:
    folds = splits.folds(splits.divide(a_dataset(["a", "b", "c", "d"]), 1.0), None, 1)
    assert sorted(fold.test for fold in folds) == [("a",), ("b",), ("c",), ("d",)]


def test_folds_of_takes_hold_every_label() -> None:
    dataset = splits.divide(takes(*["walk"] * 5, *["sit"] * 7), 1.0)
    for fold in splits.folds(dataset, 5, 1):
        assert labels_in(dataset, fold.test) == labels_in(dataset, fold.train) == {"walk", "sit"}
    with pytest.raises(HarmcuError, match="6 folds of 5 recordings; choose 2 to 5"):
        splits.folds(dataset, 6, 1)
    with pytest.raises(HarmcuError, match=r"names too few people .* --folds 5"):
        splits.folds(dataset, None, 1)
    with pytest.raises(HarmcuError, match=r"names too few people"):
        splits.folds(splits.divide(takes("walk", "sit", samples=1000), 1.0), 2, 1)


def test_what_a_gap_parted_stays_together() -> None:
    """Each take of one person lost a sample twice: three recordings, and still one take."""
    whole = takes(*(f"label {n % 2}" for n in range(24)))
    recordings = tuple(
        replace(r, subject="anna", take=f"anna/label {n % 2}.{n // 6:03}.rec")
        for n, r in enumerate(whole.recordings)
    )
    divided = splits.divide(replace(whole, recordings=recordings), 0.1)
    assert divided.unit == "recording"
    split = splits.by_subject(divided, seed=1)
    parts = (split.train, split.validation, split.test)
    for take in {r.take for r in recordings}:
        pieces = [r for r in divided.recordings if r.take == take]
        assert len(pieces) == 3
        assert sum(any(r.subject in part for r in pieces) for part in parts) == 1
        assert len({r.subject for r in pieces}) == 1
