import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import a_recording
from sklearn import metrics

from trainer import evaluate, sample_path
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.evaluate import Decisions

LABELS = ("walk", "sit", "stand", "lie")


def decisions_of(truth: list[int], said: list[int], subjects: list[str]) -> Decisions:
    """Decisions of which nothing but these matters."""
    scores = np.zeros((len(truth), len(LABELS)), np.int8)
    samples = np.zeros((len(truth), 1, 6), np.int8)
    where = np.arange(len(truth))
    return Decisions(np.array(truth), np.array(said), np.array(subjects), scores, samples, where)


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
