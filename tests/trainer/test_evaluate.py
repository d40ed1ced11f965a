from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import a_recording
from sklearn import metrics

from trainer import evaluate, evaluator, sample_path
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.evaluate import Decisions
from trainer.spec import Quantization

LABELS = ("walk", "sit", "stand", "lie")


def decisions_of(truth: list[int], said: list[int], subjects: list[str]) -> Decisions:
    """Decisions of which nothing but these matters."""
    scores = np.zeros((len(truth), len(LABELS)), np.int8)
    samples = np.zeros((len(truth), 1, 6), np.int8)
    where = np.arange(len(truth))
    return Decisions(np.array(truth), np.array(said), np.array(subjects), scores, samples, where)


def test_zeros_are_no_reading_of_an_axis_that_is_missing(made_up: Bundle) -> None:
    label = made_up.spec.labels[0]
    three = a_recording(400, label, axes=("ax", "ay", "az"))
    with pytest.raises(HarmcuError, match="has no gx, gy, gz, which the model reads"):
        evaluate.decide(made_up.spec, evaluator.load(made_up.model), [three])


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(-1, 3), st.sampled_from("abc")),
        min_size=1,
        max_size=60,
    )
)
def test_figures_are_scikit_learns(windows: list[tuple[int, int, str]]) -> None:
    truth, said, subjects = (list(column) for column in zip(*windows, strict=True))
    figures = evaluate.figures(decisions_of(truth, said, subjects), LABELS)
    assert figures["accuracy"] == pytest.approx(metrics.accuracy_score(truth, said))
    occurring = sorted({*truth, *said} - {sample_path.UNKNOWN})
    f1 = metrics.f1_score(truth, said, labels=occurring, average="macro", zero_division=0)
    assert figures["macro_f1"] == pytest.approx(f1)
    columns = metrics.precision_recall_fscore_support(
        truth, said, labels=range(len(LABELS)), zero_division=0
    )
    for values, *expected in zip(figures["per_class"].values(), *columns, strict=True):
        assert [values[key] for key in ("precision", "recall", "f1", "support")] == pytest.approx(
            expected
        )
    confusion = metrics.confusion_matrix(truth, said, labels=[0, 1, 2, 3, -1])
    assert (np.array(figures["confusion"]) == confusion[:4]).all()
    for subject, accuracy in figures["per_subject"].items():
        of_subject = [t == s for t, s, who in windows if who == subject]
        assert accuracy == pytest.approx(np.mean(of_subject))
    assert set(figures["per_subject"]) == set(subjects)


def test_every_recording_is_a_stream_of_its_own(trained: Bundle) -> None:
    label = trained.spec.labels[2]
    recordings = [
        a_recording(samples=length, label=label, subject=subject)
        for length, subject in ((127, "a"), (160, "b"), (128, "c"))
    ]

    def engine(windows: sample_path.Samples) -> sample_path.Samples:
        scores = np.full((len(windows), len(trained.spec.labels)), -128, np.int8)
        scores[:, 2] = 100
        return scores

    decisions = evaluate.decide(trained.spec, engine, recordings)
    assert decisions.subjects.tolist() == ["b", "b", "c"]
    assert decisions.truth.tolist() == decisions.said.tolist() == [2, 2, 2]
    with pytest.raises(HarmcuError, match="window of 128 samples"):
        evaluate.decide(trained.spec, engine, recordings[:1])


def test_a_label_that_the_model_lacks_is_named(trained: Bundle) -> None:
    with pytest.raises(HarmcuError, match=r"generated 0 is labelled 'swim'"):
        evaluate.decide(trained.spec, lambda windows: windows[:, 0], [a_recording(label="swim")])


def scored(truth: list[int], scores: list[list[int]]) -> Decisions:
    rows = np.array(scores, np.int8)
    subjects = ["1"] * len(truth)
    return replace(decisions_of(truth, [0] * len(truth), subjects), scores=rows)


def test_calibration_by_hand() -> None:
    # Scores of 0.75 (three windows, two right) and of 0.5 (one window, right).
    decisions = scored(
        [0, 0, 1, 1],
        [[64, -100, -128, -128], [64, -100, -128, -128], [64, -100, -128, -128], [-128, 0, -20, 0]],
    )
    found = evaluate.calibration(decisions, Quantization(1 / 256, -128))
    assert found["error"] == pytest.approx((3 * abs(2 / 3 - 0.75) + abs(1 - 0.5)) / 4)
    assert [each["windows"] for each in found["bins"]] == [1, 3]
    assert found["bins"][1] == {
        "low": pytest.approx(11 / 15),
        "high": pytest.approx(12 / 15),
        "windows": 3,
        "confidence": 0.75,
        "accuracy": pytest.approx(2 / 3),
    }


@given(st.data())
def test_calibration_is_the_mean_gap_of_all_bins(data: st.DataObject) -> None:
    number = data.draw(st.integers(1, 80))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    decisions = scored(
        rng.integers(0, 4, number).tolist(), rng.integers(-128, 128, (number, 4)).tolist()
    )
    found = evaluate.calibration(decisions, Quantization(1 / 256, -128))
    confidence = (decisions.scores.max(axis=1).astype(float) + 128) / 256
    right = decisions.scores.argmax(axis=1) == decisions.truth
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15 + 1e-12)
        if low == 0:
            inside |= confidence == 0
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert found["error"] == pytest.approx(expected)


def test_int8_is_compared_with_floating_point_and_other_kernels() -> None:
    decisions = scored([0, 1, 2, 3], [[9, 1, 0, 0], [0, 5, 0, 0], [0, 5, 0, 0], [0, 0, 0, 7]])
    real = np.eye(4, dtype=np.float32)
    assert evaluate.quantization(decisions, real) == {
        "float_accuracy": 1.0,
        "int8_accuracy": 0.75,
        "int8_minus_float": -0.25,
    }
    other = decisions.scores.copy()
    other[0, 0] += 2
    other[3] = [7, 0, 0, 4]
    assert evaluate.difference(decisions, other) == {
        "scores_differ": 0.5,
        "largest_differ": 0.25,
        "most_steps": 7,
    }
