import gzip
import io
import os
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest

from trainer.errors import HarmcuError
from trainer.reading import files


def everything(_: str) -> bool:
    return True


def tar_of(path: Path, members: dict[str, bytes], links: tuple[str, ...] = ()) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return path


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_folder_and_archives_hold_the_same(tmp_path: Path) -> None:
    content = {"a/x.txt": b"1", "a/y.txt": b"2"}
    for name, data in content.items():
        file = tmp_path / "folder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    inner = zip_of(tmp_path / "inner.zip", content)
    outer = zip_of(tmp_path / "outer.zip", {"Inner.zip": inner.read_bytes()})
    for path in (tmp_path / "folder", tar_of(tmp_path / "x.tar.xz", content), inner, outer):
        assert dict(files.members(path, lambda name: name.endswith(".txt"))) == content


def test_a_single_file_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "walk.log").write_bytes(b"1,2,3")
    assert dict(files.members(tmp_path / "walk.log", lambda _: False)) == {"walk.log": b"1,2,3"}


@pytest.mark.parametrize("name", ["walk.csv.gz", "walk.csv.XZ", "walk.csv.bz2"])
def test_a_single_packed_file_is_to_be_unpacked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"1,2,3"))
    with pytest.raises(HarmcuError, match=f"{name}: is a single packed file; unpack it first"):
        dict(files.members(tmp_path / name, everything))


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil.txt", "a/../../evil", "C:\\evil.txt"])
@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_a_path_that_leaves_the_archive_is_refused(tmp_path: Path, name: str, make: object) -> None:
    assert callable(make)
    path = make(tmp_path / "archive", {name: b"1"})
    with pytest.raises(HarmcuError, match="leaves the archive; do not trust it"):
        list(files.members(path, everything))


def test_links_are_not_followed(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "x.tar.xz", {"a.txt": b"1"}, links=("b.txt",))
    assert dict(files.members(path, lambda name: name == "a.txt")) == {"a.txt": b"1"}
    with pytest.raises(HarmcuError, match=r"b\.txt is a link, and none is followed"):
        list(files.members(path, everything))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"1")
    (folder / "again.txt").symlink_to("a.txt")
    assert dict(files.members(folder, everything)) == {"a.txt": b"1"}
    targets = {"link.txt": "/etc/passwd", "link": tmp_path, "circle": "circle", "gone": "nothing"}
    for name, target in targets.items():
        (folder / name).symlink_to(target)
        with pytest.raises(HarmcuError, match=f"{name}: is a link out of the folder"):
            list(files.members(folder, everything))
        (folder / name).unlink()
    (folder / "not-wanted").symlink_to("/etc/passwd")
    assert [name for name, _ in files.members(folder, lambda name: name == "a.txt")] == ["a.txt"]


def test_a_hard_link_in_a_tar_is_its_file(tmp_path: Path) -> None:
    """GNU tar writes the second name of a file like this."""
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("./sit.txt")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"1"))
        info = tarfile.TarInfo("walk.txt")
        info.type, info.linkname = tarfile.LNKTYPE, "./sit.txt"
        archive.addfile(info)
    assert dict(files.members(path, everything)) == {"sit.txt": b"1", "walk.txt": b"1"}


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_one_name_written_in_two_ways_is_twice(tmp_path: Path, make: object) -> None:
    assert callable(make)
    path = make(tmp_path / "x", {"a.txt": b"1", "./a.txt": b"1"})
    with pytest.raises(HarmcuError, match=r"x: holds 'a\.txt' twice"):
        list(files.members(path, everything))


def test_what_packs_far_better_than_recordings_is_a_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zip_of(tmp_path / "x.zip", {"a.txt": b"0,0,1\n" * 500_000})
    assert len(dict(files.members(path, everything))["a.txt"]) == 3_000_000
    monkeypatch.setattr(files, "LEAST_BOMB", 1 << 20)
    with pytest.raises(HarmcuError, match="unpacks to more than 200 times its size"):
        list(files.members(path, everything))


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a.txt", b"1")
        archive.writestr("a.txt", b"2")
    with pytest.raises(HarmcuError, match=r"x.zip: holds 'a.txt' twice"):
        list(files.members(path, everything))


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_bombs_are_refused(tmp_path: Path, make: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(make)
    path = make(tmp_path / "bomb", {"a.txt": bytes(3 << 20)})
    monkeypatch.setattr(files, "LARGEST_FILE", 1 << 20)
    with pytest.raises(HarmcuError, match=r"a\.txt is larger than 1 MiB"):
        list(files.members(path, everything))
    monkeypatch.setattr(files, "LARGEST_ARCHIVE", 2 << 20)
    with pytest.raises(HarmcuError, match="unpacks to more than"):
        list(files.members(path, lambda _: False))


def test_archives_in_an_archive_count_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = zip_of(tmp_path / "inner.zip", {"a.txt": bytes(900)}).read_bytes()
    path = zip_of(tmp_path / "bomb.zip", {f"{number}.zip": inner for number in range(3)})
    found = files.members(path, lambda name: name == "a.csv")
    monkeypatch.setattr(files, "LARGEST_ARCHIVE", 2 * 900 + 3 * len(inner))
    with pytest.raises(HarmcuError, match="unpacks to more than"):
        list(found)
    monkeypatch.setattr(files, "LARGEST_ARCHIVE", 3 * 900 + 3 * len(inner))
    assert list(files.members(path, lambda name: name == "a.csv")) == []
    monkeypatch.setattr(files, "MOST_FILES", 5)
    with pytest.raises(HarmcuError, match="unpacks to more than 0 GiB or 5 files"):
        list(files.members(path, lambda name: name == "a.csv"))


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_a_truncated_archive_is_one_line(tmp_path: Path, make: object, kept: float) -> None:
    assert callable(make)
    path = make(tmp_path / "cut.zip", {f"{n}.txt": bytes(range(256)) * 40 for n in range(20)})
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(HarmcuError, match="cannot be read to its end") as caught:
        list(files.members(path, everything))
    assert "\n" not in str(caught.value)


def test_the_holes_of_a_sparse_member_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name in "ab":
            info = tarfile.TarInfo(name)
            info.pax_headers = {
                "GNU.sparse.size": "700",
                "GNU.sparse.numblocks": "1",
                "GNU.sparse.map": "0,1",
            }
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    monkeypatch.setattr(files, "LARGEST_ARCHIVE", 1000)
    with pytest.raises(HarmcuError, match="unpacks to more than"):
        list(files.members(path, everything))


def test_a_folder_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ben").mkdir()
    (tmp_path / "ann" / "walk.csv").write_text("1")
    scan = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "ben":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(HarmcuError, match=r"ben: cannot be read \(Permission denied\)"):
        list(files.members(tmp_path, everything))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems hold names as Unicode")
def test_a_name_that_is_no_utf_8_is_shown_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"J\xfcrg.csv")).write_text("1")
    assert dict(files.members(tmp_path, everything)) == {"J\\xfcrg.csv": b"1"}


@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
def test_a_pipe_is_no_data(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path(os.devnull)):
        with pytest.raises(HarmcuError, match="is a device or a pipe"):
            list(files.members(path, everything))
    assert not list(files.members(tmp_path, everything))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match="no such file or folder"):
        list(files.members(tmp_path / "nowhere", everything))
