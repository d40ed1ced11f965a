import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.reading import timeline
from trainer.reading.timeline import Stream


def stream(seconds: list[float] | np.ndarray, columns: int = 2) -> Stream:
    """Rows whose values are their times, so that interpolation can be checked."""
    times = np.asarray(seconds, np.float64)
    return Stream(times, np.repeat(times[:, None], columns, axis=1), np.arange(len(times)))


def test_a_uniform_stream_stays_as_it_is() -> None:
    times = 12.34 + np.arange(500) / 50
    (found,) = timeline.uniform([stream(times)], 50.0)
    np.testing.assert_allclose(found.values[:, 0], times, atol=1e-9)
    assert (found.bridged, len(found.index)) == (0, 500)


def test_the_usual_step_ignores_missing_rows_and_whole_milliseconds() -> None:
    # 119 Hz in whole milliseconds, every seventh row lost.
    times = np.round(np.arange(1000) / 119 * 1000)
    times = np.delete(times, np.arange(0, 1000, 7))
    assert timeline.usual_step(times) == pytest.approx(1000 / 119, rel=2e-3)


def test_gaps_and_steps_backwards_split() -> None:
    times = np.concatenate([np.arange(100) / 50, 5 + np.arange(60) / 50, 1 + np.arange(30) / 50])
    found = timeline.uniform([stream(times)], 50.0)
    assert [len(each.values) for each in found] == [100, 60, 30]
    assert [int(each.index[0]) for each in found] == [0, 100, 160]


def test_bursts_of_two_sensors_are_joined_one_to_one() -> None:
    """A logger that wakes once a second: as many stretches as seconds, in each of two files."""
    times = (np.arange(2000)[:, None] + np.arange(3) / 50).ravel()
    found = timeline.uniform([stream(times), stream(times + 0.001)], 50.0)
    assert len(found) == 2000
    assert [int(each.index[0]) for each in found[:3]] == [1, 4, 7]


def test_a_short_loss_is_bridged_and_counted() -> None:
    times = np.delete(np.arange(100) / 50, [40, 41])
    (found,) = timeline.uniform([stream(times)], 50.0)
    assert (len(found.values), found.bridged) == (100, 2)
    np.testing.assert_allclose(found.values[:, 0], np.arange(100) / 50, atol=1e-9)


def test_two_rows_far_apart_are_no_stretch() -> None:
    assert timeline.uniform([stream([0.0, 600.0])], 50.0) == []
    assert timeline.uniform([stream([0.0, 1e12])], 50.0) == []
    (found,) = timeline.uniform([stream([0.0, 600.0, 600.02, 600.04])], 50.0)
    assert len(found.values) == 3


def test_rows_of_the_same_time_are_left_out() -> None:
    times = np.repeat(np.arange(50) / 50, 2)
    (found,) = timeline.uniform([stream(times)], 50.0)
    assert len(found.values) == len(found.index) == 50


def test_two_sensors_are_joined_where_both_have_rows() -> None:
    first = stream(np.arange(200) / 20)
    second = stream(np.concatenate([np.arange(40, 100), np.arange(130, 260)]) / 20 + 0.003, 3)
    found = timeline.uniform([first, second], 20.0)
    assert [each.values.shape for each in found] == [(60, 5), (69, 5)]
    for each in found:
        # Each sensor is read at the same instants: its values are its times.
        np.testing.assert_allclose(each.values[:, 0], each.values[:, 4], atol=1e-9)


@given(st.lists(st.floats(0, 1e6), max_size=60), st.floats(1, 1000))
def test_any_times_give_finite_uniform_stretches(times: list[float], rate: float) -> None:
    # At most 5 usual steps are bridged, so no input makes more than a few samples a row.
    source = stream(times)
    step = timeline.usual_step(source.seconds)
    if step:
        for found in timeline.uniform([source], 1.0 / max(step, 1.0 / rate)):
            assert np.isfinite(found.values).all()
            assert (np.diff(found.values[:, 0]) >= -1e-6).all()
