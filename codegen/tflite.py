"""Reads a .tflite file into a ``Graph``.

The file is untrusted: every count, index and size is checked before it is used, nothing is copied,
and the work is bounded by the limits below, so a damaged or hostile file costs no more than a
large honest one and ends in a ``HarmcuError``.
"""

import math
import struct
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import tflite

from codegen.graph import (
    Activation,
    ArithmeticOptions,
    ConcatenationOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    LstmOptions,
    Operator,
    Options,
    Padding,
    PoolOptions,
    Quantization,
    SoftmaxOptions,
    StridedSliceOptions,
    Tensor,
    TensorType,
)
from trainer.errors import HarmcuError

# The boards have 1 MB of flash; four times that is still a mistake and not a model.
MAX_MODEL_BYTES = 4 * 2**20
MAX_OPERATORS = 1024
MAX_TENSORS = 8192
# Of all tensors together, and of all layers: tables may share what they point to, so that a small
# file could claim any amount of work.
MAX_SCALES = 2**20
MAX_CONSTANT_BYTES = 2 * MAX_MODEL_BYTES
# RuntimeShape of TFLM holds six dimensions; a tensor of this many elements fits no board.
MAX_RANK = 6
MAX_ELEMENTS = 2**24
MAX_OPERANDS = 64
# Longer names are cut: they go into messages and comments.
MAX_NAME_BYTES = 128

_SCHEMA_VERSION = 3
_IDENTIFIER = b"TFL3"
# Byte offset of builtin_code in the vtable of OperatorCode (field 3 of the schema).
_BUILTIN_CODE_SLOT = 10

_ELEMENT_BYTES = {
    TensorType.FLOAT32: 4,
    TensorType.INT32: 4,
    TensorType.UINT8: 1,
    TensorType.INT64: 8,
    TensorType.BOOL: 1,
    TensorType.INT16: 2,
    TensorType.INT8: 1,
}

_BUILTIN_NAMES = {
    number: name for name, number in vars(tflite.BuiltinOperator).items() if name.isupper()
}

_Enum = TypeVar("_Enum", bound=Enum)

# What reading past the end, or at nonsense, raises inside the flatbuffers package.
DAMAGE = (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    OverflowError,
    AttributeError,
    MemoryError,
)


def read(model: bytes) -> Graph:
    """Reads and checks a TFLite model.

    Args:
        model: the content of the file.

    Returns:
        Its one subgraph, with one int8 input and one int8 output. Operators and inner tensors of
        any kind are accepted here; ``codegen.aot.check`` says what the aot engine takes.

    Raises:
        HarmcuError: the file is damaged, too large, or not a fully int8 model of fixed shape.
    """
    if len(model) > MAX_MODEL_BYTES:
        raise HarmcuError(
            f"the model has {len(model)} bytes, more than the {MAX_MODEL_BYTES} that any board "
            "could hold; train a smaller one"
        )
    if len(model) < 8 or model[4:8] != _IDENTIFIER:
        raise HarmcuError(
            "the model is not a TFLite file (it lacks the mark TFL3); give the .tflite file that "
            "the converter wrote"
        )
    try:
        return _Reader(model).graph()
    except DAMAGE as error:
        raise damaged("it points outside itself") from error


def damaged(detail: str) -> HarmcuError:
    """Returns the error for a file that no exporter wrote."""
    return HarmcuError(f"the model file is damaged ({detail}); export it again")


def _number(names: type[_Enum], value: int) -> _Enum:
    try:
        return names(value)
    except ValueError as error:
        raise damaged(f"{value} is no {names.__name__}") from error


