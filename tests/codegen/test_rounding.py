"""ADD, MUL and LOGISTIC on all their inputs, at scales where many results are halves."""

import math

import numpy as np
import pytest
from host_engine import HostCompiler
from random_models import OPERATORS, Model, schema
from tflm_oracle import tflm_scores

from codegen import aot
from codegen.fixed_point import logistic, rounding_shift

INT8 = np.arange(-128, 128, dtype=np.int8)
ONE = 2**31 - 1


def of_all_pairs(
    code: int, scales: tuple[float, float, float], zero_points: tuple[int, ...]
) -> bytes:
    """A model that adds or multiplies each int8 with each int8."""
    model = Model(seed=1)
    source = model.activation((1, 256, 1), scales[0], zero_points[0])
    other = model.constant(INT8.reshape(1, 1, 256), [scales[1]])
    model.tensors[other].quantization.zeroPoint = [zero_points[1]]
    result = model.activation((1, 256, 256), scales[2], zero_points[2])
    name = "AddOptions" if code == OPERATORS.ADD else "MulOptions"
    kind, options = getattr(schema.BuiltinOptions, name), getattr(schema, f"{name}T")()
    return model.finish(source, model.add(code, [source.index, other], result, kind, options))


HALVES = [
    (OPERATORS.ADD, (0.5, 0.5, 1.0), (0, 0, 0)),
    (OPERATORS.ADD, (0.25, 1.0, 2.0), (-3, 5, -1)),
    (OPERATORS.ADD, (1.0, 0.125, 4.0), (127, -128, 7)),
    (OPERATORS.ADD, (0.1, 0.037, 0.11), (1, -2, 3)),
    (OPERATORS.MUL, (0.5, 0.5, 16.0), (0, 0, 0)),
    (OPERATORS.MUL, (1.0, 0.25, 32.0), (-128, 3, -5)),
    (OPERATORS.MUL, (0.1, 0.37, 1.7), (4, -2, 9)),
]
"""Operator, scales of both inputs and of the output, and their zero points."""


@pytest.mark.parametrize(("code", "scales", "zero_points"), HALVES)
def test_all_pairs(
    host_compiler: HostCompiler,
    code: int,
    scales: tuple[float, float, float],
    zero_points: tuple[int, ...],
) -> None:
    model = of_all_pairs(code, scales, zero_points)
    generated = aot.generate(model, "pairs", "0" * 64)
    found = host_compiler.scores(generated, INT8[np.newaxis], 65536)
    assert np.array_equal(found, tflm_scores(model, INT8[np.newaxis]))


@pytest.mark.parametrize("exponent", [-6, -4, -2])
@pytest.mark.parametrize("zero_point", [-128, 19])
def test_logistic_of_all_values(
    host_compiler: HostCompiler, exponent: int, zero_point: int
) -> None:
    model = Model(seed=1)
    source = model.activation((1, 256), 2.0**exponent, zero_point)
    scores = model.activation((1, 256), 1 / 256, -128)
    data = model.finish(source, model.add(OPERATORS.LOGISTIC, [source.index], scores))
    found = host_compiler.scores(aot.generate(data, "s", "0" * 64), INT8[np.newaxis], 256)
    assert np.array_equal(found, tflm_scores(data, INT8[np.newaxis]))


def test_logistic_is_a_half_at_zero_and_symmetric() -> None:
    assert logistic(0) == 2**30
    for a in (1, 2**20, 2**25 - 1, 2**25, 2**27, 2**30, 2**31 - 1):
        assert logistic(-a) == ONE - logistic(a)
        expected = 1 / (1 + math.exp(-a / 2**27))
        assert abs(logistic(a) / 2**31 - expected) < 2**-20


@pytest.mark.parametrize(
    ("value", "exponent", "expected"),
    [(3, 1, 2), (-3, 1, -2), (5, 1, 3), (1, 1, 1), (-1, 1, -1), (6, 2, 2), (-6, 2, -2), (7, 0, 7)],
)
def test_halves_go_away_from_zero(value: int, exponent: int, expected: int) -> None:
    assert rounding_shift(value, exponent) == expected
