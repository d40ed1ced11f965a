"""Pages in headless Chromium: do they complain, do they fit, can everybody read and use them?

The pages are served on this machine, opened in frames of several widths (a window of a browser has
a least width of its own, a frame has not), and checked with axe-core, which tools/setup.sh
installs.
"""

import functools
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
AXE = ROOT / ".venv" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (360, 800, 1600)
SECONDS = 400.0

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
    "--hide-scrollbars", "--enable-logging=stderr",
)  # fmt: skip

CHECK = """<!DOCTYPE html><html lang="en"><title>check</title><body><script>
const jobs = JOBS, found = [], errors = [];
const later = ms => new Promise(done => setTimeout(done, ms));
async function check(view) {
  const script = view.document.createElement("script");
  script.src = "/axe.min.js";
  const ready = new Promise(done => script.onload = done);
  view.document.head.append(script);
  await ready;
  return (await view.axe.run(view.document, {resultTypes: ["violations"]})).violations;
}
async function look(page, width) {
  const frame = document.createElement("iframe");
  frame.style = "width:" + width + "px;height:900px;border:0";
  const loaded = new Promise(done => frame.onload = done);
  frame.src = page;
  document.body.append(frame);
  await loaded;
  const view = frame.contentWindow, root = frame.contentDocument.documentElement;
  await later(100);
  const broken = Array.from(frame.contentDocument.images).filter(i => !i.naturalWidth);
  const violations = width == jobs[jobs.length - 1][1] ? await check(view) : [];
  found.push({page, width, shown: root.scrollWidth, broken: broken.length,
    dark: view.matchMedia("(prefers-color-scheme: dark)").matches,
    violations: violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(
      n => n.target.join(" ") + " (" + n.failureSummary.split("\\n")[1].trim() + ")").join(", "))});
  frame.remove();
}
(async () => {
  try { for (const [page, width] of jobs) await look(page, width); }
  catch (error) { errors.push(String(error)); }
  await fetch("/found", {method: "POST", body: JSON.stringify({found, errors})});
})();
</script></body></html>
"""


@dataclass(frozen=True)
class Look:
    """A page at a width.

    Attributes:
        page: its address.
        width: of the frame, and ``shown``, of what is in it.
        broken: pictures that are none.
        violations: what axe-core found; it looks at the last width alone.
    """

    page: str
    width: int
    shown: int
    broken: int
    dark: bool
    violations: list[str]


class _Handler(SimpleHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.answer = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        server.answered.set()

    def log_message(self, *_: object) -> None:
        pass


def examine(
    folder: Path, pages: Sequence[str], widths: Sequence[int] = WIDTHS, dark: bool = False
) -> tuple[list[Look], list[str]]:
    """Open pages of a folder; return how they look, and what the console says.

    Args:
        folder: what is served; two files of this check are added to it.
        pages: addresses in it, from "/".
        dark: whether the reader prefers dark pages.
    """
    browser = shutil.which("chromium")
    if browser is None or not AXE.is_file():
        if "CI" in os.environ:
            pytest.fail("chromium or axe-core is not installed; tools/setup.sh installs both")
        pytest.skip("chromium or axe-core is not installed")
    shutil.copy(AXE, folder / AXE.name)
    jobs = [[page, width] for page in pages for width in widths]
    (folder / "check.html").write_text(CHECK.replace("JOBS", json.dumps(jobs)), encoding="utf-8")
    handler = functools.partial(_Handler, directory=str(folder))
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.answered = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shade = ["--force-dark-mode"] if dark else []
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            url = f"http://127.0.0.1:{server.server_port}/check.html"
            log = Path(profile) / "log"
            with log.open("wb") as stderr:
                process = subprocess.Popen(
                    [
                        *(browser, *FLAGS, *shade, "--window-size=1700,1000"),
                        *("--remote-debugging-port=0", f"--user-data-dir={profile}", url),
                    ],
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                )
                try:
                    assert server.answered.wait(SECONDS), log.read_text(errors="replace")[-2000:]
                finally:
                    process.terminate()
                    process.wait()
            said = log.read_text(errors="replace").splitlines()
    finally:
        server.shutdown()
        server.server_close()
    answer = json.loads(server.answer)
    assert answer["errors"] == []
    looks = [Look(**each) for each in answer["found"]]
    assert {look.dark for look in looks} == {dark}
    return looks, [line for line in said if "CONSOLE" in line]


def complaints(looks: Sequence[Look]) -> list[str]:
    """Return, a line each, what is wrong with pages."""
    wrong = []
    for look in looks:
        place = f"{look.page} at {look.width}{', dark' if look.dark else ''}"
        if look.shown > look.width:
            wrong.append(f"{place}: {look.shown} pixels wide")
        if look.broken:
            wrong.append(f"{place}: {look.broken} broken pictures")
        wrong += [f"{place}: {violation}" for violation in look.violations]
    return wrong
