"""Files of a data set, from a folder or straight from an archive, within bounds.

Nothing is ever written to disk. A member that would leave the archive, a bomb and a damaged
archive are refused with a line.
"""

from __future__ import annotations

import hashlib
import itertools
import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from trainer.errors import HarmcuError

LARGEST_FILE = 256 << 20
"""Bytes of one file; six axes at 119 Hz for a week of days make less."""

LARGEST_ARCHIVE = 4 << 30
"""Bytes of an archive when unpacked: WISDM 2019, the largest known here, has 1.1 GB."""

MOST_FILES = 50_000
MOST_TIMES, LEAST_BOMB = 200, 16 << 20
"""Numbers of recordings pack to a fifth, those of a board that lies still to a hundredth."""

PACKED = (".gz", ".xz", ".bz2")
ARCHIVES = (".zip", ".tar", ".tgz", ".txz", *PACKED)
"""Endings of what is damaged when it cannot be opened as an archive."""

# zipfile raises RuntimeError for an encrypted member, NotImplementedError for an unknown method.
_DAMAGE = (
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)

Wanted = Callable[[str], bool]


class Member:
    """An open file of a data set. What goes wrong while it is read is a HarmcuError."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Return the next ``size`` bytes, or what is left."""
        try:
            return self._file.read(size)
        except (OSError, *_DAMAGE) as error:
            raise _failure(self._path, error) from error

    def readline(self, size: int, /) -> bytes:
        """Return the next line, or its next ``size`` bytes."""
        try:
            return self._file.readline(size)
        except (OSError, *_DAMAGE) as error:
            raise _failure(self._path, error) from error


def _failure(path: Path, error: Exception) -> HarmcuError:
    if isinstance(error, OSError):
        return HarmcuError(f"{path}: cannot be read ({error.strerror or error}); check it")
    return HarmcuError(
        f"{path}: cannot be read to its end ({type(error).__name__}); it is damaged, fetch it again"
    )


