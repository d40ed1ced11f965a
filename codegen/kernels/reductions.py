"""Layers that make one value of many: pools, and reductions along whole axes."""

from collections.abc import Callable

import numpy as np

from codegen.graph import Operator, PoolOptions, Tensor, TensorType
from codegen.kernels.layer import Fields, Layer, Struct
from codegen.kernels.maps import (
    feature_map,
    lying,
    map_fields,
    window_fields,
    window_overlap,
)
from codegen.kernels.rules import (
    output_fields,
    refusal,
    require,
    require_same_quantization,
    rescale_struct,
    scaled,
    unary,
)

# An int32 sum of this many offset inputs cannot overflow.
_MAX_SUMMANDS = (2**31 - 1) // 255


def pool2d(kernel: str) -> Callable[[Operator], Layer]:
    """The rule of MAX_POOL_2D or AVERAGE_POOL_2D, whose C function is ``kernel``."""

    def rule(operator: Operator) -> Layer:
        options = operator.options
        assert isinstance(options, PoolOptions)
        source, output = unary(operator)
        _, _, channels = feature_map(operator, source)
        require(feature_map(operator, output)[2] == channels, operator, "it changes the channels")
        # PoolingPrepare: the difference in float32, the limit in double precision.
        difference = float(abs(np.float32(source.scale) - np.float32(output.scale)))
        require(
            difference <= 1.0e-6 and source.zero_point == output.zero_point,
            operator,
            "its input and output are quantised differently",
        )
        size = (options.filter_height, options.filter_width)
        window = window_fields(operator, options, size, (1, 1))
        fields: Fields = {
            "input_map": map_fields(source),
            "output_map": map_fields(output),
            "window": window,
            "output": output_fields(operator, output, options.activation),
        }
        if size[1] == 1:
            fields = lying(fields)
        return Layer(
            operator=operator,
            inputs=(source,),
            output=output,
            source="pool2d.c",
            structs=(Struct("harmcu_pool_layer", "layer", fields),),
            calls=(f"{kernel}(&layer, input0, output);",),
            overlap=window_overlap(source, output, window, 1),
        )

    return rule


def _reduced_axes(operator: Operator, source: Tensor) -> set[int]:
    axes = operator.inputs[1] if len(operator.inputs) == 2 else None
    if axes is None or axes.data is None or axes.type is not TensorType.INT32:
        raise refusal(operator, "its axes are not a constant int32 tensor")
    rank = len(source.shape)
    values = [int(axis) for axis in np.frombuffer(axes.data, dtype="<i4")]
    require(all(-rank <= axis < rank for axis in values), operator, f"it reduces the axes {values}")
    return {axis % rank for axis in values}


def _reduce_fields(operator: Operator, source: Tensor, output: Tensor) -> dict[str, int]:
    """Merges the axes of a reduction into the five of ``harmcu_reduce_layer``."""
    axes = _reduced_axes(operator, source)
    kept = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
    dropped = [size for axis, size in enumerate(source.shape) if axis not in axes]
    require(
        list(output.shape) in (kept, dropped),
        operator,
        f"its output has the shape {list(output.shape)}, which does not follow from the input "
        f"{list(source.shape)}",
    )
    names = ("outer", "reduced_outer", "middle", "reduced_inner", "inner")
    fields = dict.fromkeys(names, 1)
    place = 0
    for axis, size in enumerate(source.shape):
        if size == 1:
            continue
        # Odd places are the reduced ones.
        if (place % 2 == 1) != (axis in axes):
            place += 1
        require(place < len(names), operator, "it reduces three or more separate groups of axes")
        fields[names[place]] *= size
    if fields["reduced_inner"] == fields["inner"] == 1:
        # One group of reduced axes: as the inner one, along which the kernels are fastest.
        fields |= {"reduced_inner": fields["reduced_outer"], "reduced_outer": 1}
        fields |= {"inner": fields["middle"], "middle": 1}
    return fields


def mean(operator: Operator) -> Layer:
    """MEAN over any axes."""
    return _rescaled_sum(operator, _mean_factor)


def total(operator: Operator) -> Layer:
    """SUM over any axes: a MEAN that is not divided by the number of values."""
    return _rescaled_sum(operator, lambda operator, real, _: scaled(operator, real))


def _rescaled_sum(
    operator: Operator, factor: Callable[[Operator, float, int], tuple[int, int]]
) -> Layer:
    source, output = unary(operator, 2)
    fields = _reduce_fields(operator, source, output)
    count = fields["reduced_outer"] * fields["reduced_inner"]
    require(count <= _MAX_SUMMANDS, operator, f"its sums have {count} terms")
    multiplier, shift = factor(operator, source.scale / output.scale, count)
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="reduce.c",
        structs=(
            Struct("harmcu_reduce_layer", "layer", fields),
            rescale_struct(source, output, multiplier, shift),
        ),
        calls=("harmcu_mean(&layer, &scale, input0, output);",),
    )


def _mean_factor(operator: Operator, real: float, count: int) -> tuple[int, int]:
    """Folds the division by ``count`` into the multiplier (QuantizedMeanOrSum)."""
    multiplier, shift = scaled(operator, real)
    headroom = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << headroom) // count, shift - headroom


def reduce_max(operator: Operator) -> Layer:
    """REDUCE_MAX over any axes."""
    source, output = unary(operator, 2)
    require_same_quantization(operator, source, output)
    fields = _reduce_fields(operator, source, output)
    return Layer(
        operator=operator,
        inputs=(source,),
        output=output,
        source="reduce.c",
        structs=(Struct("harmcu_reduce_layer", "layer", fields),),
        calls=("harmcu_reduce_max(&layer, input0, output);",),
    )
