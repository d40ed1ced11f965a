"""What is trained so far, on disk, so that an interrupted training can go on.

A checkpoint is one file a training, beside the bundle to be. Its name is a digest of all that
decides the training's result, so that it never continues another one.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.errors import HarmcuError
from trainer.folder import is_dir, is_file

DIGEST_BYTES = hashlib.sha256().digest_size

State = dict[str, npt.NDArray[Any]]

_NAME = re.compile(r"[0-9a-f]{32}\.(npz|new)")
"""Of a checkpoint, and of one that is being written; see ``file``."""


def folder(out: Path) -> Path:
    """Return where the checkpoints of a bundle lie."""
    return out.with_name(f"{out.name}.checkpoint")


def check(out: Path, resume: bool) -> None:
    """Refuse before training what would fail after its first epoch.

    Args:
        out: the bundle's folder.
        resume: whether something has to be there.

    Raises:
        HarmcuError: no folder can be made, or there is nothing to go on with.
    """
    place = folder(out)
    if (place.is_symlink() or place.exists()) and not is_dir(place):
        raise HarmcuError(
            f"{place}: is no folder, and what is trained so far would be kept there; move it away"
        )
    left = place.iterdir() if is_dir(place) else ()
    if resume and not any(_NAME.fullmatch(path.name) and path.suffix == ".npz" for path in left):
        raise HarmcuError(f"{place}: nothing was left there to go on with; leave out --resume")


def file(out: Path, facts: Mapping[str, Any]) -> Path:
    """Return the checkpoint of one training of a bundle.

    Args:
        out: the bundle's folder.
        facts: all that decides the result, JSON types only.
    """
    text = json.dumps(facts, sort_keys=True)
    return folder(out) / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"


def save(path: Path, state: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a checkpoint, whole or not at all, and its SHA-256 behind it.

    Raises:
        HarmcuError: it cannot be written.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **state)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, buffer.getvalue() + hashlib.sha256(buffer.getvalue()).digest())
    except OSError as error:
        raise HarmcuError(
            f"{path.parent}: {error.strerror}; choose an --out beside which you can write"
        ) from None


def _replace(path: Path, content: bytes) -> None:
    """Put a file in another's place; what interrupts it, Ctrl-C too, leaves one of them."""
    fresh = path.with_suffix(".new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def load(path: Path) -> State | None:
    """Read a checkpoint; None where there is none.

    Raises:
        HarmcuError: the file cannot be read, or is damaged.
    """
    if not is_file(path):
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; check its permissions") from None
    data, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest:
        raise HarmcuError(f"{path}: damaged; delete it and leave out --resume")
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def remove(out: Path) -> None:
    """Delete the checkpoints of a bundle; what is not ours stays, and its folder with it."""
    place = folder(out)
    if not place.is_dir():
        return
    for path in place.iterdir():
        if _NAME.fullmatch(path.name) and is_file(path):
            path.unlink(missing_ok=True)
    if not any(place.iterdir()):
        place.rmdir()
