"""Generated C against TensorFlow Lite Micro's own kernels, byte for byte, on random models."""

import hashlib

import pytest
from host_engine import HostCompiler
from hypothesis import HealthCheck, Phase, given, settings
from random_models import LAYERS, Example, chains, models
from tflm_oracle import tflm_scores

from codegen import aot

WINDOWS = 5
FEW = settings(
    max_examples=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
MANY = settings(FEW, max_examples=200, derandomize=False)


def assert_exact(compiler: HostCompiler, example: Example) -> None:
    windows = example.windows(WINDOWS)
    digest = hashlib.sha256(example.model).hexdigest()
    generated = aot.generate(example.model, "random", digest)
    scores = compiler.scores(generated, windows, example.outputs)
    assert scores.tolist() == tflm_scores(example.model, windows).tolist()


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_one_layer(host_compiler: HostCompiler, name: str) -> None:
    @FEW
    @given(models(name))
    def check(example: Example) -> None:
        assert_exact(host_compiler, example)

    check()


@FEW
@given(example=chains())
def test_chain(host_compiler: HostCompiler, example: Example) -> None:
    assert_exact(host_compiler, example)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_one_layer_at_length(host_compiler: HostCompiler, name: str) -> None:
    @MANY
    @given(models(name))
    def check(example: Example) -> None:
        assert_exact(host_compiler, example)

    check()


@pytest.mark.slow
@MANY
@given(example=chains())
def test_chain_at_length(host_compiler: HostCompiler, example: Example) -> None:
    assert_exact(host_compiler, example)
