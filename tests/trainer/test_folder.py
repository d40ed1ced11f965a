"""Folders that harmcu makes stand where they can be written."""

from pathlib import Path

import pytest

from trainer import folder
from trainer.errors import HarmcuError


def test_a_folder_in_a_file_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    for place in ("notes.txt/new", "notes.txt/new/deep"):
        with pytest.raises(HarmcuError, match=r"notes\.txt.*choose a folder you can write to"):
            folder.check_free(tmp_path / place, ())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    folder.check_free(tmp_path / "new" / "deep", ())
    folder.check_free(tmp_path, ())
    assert not list(tmp_path.iterdir())
