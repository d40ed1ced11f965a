"""Prints what networks cost that others might bring, as a Markdown table: both engines.

    python benchmarks/others.py [FOLDER]

FOLDER holds a library of TensorFlow Lite Micro, as ``harmcu bench --tflm-library`` takes it;
without it, only the aot engine is measured. The networks come from TensorFlow's converter as its
users call it; their weights are random, which do not matter for the count of instructions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras import layers

from host_tools import bench, tflm_library
from trainer.progress import silent

Network = Callable[["tf_keras.KerasTensor"], "tf_keras.KerasTensor"]


def chain(*of: layers.Layer) -> Network:
    """Join layers."""

    def run(x: tf_keras.KerasTensor) -> tf_keras.KerasTensor:
        for layer in of:
            x = layer(x)
        return x

    return run


def conv(channels: int, size: int | tuple[int, int], **options: object) -> layers.Layer:
    """Return a convolution over a map, padded unless said otherwise."""
    return layers.Conv2D(channels, size, **({"padding": "same", "activation": "relu"} | options))


def conv1d(channels: int, size: int, **options: object) -> layers.Layer:
    """Return a convolution over time, padded unless said otherwise."""
    return layers.Conv1D(channels, size, **({"padding": "same", "activation": "relu"} | options))


def depthwise(size: int | tuple[int, int], **options: object) -> layers.Layer:
    """Return a depthwise convolution, padded."""
    return layers.DepthwiseConv2D(size, padding="same", activation="relu", **options)


def dense(units: int) -> layers.Layer:
    """Return a hidden dense layer."""
    return layers.Dense(units, activation="relu")


def end(labels: int) -> layers.Layer:
    """Return the last layer."""
    return layers.Dense(labels, activation="softmax")


def residual(x: tf_keras.KerasTensor) -> tf_keras.KerasTensor:
    """Run a network with one shortcut."""
    x = conv1d(16, 3)(x)
    y = chain(conv1d(16, 3), conv1d(16, 3, activation=None))(x)
    x = layers.ReLU()(layers.Add()([x, y]))
    x = chain(layers.AveragePooling1D(2), conv1d(32, 1, strides=2))(x)
    return chain(layers.GlobalAveragePooling1D(), end(8))(x)


def branches(x: tf_keras.KerasTensor) -> tf_keras.KerasTensor:
    """Run a network with convolutions of four sizes side by side."""
    x = layers.Concatenate()([conv1d(8, size)(x) for size in (1, 3, 5, 9)])
    return chain(layers.MaxPool1D(4), layers.Flatten(), end(5))(x)


NETWORKS: dict[str, tuple[tuple[int, ...], Network]] = {
    "dense 20, 10 on 375 values": ((375,), chain(dense(20), dense(10), end(4))),
    "(4,3) and (4,1) on 128x3x1, pools": (
        (128, 3, 1),
        chain(
            *(conv(8, (4, 3)), layers.MaxPool2D(3), conv(16, (4, 1)), layers.MaxPool2D((3, 1))),
            *(layers.Flatten(), dense(16), end(4)),
        ),
    ),
    "padded 32, 64, 64 on 128x6, pools": (
        (128, 6),
        chain(
            *(conv1d(32, 5), layers.MaxPool1D(2), conv1d(64, 5), layers.MaxPool1D(2)),
            *(conv1d(64, 3), layers.GlobalAveragePooling1D(), dense(32), end(6)),
        ),
    ),
    "causal, dilated 1, 2, 4 on 64x9": (
        (64, 9),
        chain(
            *(conv1d(24, 3, padding="causal", dilation_rate=n) for n in (1, 2, 4)),
            *(layers.GlobalMaxPooling1D(), end(6)),
        ),
    ),
    "separable (7,1), (5,1) on 128x1x6": (
        (128, 1, 6),
        chain(
            *(depthwise((7, 1)), conv(24, 1), layers.MaxPool2D((2, 1))),
            *(depthwise((5, 1), strides=2), conv(32, 1)),
            *(layers.GlobalAveragePooling2D(), end(6)),
        ),
    ),
    "shortcut on 64x6": ((64, 6), residual),
    "four branches on 64x6": ((64, 6), branches),
    "(5,1) by steps of 2, (5,6) on 50x6x1": (
        (50, 6, 1),
        chain(
            *(conv(12, (5, 1), strides=(2, 1), padding="valid"), conv(16, (5, 6), padding="valid")),
            *(layers.MaxPool2D((2, 1)), layers.Flatten(), layers.Dense(4, activation="sigmoid")),
        ),
    ),
    "depthwise (3,3) twice on 49x10x1": (
        (49, 10, 1),
        chain(
            *(conv(16, (10, 4), strides=2), depthwise(3), conv(16, 1), depthwise(3), conv(16, 1)),
            *(layers.GlobalAveragePooling2D(), end(12)),
        ),
    ),
    "LeNet on 28x28x1": (
        (28, 28, 1),
        chain(
            *(conv(6, 5), layers.AveragePooling2D(), conv(16, 5, padding="valid")),
            *(layers.MaxPool2D(), layers.Flatten(), dense(60), end(10)),
        ),
    ),
    "depthwise (3,3) twice on 32x32x3": (
        (32, 32, 3),
        chain(
            *(conv(8, 3, strides=2), depthwise(3), conv(16, 1)),
            *(depthwise(3, strides=2), conv(32, 1), layers.GlobalAveragePooling2D(), end(2)),
        ),
    ),
}


def main() -> None:
    """Convert and measure every network."""
    library = tflm_library.find_library(Path(sys.argv[1])) if len(sys.argv) > 1 else None
    tf.random.set_seed(1)
    print(
        "| network | MACs | aot, instructions | estimate | RAM + stack, B | flash, B | exact "
        "| tflm, instructions | RAM + stack, B | flash, B |"
    )
    print("|" + " --- |" * 10)
    for name, (shape, network) in NETWORKS.items():
        model = converted(shape, network)
        cost = bench.measure(model, name)
        cells = [name, f"{cost.macs:,}", f"{cost.instructions:,}"]
        cells += [f"{cost.estimate / cost.instructions - 1:+.1%}" if cost.estimate else ""]
        cells += [*_memory(cost), "yes" if cost.exact else "NO"]
        if library is not None:
            peer = bench.measure_tflm(model, name, library, "", silent)
            cells += [f"{peer.instructions:,}", *_memory(peer)]
        print("| " + " | ".join(cells) + " |", flush=True)


def converted(shape: tuple[int, ...], network: Network) -> bytes:
    """Build a network on windows of a shape and convert it to int8."""
    window = layers.Input(shape, batch_size=1)
    converter = tf.lite.TFLiteConverter.from_keras_model(tf_keras.Model(window, network(window)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    # The libraries of Arduino know one scale for a dense layer.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    rng = np.random.default_rng(1)
    values = [rng.normal(size=(1, *shape)).astype(np.float32) for _ in range(20)]
    converter.representative_dataset = lambda: ([value] for value in values)
    return bytes(converter.convert())


def _memory(cost: bench.Cost) -> tuple[str, str]:
    return f"{cost.ram_bytes:,} + {cost.stack_bytes:,}", f"{cost.flash_bytes:,}"


if __name__ == "__main__":
    main()
