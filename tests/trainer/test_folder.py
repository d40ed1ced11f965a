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


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("ended_by", [KeyboardInterrupt, SystemExit(143), OSError(28, "full")])
def test_an_end_between_two_steps_leaves_the_old_folder_or_the_new_one(
    at: int, ended_by: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal is heard once the system has renamed; an error comes before it does."""
    place = tmp_path / "out"
    folder.replace(place, {"a.txt": b"old"}, ())
    rename, calls = Path.rename, []

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) != at:
            return rename(self, target)
        if not isinstance(ended_by, OSError):
            rename(self, target)
        raise ended_by

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises((KeyboardInterrupt, SystemExit, HarmcuError)):
        folder.replace(place, {"a.txt": b"new"}, ("a.txt",))
    is_new = at == 2 and not isinstance(ended_by, OSError)
    assert (place / "a.txt").read_bytes() == (b"new" if is_new else b"old")
    assert list(tmp_path.iterdir()) == [place]


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for place in (loop, loop / "new"):
        with pytest.raises(HarmcuError, match=r"loop.*; choose"):
            folder.check_free(place, ())
        with pytest.raises(HarmcuError, match=r"loop.*; choose"):
            folder.check_writable(place)
