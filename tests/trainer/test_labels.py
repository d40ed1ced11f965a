import pytest
from made_up import a_dataset, a_recording

from trainer import labels
from trainer.errors import HarmcuError, UnknownNameError
from trainer.recording import Dataset


def three() -> Dataset:
    dataset = a_dataset(["a", "b", "c"])
    jump = a_recording(label="jump", subject="a", axes=("ax", "ay", "az"))
    return Dataset(
        "generated", (*dataset.recordings, jump), ("walk", "sit", "jump"), "0" * 64, (), 128, 64
    )


def test_what_is_left_out_becomes_other_movement() -> None:
    chosen = labels.only(three(), ["sit", "walk"])
    # The order of the scores is the data set's, whatever the user's.
    assert chosen.labels == ("walk", "sit")
    assert {recording.label for recording in chosen.recordings} == {"walk", "sit"}
    assert len(chosen.streams) == 7
    last = chosen.streams[-1]
    assert (last.intervals[0].label, last.counts.shape) == ("jump", (300, 6))
    assert (last.intervals[0].first, last.intervals[0].last) == (0, 299)


def test_all_of_them_change_nothing() -> None:
    dataset = three()
    assert labels.only(dataset, ()) is dataset
    assert labels.only(dataset, ("jump", "walk", "sit")) is dataset


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(UnknownNameError, match="unknown label 'Wlak'; did you mean 'walk'"):
        labels.only(three(), ["Wlak", "sit"])
    with pytest.raises(HarmcuError, match="name two or more"):
        labels.only(three(), ["walk"])
