"""Scores that mean what they say: one temperature for the logits, fitted on validation windows.

Label smoothing and mixup leave a network less sure than it is right. Dividing its logits by one
number mends most of that and changes no largest score (Guo et al., arXiv 1706.04599, section 4.2).
The number goes into the last dense layer, so that an engine has nothing to compute for it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tf_keras

LOGITS = "logits"
"""Name of the dense layer before the softmax, in every network."""

LEAST, MOST = 0.2, 2.0
"""Fewer validation windows than it takes must not make scores all or nothing."""

Floats = npt.NDArray[np.float64]

_TRIED = np.geomspace(LEAST, MOST, 93)
_LEAST_SCORE = 1 / 512


def fitted(scores: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> float:
    """Return the temperature at which the labels are likeliest.

    Args:
        scores: float [windows, labels], probabilities.
        labels: int64 [windows].
    """
    logs = np.log(np.maximum(scores.astype(np.float64), _LEAST_SCORE))
    losses = [_loss(logs / temperature, labels) for temperature in _TRIED]
    return float(_TRIED[int(np.argmin(losses))])


def fold(model: tf_keras.Model, temperature: float) -> None:
    """Divide the logits of a network by a temperature, and the ranges they are rounded in.

    Args:
        model: from ``trainer.quantize``; changed in place. Its int8 weights stay as they are, for
            their scale takes it all.
        temperature: above 0.
    """
    for layer in model._flatten_layers(include_self=False):
        if layer.name in (LOGITS, f"quant_{LOGITS}"):
            for weight in layer.weights:
                if weight.dtype.is_floating:
                    weight.assign(weight / temperature)
            return


def _loss(logits: Floats, labels: npt.NDArray[np.int64]) -> float:
    logits = logits - logits.max(axis=1, keepdims=True)
    of_label = logits[np.arange(len(labels)), labels]
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - of_label))
