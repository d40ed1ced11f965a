"""``lstm``: a dense layer into two LSTM layers into a dense layer.

The network of the tutorial that harmcu grew from: V. Valkov, "Human Activity Recognition using
LSTMs on Android", 2017: two layers of 64 units, which are ``base``, and Adam at 0.0025. The last
layer sees the mean and the maximum over the window, as in ``cnn``, instead of what the LSTM ends
with. That, and an L2 penalty smaller than 0.0015, did better on people held out of the training
part (benchmarks/README.md). Batches are of 128 windows instead of 1024, and epochs are 25 instead
of 50.

It runs as UNIDIRECTIONAL_SEQUENCE_LSTM in int8. Quantisation-aware training in tfmot does not take
LSTM layers, so the network is quantised after training. It starts every window afresh and fits
any hop.
"""

from __future__ import annotations

from collections.abc import Mapping

import tf_keras
from tf_keras import layers

from trainer import fit
from trainer.progress import Progress
from trainer.training import Material, Recipe, Shape, Trained

SIZES: Mapping[str, int] = {"tiny": 16, "small": 32, "base": 64}
"""Units of every layer but the last."""

# A tenth of the tutorial's. That is a sum of tf.nn.l2_loss, which halves the squares; Keras's L2
# does not.
L2 = 0.00015 / 2

# Chosen on validation subjects of UCI HAR's training part; the learning rate is the tutorial's.
RECIPE = Recipe(
    epochs=25,
    batch=128,
    learning_rate=0.0025,
    aware_learning_rate=None,
    label_smoothing=0.05,
    rotation_degrees=20.0,
    scale_spread=0.1,
    mixup_alpha=0.3,
)


def train(
    size: str, material: Material, epochs: int | None, seed: int, progress: Progress
) -> Trained:
    """Train the network; see ``trainer.models``."""
    return fit.train(build(size, material.shape), RECIPE, material, epochs, seed, progress)


def build(size: str, shape: Shape) -> tf_keras.Model:
    """Build the network, float [batch, window, 1, channels] to probabilities [batch, labels]."""
    units = SIZES[size]
    inputs = layers.Input((shape.window, 1, shape.channels), name="window")
    x = layers.Reshape((shape.window, shape.channels), name="series")(inputs)
    x = layers.Dense(units, activation="relu", name="features", **_penalty())(x)
    for name in ("lstm_1", "lstm_2"):
        x = layers.LSTM(
            units, return_sequences=True, recurrent_regularizer=_l2(), name=name, **_penalty()
        )(x)
    average = layers.GlobalAveragePooling1D(name="average")(x)
    maximum = layers.GlobalMaxPooling1D(name="maximum")(x)
    x = layers.Concatenate(name="pooled")([average, maximum])
    x = layers.Dense(shape.labels, name="logits", **_penalty())(x)
    outputs = layers.Softmax(name="scores")(x)
    return tf_keras.Model(inputs, outputs, name="lstm")


def _penalty() -> dict[str, tf_keras.regularizers.Regularizer]:
    return {"kernel_regularizer": _l2(), "bias_regularizer": _l2()}


def _l2() -> tf_keras.regularizers.Regularizer:
    return tf_keras.regularizers.L2(L2)
