"""Leaves out of a .tflite file what no kernel reads.

The converter describes every channel of every bias by a scale and a zero point, names every
tensor after its TensorFlow graph, gives every activation a buffer and adds metadata: a third of a
small network. The network stays the same: operators, weights, shapes and scales are not touched.
"""

from __future__ import annotations

import re
from typing import Any

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema

IDENTIFIER = b"TFL3"
BIAS = 2
"""Place of the bias among the inputs of a convolution and of a dense layer."""


def compact(model: bytes) -> bytes:
    """Return the same network in fewer bytes.

    A bias per channel loses its scales: kernels compute them from those of input and weights
    (tflite-micro, kernel_util.cc, PopulateConvolutionQuantizationParams). The bias of a dense
    layer, which has one scale, keeps it, because there the kernels compare both.

    Args:
        model: a .tflite file with one subgraph and its weights inside.
    """
    content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    content.description = content.metadata = content.metadataBuffer = None
    (graph,) = content.subgraphs
    graph.name = None
    _share_the_empty_buffer(content)
    for tensor in graph.tensors:
        tensor.name = _layer(tensor.name) if tensor.buffer == 0 else None
        tensor.shapeSignature = None
    for operator in graph.operators:
        for index in operator.inputs[BIAS : BIAS + 1]:
            _drop_scales_per_channel(graph.tensors[index])
    builder = flatbuffers.Builder(len(model))
    builder.Finish(content.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _share_the_empty_buffer(content: Any) -> None:
    """Let every activation point to buffer 0, which the schema keeps empty, as it demands."""
    buffers = [schema.BufferT()]
    for tensor in content.subgraphs[0].tensors:
        buffer = content.buffers[tensor.buffer]
        tensor.buffer = 0
        if buffer.data is not None:
            tensor.buffer = len(buffers)
            buffers.append(buffer)
    content.buffers = buffers


def _drop_scales_per_channel(bias: Any) -> None:
    scales = None if bias.quantization is None else bias.quantization.scale
    # The ends of a STRIDED_SLICE stand in the same place and have no scale.
    if bias.type == schema.TensorType.INT32 and scales is not None and len(scales) > 1:
        bias.quantization = None


def _layer(name: bytes) -> bytes:
    """Return the name of a tensor's layer: "first" of "cnn/quant_first/Conv2D"."""
    found = re.search(rb"quant_(\w+)", name)
    return found[1] if found else name
