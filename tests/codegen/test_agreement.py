"""A spec and a model, each right by itself, that do not belong together."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from made_up_bundle import sign, write_bundle, write_knn_bundle
from random_models import OPERATORS

from codegen import android, boards, project
from trainer import bundle
from trainer.bundle import GOLDEN, METRICS, SPEC, TFLITE, Bundle
from trainer.errors import HarmcuError

OTHERS: list[tuple[str, dict[str, Any]]] = [
    # As many windows of 64 at this hop as of 32 at 16: the golden vectors fit both.
    ("window 64", {"window": 64, "hop": 13}),
    ("zero_point=5", {"input": {"scale": 1 / 32, "zero_point": 5}}),
    ("scale=0.0625", {"input": {"scale": 1 / 16, "zero_point": 0}}),
    ("scale=inf", {"input": {"scale": 1e308, "zero_point": 0}}),
    ("output", {"output": {"scale": 1 / 256, "zero_point": -127}}),
]


@pytest.mark.parametrize(("said", "changes"), OTHERS, ids=[said for said, _ in OTHERS])
@pytest.mark.parametrize("engine", project.ENGINES)
def test_a_spec_of_another_model_is_refused(
    made_up: Bundle, said: str, changes: dict[str, Any], engine: str
) -> None:
    sign(made_up.path, **changes)
    read = bundle.read(made_up.path)
    with pytest.raises(HarmcuError, match=f"spec.json says .*{said}.* model.tflite has"):
        project.generate(read, boards.load("mps2_an386"), engine)
    with pytest.raises(HarmcuError, match=r"model\.tflite has"):
        android.generate(read)


def test_the_window_of_a_knn_is_its_own(tmp_path: Path) -> None:
    made = write_knn_bundle(tmp_path / "knn")
    project.generate(made, boards.load("mps2_an386"), "aot")
    sign(made.path, window=64, hop=13)
    with pytest.raises(HarmcuError, match=r"says window 64 and knn\.json has 32"):
        project.generate(bundle.read(made.path), boards.load("mps2_an386"), "aot")


@pytest.mark.parametrize(
    ("part", "blamed"), [(SPEC, TFLITE), (TFLITE, TFLITE), (METRICS, METRICS), (GOLDEN, GOLDEN)]
)
def test_a_part_of_another_bundle_is_named(
    made_up: Bundle, other_bundle: Bundle, part: str, blamed: str
) -> None:
    """Two bundles that are both whole, and one file carried over."""
    shutil.copy(other_bundle.path / part, made_up.path / part)
    with pytest.raises(HarmcuError, match=f"{blamed}: changed since .* or from another bundle"):
        bundle.read(made_up.path)


@pytest.fixture(scope="module")
def other_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_bundle(tmp_path_factory.mktemp("other") / "bundle", OPERATORS.TANH)