class _Reader:
    """One pass over one file."""

    def __init__(self, model: bytes) -> None:
        self._bytes = memoryview(model)
        self._model = tflite.Model.GetRootAsModel(model, 0)
        self._buffers: dict[int, memoryview | None] = {}
        self._scales = 0

    def graph(self) -> Graph:
        if self._model.Version() != _SCHEMA_VERSION:
            raise damaged(f"schema version {self._model.Version()} instead of {_SCHEMA_VERSION}")
        if self._model.SubgraphsLength() != 1:
            raise HarmcuError(
                f"the model has {self._model.SubgraphsLength()} subgraphs and harmcu runs models "
                "with one; export the model without control flow (while, if, call_once)"
            )
        subgraph = self._model.Subgraphs(0)
        _limit("tensors", subgraph.TensorsLength(), MAX_TENSORS)
        _limit("operators", subgraph.OperatorsLength(), MAX_OPERATORS)
        _limit("operator codes", self._model.OperatorCodesLength(), MAX_OPERATORS)
        _limit("buffers", self._model.BuffersLength(), MAX_TENSORS)
        tensors = [self._tensor(subgraph, index) for index in range(subgraph.TensorsLength())]
        source = self._only(tensors, subgraph.InputsLength(), subgraph.Inputs, "input")
        result = self._only(tensors, subgraph.OutputsLength(), subgraph.Outputs, "output")
        operators = tuple(
            self._operator(subgraph.Operators(index), index, tensors)
            for index in range(subgraph.OperatorsLength())
        )
        _check_fixed_shape(subgraph.Tensors(source.index), source)
        _limit("bytes of constants", _constant_bytes(operators), MAX_CONSTANT_BYTES)
        _check_order(operators, source, result)
        return Graph(operators, source, result)

    def _only(
        self, tensors: list[Tensor], count: int, index_at: Callable[[int], int], role: str
    ) -> Tensor:
        if count != 1:
            raise HarmcuError(
                f"the model has {count} {role}s and harmcu runs models with one; export a model "
                f"with a single {role}"
            )
        tensor = _pick(tensors, index_at(0))
        if tensor.type is not TensorType.INT8:
            raise HarmcuError(
                f"the model's {role} {tensor.name!r} is {tensor.type.label} and harmcu runs int8 "
                "models; convert with full integer quantisation and int8 input and output"
            )
        if not tensor.is_quantized_once or tensor.elements == 0:
            raise damaged(f"the {role} {tensor.name!r} has no usable shape or scale")
        return tensor

    def _tensor(self, subgraph: tflite.SubGraph, index: int) -> Tensor:
        raw = subgraph.Tensors(index)
        name = _text(raw.Name())
        kind = _number(TensorType, raw.Type())
        _limit(f"dimensions in tensor {index}", raw.ShapeLength(), MAX_RANK)
        shape = tuple(int(raw.Shape(axis)) for axis in range(raw.ShapeLength()))
        if any(size < 0 for size in shape) or math.prod(shape) > MAX_ELEMENTS:
            raise HarmcuError(
                f"tensor {name!r} has the shape {list(shape)}; export the model with a fixed "
                f"shape of at most {MAX_ELEMENTS} elements"
            )
        if raw.Sparsity() is not None:
            raise HarmcuError(
                f"tensor {name!r} is stored as sparse; export the model with dense weights"
            )
        data = self._constant(raw.Buffer())
        _check_size(name, kind, shape, data)
        quantization = _quantization(raw, name, shape)
        self._scales += len(quantization.scales) if quantization else 0
        _limit("scales", self._scales, MAX_SCALES)
        return Tensor(index, name, kind, shape, quantization, data, bool(raw.IsVariable()))

    def _constant(self, index: int) -> memoryview | None:
        if index not in self._buffers:
            self._buffers[index] = self._buffer(index)
        return self._buffers[index]

    def _buffer(self, index: int) -> memoryview | None:
        if not 0 <= index < self._model.BuffersLength():
            raise damaged(f"there is no buffer {index}")
        raw = self._model.Buffers(index)
        if raw.Offset() > 1:
            raise HarmcuError(
                "the model keeps weights outside its flatbuffer, as models above 2 GB do; export "
                "it without use_buffer_offset"
            )
        # Buffer 0 is the schema's empty one, which every activation points to.
        if raw.DataLength() == 0:
            return None
        values: npt.NDArray[np.uint8] = raw.DataAsNumpy()
        return values.data

    def _operator(self, raw: tflite.Operator, index: int, tensors: list[Tensor]) -> Operator:
        name = self._operator_name(raw.OpcodeIndex())
        _limit(f"inputs of layer {index}", raw.InputsLength(), MAX_OPERANDS)
        _limit(f"outputs of layer {index}", raw.OutputsLength(), MAX_OPERANDS)
        inputs = tuple(
            None if raw.Inputs(place) == -1 else _pick(tensors, raw.Inputs(place))
            for place in range(raw.InputsLength())
        )
        outputs = tuple(_pick(tensors, raw.Outputs(i)) for i in range(raw.OutputsLength()))
        if not outputs:
            raise damaged(f"layer {index} ({name}) writes nothing")
        return Operator(index, name, inputs, outputs, _options(raw, name))

    def _operator_name(self, index: int) -> str:
        if not 0 <= index < self._model.OperatorCodesLength():
            raise damaged(f"there is no operator code {index}")
        raw = self._model.OperatorCodes(index)
        # Both fields, as TFLM does it: old files have only the first, and the package's own
        # BuiltinCode() trusts only the first below 127.
        number = max(raw.DeprecatedBuiltinCode(), self._builtin_code(raw))
        name = _BUILTIN_NAMES.get(number)
        if name is None:
            raise damaged(f"unknown operator number {number}")
        # Quoted, for it goes into messages as it is.
        return f"CUSTOM:{_text(raw.CustomCode())!r}" if name == "CUSTOM" else name

    def _builtin_code(self, raw: tflite.OperatorCode) -> int:
        offset = raw._tab.Offset(_BUILTIN_CODE_SLOT)
        if offset == 0:
            return 0
        (code,) = struct.unpack_from("<i", self._bytes, raw._tab.Pos + offset)
        return int(code)


