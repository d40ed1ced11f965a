"""Downloads, from a server on this machine that behaves and misbehaves."""

import hashlib
import http.server
import io
import socket
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer import pull
from trainer.datasets import wisdm
from trainer.errors import HarmcuError
from trainer.pull import Source
from trainer.reading import files


class Server(http.server.ThreadingHTTPServer):
    """Serves one content; ``breaks_after`` bytes it hangs up, and ranges may be unknown to it."""

    content = b""
    breaks_after: int | None = None
    ranges = True
    status = 200
    says_length = True
    location = ""

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
    monkeypatch.setattr(pull, "LARGEST", 5000)
    server.content, server.says_length = bytes(9000), says_length
    with pytest.raises(HarmcuError, match="is not this data set; give another --url"):
        pull.pull("wisdm", tmp_path, server.url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("location", ["/set.zip", "file:///etc/passwd"])
def test_a_server_that_leads_elsewhere_is_one_line(
    tmp_path: Path, server: Server, location: str
) -> None:
    server.location = location
    with pytest.raises(HarmcuError, match=r"answers 302 .*; download the archive") as caught:
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
