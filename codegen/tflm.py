"""Writes the ``tflm`` engine: the model as a C array and the interpreter set up for it."""

from dataclasses import dataclass

from codegen import tflite
from codegen.c_text import c_array, c_comment, c_identifier
from codegen.graph import Graph, Operator
from codegen.render import render
from codegen.runtime import runtime_version
from trainer.errors import HarmcuError

_BYTES_A_LINE = 20

# Methods of MicroMutableOpResolver whose names do not follow from the operator's
# (tensorflow/lite/micro/micro_mutable_op_resolver.h).
_IRREGULAR = {
    "AVERAGE_POOL_2D": "AveragePool2D",
    "BATCH_MATMUL": "BatchMatMul",
    "CONV_2D": "Conv2D",
    "CUMSUM": "CumSum",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "L2_POOL_2D": "L2Pool2D",
    "MAX_POOL_2D": "MaxPool2D",
    "PADV2": "PadV2",
    "SELECT_V2": "SelectV2",
    "SVDF": "Svdf",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}

# The others, whose methods are named after them.
_REGULAR_NAMES = """
ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO
CALL_ONCE CAST CEIL CONCATENATION COS DEPTH_TO_SPACE DEQUANTIZE DIV ELU EQUAL EXP EXPAND_DIMS FILL
FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH
L2_NORMALIZATION LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC
LOG_SOFTMAX MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PRELU QUANTIZE READ_VARIABLE
REDUCE_MAX RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR ROUND RSQRT SHAPE SIN SLICE
SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE
STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV UNPACK VAR_HANDLE ZEROS_LIKE
"""
_REGULAR = frozenset(_REGULAR_NAMES.split())


@dataclass(frozen=True)
class TflmModel:
    """The sources of the tflm engine.

    Attributes:
        files: text by file name: ``<name>_model_data.h``, ``<name>_model_data.cpp`` and
            ``tflm_engine.cpp``.
        operators: method of MicroMutableOpResolver for each distinct operator, in the order of
            their first use.
        measured_engine: ``tflm_engine.cpp`` with a stamp before and after every operator, for
            firmware/bench/.
        has_per_channel_dense: a FULLY_CONNECTED has one scale an output, which the libraries for
            Arduino misread.
    """

    files: dict[str, str]
    operators: tuple[str, ...]
    measured_engine: str
    has_per_channel_dense: bool


def generate(model: bytes, model_name: str, model_sha256: str, arena_bytes: int) -> TflmModel:
    """Writes the tflm engine for a model.

    Args:
        model: content of the .tflite file.
        model_name: becomes the ``<name>`` of files and symbols, as an identifier.
        model_sha256: digest of ``model`` in hexadecimal, for the head comments.
        arena_bytes: size of the interpreter's arena.

    Returns:
        C++ that implements harmcu/engine.h; the same text for the same arguments.

    Raises:
        HarmcuError: the file is damaged, or TensorFlow Lite Micro lacks an operator.
    """
    graph = tflite.read(model)
    name = c_identifier(model_name)
    operators = tuple(_resolver_method(graph, operator) for operator in graph.operator_names)
    values = {
        "name": name,
        "guard": f"{name.upper()}_MODEL_DATA_H",
        "model_name": c_comment(model_name),
        "model_sha256": c_comment(model_sha256),
        "model_bytes": len(model),
        "data": c_array(model, _BYTES_A_LINE),
        "operators": operators,
        "arena_bytes": arena_bytes,
        "input_bytes": graph.input.elements,
        "output_bytes": graph.output.elements,
        "has_state": graph.has_state,
        "has_per_channel_dense": _has_per_channel_dense(graph),
        "runtime_version": runtime_version(),
        "stamps": False,
    }
    return TflmModel(
        files={
            f"{name}_model_data.h": render("model_data.h.j2", values),
            f"{name}_model_data.cpp": render("model_data.cpp.j2", values),
            "tflm_engine.cpp": render("tflm_engine.cpp.j2", values),
        },
        operators=operators,
        measured_engine=render("tflm_engine.cpp.j2", {**values, "stamps": True}),
        has_per_channel_dense=_has_per_channel_dense(graph),
    )


def _has_per_channel_dense(graph: Graph) -> bool:
    """Whether a FULLY_CONNECTED has one scale an output, which older interpreters misread."""
    return any(
        operator.name == "FULLY_CONNECTED"
        and tensor is not None
        and tensor.quantization is not None
        and len(tensor.quantization.scales) > 1
        for operator in graph.operators
        for tensor in operator.inputs[1:2]
    )


def _resolver_method(graph: Graph, name: str) -> str:
    if name in _IRREGULAR:
        return f"Add{_IRREGULAR[name]}"
    if name in _REGULAR:
        return "Add" + "".join(part.capitalize() for part in name.split("_"))
    raise HarmcuError(
        f"{_first(graph, name).label} is not among the operators of TensorFlow Lite Micro; replace "
        "the layer"
    )


def _first(graph: Graph, name: str) -> Operator:
    return next(operator for operator in graph.operators if operator.name == name)
