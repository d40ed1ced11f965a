"""How many multiplications of a weight and an input an operator takes, padding included."""

from __future__ import annotations

from codegen.graph import Operator

_WEIGHTED = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
"""Axis of the weights along which the output channels lie (TFLite's operator semantics)."""

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_LSTM_WEIGHTS = range(1, 9)
"""Inputs of an LSTM that hold weights: four of the input, four of the hidden state."""


def of(operator: Operator) -> int:
    """Return the multiplications of one operator in one inference; 0 for one without weights."""
    output = operator.outputs[0]
    if operator.name in _WEIGHTED:
        weights = operator.inputs[1]
        assert weights is not None
        return output.elements * weights.elements // weights.shape[_WEIGHTED[operator.name]]
    if operator.name == _LSTM:
        source = operator.inputs[0]
        assert source is not None
        weights_of_a_step = sum(
            tensor.elements for place in _LSTM_WEIGHTS if (tensor := operator.inputs[place])
        )
        return source.elements // source.shape[-1] * weights_of_a_step
    return 0
