"""Layers that move values without changing any: CONCATENATION, RESHAPE and its like."""

import math

from codegen.graph import Activation, ConcatenationOptions, Operator
from codegen.kernels.layer import Fields, Layer, Struct
from codegen.kernels.rules import activation, require, require_same_quantization, unary


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
