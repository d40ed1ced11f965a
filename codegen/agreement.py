"""Checks that the spec of a bundle describes its model.

Both are checked each by itself when a bundle is read. What the C of the one writes and the C of the
other expects must have the same sizes too, or the board writes past its arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codegen import tflite
from trainer import knn
from trainer.bundle import KNN, Bundle
from trainer.errors import HarmcuError
from trainer.spec import OUTPUT, Quantization


@dataclass(frozen=True)
class _Shape:
    """What both sides have to say: sizes, and the quantisation of input and output."""

    window: int
    channels: int
    labels: int
    input: Quantization
    output: Quantization


def check(bundle: Bundle) -> None:
    """Check the sizes and the quantisation of the model against the spec's.

    Raises:
        HarmcuError: they differ, or the model is damaged.
    """
    spec = bundle.spec
    stated = _Shape(
        spec.window,
        len(spec.channels),
        len(spec.labels),
        _rounded(spec.input),
        _rounded(spec.output),
    )
    found = _of_knn(bundle) if spec.model_file == KNN else _of_network(bundle)
    for what, value in vars(stated).items():
        actual = getattr(found, what)
        if actual != value:
            raise HarmcuError(
                f"{bundle.path}: spec.json says {what} {value} and {spec.model_file} has {actual}; "
                "train the model again"
            )


def _of_network(bundle: Bundle) -> _Shape:
    try:
        graph = tflite.read(bundle.model)
    except HarmcuError as error:
        raise HarmcuError(f"{bundle.path / bundle.spec.model_file}: {error}") from None
    channels = graph.input.shape[-1] if graph.input.shape else 1
    return _Shape(
        graph.input.elements // channels,
        channels,
        graph.output.elements,
        Quantization(graph.input.scale, graph.input.zero_point),
        Quantization(graph.output.scale, graph.output.zero_point),
    )


def _of_knn(bundle: Bundle) -> _Shape:
    """Return the model's sizes; it takes samples as they are, and its scores have one form."""
    model = knn.read(bundle.model)
    return _Shape(model.window, model.channels, model.labels, _rounded(bundle.spec.input), OUTPUT)


def _rounded(quantization: Quantization) -> Quantization:
    """Return it with the scale as a .tflite file holds it, in float32."""
    with np.errstate(over="ignore"):
        return Quantization(float(np.float32(quantization.scale)), quantization.zero_point)
