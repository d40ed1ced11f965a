"""``cnn``: a streaming separable convolutional network.

Convolutions over time are written as (k, 1) Conv2D, which quantisation-aware training accepts.
Padding is VALID and the product of strides and pools divides the hop, so that what was computed
for one window is still right for the next, and an engine may compute the new columns alone.
The global maximum stands beside the global average: it is worth points where classes differ by
brief events, such as sitting and standing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tf_keras
from tf_keras import layers

from trainer import fit
from trainer.errors import HarmcuError
from trainer.progress import Progress
from trainer.training import Material, Recipe, Shape, Trained


@dataclass(frozen=True)
class Size:
    """How large a network is.

    Attributes:
        first: channels of the first convolution, which has stride 2.
        blocks: (kernel, channels) of the separable blocks; a maximum pool of 2 follows the first.
    """

    first: int
    blocks: tuple[tuple[int, int], ...]


SIZES: Mapping[str, Size] = {
    "tiny": Size(16, ((5, 32), (5, 48), (3, 64))),
    "small": Size(24, ((5, 48), (5, 64), (3, 80))),
    "base": Size(32, ((5, 64), (5, 80), (3, 112))),
}

# These were chosen on validation subjects of the training parts, never on test subjects.
RECIPE = Recipe(
    epochs=60,
    batch=64,
    learning_rate=4e-3,
    aware_learning_rate=4e-4,
    label_smoothing=0.05,
    rotation_degrees=20.0,
    scale_spread=0.1,
    # arXiv 1710.09412 finds 0.1 to 0.4 useful.
    mixup_alpha=0.3,
)

KERNEL = 5
STRIDE = 2
POOL = 2
DROPOUT = 0.2
# Of the running statistics. Keras's 0.99 has not settled when a short training ends.
NORM_MOMENTUM = 0.9


def train(
    size: str, material: Material, epochs: int | None, seed: int, progress: Progress
) -> Trained:
    """Train the network; see ``trainer.models``."""
    return fit.train(build(size, material.shape), RECIPE, material, epochs, seed, progress)


def build(size: str, shape: Shape) -> tf_keras.Model:
    """Build the network, float [batch, window, 1, channels] to probabilities [batch, labels].

    Raises:
        HarmcuError: the hop is no multiple of strides and pools, or the window is too short.
    """
    if shape.hop % (STRIDE * POOL):
        raise HarmcuError(
            f"hop {shape.hop} is not a multiple of {STRIDE * POOL}, the product of strides and "
            "pools of cnn; choose one that is"
        )
    least = least_window(SIZES[size])
    if shape.window < least:
        step = STRIDE * POOL
        raise HarmcuError(
            f"window {shape.window} is shorter than the {least} samples that one output of cnn "
            f"{size} sees; choose --window {-(-least // step) * step} or longer, or --arch knn"
        )
    inputs = layers.Input((shape.window, 1, shape.channels), name="window")
    x = _convolution(inputs, "first", SIZES[size].first, KERNEL, STRIDE)
    for number, (kernel, channels) in enumerate(SIZES[size].blocks, start=1):
        x = layers.DepthwiseConv2D((kernel, 1), use_bias=False, name=f"depthwise_{number}")(x)
        x = _normalise(x, f"depthwise_{number}")
        x = _convolution(x, f"pointwise_{number}", channels, 1, 1)
        if number == 1:
            x = layers.MaxPooling2D((POOL, 1), name="pool")(x)
    average = layers.GlobalAveragePooling2D(name="average")(x)
    maximum = layers.GlobalMaxPooling2D(name="maximum")(x)
    x = layers.Concatenate(name="pooled")([average, maximum])
    x = layers.Dropout(DROPOUT, name="dropout")(x)
    x = layers.Dense(shape.labels, name="logits")(x)
    outputs = layers.Softmax(name="scores")(x)
    return tf_keras.Model(inputs, outputs, name="cnn")


def least_window(size: Size) -> int:
    """Return the samples that one output of the last convolution sees."""
    samples = 1
    for kernel, _ in reversed(size.blocks[1:]):
        samples += kernel - 1
    samples = samples * POOL + size.blocks[0][0] - 1
    return (samples - 1) * STRIDE + KERNEL


def _convolution(
    x: tf_keras.KerasTensor, name: str, channels: int, kernel: int, stride: int
) -> tf_keras.KerasTensor:
    x = layers.Conv2D(channels, (kernel, 1), (stride, 1), use_bias=False, name=name)(x)
    return _normalise(x, name)


def _normalise(x: tf_keras.KerasTensor, name: str) -> tf_keras.KerasTensor:
    x = layers.BatchNormalization(momentum=NORM_MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
