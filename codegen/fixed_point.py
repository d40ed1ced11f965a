"""Fixed-point arithmetic with the rounding of TensorFlow Lite Micro, for tables of constants.

The counterpart of firmware/include/harmcu/fixed_point.h; Qm.n is an integer with m integer and n
fraction bits, and the value 1 in Q0.31 is stored as 2^31 - 1.
"""

import math

_ONE_Q0_31 = 2**31 - 1
_QUARTER_Q4_27 = 2**25
# exp(-2^k) in Q0.31 for k = -2 to 3, as gemmlowp has them.
_EXPONENTIALS = tuple(math.floor(math.exp(-(2.0**k)) * 2**31 + 0.5) for k in range(-2, 4))


def high_multiply(a: int, b: int) -> int:
    """A * b / 2^31, rounded to nearest, halves upwards."""
    return (a * b + 2**30) >> 31


def rounding_shift(value: int, exponent: int) -> int:
    """Value / 2^exponent, rounded to nearest, halves away from zero."""
    half = (1 << exponent) >> 1
    return (value + half) >> exponent if value >= 0 else -((half - value) >> exponent)


def logistic(a: int) -> int:
    """1 / (1 + exp(-a)), Q4.27 to Q0.31 (gemmlowp's logistic)."""
    if a == 0:
        return 2**30
    positive = _one_over_one_plus(_exp_of_negative(-abs(a)))
    return positive if a > 0 else _ONE_Q0_31 - positive


def _exp_of_negative(a: int) -> int:
    """Exp(a) for a < 0, Q4.27 to Q0.31."""
    fraction = (a & (_QUARTER_Q4_27 - 1)) - _QUARTER_Q4_27
    result = _exp_within_a_quarter(fraction << 4)
    quarters = (fraction - a) // _QUARTER_Q4_27
    for bit, factor in enumerate(_EXPONENTIALS):
        if quarters >> bit & 1:
            result = high_multiply(result, factor)
    return result


def _exp_within_a_quarter(a: int) -> int:
    """Exp(a) for a in [-1/4, 0), Q0.31: the Taylor polynomial around -1/8."""
    at_minus_one_eighth, one_third = 1895147668, 715827883
    x = a + 2**28
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4 = high_multiply(x2, x2)
    cubic = high_multiply(rounding_shift(x4, 2) + x3, one_third)
    tail = rounding_shift(cubic + x2, 1)
    return at_minus_one_eighth + high_multiply(at_minus_one_eighth, x + tail)


def _one_over_one_plus(a: int) -> int:
    """1 / (1 + a) for a in [0, 1], Q0.31: three Newton steps for the reciprocal of (1 + a) / 2."""
    half_denominator = (a + _ONE_Q0_31 + 1) >> 1
    x = 1515870810 + high_multiply(half_denominator, -1010580540)
    for _ in range(3):
        error = 2**29 - high_multiply(half_denominator, x)
        x += _saturated(high_multiply(x, error) << 2)
    return _saturated(x << 1)


def _saturated(value: int) -> int:
    return max(-(2**31), min(2**31 - 1, value))
