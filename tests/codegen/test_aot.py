"""The aot engine as a whole: real models, refusals, and the text that it writes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bench_models import BENCH, bench
from host_engine import FIRMWARE, REPOSITORY, STRICT, HostCompiler
from random_models import OPERATORS, Model, one_layer, packed, parsed, schema
from streaming_models import NONE, SAME, Convolution, convolve
from tflm_oracle import tflm_scores

from codegen import aot
from codegen.kernels import quantize_multiplier
from trainer.errors import HarmcuError


def generate(model: bytes) -> aot.AotModel:
    return aot.generate(model, "test model", "ab" * 32)


def test_bench_cnn_equals_tflm_on_real_windows(host_compiler: HostCompiler) -> None:
    model = bench("cnn.tflite")
    windows = np.load(BENCH / "cnn_x.npy")
    expected = np.load(BENCH / "cnn_y.npy").reshape(len(windows), 6)
    generated = generate(model)
    scores = host_compiler.scores(generated, windows, 6)
    assert scores.tolist() == expected.tolist()
    assert scores.tolist() == tflm_scores(model, windows).tolist()
    assert generated.macs == 270_528
    # 1536 bytes in, 1024 out, and four columns of 144 int16.
    assert generated.arena_bytes == generated.arena_lower_bound == 2176


@pytest.mark.parametrize("name", ["lstm16x1", "lstm32x1", "lstm32x2", "lstm64x1"])
def test_bench_lstm_equals_tflm_on_real_windows(host_compiler: HostCompiler, name: str) -> None:
    model = bench(f"{name}.tflite")
    windows = np.load(BENCH / f"{name}_x.npy")
    scores = host_compiler.scores(generate(model), windows, 6)
    assert scores.tolist() == tflm_scores(model, windows).tolist()
    assert len(set(map(tuple, scores.tolist()))) > 1


@pytest.mark.parametrize("length", [1, 2, 3, 9, 10, 11])
def test_positions_that_fill_no_block(host_compiler: HostCompiler, length: int) -> None:
    """Four positions are computed together; these lengths leave one, two and three."""
    model = Model(seed=length)
    x = source = model.activation((1, length, 1, 8), 0.05, 0)
    for taps in (3, 5, 1, 4):
        x = convolve(model, x, Convolution(8, taps, padding=SAME, activation=NONE))
    data = model.finish(source, x)
    windows = np.random.default_rng(0).integers(-128, 128, (9, length * 8)).astype(np.int8)
    scores = host_compiler.scores(generate(data), windows, length * 8)
    assert scores.tolist() == tflm_scores(data, windows).tolist()


@pytest.mark.parametrize("code", [OPERATORS.TANH, OPERATORS.HARD_SWISH, OPERATORS.SVDF])
def test_unknown_operator_is_refused_by_name(code: int) -> None:
    name = next(n for n, number in vars(OPERATORS).items() if number == code)
    with pytest.raises(HarmcuError, match=rf"layer 0 \({name}, 'net/layer_1/Out'\).*--engine tflm"):
        generate(one_layer(code))


@pytest.mark.parametrize("code", [OPERATORS.SHAPE, OPERATORS.SPACE_TO_BATCH_ND])
def test_what_an_open_batch_leaves_is_refused_with_what_to_do(code: int) -> None:
    with pytest.raises(HarmcuError, match=r"layer 0 .*batch is left open; .*batch_size=1"):
        generate(one_layer(code))


def _with_weights(weights: np.ndarray, scales: list[float], axis: int) -> bytes:
    model = Model(seed=0)
    source = model.activation((1, 4), 0.1, 0)
    index = model.constant(weights, scales, axis)
    result = model.activation((1, len(weights)), 0.1, 0)
    kind = schema.BuiltinOptions.FullyConnectedOptions
    options = schema.FullyConnectedOptionsT()
    model.add(OPERATORS.FULLY_CONNECTED, [source.index, index], result, kind, options)
    return model.finish(source, result)


def test_weights_of_another_type_are_refused() -> None:
    with pytest.raises(HarmcuError, match="weights are int32 instead of int8"):
        generate(_with_weights(np.ones((4, 4), np.int32), [0.1], 0))


def test_weights_quantised_along_the_wrong_axis_are_refused() -> None:
    with pytest.raises(HarmcuError, match="along axis 1 instead of 0"):
        generate(_with_weights(np.ones((4, 4), np.int8), [0.1] * 4, 1))


def test_weights_with_a_zero_point_are_refused() -> None:
    model = parsed(_with_weights(np.ones((4, 4), np.int8), [0.1], 0))
    model.subgraphs[0].tensors[1].quantization.zeroPoint = [3]
    with pytest.raises(HarmcuError, match="not quantised symmetrically"):
        generate(packed(model))


def _joined(scales: tuple[float, float]) -> bytes:
    model = Model(seed=0)
    source = model.activation((1, 4), scales[0], 0)
    result = model.activation((1, 8), scales[1], 0)
    options = schema.ConcatenationOptionsT()
    options.axis = 1
    kind = schema.BuiltinOptions.ConcatenationOptions
    model.add(OPERATORS.CONCATENATION, [source.index, source.index], result, kind, options)
    return model.finish(source, result)


def test_concatenation_of_different_scales_is_refused_as_tflm_does() -> None:
    generate(_joined((0.1, 0.1)))
    with pytest.raises(HarmcuError, match="quantised differently"):
        generate(_joined((0.1, 0.2)))


def test_shape_that_does_not_follow_from_the_input_is_refused() -> None:
    model = Model(seed=0)
    source = model.activation((1, 8, 1, 2), 0.1, 0)
    result = model.activation((1, 400, 1, 2), 0.1, 0)
    options = schema.Pool2DOptionsT()
    options.strideH = options.strideW = options.filterHeight = options.filterWidth = 1
    kind = schema.BuiltinOptions.Pool2DOptions
    model.add(OPERATORS.MAX_POOL_2D, [source.index], result, kind, options)
    with pytest.raises(HarmcuError, match="does not follow from the input"):
        generate(model.finish(source, result))


def _with_slice(**changes: object) -> bytes:
    model = Model(seed=0)
    source = model.activation((1, 8), 0.1, 0)
    bounds = changes.get("bounds", ([0, 2], [1, 6], [1, 1]))
    constants = [model.constant(np.array(values, dtype=np.int32)) for values in bounds]
    result = model.activation((1, 4), 0.1, 0)
    options = schema.StridedSliceOptionsT()
    options.ellipsisMask = changes.get("ellipsis_mask", 0)
    options.offset = changes.get("offset", False)
    kind = schema.BuiltinOptions.StridedSliceOptions
    model.add(OPERATORS.STRIDED_SLICE, [source.index, *constants], result, kind, options)
    return model.finish(source, result)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ellipsis_mask": 1}, "new axes, an ellipsis"),
        ({"offset": True}, "ends that are counted from the begin"),
        ({"bounds": ([0, 2], [1, 6], [1, 0])}, "a stride is zero"),
        ({"bounds": ([0, 2], [1, 7], [1, 1])}, "does not follow from the input"),
        ({"bounds": ([0, 6], [1, 2], [1, 1])}, "does not follow from the input"),
        ({"bounds": ([0], [1], [1])}, "its begins, ends and strides have 1 values"),
    ],
)
def test_slice_beyond_what_tflm_runs_is_refused(changes: dict[str, object], message: str) -> None:
    generate(_with_slice())
    with pytest.raises(HarmcuError, match=rf"layer 0 \(STRIDED_SLICE, .*{message}.*--engine tflm"):
        generate(_with_slice(**changes))


def _sum_of(scales: tuple[float, float], shape: tuple[int, ...]) -> bytes:
    model = Model(seed=0)
    source = model.activation((1, 4), scales[0], 0)
    constant = model.constant(np.ones(shape, dtype=np.int8), [scales[0]])
    result = model.activation((1, 4), scales[1], 0)
    options, kind = schema.AddOptionsT(), schema.BuiltinOptions.AddOptions
    model.add(OPERATORS.ADD, [source.index, constant], result, kind, options)
    return model.finish(source, result)


def test_sum_that_tflm_cannot_prepare_is_refused() -> None:
    generate(_sum_of((0.1, 0.2), (4,)))
    with pytest.raises(HarmcuError, match=r"layer 0 \(ADD, .*too small a scale"):
        generate(_sum_of((8.0, 2.0**-20), (4,)))
    with pytest.raises(HarmcuError, match=r"layer 0 \(ADD, .*\[3\] do not give"):
        generate(_sum_of((0.1, 0.2), (3,)))


def test_constant_may_come_first(host_compiler: HostCompiler) -> None:
    model = parsed(_sum_of((0.1, 0.2), (4,)))
    operator = model.subgraphs[0].operators[0]
    operator.inputs = [*operator.inputs][::-1]
    windows = np.arange(-128, 128, dtype=np.int8).reshape(64, 4)
    scores = host_compiler.scores(generate(packed(model)), windows, 4)
    assert scores.tolist() == tflm_scores(packed(model), windows).tolist()


def test_int16_activations_are_refused_by_name() -> None:
    model = parsed(_sum_of((0.1, 0.2), (4,)))
    model.subgraphs[0].tensors[1].type = schema.TensorType.INT16
    model.buffers[1].data = np.zeros(8, np.uint8)
    with pytest.raises(HarmcuError, match=r"layer 0 \(ADD, .*int16 instead of int8.*--engine tflm"):
        generate(packed(model))


def _chain() -> bytes:
    """Every kind of layer once, with unfriendly names."""
    model = Model(seed=3)
    source = model.activation((1, 6, 2, 3), 0.1, 1)
    shape = model.constant(np.array([1, 36], dtype=np.int32))
    flat = model.activation((1, 36), 0.1, 1)
    model.add(OPERATORS.RESHAPE, [source.index, shape], flat, 0, None)
    scaled = model.activation((1, 36), 0.2, -128)
    model.add(OPERATORS.QUANTIZE, [flat.index], scaled, 0, None)
    scores = model.activation((1, 36), 1 / 256, -128)
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    kind = schema.BuiltinOptions.SoftmaxOptions
    model.add(OPERATORS.SOFTMAX, [scaled.index], scores, kind, options)
    model.tensors[scaled.index].name = 'a*/b"??/\n/ü//1;x'
    return model.finish(source, scores)


def test_same_model_gives_the_same_bytes() -> None:
    assert generate(_chain()) == generate(_chain())


def test_text_is_plain_and_states_what_it_is() -> None:
    generated = generate(_chain())
    assert set(generated.files) == {"model_aot.h", "model_aot.c"}
    for text in generated.files.values():
        assert text.isascii()
        assert "\r" not in text
        assert text.endswith("\n")
        assert str(REPOSITORY) not in text
    head = generated.files["model_aot.c"].split("*/")[0]
    for fact in ("test model", "ab" * 32, "0 MACs", "RESHAPE", "QUANTIZE", "SOFTMAX"):
        assert fact in head
    assert generated.kernel_sources == ("requantize.c", "softmax.c")


def test_names_cannot_break_out_of_comments(host_compiler: HostCompiler) -> None:
    windows = np.arange(-36, 36, dtype=np.int8).reshape(2, 36)
    generated = aot.generate(_chain(), '*/ #error "x" ??/', "0" * 64)
    scores = host_compiler.scores(generated, windows, 36)
    assert scores.tolist() == tflm_scores(_chain(), windows).tolist()


def test_other_runtime_version_does_not_compile(tmp_path: Path) -> None:
    for name, text in generate(_chain()).files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = ["gcc", *STRICT, "-fsyntax-only", str(tmp_path / "model_aot.c")]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    other = tmp_path / "harmcu" / "version.h"
    other.parent.mkdir()
    other.write_text("#define HARMCU_RUNTIME_VERSION 999\n", encoding="utf-8")
    command.insert(1, f"-I{tmp_path}")
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode != 0
    assert "generated for runtime version" in result.stderr


def test_text_follows_the_format_of_the_hand_written_c(tmp_path: Path) -> None:
    files = list((FIRMWARE / "src" / "kernels").glob("*.c"))
    files += [FIRMWARE / "include" / "harmcu" / f"{name}.h" for name in ("kernels", "fixed_point")]
    for name, text in generate(_chain()).files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        files.append(tmp_path / name)
    style = f"--style=file:{REPOSITORY / '.clang-format'}"
    command = [
        str(Path(sys.executable).with_name("clang-format")),
        "--dry-run",
        "--Werror",
        style,
        *map(str, files),
    ]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (1.0, (2**30, 1)),
        (0.5, (2**30, 0)),
        (0.75, (3 * 2**29, 0)),
        (0.0, (0, 0)),
        # Rounds up to 2^31, which becomes the next power of two.
        (1 - 2.0**-33, (2**30, 1)),
        (2.0**-32, (2**30, -31)),
        # Below 2^-32 the factor is flushed to zero.
        (2.0**-33, (0, 0)),
        (2.0**29, (2**30, 30)),
    ],
)
def test_multiplier_and_shift(real: float, expected: tuple[int, int]) -> None:
    assert quantize_multiplier(real) == expected
