"""One file from the web, in parts if need be: what has arrived is kept and gone on from."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from trainer.errors import HarmcuError
from trainer.progress import Progress

CHUNK = 1 << 16
TIMEOUT = 30.0
"""Seconds without a byte."""

SLOW_SECONDS = 60.0
SLOWEST = 1000
"""Bytes a second, over so many seconds, below which a server is not waited for."""

LARGEST = 2 << 30


class _StoppedError(Exception):
    """No more bytes came, though more were to come."""


def fetch(url: str, part: Path, progress: Progress) -> Path:
    """Download a file, from where an earlier try stopped if the server can.

    Args:
        url: of the web.
        part: keeps what has arrived until all has. Never replaced by less than it holds.
        progress: hears of bytes.

    Returns:
        Where the whole content lies: ``part``, or a file beside it if the server began anew.

    Raises:
        HarmcuError: nothing answers, the download stops, has no end, or ``part`` is no file.
        OSError: it cannot be written.
    """
    fresh = part.with_suffix(".fresh")
    _check_plain(part)
    _check_plain(fresh)
    have = part.stat().st_size if part.exists() else 0
    host = _host(url)
    response = _answer(url, host, have)
    if response is None:
        # Nothing is missing, or the file has changed: whoever checks the content tells.
        return part
    with response:
        try:
            if have and not _goes_on(response, have):
                return _begin_anew(response, part, fresh, progress)
            _receive(response, part, have, progress)
        except _StoppedError as error:
            raise HarmcuError(
                f"the download from {host} stopped after {part.stat().st_size:,} bytes ({error}); "
                "run the same command again, it goes on from there"
            ) from None
    return part


def _begin_anew(
    response: http.client.HTTPResponse, part: Path, fresh: Path, progress: Progress
) -> Path:
    """Receive all into another file, which replaces ``part`` when it stops with more."""
    try:
        _receive(response, fresh, 0, progress)
    except BaseException:
        _keep_longer(part, fresh)
        raise
    return fresh


def _keep_longer(part: Path, fresh: Path) -> None:
    if not fresh.exists():
        return
    if fresh.stat().st_size > part.stat().st_size:
        fresh.replace(part)
    else:
        fresh.unlink()


def _check_plain(path: Path) -> None:
    """Refuse to write through a link or into a pipe that somebody put there."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise HarmcuError(f"{path}: is no plain file; move it away and try again")


def _answer(url: str, host: str, have: int) -> http.client.HTTPResponse | None:
    """Ask for what is missing; None when the server says that nothing is."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer: http.client.HTTPResponse = _opener().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            return None
        raise HarmcuError(
            f"{host} answers {error.code} {_line(error.reason)} for {_line(url)}; download the "
            "archive by hand and give it with --data"
        ) from None
    except (http.client.HTTPException, OSError, ValueError) as error:
        reason = _line(getattr(error, "reason", None) or error)
        raise HarmcuError(
            f"{host} cannot be reached ({reason}); check the connection, or download {_line(url)} "
            "elsewhere and give it with --data"
        ) from None
    return answer


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses of the web alone: a server may lead elsewhere."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _goes_on(response: http.client.HTTPResponse, have: int) -> bool:
    """Tell whether an answer begins where the last one ended (RFC 9110, 14.4)."""
    stated = response.headers.get("Content-Range") or ""
    return response.status == 206 and stated.startswith(f"bytes {have}-")


def _receive(response: http.client.HTTPResponse, path: Path, have: int, progress: Progress) -> None:
    """Write what arrives behind the first ``have`` bytes of a file.

    Raises:
        _StoppedError: less came than the server said.
        HarmcuError: more came than any data set has; it is not kept.
    """
    done = have
    total = have + response.length if response.length else 0
    if total > LARGEST:
        raise HarmcuError(
            f"{_line(response.url)} has {total:,} bytes and is not this data set; give another "
            "--url"
        )
    progress("download", done, total or 1, {})
    with path.open("ab" if have else "wb") as file:
        for chunk in _chunks(response):
            file.write(chunk)
            done += len(chunk)
            if done > LARGEST:
                file.truncate(have)
                break
            progress("download", done, max(total, done), {"MB": round(done / 1e6, 1)})
    if done > LARGEST:
        if not have:
            path.unlink()
        raise HarmcuError(
            f"{_line(response.url)} does not end and is not this data set; give another --url"
        )
    if done < total:
        raise _StoppedError(f"{total - done:,} bytes more were to come")
    progress("download", done, done, {})


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Give what arrives.

    Raises:
        _StoppedError: the connection broke, or is too slow.
    """
    since, got = time.monotonic(), 0
    try:
        while chunk := response.read1(CHUNK):
            yield chunk
            got += len(chunk)
            now = time.monotonic()
            if now - since >= SLOW_SECONDS:
                if got < SLOWEST * SLOW_SECONDS:
                    raise _StoppedError(f"fewer than {SLOWEST:,} bytes a second")
                since, got = now, 0
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise _StoppedError(_line(error)) from None


def _line(said: object) -> str:
    """Return in one line what a server answered."""
    return " ".join(str(said).split())[:200]


def _host(url: str) -> str:
    """Return the host of an address that is one of the web's."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if "@" in parts.netloc:
        # Not shown: what stands before the host may be a password.
        raise HarmcuError("--url holds a name or a password, which is not supported; leave it out")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise HarmcuError(f"{url!r} is no address of the web; give one that begins with https://")
    return parts.netloc
