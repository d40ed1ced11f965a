import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trainer import interval

SHARES = st.lists(st.floats(0.0, 1.0, width=32), min_size=2, max_size=30)


@given(values=SHARES)
def test_student_is_scipys(values: list[float]) -> None:
    low, high = interval.student(values)
    error = stats.sem(values)
    if error == 0:
        assert low == pytest.approx(high) == pytest.approx(values[0])
        return
    expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error)
    assert (low, high) == pytest.approx(np.clip(expected, 0.0, 1.0))


@given(trials=st.integers(1, 500), data=st.data())
def test_wilson_is_scipys(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    found = interval.wilson(successes / trials, trials)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(events=st.integers(0, 1000))
def test_poisson_is_by_way_of_chi_square(events: int) -> None:
    low, high = interval.poisson(events)
    assert low == pytest.approx(stats.chi2.ppf(0.025, 2 * events) / 2 if events else 0.0)
    assert high == pytest.approx(stats.chi2.ppf(0.975, 2 * events + 2) / 2)


def test_the_kind_of_interval_follows_what_was_counted() -> None:
    people = {"1": 0.9, "2": 0.8, "10": 0.7}
    found = interval.over_subjects(people, "subject")
    assert found["interval"]["method"] == "Student's t"
    assert found["worst"] == {"subject": "10", "accuracy": 0.7}
    assert found["mean"] == pytest.approx(0.8)
    takes = interval.over_subjects(dict.fromkeys("abcdefghij", 1.0), "recording")
    # Ten takes that are all right leave room for doubt.
    assert takes["interval"]["low"] == pytest.approx(0.722, abs=1e-3)
    same = interval.over_subjects({"1": 1.0, "2": 1.0}, "subject")
    assert same["interval"]["low"] < 0.5
    assert interval.over_subjects(people, "block")["interval"] is None
    assert interval.over_subjects({"1": 0.5}, "subject")["interval"] is None
