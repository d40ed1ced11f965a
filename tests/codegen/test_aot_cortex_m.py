"""Generated C on emulated Cortex-M CPUs against TensorFlow Lite Micro, byte for byte.

Many models share one program and one launch of the emulator: their public functions are renamed
by the preprocessor, inputs are compiled in, and scores come back as hexadecimal lines.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from bench_models import BENCH, bench
from host_engine import FIRMWARE, REPOSITORY, STRICT, run
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_models import LAYERS, OPERATORS, Example, chains, models, packed, parsed
from single_layers import convolution, dense, elementwise, over_map, pool, reduction
from test_rounding import HALVES, of_all_pairs
from tflm_oracle import tflm_scores

from codegen import aot, tflite
from codegen.c_text import c_array

SEMIHOSTING = REPOSITORY / "tests" / "firmware" / "semihosting"
_FPU = ["-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]
CPUS = {
    # With the DSP extension, except the third.
    "cortex-m4": ("mps2-an386", ["-mcpu=cortex-m4", *_FPU, "-O2"]),
    "cortex-m4 -Os": ("mps2-an386", ["-mcpu=cortex-m4", *_FPU, "-Os"]),
    "cortex-m4 portable": ("mps2-an386", ["-mcpu=cortex-m4", *_FPU, "-O2", "-DHARMCU_PORTABLE"]),
    "cortex-m7": ("mps2-an500", ["-mcpu=cortex-m7", "-mfloat-abi=soft", "-O2"]),
    "cortex-m33": ("mps2-an505", ["-mcpu=cortex-m33", "-mfloat-abi=soft", "-O2"]),
    # Without it.
    "cortex-m3": ("mps2-an385", ["-mcpu=cortex-m3", "-Os"]),
    "cortex-m0": ("mps2-an385", ["-mcpu=cortex-m0", "-Os"]),
}
# Where a machine has its memory if not where the others have it: the secure side of an M33.
MEMORY = {"mps2-an505": {"0x00000000": "0x10000000", "0x20000000": "0x38000000"}}
WINDOWS = 3
PUBLIC = ("engine_name", "engine_init", "engine_input", "engine_invoke")

MAIN_HEAD = """
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include "semihosting.h"

static void write_hex(const int8_t *values, int count) {
    char text[3] = {0};
    for (int i = 0; i < count; i++) {
        text[0] = "0123456789abcdef"[(values[i] >> 4) & 15];
        text[1] = "0123456789abcdef"[values[i] & 15];
        host_write(text);
    }
    host_write("\\n");
}
"""


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            # In CI a missing tool is a failure, never a silent skip.
            say = pytest.fail if "CI" in os.environ else pytest.skip
            say(f"{tool} is missing; install gcc-arm-none-eabi and qemu-system-arm")


def _test_of(number: int, windows: npt.NDArray[np.int8], outputs: int) -> tuple[str, str]:
    """Declarations and statements that run one model on its windows."""
    declarations = f"""
bool m{number}_engine_init(void);
int8_t *m{number}_engine_input(void);
bool m{number}_engine_invoke(int8_t *scores);
static const int8_t windows{number}[] = {{
{c_array(windows.ravel().tolist(), 20)}}};
static int8_t scores{number}[{outputs}];
"""
    size = windows[0].size
    statements = f"""
    if (!m{number}_engine_init()) {{
        return 1;
    }}
    for (int i = 0; i < {len(windows)}; i++) {{
        memcpy(m{number}_engine_input(), windows{number} + i * {size}, {size});
        if (!m{number}_engine_invoke(scores{number})) {{
            return 1;
        }}
        write_hex(scores{number}, {outputs});
    }}
