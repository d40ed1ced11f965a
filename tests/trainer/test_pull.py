"""Downloads, from a server on this machine that behaves and misbehaves."""

import contextlib
import hashlib
import http.server
import io
import os
import socket
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer import download, pull
from trainer.datasets import wisdm
from trainer.errors import HarmcuError
from trainer.pull import Source
from trainer.reading import files


class Server(http.server.ThreadingHTTPServer):
    """Serves one content.

    ``breaks_after`` bytes it hangs up; ranges may be unknown to it; after each byte it may pause.
    """

    content = b""
    breaks_after: int | None = None
    ranges = True
    status = 200
    says_length = True
    location = ""
    pause = 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/set.zip"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        first = int(asked.split("=")[1].rstrip("-")) if asked and self.server.ranges else 0
        content = self.server.content
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        if first and first >= len(content):
            self.send_error(416)
            return
        if self.server.location:
            self.send_response(302)
            self.send_header("Location", self.server.location)
            self.end_headers()
            return
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if self.server.says_length:
            self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        if self.server.pause:
            with contextlib.suppress(OSError):
                for byte in content[first:]:
                    time.sleep(self.server.pause)
                    self.wfile.write(bytes([byte]))
            return
        end = self.server.breaks_after
        self.wfile.write(content[first : len(content) if end is None else first + end])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch, server: Server) -> bytes:
    """A small published set, and what pins it."""
    buffer = io.BytesIO()
    text = bytes(range(256)) * 4000
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("set/data_1600_accel_watch.txt", text)
        archive.writestr("set/data_1700_accel_watch.txt", b"another subject's")
    digest = files.digest({"data_1600_accel_watch.txt": hashlib.sha256(text).hexdigest()})
    monkeypatch.setitem(pull.SOURCES, "wisdm", Source("", "wisdm.zip", pull._wisdm, digest))
    server.content = buffer.getvalue()
    return server.content


def test_a_download_is_checked_and_kept(tmp_path: Path, server: Server, content: bytes) -> None:
    heard: list[tuple[int, int]] = []
    out = tmp_path / "new" / "data"
    pulled = pull.pull("wisdm", out, server.url, lambda _, *at: heard.append(at[:2]))
    assert pulled.path.read_bytes() == content
    assert not pulled.was_there
    assert heard[0] == (0, len(content))
    assert heard[-1] == (len(content), len(content))
    assert pull.pull("wisdm", out, server.url).was_there
    assert server.asked == [None]
    assert [file.name for file in out.iterdir()] == ["wisdm.zip"]


def test_a_download_goes_on_where_it_stopped(
    tmp_path: Path, server: Server, content: bytes
) -> None:
    server.breaks_after = 300_000
    with pytest.raises(HarmcuError, match=r"stopped after 300,000 bytes .*; run the same command"):
        pull.pull("wisdm", tmp_path, server.url)
    with pytest.raises(HarmcuError, match="stopped after 600,000 bytes"):
        pull.pull("wisdm", tmp_path, server.url)
    server.breaks_after = None
    assert pull.pull("wisdm", tmp_path, server.url).path.read_bytes() == content
    assert server.asked == [None, "bytes=300000-", "bytes=600000-"]


def test_a_server_without_ranges_begins_anew(
    tmp_path: Path, server: Server, content: bytes
) -> None:
    server.ranges = False
    (tmp_path / "wisdm.zip.part").write_bytes(b"other bytes")
    assert pull.pull("wisdm", tmp_path, server.url).path.read_bytes() == content


def test_a_whole_part_is_only_checked(tmp_path: Path, server: Server, content: bytes) -> None:
    (tmp_path / "wisdm.zip.part").write_bytes(content)
    assert pull.pull("wisdm", tmp_path, server.url).path.read_bytes() == content


def test_other_content_is_refused_and_removed(
    tmp_path: Path, server: Server, content: bytes
) -> None:
    server.content = content[:1000] + bytes(1000) + content[2000:]
    with pytest.raises(HarmcuError, match="is not the data set") as caught:
        pull.pull("wisdm", tmp_path, server.url)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "wisdm.zip").write_bytes(b"mine")
    with pytest.raises(HarmcuError, match=r"wisdm\.zip: is not the data set wisdm .*; move it"):
        pull.pull("wisdm", tmp_path, server.url)
    assert (tmp_path / "wisdm.zip").read_bytes() == b"mine"


@pytest.mark.parametrize("says_length", [True, False])
def test_what_is_far_too_large_is_not_kept(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, says_length: bool
) -> None:
    monkeypatch.setattr(download, "LARGEST", 5000)
    server.content, server.says_length = bytes(9000), says_length
    with pytest.raises(HarmcuError, match="is not this data set; give another --url"):
        pull.pull("wisdm", tmp_path, server.url)
    assert list(tmp_path.iterdir()) == []


