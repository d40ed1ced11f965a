"""Feature maps, and the windows that convolutions and pools move over them."""

from collections.abc import Mapping
from itertools import accumulate

from codegen.graph import ConvOptions, Operator, Padding, PoolOptions, Tensor
from codegen.kernels.layer import Fields, Value
from codegen.kernels.rules import require
from codegen.memory import Overlap

# Larger windows only occur in damaged files; every product of sizes stays within int32.
_MAX_WINDOW = 2**20


def feature_map(operator: Operator, tensor: Tensor) -> tuple[int, int, int]:
    """Height, width and channels of a tensor with batch 1."""
    require(
        len(tensor.shape) == 4 and tensor.shape[0] == 1,
        operator,
        f"tensor {tensor.name!r} has the shape {list(tensor.shape)} instead of [1, height, width, "
        "channels]",
    )
    _, height, width, channels = tensor.shape
    return height, width, channels


def map_fields(tensor: Tensor) -> Fields:
    """A ``harmcu_feature_map``."""
    _, height, width, channels = tensor.shape
    return {"height": height, "width": width, "channels": channels}


def window_fields(
    operator: Operator,
    options: ConvOptions | PoolOptions,
    filter_size: tuple[int, ...],
    dilation: tuple[int, int],
) -> Fields:
    """Window of a convolution or pool; checks the output's shape against it."""
    source, result = operator.inputs[0], operator.outputs[0]
    assert source is not None
    strides = (options.stride_height, options.stride_width)
    pads = []
    for axis in (0, 1):
        reach = (filter_size[axis] - 1) * dilation[axis] + 1
        require(
            min(strides[axis], dilation[axis], filter_size[axis]) > 0
            and max(reach, strides[axis]) <= _MAX_WINDOW,
            operator,
            "its filter, stride or dilation is out of range",
        )
        size, stride = source.shape[axis + 1], strides[axis]
        if options.padding is Padding.SAME:
            expected = -(-size // stride)
        else:
            expected = (size - reach) // stride + 1
        require(
            result.shape[axis + 1] == expected,
            operator,
            f"its output has the shape {list(result.shape)}, which does not follow from the input "
            f"{list(source.shape)}",
        )
        pads.append(max((expected - 1) * stride + reach - size, 0) // 2)
    return {
        "size": (filter_size[0], filter_size[1]),
        "stride": strides,
        "dilation": dilation,
        "pad": (pads[0], pads[1]),
    }


def lying(fields: Fields) -> Fields:
    """Exchanges height and width of a map that is one wide.

    It lies in memory like this anyway, and kernels are fastest along the width.
    """
    source, result, window = fields["input_map"], fields["output_map"], fields["window"]
    assert isinstance(source, Mapping)
    assert isinstance(result, Mapping)
    assert isinstance(window, Mapping)
    if source["width"] != 1 or result["width"] != 1:
        return fields

    def turned(sizes: Fields) -> Fields:
        return {**sizes, "height": sizes["width"], "width": sizes["height"]}

    window = {name: pair[::-1] for name, pair in window.items() if isinstance(pair, tuple)}
    return {**fields, "input_map": turned(source), "output_map": turned(result), "window": window}


def window_overlap(source: Tensor, output: Tensor, window: Fields, block: int) -> Overlap:
    """How the output may lie over the input of a kernel that goes from position to position.

    Args:
        source, output: maps.
        window: that moves over ``source``, as ``window_fields`` gives it.
        block: the kernel reads all that is under so many positions before it writes them.
    """
    (_, _, width, inputs), (_, rows, columns, outputs) = source.shape, output.shape
    (stride_y, stride_x), (pad_y, pad_x) = _pair(window["stride"]), _pair(window["pad"])
    tops = [max(0, y * stride_y - pad_y) for y in range(rows)]
    lefts = [max(0, x * stride_x - pad_x) for x in range(columns)]
    first_read = [(top * width + left) * inputs for top in tops for left in lefts]
    still_read = list(accumulate(reversed(first_read), min))[::-1]
    ahead = (place * outputs - still_read[place] for place in range(block, rows * columns, block))
    return Overlap(max(0, *ahead, 0))


def _pair(value: Value) -> tuple[int, int]:
    assert isinstance(value, tuple)
    first, second = value
    assert isinstance(first, int)
    assert isinstance(second, int)
    return first, second
