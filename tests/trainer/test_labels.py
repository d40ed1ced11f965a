from dataclasses import replace

import numpy as np
import pytest
from made_up import a_dataset, a_recording

from trainer import labels
from trainer.errors import HarmcuError, UnknownNameError
from trainer.recording import Dataset, Interval, LabelledStream


def three() -> Dataset:
    dataset = a_dataset(["a", "b", "c"])
    jump = a_recording(label="jump", subject="a", axes=("ax", "ay", "az"))
    return Dataset(
        "generated", (*dataset.recordings, jump), ("walk", "sit", "jump"), "0" * 64, (), 128, 64
    )


def test_the_order_of_the_scores_is_the_data_set_s() -> None:
    stream = LabelledStream(np.zeros((9, 6), np.int16), 50_000, "a", (), "one")
    chosen = labels.only(replace(three(), streams=(stream,)), ["sit", "walk"])
    assert chosen.labels == ("walk", "sit")
    assert {recording.label for recording in chosen.recordings} == {"walk", "sit"}
    assert chosen.streams == (stream,)
    assert labels.only(three(), ["sit", "walk"]).streams == ()


def test_all_of_them_change_nothing() -> None:
    dataset = three()
    assert labels.only(dataset, ()) is dataset
    assert labels.only(dataset, ("jump", "walk", "sit")) is dataset


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(UnknownNameError, match="unknown label 'Wlak'; did you mean 'walk'"):
        labels.only(three(), ["Wlak", "sit"])
    with pytest.raises(HarmcuError, match="name two or more"):
        labels.only(three(), ["walk"])


def test_other_movement_is_all_that_no_known_interval_holds() -> None:
    counts = np.zeros((100, 6), np.int16)
    counts[:, 0] = np.arange(100)
    intervals = (Interval("walk", 10, 19), Interval("jump", 30, 39), Interval("sit", 40, 89))
    stream = LabelledStream(counts, 50_000, "a", intervals, "one")
    found = labels.other_movement([stream], ("walk", "sit"))
    assert [r.counts[[0, -1], 0].tolist() for r in found] == [[0, 9], [20, 39], [90, 99]]
    assert {(r.label, r.subject, r.rate_millihertz) for r in found} == {("", "a", 50_000)}
    whole = LabelledStream(counts, 50_000, "a", (Interval("walk", 0, 99),), "two")
    assert labels.other_movement([whole], ("walk", "sit")) == []
