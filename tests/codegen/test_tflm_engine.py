"""The tflm engine's text: complete, exact about its operators, and what TFLM's users expect."""

import re
from pathlib import Path

import numpy as np
import pytest
from bench_models import bench
from random_models import OPERATORS, Model, one_layer, schema

from codegen import tflm
from trainer.errors import HarmcuError


def generate(model: bytes, name: str = "Walk & Run") -> tflm.TflmModel:
    return tflm.generate(model, name, "cd" * 32, 9000)


def test_array_holds_the_file() -> None:
    model = one_layer(OPERATORS.TANH)
    files = generate(model).files
    assert set(files) == {
        "walk_run_model_data.h",
        "walk_run_model_data.cpp",
        "tflm_engine.cpp",
    }
    text = files["walk_run_model_data.cpp"]
    body = re.search(
        r"alignas\(16\) const unsigned char g_walk_run_model_data\[\] = \{(.*?)\}", text, re.DOTALL
    )
    assert body is not None
    assert bytes(int(number) for number in body[1].replace(",", " ").split()) == model
    assert f"const unsigned int g_walk_run_model_data_size = {len(model)};" in text
    header = files["walk_run_model_data.h"]
    assert header.count("WALK_RUN_MODEL_DATA_H") == 2
    assert "extern const unsigned char g_walk_run_model_data[];" in header
    assert "extern const unsigned int g_walk_run_model_data_size;" in header


def test_resolver_has_each_operator_once() -> None:
    model = Model(seed=0)
    tensor = source = model.activation((1, 4), 0.1, 0)
    for code in (OPERATORS.TANH, OPERATORS.LOGISTIC, OPERATORS.TANH):
        result = model.activation((1, 4), 0.1, 0)
        tensor = model.add(code, [tensor.index], result, 0, None)
    generated = generate(model.finish(source, tensor))
    assert generated.operators == ("AddTanh", "AddLogistic")
    text = generated.files["tflm_engine.cpp"]
    assert re.findall(r"resolver->(\w+)\(\)", text) == ["AddTanh", "AddLogistic"]
    assert set(re.findall(r"MicroMutableOpResolver<(\d+)>", text)) == {"2"}
    assert "kArenaBytes = 9000;" in text
    assert "Reset" not in text


def test_model_with_state_is_reset_before_every_window() -> None:
    generated = generate(bench("lstm16x1.tflite"))
    assert generated.operators == (
        "AddUnidirectionalSequenceLSTM",
        "AddStridedSlice",
        "AddFullyConnected",
        "AddSoftmax",
    )
    text = generated.files["tflm_engine.cpp"]
    assert text.index("interpreter->Reset()") < text.index("interpreter->Invoke()")


def test_dense_layer_per_channel_does_not_reach_the_arduino_libraries() -> None:
    def text(scales: list[float]) -> str:
        model = Model(seed=0)
        source = model.activation((1, 4), 0.1, 0)
        weights = model.constant(np.ones((3, 4), dtype=np.int8), scales)
        result = model.activation((1, 3), 0.1, 0)
        kind = schema.BuiltinOptions.FullyConnectedOptions
        options = schema.FullyConnectedOptionsT()
        model.add(OPERATORS.FULLY_CONNECTED, [source.index, weights], result, kind, options)
        return generate(model.finish(source, result)).files["tflm_engine.cpp"]

    assert '#error "A dense layer is quantised per channel' in text([0.1, 0.2, 0.3])
    assert "per channel" not in text([0.1])


def test_unknown_operator_is_refused_by_name() -> None:
    with pytest.raises(HarmcuError, match=r"layer 0 \(LSH_PROJECTION, .*replace the layer"):
        generate(one_layer(OPERATORS.LSH_PROJECTION))


def test_same_model_gives_the_same_bytes() -> None:
    model = one_layer(OPERATORS.TANH)
    assert generate(model) == generate(model)
    for text in generate(model).files.values():
        assert text.isascii()
        assert "\r" not in text
        assert str(Path.cwd()) not in text


def test_hostile_name_stays_inside_its_comment() -> None:
    files = generate(one_layer(OPERATORS.TANH), '*/ "\n#error').files
    assert all("#error\n" not in text for text in files.values())
    assert "error_model_data.h" in files