def _limit(what: str, count: int, most: int) -> None:
    if count > most:
        raise HarmcuError(
            f"the model has {count} {what}, more than {most}; it is damaged or no model for a "
            "microcontroller"
        )


def _constant_bytes(operators: tuple[Operator, ...]) -> int:
    """Returns how many bytes of constants the layers read, those that are shared once a layer."""
    read = (tensor for operator in operators for tensor in operator.inputs if tensor is not None)
    return sum(len(tensor.data) for tensor in read if tensor.data is not None)


def _text(raw: bytes | None) -> str:
    return (raw or b"")[:MAX_NAME_BYTES].decode("utf-8", errors="replace")


def _pick(tensors: list[Tensor], index: int) -> Tensor:
    if not 0 <= index < len(tensors):
        raise damaged(f"there is no tensor {index}")
    return tensors[index]


def _check_size(
    name: str, kind: TensorType, shape: tuple[int, ...], data: memoryview | None
) -> None:
    width = _ELEMENT_BYTES.get(kind)
    if data is not None and width is not None and len(data) != width * math.prod(shape):
        raise damaged(
            f"constant {name!r} of shape {list(shape)} and type {kind.label} has {len(data)} bytes"
        )


def _quantization(raw: tflite.Tensor, name: str, shape: tuple[int, ...]) -> Quantization | None:
    parameters = raw.Quantization()
    if parameters is None or parameters.ScaleLength() == 0:
        return None
    axis = parameters.QuantizedDimension()
    count = parameters.ScaleLength()
    _limit(f"scales in tensor {name!r}", count, MAX_SCALES)
    if count > 1 and not (0 <= axis < len(shape) and shape[axis] == count):
        raise damaged(f"tensor {name!r} has {count} scales, which match no dimension")
    if parameters.ZeroPointLength() not in (0, count):
        raise damaged(f"tensor {name!r} has {parameters.ZeroPointLength()} zero points")
    scales = np.asarray(parameters.ScaleAsNumpy(), dtype=np.float32)
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise HarmcuError(
            f"tensor {name!r} has a scale that is not a positive number; quantise the model again"
        )
    zero_points = (
        np.asarray(parameters.ZeroPointAsNumpy(), dtype=np.int64)
        if parameters.ZeroPointLength()
        else np.zeros(count, dtype=np.int64)
    )
    return Quantization(scales, zero_points, axis)


def _check_fixed_shape(raw: tflite.Tensor, tensor: Tensor) -> None:
    # The converter writes -1 for a batch left open and 1 into the shape itself.
    if raw.ShapeSignatureLength() > MAX_RANK:
        raise damaged(f"the input {tensor.name!r} has too many dimensions")
    signature = [raw.ShapeSignature(axis) for axis in range(raw.ShapeSignatureLength())]
    if -1 in signature[1:]:
        raise HarmcuError(
            f"the model's input {tensor.name!r} has the open shape {signature}; export it with "
            "every dimension but the batch fixed"
        )
    if tensor.shape[:1] not in ((), (1,)):
        raise HarmcuError(
            f"the model's input {tensor.name!r} has the batch size {tensor.shape[0]}; export it "
            "with a batch of 1"
        )


