"""Folders that harmcu writes: whole or not at all, and never over anything of the user's."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from trainer.errors import HarmcuError


def is_file(path: Path) -> bool:
    """Tell whether a file is there; a path that the system cannot even look up is not."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_dir(path: Path) -> bool:
    """Tell whether a folder is there; a path that the system cannot even look up is not."""
    try:
        return path.is_dir()
    except OSError:
        return False


def replace(path: Path, files: Mapping[str, bytes], ours: Collection[str]) -> None:
    """Make ``path`` a folder of exactly these files.

    Args:
        path: where nothing, an empty folder, or an earlier folder of ours stands.
        files: content by relative path.
        ours: relative paths, files or whole folders, that an earlier folder of ours may hold.

    Raises:
        HarmcuError: something else stands there, or it cannot be written. Nothing has changed then.
    """
    check_free(path, ours)
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as temporary:
            fresh, old = Path(temporary) / "new", Path(temporary) / "old"
            for name, data in files.items():
                file = fresh / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            _swap(path, fresh, old)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; choose a folder you can write to") from None


@contextlib.contextmanager
def filled(path: Path) -> Iterator[Path]:
    """Yield a folder to fill, which becomes ``path`` when it is whole, and else is removed.

    Raises:
        HarmcuError: something stands there, which the message names, or nobody may write.
    """
    check_free(path, ())
    path = path.resolve()
    if path.is_dir() and any(path.iterdir()):
        raise HarmcuError(f"{path}: holds folders; choose a new or an empty one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as temporary:
            fresh = Path(temporary) / "new"
            fresh.mkdir()
            yield fresh
            if path.is_dir():
                # Refused when something was put there meanwhile.
                path.rmdir()
            fresh.rename(path)
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; choose a folder you can write to") from None


def check_free(path: Path, ours: Collection[str]) -> None:
    """Check that a folder can be made at ``path``, where nothing but what ``ours`` names stands.

    Raises:
        HarmcuError: something else stands there, which the message names, or nobody may write.
    """
    try:
        if path.exists() and not path.is_dir():
            raise HarmcuError(f"{path}: exists and is no folder; choose another name")
        place = path.resolve()
    except OSError as error:
        raise HarmcuError(f"{str(path)[:80]}: {error.strerror}; choose another name") from None
    except RuntimeError:
        # Before Python 3.13, of links.
        raise HarmcuError(f"{path}: a link that leads to itself; choose another name") from None
    check_writable(place.parent)
    if not place.is_dir():
        return
    if place == Path.cwd():
        raise HarmcuError(f"{path}: is the folder you are in; name one to make, such as ./new")
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        mine = name in ours or any(name.startswith(f"{folder}/") for folder in ours)
        if not mine and (file.is_symlink() or not file.is_dir()):
            raise HarmcuError(
                f"{path}: holds {name}, which harmcu did not write; choose another folder"
            )


def check_writable(path: Path) -> None:
    """Check that files can be written into a folder, or into what it will be made in.

    Raises:
        HarmcuError: they cannot.
    """
    try:
        place = next(p for p in (path.resolve(), *path.resolve().parents) if p.exists())
        # On Windows, only trying tells.
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; choose a folder you can write to") from None
    except RuntimeError:
        # Before Python 3.13, of links.
        raise HarmcuError(f"{path}: a link that leads to itself; choose another name") from None


def _swap(path: Path, fresh: Path, old: Path) -> None:
    if not path.exists():
        fresh.rename(path)
        return
    try:
        path.rename(old)
        fresh.rename(path)
    except BaseException:
        # Ctrl-C too: what stays in the temporary folder is deleted with it.
        if not path.exists():
            old.rename(path)
        raise
