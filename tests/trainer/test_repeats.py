import pytest

from trainer import repeats
from trainer.repeats import Run


def a_run(seed: int, fold: int, accuracy: float, windows: int, **subjects: float) -> Run:
    figures = {
        "windows": windows,
        "accuracy": accuracy,
        "macro_f1": accuracy - 0.1,
        "per_subject": subjects,
    }
    return Run(seed, fold, f"fold {fold} of 2", figures, accuracy + 0.01, 1000, "0" * 64)


def test_folds_of_a_seed_are_one_measurement() -> None:
    runs = [
        a_run(1, 1, 0.9, 100, a=0.9, b=0.9),
        a_run(1, 2, 0.5, 300, c=0.5),
        a_run(2, 1, 0.8, 100, a=0.7, b=0.9),
        a_run(2, 2, 0.6, 300, c=0.6),
    ]
    found = repeats.summary(runs, "subject")
    assert (found["seeds"], found["folds"]) == ([1, 2], 2)
    assert [each["accuracy"] for each in found["by_seed"]] == pytest.approx([0.6, 0.65])
    assert found["accuracy"]["mean"] == pytest.approx(0.625)
    assert found["accuracy"]["worst"] == pytest.approx(0.6)
    assert found["accuracy"]["standard_deviation"] == pytest.approx(0.05 / 2**0.5)
    assert found["float_accuracy"]["mean"] == pytest.approx(0.635)
    assert found["macro_f1"]["mean"] == pytest.approx(0.6)
    assert found["subjects"]["per_subject"] == pytest.approx({"a": 0.8, "b": 0.9, "c": 0.55})
    assert found["subjects"]["worst"] == {"subject": "c", "accuracy": pytest.approx(0.55)}
    assert [run["test"] for run in found["runs"]][:2] == [["a", "b"], ["c"]]
