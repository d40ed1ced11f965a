from typing import Any

import numpy as np
import pytest

from trainer import backend
from trainer.errors import HarmcuError
from trainer.tflm import Tflm
from trainer.training import Shape


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    backend.start(1)


def some_samples(number: int = 64) -> np.ndarray:
    return np.random.default_rng(1).integers(-128, 128, (number, 40, 3)).astype(np.int8)


@pytest.fixture(scope="module")
def aware() -> Any:
    """An untrained network, made aware of int8; the tests leave it as it was."""
    from trainer import quantize
    from trainer.models import cnn

    network = cnn.build("tiny", Shape(40, 4, 3, 2))
    return quantize.quantization_aware(network, some_samples())


def test_ranges_start_from_what_the_network_shows(aware: Any) -> None:
    from trainer import quantize

    input_range = [float(w.numpy()) for w in quantize.input_quantizer(aware).weights[:2]]
    assert input_range == [-4.0, 127 / 32]
    ranges = {
        weight.name: float(weight.numpy()) for weight in aware.weights if "/output_" in weight.name
    }
    assert len(ranges) == 16
    for name, value in ranges.items():
        # What follows a ReLU starts at 0 and so uses all of int8.
        assert value == 0.0 if name.endswith("_min:0") else 0.0 < value != 6.0


def test_conversion_is_fully_int8_and_near_the_network(aware: Any) -> None:
    import tensorflow as tf

    from trainer import quantize

    samples = some_samples()
    model = quantize.convert(aware, samples)
    with backend.silenced():
        details = tf.lite.Interpreter(model_content=model).get_tensor_details()
    assert {tensor["dtype"] for tensor in details} == {np.int8, np.int32}
    # One scale for a dense layer: Arduino's TFLM libraries know no more.
    (dense,) = [t for t in details if len(t["shape"]) == 2 and t["shape"][0] == 2]
    assert len(dense["quantization_parameters"]["scales"]) == 1
    expected = aware.predict(quantize.to_real(samples), verbose=0)
    scores = (Tflm(model).run(samples).astype(float) + 128) / 256
    assert scores == pytest.approx(expected, abs=0.05)


def test_another_input_scale_is_refused(aware: Any) -> None:
    from trainer import quantize

    quantizer = quantize.input_quantizer(aware)
    weights = quantizer.get_weights()
    quantize._set_range(quantizer, -6.0, 6.0)
    with pytest.raises(HarmcuError, match=r"the converter gave the input type int8, scale 0\.047"):
        quantize.convert(aware, some_samples())
    quantizer.set_weights(weights)


def test_real_values_are_exact() -> None:
    from trainer.quantize import to_real

    real = to_real(np.array([[[-128, 127, 1]]], np.int8))
    assert real.shape == (1, 1, 1, 3)
    assert real.ravel().tolist() == [-4.0, 3.96875, 0.03125]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "most"), [("tiny", 16_000), ("small", 24_000), ("base", 36_000)])
def test_every_size_fits_its_flash(size: str, most: int) -> None:
    from trainer import quantize
    from trainer.models import cnn

    network = cnn.build(size, Shape(128, 64, 6, 6))
    samples = np.random.default_rng(1).integers(-128, 128, (8, 128, 6)).astype(np.int8)
    model = quantize.convert(quantize.quantization_aware(network, samples), samples)
    # Training gives the dense layer a bias, and the pooled maximum a scale of its own.
    assert len(model) < most - 500
