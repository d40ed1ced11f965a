"""The layer of the engine's C that is the first to be wrong."""

from pathlib import Path

import numpy as np
import pytest

from codegen import boards, project
from codegen.project import Project
from host_tools import layers
from trainer.bundle import Bundle

WINDOW = np.random.default_rng(6).integers(-128, 128, (32, 6)).astype(np.int8)


@pytest.fixture
def made(made_up: Bundle, tmp_path: Path) -> Project:
    files = project.generate(made_up, boards.load("host"), "aot")
    return project.write(tmp_path / "project", files)


def test_c_that_is_right_leaves_the_board(made_up: Bundle, made: Project) -> None:
    for given in (made, None):
        assert "every layer is right" in layers.explain(made_up, given, WINDOW)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("short_scale_of(multiplier, shift, offset)", "layer 0, CONV_2D"),
        ("harmcu_finish(total, w, c + i, &layer->output)", "layer 2, FULLY_CONNECTED"),
    ],
)
def test_the_first_wrong_layer_is_named(
    made_up: Bundle, made: Project, call: str, named: str
) -> None:
    """A kernel that gives one more, or the complement, of what it should."""
    (file,) = [f for f in (made.path / "src" / "kernels").glob("*.c") if call in f.read_text()]
    if "offset" in call:
        wrong = call.replace("offset", "offset + 1")
    else:
        wrong = f"(int8_t)~{call}"
    file.write_text(file.read_text().replace(call, wrong))
    said = layers.explain(made_up, made, WINDOW)
    assert named in said, said


def test_what_cannot_be_compiled_is_said(made_up: Bundle, made: Project) -> None:
    (made.path / "src" / "kernels" / "softmax.c").write_text("nonsense")
    assert "could not be compared here: " in layers.explain(made_up, made, WINDOW)
