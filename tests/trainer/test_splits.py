import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import a_dataset

from trainer import splits
from trainer.errors import HarmcuError

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
