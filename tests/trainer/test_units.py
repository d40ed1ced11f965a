import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import HarmcuError
from trainer.units import Scale, apply_scale, scale_for, to_counts


@pytest.mark.parametrize(
    ("value", "unit", "count"),
    [
        (1.0, "g", 8192),
        (-4.0, "g", -32768),
        (9.80665, "m/s^2", 8192),
        (1000.0, "deg/s", 16384),
        (math.pi, "rad/s", 2949),
        (4.0, "g", 32767),
        (-9e9, "deg/s", -32768),
        (1e308, "g", 32767),
    ],
)
def test_counts(value: float, unit: str, count: int) -> None:
    assert to_counts([value], unit).tolist() == [count]


def test_halves_round_to_even() -> None:
    assert to_counts(np.array([0.5, 1.5, -0.5, -1.5]) / 8192, "g").tolist() == [0, 2, 0, -2]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_refused(value: float) -> None:
    with pytest.raises(HarmcuError, match="finite"):
        to_counts([1.0, value], "g")


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(HarmcuError, match=r"furlong.*m/s\^2"):
        to_counts([1.0], "furlong")


@given(
    st.integers(-32768, 32767),
    st.sampled_from(
        [("g", 0.000122), ("deg/s", 0.07), ("m/s^2", 0.0012), ("rad/s", 0.00106), ("g", 4 / 32768)]
    ),
)
def test_a_scale_is_right_to_a_count(raw: int, sensor: tuple[str, float]) -> None:
    unit, lsb = sensor
    exact = int(to_counts([raw * lsb], unit)[0])
    assert abs(int(apply_scale(raw, scale_for(unit, lsb))) - exact) <= 1


def test_the_finest_multiplier_is_used() -> None:
    for lsb in (1e-7, 1e-4, 0.07, 1.0):
        assert 1 << 14 <= scale_for("g", lsb).multiplier < 1 << 15


@pytest.mark.parametrize("lsb", [0.0, -1.0, math.nan, math.inf, 1e-30, 1e30])
def test_an_impossible_scale_is_refused(lsb: float) -> None:
    with pytest.raises(HarmcuError):
        scale_for("g", lsb)


def test_the_shift_of_a_scale_is_1_to_30() -> None:
    assert scale_for("g", 2.0**-16 / 8192) == Scale(1 << 14, 30)
    assert scale_for("g", 2.0**13 / 8192) == Scale(1 << 14, 1)
    for factor in (2.0**-17, 2.0**14):
        with pytest.raises(HarmcuError, match="cannot be scaled"):
            scale_for("g", factor / 8192)


def test_scaling_saturates() -> None:
    assert apply_scale([-32768, 32767], Scale(32767, 1)).tolist() == [-32768, 32767]
