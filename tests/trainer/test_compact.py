from typing import Any

import numpy as np
import pytest
import tflite

from trainer import backend
from trainer.reference import Reference
from trainer.tflm import Tflm
from trainer.training import Shape

SHAPE = Shape(window=40, hop=4, channels=3, labels=4)


@pytest.fixture(scope="module")
def converted() -> bytes:
    """What the converter writes for an untrained network with biases of every size."""
    backend.start(1)
    from trainer import quantize
    from trainer.models import cnn

    network = cnn.build("tiny", SHAPE)
    rng = np.random.default_rng(1)
    for layer in network.layers:
        weights = layer.get_weights()
        if "norm" in layer.name:
            layer.set_weights([np.abs(w + rng.normal(0, 0.1, w.shape)) for w in weights])
        elif layer.name == "logits":
            # Small ones: a score at the end of its range would hide a difference.
            layer.set_weights([rng.normal(0, 0.3, w.shape) for w in weights])
        else:
            # As they are, little of the window would be left after so many layers.
            layer.set_weights([2 * w for w in weights])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize, "compact", lambda model: model)
        return quantize.convert(quantize.quantization_aware(network, some(64)), some(64))


def some(windows: int) -> Any:
    return np.random.default_rng(1).integers(-128, 128, (windows, 40, 3)).astype(np.int8)


@pytest.mark.parametrize("kernels", [Tflm, Reference])
def test_the_scores_stay(converted: bytes, kernels: type[Tflm] | type[Reference]) -> None:
    from trainer.compact import compact

    windows = some(100)
    before, after = (kernels(model).run(windows) for model in (converted, compact(converted)))
    assert (before == after).all()
    assert len(np.unique(before, axis=0)) > 3


def test_what_kernels_read_stays(converted: bytes) -> None:
    from trainer.compact import compact

    before, after = (tflite.Model.GetRootAs(m, 0) for m in (converted, compact(converted)))
    assert constants(before) == constants(after)
    graph = after.Subgraphs(0)
    for operator in map(graph.Operators, range(graph.OperatorsLength())):
        if operator.InputsLength() < 3:
            continue
        bias, weights = graph.Tensors(operator.Inputs(2)), graph.Tensors(operator.Inputs(1))
        is_dense = weights.ShapeLength() == 2
        # Kernels compare the scale of a dense layer's bias with those of input and weights.
        assert (bias.Quantization() is not None) == is_dense
    assert graph.Tensors(graph.Inputs(0)).Name() == b"window"
    assert b"pointwise_3_relu" in {graph.Tensors(i).Name() for i in range(graph.TensorsLength())}


def test_it_is_smaller(converted: bytes) -> None:
    from trainer.compact import compact

    assert len(compact(converted)) < 0.8 * len(converted)


def constants(model: tflite.Model) -> list[bytes]:
    """Return the content of every constant tensor, in the order of the tensors."""
    graph = model.Subgraphs(0)
    buffers = [
        model.Buffers(graph.Tensors(i).Buffer()).DataAsNumpy() for i in range(graph.TensorsLength())
    ]
    return [np.asarray(data).tobytes() for data in buffers if not isinstance(data, int)]