def members(path: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of every wanted file at ``path``; see ``opened``.

    Raises:
        HarmcuError: as there; or a file is larger than ``LARGEST_FILE``.
    """
    for name, file in opened(path, wanted):
        yield name, _bounded(path, name, file)


def opened(path: Path, wanted: Wanted) -> Iterator[tuple[str, Member]]:
    """Yield (name, file) of every wanted file at ``path``; each is open until the next one.

    Args:
        path: a folder, a .zip or .tar archive (compressed in any way), or a single file. Folders
            are walked in the order of their names; links in them are not followed.
        wanted: takes a name relative to the folder or archive, with ``/``. A single
            file that the user named is wanted.

    Raises:
        HarmcuError: there is nothing, it is damaged, too large, a member or a link leads
            outside, or two members have one name.
    """
    check_there(path)
    seen: set[str] = set()
    for name, file in _opened(path, wanted):
        if name in seen:
            raise HarmcuError(f"{path}: holds {name!r} twice; take one of them out")
        seen.add(name)
        yield name, file


def _opened(path: Path, wanted: Wanted) -> Iterator[tuple[str, Member]]:
    try:
        if path.is_dir():
            yield from _folder(path, wanted)
        elif zipfile.is_zipfile(path):
            with path.open("rb") as file:
                yield from _zip(path, file, wanted)
        elif tarfile.is_tarfile(path):
            yield from _tar(path, wanted)
        elif path.name.lower().endswith(PACKED) and ".tar." not in path.name.lower():
            raise HarmcuError(f"{path}: is a single packed file; unpack it first")
        elif path.name.lower().endswith(ARCHIVES):
            raise EOFError
        else:
            with path.open("rb") as file:
                yield path.name, Member(path, file)
    except (OSError, *_DAMAGE) as error:
        raise _failure(path, error) from error


def check_there(path: Path) -> None:
    """Check that a path leads somewhere.

    Raises:
        HarmcuError: it does not.
    """
    try:
        there = path.exists()
        is_readable = path.is_file() or path.is_dir()
    except OSError as error:
        raise HarmcuError(f"{str(path)[:80]}: {error.strerror}; check the path") from None
    if not there:
        raise HarmcuError(f"{path}: no such file or folder; check the path")
    if not is_readable:
        raise HarmcuError(f"{path}: is a device or a pipe; name a file or a folder")


def digest(digests: Mapping[str, str]) -> str:
    """Return one SHA-256 over names and SHA-256s: the same for a folder and for every archive."""
    listing = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return hashlib.sha256(listing.encode()).hexdigest()


def _folder(folder: Path, wanted: Wanted) -> Iterator[tuple[str, Member]]:
    files = sorted(itertools.islice(_files(folder, wanted), MOST_FILES + 1))
    if len(files) > MOST_FILES:
        raise HarmcuError(
            f"{folder}: holds more than {MOST_FILES:,} files; name a folder inside it"
        )
    for file in files:
        # A name from another system need not be UTF-8, and everything after this is.
        encoded = os.fsencode(file.relative_to(folder).as_posix())
        name = encoded.decode("utf-8", "backslashreplace")
        if wanted(name):
            with file.open("rb") as content:
                yield name, Member(folder, content)


def _files(folder: Path, wanted: Wanted) -> Iterator[Path]:
    """Yield the files under a folder.

    Raises:
        HarmcuError: a folder in it cannot be read, or leads elsewhere: a whole person may be
            missing.
    """

    def refuse(error: OSError) -> None:
        raise HarmcuError(
            f"{error.filename}: cannot be read ({error.strerror}); check its permissions"
        ) from None

    for place, folders, names in os.walk(folder, onerror=refuse):
        for file in (Path(place, name) for name in (*folders, *names)):
            if file.is_symlink():
                _check_link(folder, file, wanted)
            elif file.is_file():
                yield file


def _check_link(folder: Path, link: Path, wanted: Wanted) -> None:
    """Refuse a link that may hold recordings; one within the folder leads to what is read anyway.

    Raises:
        HarmcuError: it is such a link.
    """
    # Not resolve(), which raises for links in a circle before Python 3.13.
    target = os.path.realpath(link)
    inside = os.path.realpath(folder) + os.sep
    is_read_anyway = target.startswith(inside) and Path(target).exists()
    is_used = link.is_dir() or wanted(link.relative_to(folder).as_posix())
    if is_used and not is_read_anyway:
        raise HarmcuError(
            f"{link}: is a link out of the folder or to nothing, and none is followed; put the "
            "files themselves there"
        )


def _tar(path: Path, wanted: Wanted) -> Iterator[tuple[str, Member]]:
    with tarfile.open(path, "r:*") as archive:
        unpacked = _Unpacked(path)
        for member in archive:
            # The holes of a sparse member take no place in the file.
            name = unpacked.count(member.name, member.size)
            if not wanted(name):
                continue
            if member.issym():
                raise HarmcuError(
                    f"{path}: {name} is a link, and none is followed; put the file itself there"
                )
            # A second name of a file that came before, as tar writes hard links.
            content = archive.extractfile(member) if member.isfile() or member.islnk() else None
            if content is not None:
                yield name, Member(path, content)


def _zip(
    path: Path, file: IO[bytes], wanted: Wanted, outer: _Unpacked | None = None
) -> Iterator[tuple[str, Member]]:
    with zipfile.ZipFile(file) as archive:
        unpacked = outer or _Unpacked(path)
        for info in archive.infolist():
            name = unpacked.count(info.filename, info.file_size)
            if wanted(name) and not info.is_dir():
                with archive.open(info) as member:
                    yield name, Member(path, member)
            elif info.filename.lower().endswith(".zip") and outer is None:
                # The UCI repository hands out archives packed once more.
                with archive.open(info) as member, tempfile.TemporaryFile() as inner:
                    shutil.copyfileobj(member, inner)
                    inner.seek(0)
                    yield from _zip(path, inner, wanted, unpacked)


class _Unpacked:
    """What an archive unpacks to, with the archives in it; a member is never longer than stated."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = self._bytes = 0

    def count(self, name: str, size: int) -> str:
        """Take one more member, and return its path without ``./``.

        Raises:
            HarmcuError: its path leaves the archive, or all are too many or too much.
        """
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or (parts.parts and ":" in parts.parts[0]):
            raise HarmcuError(
                f"{self._path}: holds {name!r}, a path that leaves the archive; do not trust it"
            )
        self._files, self._bytes = self._files + 1, self._bytes + size
        if self._bytes > max(LEAST_BOMB, MOST_TIMES * self._path.stat().st_size):
            raise HarmcuError(
                f"{self._path}: unpacks to more than {MOST_TIMES} times its size, as no recordings "
                "do; unpack it yourself if you trust it"
            )
        if self._files > MOST_FILES or self._bytes > LARGEST_ARCHIVE:
            raise HarmcuError(
                f"{self._path}: unpacks to more than {LARGEST_ARCHIVE >> 30} GiB or "
                f"{MOST_FILES:,} files; unpack what you need of it"
            )
        return parts.as_posix()


def _bounded(path: Path, name: str, file: Member) -> bytes:
    """Read a file whole, whatever size its header claims, up to the bound."""
    content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise HarmcuError(
            f"{path}: {name} is larger than {LARGEST_FILE >> 20} MiB; split it into recordings"
        )
    return content
