"""Public data sets from their publishers: resumed where a download stopped, and checked.

The publishers pack their archives anew now and then, so what is pinned is the content: one SHA-256
over names and SHA-256s of files inside, the same for every archive of them.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from trainer import datasets
from trainer.datasets import wisdm
from trainer.errors import HarmcuError
from trainer.progress import Progress, silent
from trainer.reading import files

CHUNK = 1 << 16
TIMEOUT = 30.0
"""Seconds without a byte."""

LARGEST = 2 << 30


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
        _download(url or source.url, part, progress)
        _check(name, source, part)
        part.rename(target)
    except OSError as error:
        raise HarmcuError(f"{out}: {error.strerror}; choose a folder you can write to") from None
    return Pulled(target, was_there=False)


def _check(name: str, source: Source, path: Path) -> None:
    """Check the content, and remove what was downloaded when it is another."""
    try:
        found = source.content(path)
    except HarmcuError as error:
        reason = str(error).split(";")[0]
    else:
        if found == source.sha256:
            return
        reason = f"its content has SHA-256 {found[:16]}..., not {source.sha256[:16]}..."
    if path.suffix == ".part":
        path.unlink()
        raise HarmcuError(f"{name}: what was downloaded is not the data set ({reason}); try again")
    raise HarmcuError(f"{path}: is not the data set {name} ({reason}); move it away and try again")


def _download(url: str, part: Path, progress: Progress) -> None:
    have = part.stat().st_size if part.exists() else 0
    host = _host(url)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            _receive(response, part, have, progress)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            # Nothing is missing, or the file has changed; the check tells.
            return
        raise HarmcuError(
            f"{host} answers {error.code} {_line(error.reason)} for {_line(url)}; download the "
            "archive by hand and give it with --data"
        ) from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        reason = _line(getattr(error, "reason", None) or error)
        got = part.stat().st_size if part.exists() else 0
        if got > have:
            raise HarmcuError(
                f"the download from {host} stopped after {got:,} bytes ({reason}); run the same "
                "command again, it goes on from there"
            ) from None
        raise HarmcuError(
            f"{host} cannot be reached ({reason}); check the connection, or download {_line(url)} "
            "elsewhere and give it with --data"
        ) from None


def _line(said: object) -> str:
    """Return in one line what a server answered."""
    return " ".join(str(said).split())[:200]


def _host(url: str) -> str:
    """Return the host of an address that is one of the web's."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise HarmcuError(f"{url!r} is no address of the web; give one that begins with https://")
    return parts.netloc


def _receive(response: http.client.HTTPResponse, part: Path, have: int, progress: Progress) -> None:
    """Append to what is there when the server goes on from it; else begin anew."""
    goes_on = response.status == 206 and (response.headers.get("Content-Range") or "").startswith(
        f"bytes {have}-"
    )
    done = have if goes_on else 0
    length = response.headers.get("Content-Length")
    total = done + int(length) if length and length.isdecimal() else 0
    if total > LARGEST:
        raise HarmcuError(
            f"{_line(response.url)} has {total:,} bytes and is not this data set; give another "
            "--url"
        )
    progress("download", done, total or 1, {})
    with part.open("ab" if goes_on else "wb") as file:
        while chunk := response.read1(CHUNK):
            file.write(chunk)
            done += len(chunk)
            if done > LARGEST:
                break
            progress("download", done, max(total, done), {"MB": round(done / 1e6, 1)})
    if done > LARGEST:
        part.unlink()
        raise HarmcuError(
            f"{_line(response.url)} does not end and is not this data set; give another --url"
        )
    if done < total:
        raise http.client.IncompleteRead(b"", total - done)
    progress("download", done, done, {})