def _check_order(operators: tuple[Operator, ...], source: Tensor, result: Tensor) -> None:
    """Checks that tensors are written once, and before they are read."""
    written = {source.index}
    for operator in operators:
        for tensor in operator.inputs:
            if tensor is None or tensor.data is not None or tensor.is_variable:
                continue
            if tensor.index not in written:
                raise damaged(f"{operator.label} reads {tensor.name!r} before it is written")
        for tensor in operator.outputs:
            if tensor.index in written or tensor.data is not None:
                raise damaged(f"{operator.label} writes {tensor.name!r} a second time")
            written.add(tensor.index)
    if source.data is not None or result is source or result.index not in written:
        raise damaged(f"no layer computes the output {result.name!r}")


def _conv_options(raw: tflite.Conv2DOptions | tflite.DepthwiseConv2DOptions) -> ConvOptions:
    is_depthwise = isinstance(raw, tflite.DepthwiseConv2DOptions)
    return ConvOptions(
        padding=_number(Padding, raw.Padding()),
        stride_height=raw.StrideH(),
        stride_width=raw.StrideW(),
        dilation_height=raw.DilationHFactor(),
        dilation_width=raw.DilationWFactor(),
        depth_multiplier=raw.DepthMultiplier() if is_depthwise else 0,
        activation=_number(Activation, raw.FusedActivationFunction()),
    )


def _pool_options(raw: tflite.Pool2DOptions) -> PoolOptions:
    return PoolOptions(
        padding=_number(Padding, raw.Padding()),
        stride_height=raw.StrideH(),
        stride_width=raw.StrideW(),
        filter_height=raw.FilterHeight(),
        filter_width=raw.FilterWidth(),
        activation=_number(Activation, raw.FusedActivationFunction()),
    )


def _fully_connected_options(raw: tflite.FullyConnectedOptions) -> FullyConnectedOptions:
    return FullyConnectedOptions(
        plain_weights=raw.WeightsFormat() == tflite.FullyConnectedOptionsWeightsFormat.DEFAULT,
        activation=_number(Activation, raw.FusedActivationFunction()),
    )


def _concatenation_options(raw: tflite.ConcatenationOptions) -> ConcatenationOptions:
    return ConcatenationOptions(raw.Axis(), _number(Activation, raw.FusedActivationFunction()))


def _softmax_options(raw: tflite.SoftmaxOptions) -> SoftmaxOptions:
    return SoftmaxOptions(raw.Beta())


def _arithmetic_options(raw: tflite.AddOptions | tflite.MulOptions) -> ArithmeticOptions:
    return ArithmeticOptions(_number(Activation, raw.FusedActivationFunction()))


def _strided_slice_options(raw: tflite.StridedSliceOptions) -> StridedSliceOptions:
    return StridedSliceOptions(
        begin_mask=raw.BeginMask(),
        end_mask=raw.EndMask(),
        shrink_axis_mask=raw.ShrinkAxisMask(),
        is_plain=raw.EllipsisMask() == raw.NewAxisMask() == 0 and not raw.Offset(),
    )


def _lstm_options(raw: tflite.UnidirectionalSequenceLSTMOptions) -> LstmOptions:
    return LstmOptions(
        activation=_number(Activation, raw.FusedActivationFunction()),
        cell_clip=raw.CellClip(),
        is_time_major=raw.TimeMajor(),
        is_plain=not raw.DiagonalRecurrentTensors(),
    )


_OPTION_READERS: dict[str, tuple[str, Callable[[object], Options]]] = {
    "CONV_2D": ("Conv2DOptions", _conv_options),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", _conv_options),
    "MAX_POOL_2D": ("Pool2DOptions", _pool_options),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _pool_options),
    "FULLY_CONNECTED": ("FullyConnectedOptions", _fully_connected_options),
    "CONCATENATION": ("ConcatenationOptions", _concatenation_options),
    "SOFTMAX": ("SoftmaxOptions", _softmax_options),
    "ADD": ("AddOptions", _arithmetic_options),
    "MUL": ("MulOptions", _arithmetic_options),
    "STRIDED_SLICE": ("StridedSliceOptions", _strided_slice_options),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("UnidirectionalSequenceLSTMOptions", _lstm_options),
}


def _options(raw: tflite.Operator, name: str) -> Options:
    """Reads the attributes of the operators that the aot engine knows."""
    if name not in _OPTION_READERS:
        return None
    type_name, reader = _OPTION_READERS[name]
    table = raw.BuiltinOptions()
    if table is None or raw.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, type_name):
        raise damaged(f"a {name} has no {type_name}")
    options = getattr(tflite, type_name)()
    options.Init(table.Bytes, table.Pos)
    return reader(options)