def test_what_has_arrived_is_not_given_up_for_another_answer(
    tmp_path: Path, server: Server, content: bytes
) -> None:
    """A hotel's page of 200 bytes is not the rest of a download, nor is a stream without end."""
    server.breaks_after = 300_000
    with pytest.raises(HarmcuError, match="stopped after 300,000 bytes"):
        pull.pull("wisdm", tmp_path, server.url)
    server.breaks_after, server.ranges, server.content = None, False, b"<html>" * 30
    with pytest.raises(HarmcuError, match="is not the data set"):
        pull.pull("wisdm", tmp_path, server.url)
    server.content, server.breaks_after = content, 1000
    with pytest.raises(HarmcuError, match="stopped after 300,000 bytes"):
        pull.pull("wisdm", tmp_path, server.url)
    server.breaks_after = 400_000
    with pytest.raises(HarmcuError, match="stopped after 400,000 bytes"):
        pull.pull("wisdm", tmp_path, server.url)
    assert [file.name for file in tmp_path.iterdir()] == ["wisdm.zip.part"]
    server.breaks_after, server.ranges = None, True
    assert pull.pull("wisdm", tmp_path, server.url).path.read_bytes() == content
    assert server.asked[-1] == "bytes=400000-"


def test_a_rest_without_end_is_cut_off(
    tmp_path: Path, server: Server, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST", 500_000)
    server.says_length = False
    (tmp_path / "wisdm.zip.part").write_bytes(content[:300_000])
    with pytest.raises(HarmcuError, match="is not this data set; give another --url"):
        pull.pull("wisdm", tmp_path, server.url)
    assert (tmp_path / "wisdm.zip.part").read_bytes() == content[:300_000]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX's")
@pytest.mark.parametrize("ranges", [True, False])
def test_a_full_disk_is_not_the_network(
    tmp_path: Path, server: Server, content: bytes, ranges: bool
) -> None:
    import resource

    server.ranges = ranges
    part = tmp_path / "wisdm.zip.part"
    part.write_bytes(content[:1000])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(HarmcuError, match=r"File too large; choose a folder .* with room"):
            pull.pull("wisdm", tmp_path, server.url)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert part.read_bytes() == content[:200_000]
    assert pull.pull("wisdm", tmp_path, server.url).path.read_bytes() == content


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are POSIX's")
@pytest.mark.parametrize("name", ["wisdm.zip.part", "wisdm.zip.fresh"])
def test_nothing_is_written_through_a_link_or_a_pipe(
    tmp_path: Path, server: Server, content: bytes, name: str
) -> None:
    del content
    other, part = tmp_path / "mine", tmp_path / "out" / name
    other.write_text("mine")
    part.parent.mkdir()
    part.symlink_to(other)
    with pytest.raises(HarmcuError, match=f"{name}: is no plain file; move it away"):
        pull.pull("wisdm", part.parent, server.url)
    assert other.read_text() == "mine"
    part.unlink()
    os.mkfifo(part)
    with pytest.raises(HarmcuError, match=f"{name}: is no plain file; move it away"):
        pull.pull("wisdm", part.parent, server.url)


def test_a_server_of_a_byte_now_and_then_is_not_waited_for(
    tmp_path: Path, server: Server, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    del content
    monkeypatch.setattr(download, "SLOW_SECONDS", 0.3)
    server.pause = 0.02
    with pytest.raises(HarmcuError, match=r"stopped after \d+ bytes \(fewer than 1,000"):
        pull.pull("wisdm", tmp_path, server.url)


@pytest.mark.parametrize(
    "location", ["/set.zip", "file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"]
)
def test_a_server_that_leads_elsewhere_is_one_line(
    tmp_path: Path, server: Server, location: str
) -> None:
    server.location = location
    with pytest.raises(HarmcuError, match=r"answers 302|reached \(unknown url") as caught:
        pull.pull("wisdm", tmp_path, server.url)
    assert "\n" not in str(caught.value)


def test_a_server_that_refuses(tmp_path: Path, server: Server) -> None:
    server.status = 404
    with pytest.raises(HarmcuError, match=r"127\.0\.0\.1:\d+ answers 404 Not Found"):
        pull.pull("wisdm", tmp_path, server.url)


def test_offline_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HarmcuError, match=r"cannot be reached .*; check the connection") as caught:
        pull.pull("uci-har", tmp_path, f"http://127.0.0.1:{port}/x.zip")
    assert "\n" not in str(caught.value)


def test_a_password_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    for url in ("https://anna:secret@example.org/x.zip", "ftp://anna:secret@example.org/x.zip"):
        with pytest.raises(HarmcuError, match="holds a name or a password") as caught:
            pull.pull("uci-har", tmp_path, url)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "http://[", "file:///etc/passwd"])
def test_bad_addresses_are_one_line(tmp_path: Path, url: str) -> None:
    with pytest.raises(HarmcuError, match="is no address of the web"):
        pull.pull("uci-har", tmp_path, url)


def test_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match="choose one of uci-har, wisdm"):
        pull.pull("mnist", tmp_path)


def test_only_the_first_subjects_of_the_watch_are_pinned() -> None:
    assert wisdm.is_of_first_subjects("raw/watch/gyro/data_1615_gyro_watch.txt")
    assert not wisdm.is_of_first_subjects("raw/watch/gyro/data_1616_gyro_watch.txt")
    assert not wisdm.is_of_first_subjects("raw/phone/gyro/data_1600_gyro_phone.txt")
