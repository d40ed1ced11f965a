"""Chooses the kernel of every operator and works out its constants.

The rules are those of TensorFlow Lite Micro's prepare functions (tensorflow/lite/micro/kernels/
``*_common.cc`` and tensorflow/lite/kernels/``kernel_util.cc``): the same floating-point operations
in the same order and precision, because one bit of a multiplier is one bit of an output. Where
TFLM refuses a model, so does this package.
"""

from collections.abc import Callable

from codegen.graph import Operator
from codegen.kernels.arranging import concatenation, pad, reshape, strided_slice
from codegen.kernels.elementwise import add, logistic, mul, quantize, softmax
from codegen.kernels.layer import Fields, Layer, Struct, Table, Weights
from codegen.kernels.lstm import lstm
from codegen.kernels.reductions import mean, pool2d, reduce_max, total
from codegen.kernels.rules import quantize_multiplier, refusal
from codegen.kernels.weighted import conv2d, depthwise_conv2d, fully_connected

__all__ = ["Fields", "Layer", "Struct", "Table", "Weights", "lower", "quantize_multiplier"]


def lower(operator: Operator) -> Layer:
    """Chooses the kernel for one operator.

    Raises:
        HarmcuError: the aot engine cannot run it; the message names the layer and says what to do.
    """
    rule = _RULES.get(operator.name)
    if operator.name in _OF_AN_OPEN_BATCH:
        raise refusal(
            operator,
            "TensorFlow's converter writes it where the batch is left open",
            "export the model with a batch of 1, in Keras by Input(shape, batch_size=1)",
        )
    if rule is None:
        raise refusal(operator, "the operator is not among those of the aot engine")
    if len(operator.outputs) != 1:
        raise refusal(operator, f"it has {len(operator.outputs)} outputs instead of one")
    return rule(operator)


# Dilation is written with the first two, sizes that depend on the batch with the others.
_OF_AN_OPEN_BATCH = frozenset({"BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "PACK", "SHAPE"})

_RULES: dict[str, Callable[[Operator], Layer]] = {
    "ADD": add,
    "AVERAGE_POOL_2D": pool2d("harmcu_average_pool2d"),
    "CONCATENATION": concatenation,
    "CONV_2D": conv2d,
    "DEPTHWISE_CONV_2D": depthwise_conv2d,
    "EXPAND_DIMS": reshape,
    "FULLY_CONNECTED": fully_connected,
    "LOGISTIC": logistic,
    "MAX_POOL_2D": pool2d("harmcu_max_pool2d"),
    "MEAN": mean,
    "MUL": mul,
    "PAD": pad,
    "PADV2": pad,
    "QUANTIZE": quantize,
    "REDUCE_MAX": reduce_max,
    "RESHAPE": reshape,
    "SOFTMAX": softmax,
    "SQUEEZE": reshape,
    "STRIDED_SLICE": strided_slice,
    "SUM": total,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
}
