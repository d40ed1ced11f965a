"""Quantisation, while a network trains or after it, and conversion to a fully int8 .tflite file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from trainer.backend import silenced
from trainer.compact import compact
from trainer.errors import HarmcuError
from trainer.sample_path import Samples
from trainer.spec import INPUT, OUTPUT

_INPUT_RANGE = tuple((end - INPUT.zero_point) * INPUT.scale for end in (-128, 127))


def to_real(samples: Samples) -> npt.NDArray[np.float32]:
    """Return what the network sees of int8 [windows, window, channels]: float32 [w, w, 1, c]."""
    real = (samples.astype(np.float32) - INPUT.zero_point) * np.float32(INPUT.scale)
    return real[:, :, None, :]


def quantization_aware(model: tf_keras.Model, calibration: Samples) -> tf_keras.Model:
    """Return a network of the same weights that rounds to int8 while it trains.

    The range of its input is fixed to ``INPUT``, so that the int8 samples of the integer path are
    the model's input as they are. The ranges of the activations start from what the trained
    network shows: tfmot would start from -6 to 6 and forget that by a thousandth a step only.

    Args:
        model: trained in floating point, float [batch, window, 1, channels] to probabilities.
        calibration: int8 [windows, window, channels] from the training part.
    """
    with silenced():
        aware = tfmot.quantization.keras.quantize_model(model)
    # The quantizer of the input only ever widens its range, and no sample lies outside of this.
    _set_range(input_quantizer(aware), *_INPUT_RANGE)
    seen = {
        layer.name: layer
        for layer in model.layers
        if _range_weights(aware.get_layer(_aware_name(layer)))
    }
    outputs = tf_keras.Model(model.inputs, [layer.output for layer in seen.values()])
    activations = outputs.predict(to_real(calibration), verbose=0)
    for layer, values in zip(seen.values(), activations, strict=True):
        _set_range(aware.get_layer(_aware_name(layer)), min(0.0, values.min()), values.max())
    return aware


def post_training(model: tf_keras.Model) -> tf_keras.Model:
    """Return a network of the same weights whose input is rounded as ``INPUT`` says.

    ``convert`` then takes every other range from its representative windows.

    Args:
        model: trained in floating point, float [batch, window, 1, channels] to probabilities.
    """
    low, high = _INPUT_RANGE
    inputs = tf_keras.layers.Input(model.input_shape[1:], name="window")
    rounded = tf.quantization.fake_quant_with_min_max_args(inputs, low, high)
    return tf_keras.Model(inputs, model(rounded), name=model.name)


def input_quantizer(aware: tf_keras.Model) -> tf_keras.layers.Layer:
    """Return the layer that rounds the input of a quantisation-aware network."""
    # Its name depends on how many networks were made before.
    return next(layer for layer in aware.layers if layer.name.startswith("quantize_layer"))


def _aware_name(layer: tf_keras.layers.Layer) -> str:
    """Return the name that tfmot gives to a layer's quantisation-aware wrapper."""
    is_input = isinstance(layer, tf_keras.layers.InputLayer)
    return layer.name if is_input else f"quant_{layer.name}"


def _range_weights(layer: tf_keras.layers.Layer) -> dict[str, tf.Variable]:
    """Return the variables that hold the range of a layer's output: "min" and "max", or none."""
    return {
        end: weight
        for weight in layer.weights
        for end in ("min", "max")
        if weight.name.endswith(f"_{end}:0") and not weight.name.endswith(f"kernel_{end}:0")
    }


def _set_range(layer: tf_keras.layers.Layer, low: float, high: float) -> None:
    weights = _range_weights(layer)
    weights["min"].assign(low)
    weights["max"].assign(high)


def convert(model: tf_keras.Model, representative: Samples) -> bytes:
    """Convert a network from ``quantization_aware`` or ``post_training`` to a .tflite file.

    Args:
        model: takes float [batch, window, 1, channels].
        representative: int8 [windows, window, channels] from the training part. The converter
            wants some even where training has fixed every range.

    Returns:
        The file, compact: int8 input [1, window, 1, channels] and int8 output [1, labels].

    Raises:
        HarmcuError: the converted model's input or output is not quantised as the spec says.
    """
    shape = (1, *model.input_shape[1:])

    def scores(window: tf.Tensor) -> tf.Tensor:
        return model(window, training=False)

    window = tf.TensorSpec(shape, tf.float32, name="window")
    traced = tf.function(scores, input_signature=[window])

    def samples() -> Iterator[list[npt.NDArray[np.float32]]]:
        for window in to_real(representative):
            yield [window[None]]

    with silenced():
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [traced.get_concrete_function()], model
        )
        # By way of a SavedModel, the default, the same conversion takes 13 seconds instead of one;
        # but without it TensorFlow 2.21 crashes on the functions of a recurrent layer.
        converter.experimental_lower_to_saved_model = _is_recurrent(model)
        # Arduino's TFLM libraries know one scale for a dense layer.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        converted = compact(bytes(converter.convert()))
    _check(converted)
    return converted


def _is_recurrent(model: tf_keras.Model) -> bool:
    layers = model._flatten_layers(include_self=False)
    return any(isinstance(layer, tf_keras.layers.RNN) for layer in layers)


def _check(model: bytes) -> None:
    with silenced():
        interpreter = tf.lite.Interpreter(model_content=model)
    for what, details, wanted in (
        ("input", interpreter.get_input_details()[0], INPUT),
        ("output", interpreter.get_output_details()[0], OUTPUT),
    ):
        scale, zero_point = details["quantization"]
        if details["dtype"] != np.int8 or (scale, zero_point) != (wanted.scale, wanted.zero_point):
            raise HarmcuError(
                f"the converter gave the {what} type {details['dtype'].__name__}, scale {scale} "
                f"and zero point {zero_point} instead of int8, {wanted.scale} and "
                f"{wanted.zero_point}; install the versions that harmcu[train] pins"
            )
