"""The nearest-neighbour model: its steps against NumPy and scikit-learn, its file, its training."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import a_material, a_recording, load_or_line
from random_knn import MODELS, made_up_knn, windows_of
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier

from trainer import bundle, evaluator, knn, pipeline, windows
from trainer.errors import HarmcuError
from trainer.knn import Knn
from trainer.models import knn as training
from trainer.progress import silent
from trainer.recording import Recording
from trainer.training import Material


@given(st.data())
def test_statistics_are_what_they_say(data: st.DataObject) -> None:
    model = data.draw(MODELS)
    samples = data.draw(windows_of(model))
    found = knn.statistics(samples).reshape(len(samples), knn.STATISTICS, model.channels)
    for window, values in zip(samples.astype(int), found, strict=True):
        for channel, column in enumerate(window.T):
            mean = int(np.floor(column.mean() + 0.5))
            expected = [column.sum(), np.abs(column - mean).sum(), column.min(), column.max()]
            expected += [
                sum(abs(b - a) for a, b in zip(column, column[lag:], strict=False))
                for lag in knn.LAGS
            ]
            assert values[:, channel].tolist() == expected


def test_votes_are_those_of_scikit_learn() -> None:
    """Its classifier, with votes by rank, wherever no two prototypes are equally far."""
    model = made_up_knn(seed=1, labels=5, per_label=30, discriminants=4, neighbours=7)
    rng = np.random.default_rng(2)
    places = rng.integers(-128, 128, model.prototypes.shape).astype(np.int8)
    model = dataclasses.replace(model, prototypes=places)
    oracle = KNeighborsClassifier(
        model.neighbours,
        weights=lambda d: np.tile(np.arange(model.neighbours, 0, -1.0), (len(d), 1)),
        algorithm="brute",
    ).fit(model.prototypes.astype(float), model.prototype_labels)
    points = rng.integers(-128, 128, (500, 4))
    distances, _ = oracle.kneighbors(points, model.neighbours + 1)
    clear = (np.diff(distances, axis=1) > 0).all(axis=1)
    assert clear.sum() > 300
    expected = np.minimum(np.floor(256 * oracle.predict_proba(points[clear]) + 0.5) - 128, 127)
    assert (model.vote(points[clear]) == expected).all()


def test_of_equals_the_first_is_nearer() -> None:
    model = made_up_knn(labels=3, per_label=1, discriminants=1, neighbours=2)
    model = dataclasses.replace(
        model,
        prototypes=np.array([[10], [-10], [10]], np.int8),
        prototype_labels=np.arange(3),
    )
    # All are 10 away: the first has two of three votes, the second one.
    assert model.vote(np.array([[0]])).tolist() == [[171 - 128, 85 - 128, -128]]


@pytest.fixture(scope="module")
def trained() -> Knn:
    return knn.read(train(a_material(people())))


def people() -> list[Recording]:
    """Two activities: one moves twice to three times as much as the other."""
    recordings = []
    for seed, (label, low) in enumerate([("sit", 0.2), ("sit", 0.2), ("walk", 0.5), ("walk", 0.5)]):
        noise = a_recording(label=label, seed=seed, samples=3000)
        moved = noise.counts * np.linspace(low, low + 0.1, 3000)[:, None]
        recordings.append(dataclasses.replace(noise, counts=moved.astype(np.int16)))
    return recordings


def train(material: Material, size: str = "tiny", seed: int = 1) -> bytes:
    return training.train(size, material, None, seed, silent).model


def test_training_learns_and_is_the_same_again(trained: Knn) -> None:
    material = a_material(people())
    cut = windows.cut(material.validation, material.labels, material.window, 32)
    scores = trained.run(windows.quantized(cut.counts, material.channels))
    assert (scores.argmax(axis=1) == cut.labels).all()
    assert train(material) == train(material) == knn.to_bytes(trained)
    assert len(knn.read(train(material, "small")).prototypes) > len(trained.prototypes)


def test_discriminants_are_those_of_the_analysis(trained: Knn) -> None:
    """In integers, up to sign and scale."""
    material = a_material(people())
    cut = windows.cut(material.train, material.labels, material.window, material.hop)
    values = knn.statistics(windows.quantized(cut.counts, material.channels))
    found = trained.discriminants(values)[:, 0]
    standardised = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1)
    analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
    expected = analysis.fit(standardised, cut.labels).transform(standardised)
    assert abs(np.corrcoef(found, expected[:, 0])[0, 1]) > 0.999


@given(MODELS)
def test_the_file_gives_back_the_model(model: Knn) -> None:
    data = knn.to_bytes(model)
    assert knn.is_knn(data)
    again = knn.read(data)
    for name, value in vars(model).items():
        assert np.array_equal(getattr(again, name), value), name


@settings(max_examples=200)
@given(st.binary(max_size=8), st.integers(0, 2**16), st.integers(0, 8))
def test_a_damaged_file_is_refused_or_read(patch: bytes, at: int, removed: int) -> None:
    data = knn.to_bytes(made_up_knn())
    place = at % len(data)
    damaged = data[:place] + patch + data[place + removed :]
    read = load_or_line(knn.read, damaged)
    if read is None:
        return
    # A number in range may have changed: then it still runs.
    scores = read.run(np.zeros((1, read.window, read.channels), np.int8))
    assert scores.shape == (1, read.labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "another version"),
        ({"neighbours": 10}, "damaged"),
        ({"neighbours": True}, "damaged"),
        ({"prototypes": []}, "damaged"),
        ({"prototype_labels": [9] * 12}, "damaged"),
        ({"extra": 1}, "damaged"),
        ({"window": 10**30}, "damaged"),
        ({"shift": [0] * 18}, "damaged"),
    ],
)
def test_what_no_c_could_hold_is_refused(change: dict[str, object], message: str) -> None:
    document = json.loads(knn.to_bytes(made_up_knn())) | change
    with pytest.raises(HarmcuError, match=message):
        knn.read(json.dumps(document).encode())


def test_windows_of_another_shape_are_refused() -> None:
    with pytest.raises(HarmcuError, match="do not fit the model's"):
        made_up_knn().run(np.zeros((1, 5, 1), np.int8))


def test_a_label_with_few_windows_is_not_outvoted() -> None:
    *others, rare = people()
    still = dataclasses.replace(rare, counts=np.zeros((130, 6), np.int16))
    material = dataclasses.replace(a_material(people()), train=[*others[:2], still])
    model = knn.read(train(material))
    assert model.neighbours == 1
    samples = windows.quantized(still.counts[None, :128], material.channels)
    assert material.labels[model.run(samples).argmax()] == rare.label


def test_epochs_and_one_label_are_refused() -> None:
    material = a_material(people())
    with pytest.raises(HarmcuError, match="leave --epochs out"):
        training.train("tiny", material, 3, 1, silent)
    with pytest.raises(HarmcuError, match="one label alone"):
        train(dataclasses.replace(material, train=material.train[:2]))


def test_a_bundle_holds_it(tmp_path: Path) -> None:
    request = pipeline.TrainRequest(
        dataset="watch", out=tmp_path / "bundle", architecture="knn", size="tiny"
    )
    made = pipeline.train(request)
    assert (made.path / "knn.json").read_bytes() == made.model
    assert not (made.path / "model.tflite").exists()
    assert made.spec.model_file == "knn.json"
    assert made.metrics["tflm_arena_bytes"] is None
    assert made.metrics["accuracy"] > 0.6
    assert "Training curves" not in made.report.read_text("utf-8")
    assert evaluator.name(made.model) == made.metrics["kernels"] == knn.NAME
    assert pipeline.evaluate(made, "watch")["accuracy"] == made.metrics["accuracy"]
    (made.path / "knn.json").write_bytes(made.model[:-1])
    with pytest.raises(HarmcuError, match=r"knn\.json: changed since it was written"):
        bundle.read(made.path)
