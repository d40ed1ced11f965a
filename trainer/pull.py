"""Public data sets from their publishers: resumed where a download stopped, and checked.

The publishers pack their archives anew now and then, so what is pinned is the content: one SHA-256
over names and SHA-256s of files inside, the same for every archive of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer import datasets, download
from trainer.datasets import wisdm
from trainer.errors import HarmcuError
from trainer.progress import Progress, silent
from trainer.reading import files


@dataclass(frozen=True)
class Source:
    """Where a data set is published.

    Attributes:
        url: of the archive.
        file: the name that it gets here.
        content: returns the SHA-256 of the content of an archive.
        sha256: what that has to be.
    """

    url: str
    file: str
    content: Callable[[Path], str]
    sha256: str


def _uci_har(path: Path) -> str:
    """Return the digest of the 16 files that ``uci-har`` reads."""
    return datasets.load("uci-har", path).sha256


def _wisdm(path: Path) -> str:
    """Return the digest of the watch files of the first 16 of the 51 subjects."""
    digests = {}
    for name, content in files.members(path, wisdm.is_of_first_subjects):
        digests[name.rsplit("/", 1)[-1]] = hashlib.sha256(content).hexdigest()
    return files.digest(digests)


_UCI = "https://archive.ics.uci.edu/static/public"

SOURCES = {
    "uci-har": Source(
        url=f"{_UCI}/240/human+activity+recognition+using+smartphones.zip",
        file="uci-har.zip",
        content=_uci_har,
        sha256="0b54e6180b582be7b2886fcee9205e497937c554d46b5265c9343c943f05228f",
    ),
    "wisdm": Source(
        url=f"{_UCI}/507/wisdm+smartphone+and+smartwatch+activity+and+biometrics+dataset.zip",
        file="wisdm.zip",
        content=_wisdm,
        sha256="491fc71f83487d2e5385bf398077fef71843e7043120f64886f916888d980918",
    ),
}


@dataclass(frozen=True)
class Pulled:
    """A download: the archive, and whether it was there already."""

    path: Path
    was_there: bool


def pull(name: str, out: Path, url: str | None = None, progress: Progress = silent) -> Pulled:
    """Download a data set into a folder, go on where an earlier try stopped, and check it.

    Args:
        name: one of ``SOURCES``.
        out: the folder.
        url: another place to take it from; its content has to be the same.
        progress: hears of bytes.

    Raises:
        HarmcuError: the name is not known, nothing answers, the download stops, or what came is
            not the data set.
    """
    if name not in SOURCES:
        raise HarmcuError(f"unknown data set {name!r}; choose one of {', '.join(SOURCES)}")
    source = SOURCES[name]
    target = out / source.file
    try:
        out.mkdir(parents=True, exist_ok=True)
        if target.exists():
            _check(name, source, target)
            return Pulled(target, was_there=True)
        part = target.with_name(f"{source.file}.part")
        whole = download.fetch(url or source.url, part, progress)
        _check(name, source, whole)
        whole.rename(target)
        part.unlink(missing_ok=True)
    except OSError as error:
        raise HarmcuError(
            f"{out}: {error.strerror}; choose a folder you can write to, with room in it"
        ) from None
    return Pulled(target, was_there=False)


def _check(name: str, source: Source, path: Path) -> None:
    """Check the content, and remove what came just now when it is another."""
    try:
        found = source.content(path)
    except HarmcuError as error:
        reason = str(error).split(";")[0]
    else:
        if found == source.sha256:
            return
        reason = f"its content has SHA-256 {found[:16]}..., not {source.sha256[:16]}..."
    if path.name != source.file:
        path.unlink()
        raise HarmcuError(f"{name}: what was downloaded is not the data set ({reason}); try again")
    raise HarmcuError(f"{path}: is not the data set {name} ({reason}); move it away and try again")