"""
    return declarations, statements


def _scores(
    cpu: str, folder: Path, cases: list[tuple[bytes, npt.NDArray[np.int8], int]]
) -> list[list[list[int]]]:
    """Compiles all models into one program and runs it; int8 scores by model and window."""
    machine, flags = CPUS[cpu]
    sources: list[Path] = [SEMIHOSTING / "startup.c"]
    parts = []
    needed: set[str] = set()
    for number, (model, windows, outputs) in enumerate(cases):
        generated = aot.generate(model, f"model {number}", "0" * 64)
        needed |= set(generated.kernel_sources)
        home = folder / f"m{number}"
        home.mkdir(parents=True)
        for name, text in generated.files.items():
            (home / name).write_text(text, encoding="utf-8")
        renames = [f"#define harmcu_{name} m{number}_{name}" for name in PUBLIC]
        lines = [*renames, f'#include "m{number}/model_aot.c"', ""]
        sources.append(folder / f"m{number}.c")
        sources[-1].write_text("\n".join(lines), encoding="utf-8")
        parts.append(_test_of(number, windows, outputs))
    main = folder / "main.c"
    body = "".join(statements for _, statements in parts)
    declarations = "".join(text for text, _ in parts)
    main.write_text(f"{MAIN_HEAD}{declarations}int main(void) {{{body}    return 0;\n}}\n")
    sources += [main, *(FIRMWARE / "src" / "kernels" / name for name in sorted(needed))]
    target = ["-mthumb", *flags]
    script = folder / "link.ld"
    text = (SEMIHOSTING / "link.ld").read_text("utf-8")
    for usual, here in MEMORY.get(machine, {}).items():
        text = text.replace(usual, here)
    script.write_text(text, "utf-8")
    link = ["-nostartfiles", "--specs=nano.specs", "-T", script]
    include = [f"-I{folder}", f"-I{SEMIHOSTING}"]
    program = folder / "program.elf"
    run(["arm-none-eabi-gcc", *target, *STRICT, *include, *sources, *link, "-o", program])
    emulator = ["qemu-system-arm", "-M", machine, "-nographic", "-monitor", "none"]
    emulator += ["-serial", "none", "-chardev", "stdio,id=host"]
    emulator += ["-semihosting-config", "enable=on,target=native,chardev=host"]
    raw = run([*emulator, "-kernel", program]).decode("ascii").split()
    lines = iter(raw)
    return [
        [np.frombuffer(bytes.fromhex(next(lines)), dtype=np.int8).tolist() for _ in windows]
        for _, windows, _ in cases
    ]


@pytest.mark.parametrize("cpu", CPUS)
def test_random_models(cpu: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    layers = [models(name) for name in LAYERS]
    batch = st.tuples(*layers, chains(), chains())

    # The first batch is the simplest one, the others are random.
    @settings(
        max_examples=5,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(batch)
    def check(examples: tuple[Example, ...]) -> None:
        folder = tmp_path_factory.mktemp("cortex_m")
        cases = [(e.model, e.windows(WINDOWS), e.outputs) for e in examples]
        for example, scores in zip(examples, _scores(cpu, folder, cases), strict=True):
            expected = tflm_scores(example.model, example.windows(WINDOWS))
            assert scores == expected.tolist(), example
        shutil.rmtree(folder)

    check()


def test_bench_cnn(tmp_path: Path) -> None:
    model = bench("cnn.tflite")
    windows = np.load(BENCH / "cnn_x.npy")
    expected = np.load(BENCH / "cnn_y.npy").reshape(len(windows), 6)
    assert _scores("cortex-m4", tmp_path, [(model, windows, 6)]) == [expected.tolist()]


@pytest.mark.parametrize("channels", [1, 3, 4, 6, 9])
def test_channels_that_fill_a_word_and_that_do_not(tmp_path: Path, channels: int) -> None:
    """The DSP instructions take two or four at a time; what is left goes another way."""
    layers = [
        convolution(9, channels, 0, 3, 1),
        convolution(11, channels, 0, 5, 2),
        convolution(12, channels, channels + 1, 3, 1),
        over_map((5, 7), channels, 0, (3, 3)),
        over_map((7, 6), channels, 0, (3, 2), stride=2),
        over_map((7, 7), channels, 0, (2, 3), dilation=2),
        over_map((5, 6), channels, channels + 2, (3, 3)),
        over_map((6, 7), channels, channels, (2, 3), dilation=2),
        dense(channels, channels + 1),
        dense(16 * channels + 1, channels),
        pool(OPERATORS.MAX_POOL_2D, 7, channels, 2),
        pool(OPERATORS.AVERAGE_POOL_2D, 9, channels, 3, width=4),
        reduction(OPERATORS.MEAN, 7, channels),
        reduction(OPERATORS.REDUCE_MAX, 7, channels),
        elementwise(OPERATORS.SOFTMAX, channels),
    ]
    cases = []
    for model in layers:
        graph = tflite.read(model)
        example = Example(model, graph.input.shape, graph.output.elements, ())
        cases.append((model, example.windows(WINDOWS), example.outputs))
    for case, scores in zip(cases, _scores("cortex-m4", tmp_path, cases), strict=True):
        assert scores == tflm_scores(case[0], case[1]).tolist(), cases.index(case)


def _to_the_unit(model: bytes) -> bytes:
    """The same layer without biases, whose result is the sum itself, saturated."""
    exact = parsed(model)
    graph = exact.subgraphs[0]
    source, weights, bias = graph.operators[0].inputs
    scales = [graph.tensors[index].quantization.scale[0] for index in (source, weights)]
    graph.tensors[graph.outputs[0]].quantization.scale = [float(scales[0] * scales[1])]
    buffer = exact.buffers[graph.tensors[bias].buffer]
    buffer.data = np.zeros_like(buffer.data)
    return packed(exact)


@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m4 portable"])
def test_sums_to_the_last_unit(tmp_path: Path, cpu: str) -> None:
    """Windows of a single one, so that every result is a weight: rounding hides nothing."""
    layers = [
        convolution(5, 3, 0, 3, 1),
        convolution(5, 4, 0, 3, 2),
        convolution(6, 3, 5, 3, 1),
        convolution(6, 4, 4, 3, 1),
        over_map((3, 4), 5, 0, (3, 3)),
        over_map((3, 4), 3, 6, (3, 3)),
        dense(9, 7),
        dense(16, 4),
    ]
    cases = []
    for model in map(_to_the_unit, layers):
        graph = tflite.read(model)
        ones = (np.eye(graph.input.elements, dtype=int) - 128).astype(np.int8)
        cases.append((model, ones, graph.output.elements))
    for case, scores in zip(cases, _scores(cpu, tmp_path, cases), strict=True):
        assert scores == tflm_scores(case[0], case[1]).tolist(), cases.index(case)


def test_all_sums_and_products(tmp_path: Path) -> None:
    """The instruction that rounds on a Cortex-M4 is another one than the portable form."""
    window = np.arange(-128, 128, dtype=np.int8)[np.newaxis]
    models = [of_all_pairs(*example) for example in HALVES]
    found = _scores("cortex-m4", tmp_path, [(model, window, 65536) for model in models])
    for example, model, scores in zip(HALVES, models, found, strict=True):
        assert np.array_equal(scores, tflm_scores(model, window)), example


@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m3", "cortex-m0"])
def test_bench_lstms(cpu: str, tmp_path: Path) -> None:
    cases, expected = [], []
    for name in ("lstm16x1", "lstm32x1", "lstm32x2", "lstm64x1"):
        model = bench(f"{name}.tflite")
        windows = np.load(BENCH / f"{name}_x.npy")[: 32 if cpu == "cortex-m4" else 4]
        cases.append((model, windows, 6))
        expected.append(tflm_scores(model, windows).tolist())
    assert _scores(cpu, tmp_path, cases) == expected
