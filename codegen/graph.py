"""The model as codegen sees it: typed tensors and operators, in execution order.

Nothing here knows the file format; ``codegen.tflite`` builds these objects and the rest of the
package only reads them.
"""

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt


class TensorType(Enum):
    """Element types by the number that TFLite's schema gives them."""

    FLOAT32 = 0
    FLOAT16 = 1
    INT32 = 2
    UINT8 = 3
    INT64 = 4
    STRING = 5
    BOOL = 6
    INT16 = 7
    COMPLEX64 = 8
    INT8 = 9
    FLOAT64 = 10
    COMPLEX128 = 11
    UINT64 = 12
    RESOURCE = 13
    VARIANT = 14
    UINT32 = 15
    UINT16 = 16
    INT4 = 17
    BFLOAT16 = 18

    @property
    def label(self) -> str:
        """The name as people write it, ``int8`` for example."""
        return self.name.lower()


class Padding(Enum):
    """How a window meets the border, by the schema's number."""

    SAME = 0
    VALID = 1


class Activation(Enum):
    """Activation fused into an operator, by the schema's number."""

    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3
    TANH = 4
    SIGN_BIT = 5


@dataclass(frozen=True, eq=False)
class Quantization:
    """Affine quantisation: real value = scale * (quantised value - zero point).

    Attributes:
        scales: float32, one for the tensor or one for each slice along ``axis``.
        zero_points: int64, as many as ``scales``.
        axis: the dimension that the scales belong to when there are several.
    """

    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]
    axis: int


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of the graph.

    Attributes:
        index: its number in the file.
        name: its name in the file, as text for people.
        type: element type.
        shape: dimensions, batch first; empty for a scalar.
        quantization: None when the file has none.
        data: the values of a constant as they lie in the file (little endian), else None.
        is_variable: the operator keeps state in it from one inference to the next.
    """

    index: int
    name: str
    type: TensorType
    shape: tuple[int, ...]
    quantization: Quantization | None
    data: memoryview | None
    is_variable: bool

    @property
    def elements(self) -> int:
        """How many values the tensor has."""
        return math.prod(self.shape)

    @property
    def scale(self) -> float:
        """The scale of a tensor that has exactly one, as the float32 it is in the file."""
        return float(self._single().scales[0])

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor that has exactly one scale."""
        return int(self._single().zero_points[0])

    @property
    def is_quantized_once(self) -> bool:
        """Whether ``scale`` and ``zero_point`` exist."""
        return self.quantization is not None and len(self.quantization.scales) == 1

    def _single(self) -> Quantization:
        if self.quantization is None or len(self.quantization.scales) != 1:
            raise ValueError(f"tensor {self.index} has no single scale")
        return self.quantization


@dataclass(frozen=True)
class ConvOptions:
    """CONV_2D and DEPTHWISE_CONV_2D; ``depth_multiplier`` is 0 for the former."""

    padding: Padding
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    depth_multiplier: int
    activation: Activation


@dataclass(frozen=True)
class PoolOptions:
    """MAX_POOL_2D and AVERAGE_POOL_2D."""

    padding: Padding
    stride_height: int
    stride_width: int
    filter_height: int
    filter_width: int
    activation: Activation


@dataclass(frozen=True)
class FullyConnectedOptions:
    """FULLY_CONNECTED; ``plain_weights`` is false for the shuffled layout of some desktops."""

    plain_weights: bool
    activation: Activation


@dataclass(frozen=True)
class ConcatenationOptions:
    """CONCATENATION; a negative axis counts from the last."""

    axis: int
    activation: Activation


@dataclass(frozen=True)
class SoftmaxOptions:
    """SOFTMAX: exp(beta * x) over the last axis."""

    beta: float


@dataclass(frozen=True)
class ArithmeticOptions:
    """ADD and MUL."""

    activation: Activation


@dataclass(frozen=True)
class StridedSliceOptions:
    """STRIDED_SLICE; bit n of a mask belongs to axis n.

    Attributes:
        begin_mask: axes whose begin is ignored.
        end_mask: axes whose end is ignored.
        shrink_axis_mask: axes of which one index is taken and that then disappear.
        is_plain: without new axes, ellipsis, or ends that count from the begin.
    """

    begin_mask: int
    end_mask: int
    shrink_axis_mask: int
    is_plain: bool


@dataclass(frozen=True)
class LstmOptions:
    """UNIDIRECTIONAL_SEQUENCE_LSTM.

    Attributes:
        activation: of the cell gate and of the cell.
        cell_clip: limit of the cell state's magnitude; none when it is not positive.
        is_time_major: time is the first axis and the batch the second.
        is_plain: without diagonal recurrent weights.
        keeps_all_steps: every step is written to the output; else the last one only, which no
            file can say but ``codegen.fusion`` may decide.
    """

    activation: Activation
    cell_clip: float
    is_time_major: bool
    is_plain: bool
    keeps_all_steps: bool = True


Options = (
    ConvOptions
    | PoolOptions
    | FullyConnectedOptions
    | ConcatenationOptions
    | SoftmaxOptions
    | ArithmeticOptions
    | StridedSliceOptions
    | LstmOptions
    | None
)


@dataclass(frozen=True, eq=False)
class Operator:
    """One layer.

    Attributes:
        index: its place in the execution order, from 0.
        name: builtin name of the schema, ``CONV_2D`` for example; ``CUSTOM:<code>`` otherwise.
        inputs: None stands for an optional input that is absent.
        outputs: what it writes.
        options: the attributes of the operators that the aot engine knows, else None.
    """

    index: int
    name: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Options

    @property
    def label(self) -> str:
        """How messages name the layer: its number, operator and the tensor that it writes.

        The converter joins the names of what it fused by semicolons; the first says enough.
        """
        return f"layer {self.index} ({self.name}, {self.outputs[0].name.split(';')[0]!r})"


@dataclass(frozen=True, eq=False)
class Graph:
    """A model with one int8 input and one int8 output.

    Attributes:
        operators: in execution order; every input is a constant, a variable, the graph's input or
            the output of an earlier operator.
        input: int8, quantised per tensor.
        output: int8, quantised per tensor, written by an operator.
    """

    operators: tuple[Operator, ...]
    input: Tensor
    output: Tensor

    @property
    def operator_names(self) -> tuple[str, ...]:
        """The distinct operator names in the order of their first use."""
        return tuple(dict.fromkeys(operator.name for operator in self.operators))

    @property
    def has_state(self) -> bool:
        """Whether an operator carries state from one inference to the next."""
        return any(
            tensor is not None and tensor.is_variable
            for operator in self.operators
            for tensor in operator.inputs
        )
