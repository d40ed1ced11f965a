import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import a_recording

from trainer import datasets, leaks, pipeline
from trainer.errors import HarmcuError
from trainer.pipeline import TrainRequest
from trainer.reading import options
from trainer.recording import AXES, Dataset, Recording


def part_of(recording: Recording, first: int, last: int, name: str = "copy") -> Recording:
    return dataclasses.replace(recording, counts=recording.counts[first:last], source=name)


def test_different_recordings_share_nothing() -> None:
    leaks.check({"training": [a_recording(seed=1)], "test": [a_recording(seed=2)]})


def test_a_copied_stretch_is_found_with_its_rows() -> None:
    original, other = a_recording(300, seed=1), a_recording(100, seed=2)
    mixed = dataclasses.replace(
        other, counts=np.concatenate([other.counts, original.counts[120:180]]), source="mixed"
    )
    (leak,) = leaks.find({"training": [other_than(original), original], "test": [mixed]})
    assert (leak.samples, leak.rows.tolist(), leak.other_row) == (60, [100, 101, 102], 120)
    assert leak.other is original
    with pytest.raises(HarmcuError) as caught:
        leaks.check({"training": [original], "test": [mixed]})
    assert str(caught.value).startswith(
        "60 samples of the test part are also in the training part: 60 samples of mixed (rows 100, "
        "101, 102, ...)"
    )
    assert "the first of them row 120 of generated 1; remove one" in str(caught.value)


def other_than(recording: Recording) -> Recording:
    return dataclasses.replace(a_recording(77, seed=9), label=recording.label)


def test_every_pair_of_parts_is_compared() -> None:
    recording = a_recording(200)
    parts = {"training": [a_recording(seed=5)], "validation": [recording], "test": [recording]}
    (leak,) = leaks.find(parts)
    assert (leak.part, leak.other_part, leak.samples) == ("test", "validation", 200)


def test_a_still_board_repeats_itself_by_chance() -> None:
    still = Recording(np.full((500, 3), 100, np.int16), AXES[:3], 50_000, "idle", "1", "still")
    leaks.check({"training": [still], "test": [still]})


def test_few_samples_in_a_row_are_no_leak() -> None:
    recording = a_recording(100)
    short = part_of(recording, 10, 10 + leaks.RUN - 1)
    leaks.check({"training": [recording], "test": [short]})
    with pytest.raises(HarmcuError, match="8 samples"):
        leaks.check({"training": [recording], "test": [part_of(recording, 10, 10 + leaks.RUN)]})


@given(st.integers(0, 291), st.integers(8, 100))
def test_any_stretch_is_found_whole(first: int, length: int) -> None:
    recording = a_recording(300)
    copy = part_of(recording, first, first + length)
    (leak,) = leaks.find({"training": [recording], "test": [copy]})
    assert leak.samples == len(copy.counts)
    assert leak.other_row == first


def test_the_shortest_stretch_is_found_wherever_it_lies() -> None:
    recording = a_recording(60)
    for first in range(60 - leaks.RUN + 1):
        copy = part_of(recording, first, first + leaks.RUN)
        (leak,) = leaks.find({"training": [recording], "test": [copy]})
        assert (leak.samples, leak.other_row) == (leaks.RUN, first)


def test_the_published_thapliyal_overlap(nano33: Path) -> None:
    """3,149 of 4,284 test rows of walking are in the training file, says a plain comparison."""
    dataset = datasets.load(
        "csv", nano33 / "thapliyal-activity", options.parse(names="{label}_{part}")
    )
    test = [r for r in dataset.recordings if r.subject in dataset.official_test_subjects]
    train = [r for r in dataset.recordings if r.subject not in dataset.official_test_subjects]
    walking = [r for r in test if r.label == "Walking"]
    found = leaks.find({"training": train, "test": walking})
    assert sum(leak.samples for leak in found) == 3149
    assert all(leak.other.source.startswith("Walking_train.csv") for leak in found)
    with pytest.raises(HarmcuError, match=r"are also in the training part: .*Clapping_test"):
        leaks.check({"training": train, "test": test})


def test_the_fall_recordings_of_safesteps_overlap(nano33: Path) -> None:
    folder = nano33 / "safesteps-fall"
    recordings = datasets.load("csv", folder, options.parse(rate=119)).recordings
    long = [r for r in recordings if "/fall.csv" in r.source]
    short = [r for r in recordings if "/fall_" in r.source]
    assert sum(leak.samples for leak in leaks.find({"training": long, "test": short})) > 1500


@pytest.mark.parametrize("folder", ["lindholdt-gestures", "polanco-magic-wand"])
def test_takes_of_one_person_are_no_leak(nano33: Path, folder: str) -> None:
    recordings = datasets.load("csv", nano33 / folder, options.parse(rate=119)).recordings
    leaks.check({"training": recordings[::2], "test": recordings[1::2]})


def test_training_refuses_a_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = tuple(a_recording(400, subject=str(s), seed=s) for s in range(1, 5))
    copied = dataclasses.replace(recordings[0], subject="9", source="copied")
    dataset = Dataset(
        "generated", (*recordings, copied), ("walk", "rest"), "0" * 64, ("9",), 128, 64
    )
    monkeypatch.setattr(datasets, "names", lambda: ("generated",))
    monkeypatch.setattr(datasets, "load", lambda *_: dataset)
    with pytest.raises(HarmcuError, match="400 samples of copied"):
        pipeline.train(TrainRequest("generated", tmp_path / "bundle"))
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(("different", "leaks_found"), [(3, 0), (4, 1)])
def test_samples_that_repeat_themselves_are_no_leak(different: int, leaks_found: int) -> None:
    counts = np.resize(a_recording(different).counts, (40, 6)).astype(np.int16)
    original = dataclasses.replace(a_recording(40), counts=counts)
    copy = part_of(original, 0, 40)
    assert len(leaks.find({"training": [original], "test": [copy]})) == leaks_found


def test_parts_of_nothing_and_of_less_than_a_run_share_nothing() -> None:
    recording = a_recording(100)
    short = part_of(recording, 0, leaks.RUN - 1)
    for training in ([], [short]):
        assert leaks.find({"training": training, "test": [recording]}) == []
    assert leaks.find({"training": [recording], "test": [short]}) == []
    assert len(leaks.runs(leaks.row_digests(recording.counts)[: leaks.RUN - 2])) == 0
    assert len(leaks.runs(leaks.row_digests(recording.counts)[: leaks.RUN])) == 1
