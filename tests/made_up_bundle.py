"""A whole bundle around a small random model: no training, so a test has it in a second."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from random_knn import made_up_knn
from random_models import OPERATORS, Model, schema

from trainer import bundle, evaluator, golden, knn
from trainer.bundle import Bundle
from trainer.recording import AXES, Recording
from trainer.spec import (
    Channel,
    Decision,
    Provenance,
    Quantization,
    Spec,
    Split,
)
from trainer.tflm import measure_arena

AWKWARD_LABELS = (
    "walking",
    'say "hi"',
    "back\\slash, 100 %",
    "größer 走 $*",
    "what??/ /* */ //",
)


def made_up_model(labels: int, window: int = 32, with_operator: int | None = None) -> bytes:
    """Conv (5,1) stride 2, average, dense, softmax; ``with_operator`` adds one (such as TANH)."""
    model = Model(seed=3)
    source = model.activation((1, window, 1, 6), 1 / 32, 0)
    weights = model.constant(_weights(model, (8, 5, 1, 6)), [0.004] * 8)
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.VALID, 2, 1
    options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    features = model.activation((1, (window - 5) // 2 + 1, 1, 8), 0.05, -128)
    kind = schema.BuiltinOptions.Conv2DOptions
    bias = model.constant(np.zeros(8, np.int32), [0.004 / 32] * 8)
    model.add(OPERATORS.CONV_2D, [source.index, weights, bias], features, kind, options)
    axes = model.constant(np.array([1, 2], np.int32))
    mean = model.activation((1, 8), 0.03, -128)
    reducer = schema.ReducerOptionsT()
    kind = schema.BuiltinOptions.ReducerOptions
    model.add(OPERATORS.MEAN, [features.index, axes], mean, kind, reducer)
    dense = model.constant(_weights(model, (labels, 8)), [0.02])
    logits = model.activation((1, labels), 0.1, 0)
    kind = schema.BuiltinOptions.FullyConnectedOptions
    options = schema.FullyConnectedOptionsT()
    model.add(OPERATORS.FULLY_CONNECTED, [mean.index, dense], logits, kind, options)
    if with_operator is not None:
        other = model.activation((1, labels), 1 / 128, 0)
        logits = model.add(with_operator, [logits.index], other)
    scores = model.activation((1, labels), 1 / 256, -128)
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    kind = schema.BuiltinOptions.SoftmaxOptions
    model.add(OPERATORS.SOFTMAX, [logits.index], scores, kind, options)
    return model.finish(source, scores)


def made_up_spec(model: bytes, labels: tuple[str, ...] = AWKWARD_LABELS) -> Spec:
    channels = tuple(
        Channel(
            name=axis,
            axis=axis,
            unit="g" if axis.startswith("a") else "deg/s",
            counts_per_unit=8192.0 if axis.startswith("a") else 16.384,
            sign=-1 if index % 2 else 1,
            multiplier=20_000 + index,
            shift=21,
            zero_point=index - 3,
        )
        for index, axis in enumerate(AXES)
    )
    return Spec(
        name="made_up",
        model_file=bundle.TFLITE,
        labels=labels,
        channels=channels,
        rate_millihertz=50_000,
        window=32,
        hop=16,
        input=Quantization(1 / 32, 0),
        output=Quantization(1 / 256, -128),
        decision=Decision(tuple(np.resize([-128, -60, -20, 0, 20], len(labels)).tolist()), 3),
        provenance=Provenance(
            model_sha256=bundle.sha256(model),
            dataset="made-up",
            dataset_sha256="0" * 64,
            split=Split("subjects", ("1",), ("2",), ("3",)),
            architecture="cnn",
            size="tiny",
            seed=1,
            versions={"numpy": np.__version__},
        ),
    )


def made_up_recordings(count: int = 2, samples: int = 200) -> list[Recording]:
    """Noise of the whole range, with stretches at both ends of it."""
    recordings = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        counts = rng.integers(-32768, 32768, (samples, 6)).astype(np.int16)
        counts[20:30], counts[40:50] = -32768, 32767
        recordings.append(
            Recording(counts, AXES, 50_000, AWKWARD_LABELS[seed], "3", f"made up {seed}")
        )
    return recordings


def write_bundle(path: Path, with_operator: int | None = None) -> Bundle:
    model = made_up_model(len(AWKWARD_LABELS), with_operator=with_operator)
    return _write(path, made_up_spec(model), model, dataclasses.asdict(measure_arena(model)))


def write_knn_bundle(path: Path) -> Bundle:
    model = made_up_knn(window=32, channels=6, labels=len(AWKWARD_LABELS))
    # Every discriminant uses its range.
    model = dataclasses.replace(model, shift=np.full(model.features, 15), projection_shift=18)
    content = knn.to_bytes(model)
    spec = dataclasses.replace(made_up_spec(content), model_file=bundle.KNN)
    return _write(path, spec, content, None)


def sign(path: Path, **changes: Any) -> None:
    """Makes a bundle that was changed by hand, with fields of its spec replaced, look untouched."""

    def as_json(document: dict[str, Any]) -> bytes:
        return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()

    document = json.loads((path / bundle.SPEC).read_text("utf-8")) | changes
    del document["integrity"]
    files = [document["model_file"], bundle.METRICS, bundle.GOLDEN, bundle.MET, bundle.REPORT]
    digests = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in files}
    integrity = {bundle.SPEC: hashlib.sha256(as_json(document)).hexdigest(), **digests}
    (path / bundle.SPEC).write_bytes(as_json({**document, "integrity": integrity}))


def _write(path: Path, spec: Spec, model: bytes, arena: dict[str, int] | None) -> Bundle:
    if arena is not None:
        arena["bytes"] = arena["measured_bytes"] + arena["margin_bytes"]
    metrics = {"accuracy": 0.5, "macro_f1": 0.5, "windows": 4, "tflm_arena_bytes": arena}
    vectors = golden.make(spec, evaluator.load(model), made_up_recordings())
    nothing = np.zeros(0, np.uint64)
    page = "<!doctype html><title>r</title>"
    return bundle.write(path, spec, model, metrics, vectors, nothing, page)


def _weights(model: Model, shape: tuple[int, ...]) -> "np.typing.NDArray[np.int8]":
    weights: np.typing.NDArray[np.int8] = model.rng.integers(-127, 128, shape).astype(np.int8)
    return weights
