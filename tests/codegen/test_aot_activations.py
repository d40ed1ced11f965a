"""The LSTM's sigmoid and tangent, for every value that they can be given."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from host_engine import FIRMWARE, SANITIZED, STRICT, run
from random_models import OPERATORS, Model, packed, parsed, schema
from tflite_micro.python.tflite_micro import runtime

MAIN = Path(__file__).with_name("activations_main.c")
EVERY = np.arange(-(2**15), 2**15, dtype=np.int16)


def tflm(code: int, scale: float) -> npt.NDArray[np.int16]:
    """What TFLM's operator makes of every int16 of a scale, in Q0.15."""
    model = Model(seed=1)
    source = model.activation((1, len(EVERY)), scale, 0)
    result = model.add(code, [source.index], model.activation(source.shape, 2.0**-15, 0))
    wide = parsed(model.finish(source, result))
    for tensor in wide.subgraphs[0].tensors:
        tensor.type = schema.TensorType.INT16
    interpreter = runtime.Interpreter.from_bytes(packed(wide), arena_size=1_000_000)
    interpreter.set_input(EVERY[np.newaxis], 0)
    interpreter.invoke()
    return np.asarray(interpreter.get_output(0), np.int16).ravel()


def test_every_value_is_tflm_s(tmp_path: Path) -> None:
    program = tmp_path / "activations"
    kernels = f"-I{FIRMWARE / 'src' / 'kernels'}"
    sources = [MAIN, FIRMWARE / "src" / "kernels" / "finish.c"]
    run(["gcc", *STRICT, *SANITIZED, kernels, *sources, "-o", program])
    found = np.frombuffer(run([program]), np.int16).reshape(3, len(EVERY))
    assert np.array_equal(found[0], tflm(OPERATORS.LOGISTIC, 2.0**-12))
    assert np.array_equal(found[1], tflm(OPERATORS.TANH, 2.0**-12))
    assert np.array_equal(found[2], tflm(OPERATORS.TANH, 2.0**-14))
