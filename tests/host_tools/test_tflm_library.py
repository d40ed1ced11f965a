"""TensorFlow Lite Micro from a library's sources, with a double of the library.

The double copies its input to its output, whatever the model.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_models import bench as reference
from cli import harmcu
from random_models import OPERATORS, Model, schema
from single_layers import dense

from host_tools import bench, tflm_library
from trainer.errors import HarmcuError
from trainer.progress import silent

DOUBLE = Path(__file__).parent / "fake_tflm"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def copies() -> bytes:
    """A model that copies its 16 values, too."""
    model = Model(seed=1)
    source = model.activation((1, 16), 0.1, 0)
    result = model.activation((1, 4, 4), 0.1, 0)
    shape = model.constant(np.array([1, 4, 4], np.int32))
    options = schema.ReshapeOptionsT()
    options.newShape = [1, 4, 4]
    kind = schema.BuiltinOptions.ReshapeOptions
    return model.finish(
        source, model.add(OPERATORS.RESHAPE, [source.index, shape], result, kind, options)
    )


def measured(model: bytes, folder: Path = DOUBLE) -> bench.Cost:
    return bench.measure_tflm(model, "double", tflm_library.find_library(folder), "", silent)


def test_an_engine_is_linked_measured_and_compared() -> None:
    cost = measured(copies())
    assert cost.exact is True
    assert [layer.operator for layer in cost.layers] == ["RESHAPE"]
    assert 0 < cost.layers[0].instructions < cost.instructions
    assert cost.estimate is None
    assert cost.weights_bytes == len(copies()) < cost.flash_bytes
    assert cost.ram_bytes > 32


def test_a_library_that_computes_something_else_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "dense.tflite"
    path.write_bytes(dense(16, 16))
    result = harmcu("bench", path, "--engine", "tflm", "--tflm-library", DOUBLE, code=1)
    assert "NO, scores differ" in result.stdout
    cost = measured(dense(16, 16))
    assert cost.macs == cost.layers[0].macs == 16 * 16


def test_what_was_compiled_is_not_compiled_again(tmp_path: Path) -> None:
    heard: list[int] = []

    def hear(*given: Any, **_: Any) -> None:
        heard.append(given[1])

    library = tflm_library.find_library(DOUBLE)
    first = bench.measure_tflm(copies(), "double", library, "", hear)
    assert heard.pop() == len(heard) > 0
    heard.clear()
    assert bench.measure_tflm(copies(), "double", library, "", hear) == first
    assert not heard
    bench.measure_tflm(copies(), "double", library, "-Os", hear)
    assert heard
    kept = [path.suffix for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept == [".a", ".a"]


def test_an_interrupted_compilation_goes_on(tmp_path: Path) -> None:
    def interrupt(*given: Any, **_: Any) -> None:
        if given[1] == given[2] - 1:
            raise KeyboardInterrupt

    library = tflm_library.find_library(DOUBLE)
    with pytest.raises(KeyboardInterrupt):
        bench.measure_tflm(copies(), "double", library, "", interrupt)
    assert list((tmp_path / "cache").rglob("*.o"))
    assert bench.measure_tflm(copies(), "double", library, "", silent).exact is True


def test_a_changed_library_is_compiled_anew(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    shutil.copytree(DOUBLE, folder)
    assert measured(copies(), folder).exact is True
    shutil.rmtree(folder / "src/tensorflow/lite/micro/kernels/cmsis_nn")
    assert measured(copies(), folder).exact is False


def test_libraries_are_found_where_arduino_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARDUINO_DIRECTORIES_USER", str(tmp_path))
    with pytest.raises(HarmcuError, match="arduino-cli lib install Chirale_TensorFLowLite"):
        tflm_library.find_library(None)
    (tmp_path / "libraries" / "Another").mkdir(parents=True)
    shutil.copytree(DOUBLE, tmp_path / "libraries" / "Chirale_TensorFLowLite")
    found = tflm_library.find_library(None)
    assert found.is_arduino
    assert found.root == tmp_path / "libraries" / "Chirale_TensorFLowLite" / "src"


def test_what_cannot_be_measured_is_said_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "dense.tflite"
    path.write_bytes(dense(16, 16))
    result = harmcu("bench", path, "--engine", "tflm", "--hop", "8", code=1)
    assert "takes whole windows; leave out --hop" in result.stderr
    result = harmcu("bench", path, "--engine", "tflm", "--tflm-library", tmp_path, code=1)
    assert f"{tmp_path}: no TensorFlow Lite Micro" in result.stderr


def test_a_model_that_arduino_s_libraries_misread_is_refused() -> None:
    library = tflm_library.find_library(DOUBLE)
    with pytest.raises(HarmcuError, match=r"quantised per channel.*create_tflm_tree\.py"):
        bench.measure_tflm(reference("cnn.tflite"), "cnn", library, "", silent)
