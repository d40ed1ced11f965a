"""The layer of the engine's C that is the first to be wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codegen import boards, project
from codegen.project import Project
from host_tools import layers
from trainer.bundle import Bundle

WINDOW = np.random.default_rng(6).integers(-128, 128, (32, 6)).astype(np.int8)


@pytest.fixture
def whole(made_up: Bundle) -> Bundle:
    """A bundle that does not stream: its hop is no multiple of the model's stride."""
    return replace(made_up, spec=replace(made_up.spec, hop=7))


@pytest.fixture
def made(whole: Bundle, tmp_path: Path) -> Project:
    files = project.generate(whole, boards.load("host"), "aot")
    return project.write(tmp_path / "project", files)


def test_c_that_is_right_leaves_the_board(whole: Bundle, made: Project) -> None:
    for given in (made, None):
        assert "every layer is right when the same C" in layers.explain(whole, given, WINDOW)


def test_c_that_streams_is_compared_over_the_whole_window(made_up: Bundle, tmp_path: Path) -> None:
    files = project.generate(made_up, boards.load("host"), "aot")
    streams = project.write(tmp_path / "project", files)
    for given in (streams, None):
        assert "over the whole window" in layers.explain(made_up, given, WINDOW)


@pytest.mark.parametrize("named", ["layer 0, CONV_2D", "layer 2, FULLY_CONNECTED"])
def test_the_first_wrong_layer_is_named(whole: Bundle, made: Project, named: str) -> None:
    engine = made.path / "aot" / "model_aot.c"
    text = engine.read_text()
    # One bias of the layer, far off.
    start = text.index("_bias", text.index(f"/* {named.replace('l', 'L', 1)}"))
    opening = text.index("{", start) + 1
    end = min(text.index(mark, opening) for mark in (",", "}"))
    engine.write_text(f"{text[:opening]} 99999{text[end:]}")
    said = layers.explain(whole, made, WINDOW)
    assert named in said, said


def test_what_cannot_be_compiled_is_said(whole: Bundle, made: Project) -> None:
    (made.path / "aot" / "model_aot.c").write_text("nonsense")
    assert "could not be compared here: " in layers.explain(whole, made, WINDOW)
