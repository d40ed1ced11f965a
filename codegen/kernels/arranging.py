"""Layers that move values without changing any."""

import math

import numpy as np

from codegen.graph import (
    Activation,
    ConcatenationOptions,
    Operator,
    StridedSliceOptions,
    Tensor,
    TensorType,
)
from codegen.kernels.layer import Fields, Layer, Struct
from codegen.kernels.rules import (
    activation,
    quantized,
    refusal,
    require,
    require_same_quantization,
    unary,
)
from codegen.kernels.walk import dense_strides, walk_fields


def concatenation(operator: Operator) -> Layer:
    """Joins activations along one axis: every input is copied to its place."""
    options = operator.options
    assert isinstance(options, ConcatenationOptions)
    output = activation(operator, operator.outputs[0])
    inputs = tuple(activation(operator, tensor) for tensor in operator.inputs)
    rank = len(output.shape)
    require(-rank <= options.axis < rank, operator, f"it joins along axis {options.axis}")
    require(options.activation is Activation.NONE, operator, "it fuses an activation")
    axis = options.axis % rank
    for tensor in inputs:
        require_same_quantization(operator, tensor, output)
    expected = list(output.shape)
    expected[axis] = sum(t.shape[axis] if len(t.shape) == rank else 0 for t in inputs)
    others = [t.shape[:axis] + t.shape[axis + 1 :] for t in (*inputs, output)]
    require(
        list(output.shape) == expected and len(set(others)) == 1,
        operator,
        "the shapes of its inputs do not add up to that of its output",
    )
    count = math.prod(output.shape[:axis])
    stride = output.elements // count
    structs, calls, offset = [], [], 0
    for number, tensor in enumerate(inputs):
        size = tensor.elements // count
        fields: Fields = {"count": count, "size": size, "stride": stride}
        structs.append(Struct("harmcu_blocks", f"part{number}", fields))
        target = f"output + {offset}" if offset else "output"
        calls.append(f"harmcu_copy_blocks(&part{number}, input{number}, {target});")
        offset += size
    return Layer(
        operator=operator,
        inputs=inputs,
        output=output,
        source="copy_blocks.c",
        structs=tuple(structs),
        calls=tuple(calls),
    )


def reshape(operator: Operator) -> Layer:
    """The same bytes under another shape; also EXPAND_DIMS and SQUEEZE."""
    source, output = unary(operator, 2)
    require(source.elements == output.elements, operator, "it changes the number of values")
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="",
        structs=(),
        calls=(),
    )


def pad(operator: Operator) -> Layer:
    """PAD with the zero point, and PADV2 with a constant."""
    source, output = unary(operator, 3)
    require(len(operator.inputs) >= 2, operator, "it has no paddings")
    rank = len(source.shape)
    paddings = _constant(operator, operator.inputs[1], 2 * rank, "paddings")
    pairs = list(zip(paddings[::2], paddings[1::2], strict=True))
    padded = tuple(
        before + size + after for size, (before, after) in zip(source.shape, pairs, strict=True)
    )
    require(min(paddings, default=0) >= 0, operator, "a padding is negative")
    require(
        output.shape == padded,
        operator,
        f"its output has the shape {list(output.shape)}, which does not follow from the input "
        f"{list(source.shape)}",
    )
    strides = dense_strides(output.shape)
    start = sum(before * stride for (before, _), stride in zip(pairs, strides, strict=True))
    fields = walk_fields(operator, source.shape, dense_strides(source.shape), strides)
    target = f"output + {start}" if start else "output"
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="copy.c",
        structs=(Struct("harmcu_walk", "walk", fields),),
        calls=(
            f"memset(output, {_pad_value(operator, output)}, {output.elements});",
            f"harmcu_copy(&walk, input0, {target});",
        ),
    )


def _pad_value(operator: Operator, output: Tensor) -> int:
    if len(operator.inputs) == 2:
        return output.zero_point
    value = quantized(operator, operator.inputs[2])
    require_same_quantization(operator, value, output)
    require(value.elements == 1, operator, "it pads with several values")
    assert value.data is not None
    return int(np.frombuffer(value.data, dtype=np.int8)[0])


def strided_slice(operator: Operator) -> Layer:
    """STRIDED_SLICE: begins, ends and strides are constants."""
    source, output = unary(operator, 4)
    start, walk = sliced(operator)
    begin = f"input0 + {start}" if start else "input0"
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="copy.c",
        structs=(Struct("harmcu_walk", "walk", walk),),
        calls=(f"harmcu_copy(&walk, {begin}, output);",),
    )


def sliced(operator: Operator) -> tuple[int, Fields]:
    """What a STRIDED_SLICE takes: where it begins, and the ``harmcu_walk`` from there.

    Raises:
        HarmcuError: it does not fit the aot engine.
    """
    options = operator.options
    assert isinstance(options, StridedSliceOptions)
    source, output = unary(operator, 4)
    require(len(operator.inputs) == 4, operator, f"it has {len(operator.inputs)} inputs")
    require(
        options.is_plain,
        operator,
        "it has new axes, an ellipsis, or ends that are counted from the begin",
    )
    begins, ends, steps = (
        _constant(operator, tensor, len(source.shape), "begins, ends and strides")
        for tensor in operator.inputs[1:]
    )
    require(0 not in steps, operator, "a stride is zero")
    taken = [
        _taken(options, axis, size, (begins[axis], ends[axis], steps[axis]))
        for axis, size in enumerate(source.shape)
    ]
    shape = tuple(
        len(indices)
        for axis, indices in enumerate(taken)
        if not options.shrink_axis_mask >> axis & 1
    )
    require(
        output.shape == shape and all(taken),
        operator,
        f"its output has the shape {list(output.shape)}, which does not follow from the input "
        f"{list(source.shape)}",
    )
    sizes = [len(indices) for indices in taken]
    inner = dense_strides(source.shape)
    start = sum(indices[0] * stride for indices, stride in zip(taken, inner, strict=True))
    strides = [indices.step * stride for indices, stride in zip(taken, inner, strict=True)]
    return start, walk_fields(operator, sizes, strides, dense_strides(sizes))


def _taken(
    options: StridedSliceOptions, axis: int, size: int, bounds: tuple[int, int, int]
) -> range:
    """The indices that a slice takes of one axis (strided_slice_logic.h)."""
    begin, end, step = bounds
    low, high = (0, size) if step > 0 else (-1, size - 1)
    first, last = (low, high) if step > 0 else (high, low)
    start = first if options.begin_mask >> axis & 1 else _clamped(begin, size, low, high)
    if options.shrink_axis_mask >> axis & 1:
        return range(start, start + 1) if 0 <= start < size else range(0)
    stop = last if options.end_mask >> axis & 1 else _clamped(end, size, low, high)
    return range(start, stop, step)


def _clamped(index: int, size: int, low: int, high: int) -> int:
    return max(low, min(high, index + size if index < 0 else index))


def _constant(operator: Operator, tensor: Tensor | None, count: int, what: str) -> list[int]:
    if tensor is None or tensor.data is None or tensor.type is not TensorType.INT32:
        raise refusal(operator, f"its {what} are not constant int32 tensors")
    require(tensor.elements == count, operator, f"its {what} have {tensor.elements} values")
    return [int(value) for value in np.frombuffer(tensor.data, dtype="<i4")]
