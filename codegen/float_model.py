"""An int8 .tflite file inside one with float input and output.

Nothing of the old file is taken apart. References of a flatbuffer point towards its end
(https://flatbuffers.dev/internals), so the old bytes stay whole at the end of the new file, and a
new root before them lists the old operators, tensors and buffers beside the new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

from codegen import tflite as reader

# Buffers of a .tflite file are aligned to 16 bytes.
_ALIGNMENT = 16

Reals = npt.NDArray[np.float32]


def wrap(model: bytes, gain: Reals, offset: Reals) -> bytes:
    """Return a model whose input is ``real = gain * value + offset`` before it is rounded.

    In front of the int8 operators come MUL, ADD and QUANTIZE, after them DEQUANTIZE.

    Args:
        model: content of a .tflite file with one int8 input [..., channels] and one int8 output.
        gain: float32 [channels].
        offset: float32 [channels].

    Returns:
        The file: float32 input and output of the same shapes.

    Raises:
        HarmcuError: the file is damaged, or not an int8 model of fixed shape.
    """
    graph = reader.read(model)
    new = _Writer(model)
    channels = (len(gain),)
    value = new.tensor("value", graph.input.shape, new.buffer(None))
    factor = new.tensor("gain", channels, new.buffer(gain))
    scaled = new.tensor("scaled", graph.input.shape, new.buffer(None))
    summand = new.tensor("offset", channels, new.buffer(offset))
    real = new.tensor("real", graph.input.shape, new.buffer(None))
    score = new.tensor("score", graph.output.shape, new.buffer(None))
    code, options = tflite.BuiltinOperator, tflite.BuiltinOptions
    new.operators = [
        new.operator(code.MUL, 1, [value, factor], scaled, options.MulOptions),
        new.operator(code.ADD, 1, [scaled, summand], real, options.AddOptions),
        new.operator(code.QUANTIZE, 1, [real], graph.input.index),
        *new.operators,
        # Version 2 of DEQUANTIZE is the one that takes int8.
        new.operator(code.DEQUANTIZE, 2, [graph.output.index], score),
    ]
    return new.finish(value, score)


class _Writer:
    """The new root under construction, in front of the old file.

    A list holds where its tables lie, in bytes before the end of the new file.
    """

    def __init__(self, model: bytes) -> None:
        old = tflite.Model.GetRootAsModel(model, 0)
        graph = old.Subgraphs(0)
        padded = model + bytes(-len(model) % _ALIGNMENT)

        def places(count: int, table: Callable[[int], Any]) -> list[int]:
            # The reader looks only at the tables that a layer uses.
            try:
                found = [len(padded) - table(index)._tab.Pos for index in range(count)]
            except reader.DAMAGE as error:
                raise reader.damaged("it points outside itself") from error
            if not all(0 < place < len(padded) for place in found):
                raise reader.damaged("it points outside itself")
            return found

        self.operators = places(graph.OperatorsLength(), graph.Operators)
        self._tensors = places(graph.TensorsLength(), graph.Tensors)
        self._buffers = places(old.BuffersLength(), old.Buffers)
        self._codes = places(old.OperatorCodesLength(), old.OperatorCodes)
        self._builder = flatbuffers.Builder(len(padded) + 4096)
        self._builder.head -= len(padded)
        self._builder.Bytes[self._builder.head :] = padded

    def buffer(self, values: Reals | None) -> int:
        """Add a buffer and return its index; None: of a tensor that is computed."""
        data = None
        if values is not None:
            content = np.ascontiguousarray(values, "<f4").view(np.uint8)
            self._builder.StartVector(1, len(content), _ALIGNMENT)
            self._builder.head -= len(content)
            self._builder.Bytes[self._builder.head : self._builder.head + len(content)] = bytes(
                content
            )
            data = self._builder.EndVector()
        tflite.BufferStart(self._builder)
        if data is not None:
            tflite.BufferAddData(self._builder, data)
        self._buffers.append(tflite.BufferEnd(self._builder))
        return len(self._buffers) - 1

    def tensor(self, name: str, shape: Sequence[int], buffer: int) -> int:
        """Add a float32 tensor and return its index."""
        text = self._builder.CreateString(name)
        sizes = self._integers(shape)
        tflite.TensorStart(self._builder)
        tflite.TensorAddShape(self._builder, sizes)
        tflite.TensorAddType(self._builder, tflite.TensorType.FLOAT32)
        tflite.TensorAddBuffer(self._builder, buffer)
        tflite.TensorAddName(self._builder, text)
        self._tensors.append(tflite.TensorEnd(self._builder))
        return len(self._tensors) - 1

    def operator(
        self, code: int, version: int, inputs: Sequence[int], output: int, options: int = 0
    ) -> int:
        """Add an operator and return where it lies; its options are all defaults."""
        # Readers older than 2020 look at the first of the two fields.
        tflite.OperatorCodeStart(self._builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self._builder, code)
        tflite.OperatorCodeAddVersion(self._builder, version)
        tflite.OperatorCodeAddBuiltinCode(self._builder, code)
        self._codes.append(tflite.OperatorCodeEnd(self._builder))
        sources, targets = self._integers(inputs), self._integers([output])
        defaults = None
        if options:
            self._builder.StartObject(0)
            defaults = self._builder.EndObject()
        tflite.OperatorStart(self._builder)
        tflite.OperatorAddOpcodeIndex(self._builder, len(self._codes) - 1)
        tflite.OperatorAddInputs(self._builder, sources)
        tflite.OperatorAddOutputs(self._builder, targets)
        if defaults is not None:
            tflite.OperatorAddBuiltinOptionsType(self._builder, options)
            tflite.OperatorAddBuiltinOptions(self._builder, defaults)
        return int(tflite.OperatorEnd(self._builder))

    def finish(self, source: int, result: int) -> bytes:
        """Write the root, with the indices of the graph's input and output."""
        tensors, operators = self._tables(self._tensors), self._tables(self.operators)
        inputs, outputs = self._integers([source]), self._integers([result])
        tflite.SubGraphStart(self._builder)
        tflite.SubGraphAddTensors(self._builder, tensors)
        tflite.SubGraphAddInputs(self._builder, inputs)
        tflite.SubGraphAddOutputs(self._builder, outputs)
        tflite.SubGraphAddOperators(self._builder, operators)
        graphs = self._tables([tflite.SubGraphEnd(self._builder)])
        codes, buffers = self._tables(self._codes), self._tables(self._buffers)
        tflite.ModelStart(self._builder)
        tflite.ModelAddVersion(self._builder, 3)
        tflite.ModelAddOperatorCodes(self._builder, codes)
        tflite.ModelAddSubgraphs(self._builder, graphs)
        tflite.ModelAddBuffers(self._builder, buffers)
        root = tflite.ModelEnd(self._builder)
        # The old file keeps its place to 16 bytes only if the new one is a multiple of them.
        self._builder.Prep(_ALIGNMENT, 8)
        self._builder.Finish(root, b"TFL3")
        return bytes(self._builder.Output())

    def _integers(self, values: Sequence[int]) -> int:
        self._builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._builder.PrependInt32(value)
        return int(self._builder.EndVector())

    def _tables(self, places: Sequence[int]) -> int:
        self._builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self._builder.PrependUOffsetTRelative(place)
        return int(self._builder.EndVector())
