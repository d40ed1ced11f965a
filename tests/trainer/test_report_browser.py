"""The report in a real browser: it must not complain, and must fit a phone."""

import os
import re
import shutil
import subprocess
import tempfile
from html import escape
from pathlib import Path

import pytest

from trainer.bundle import Bundle

PHONE = 360

# A window of a browser has a least width of its own; a frame has not.
WRAPPER = """<!DOCTYPE html><title>w</title>
<iframe id="f" style="width:{width}px;height:800px;border:0" srcdoc="{page}"></iframe>
<p id="r">nothing</p>
<script>
document.getElementById("f").onload = function () {{
  var root = this.contentDocument.documentElement;
  var broken = Array.from(this.contentDocument.images).filter(i => !i.naturalWidth).length;
  document.getElementById("r").textContent = "width " + root.scrollWidth + " broken " + broken;
}};
</script>
"""

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom",
)  # fmt: skip


def open_on_a_phone(page: str, folder: Path) -> tuple[int, int, list[str]]:
    """Return the page's width, how many pictures are broken, and what the console says."""
    browser = shutil.which("chromium")
    if browser is None:
        if "CI" in os.environ:
            pytest.fail("chromium is not installed; tools/setup.sh installs it")
        pytest.skip("chromium is not installed")
    wrapper = folder / "wrapper.html"
    wrapper.write_text(WRAPPER.format(width=PHONE, page=escape(page)), encoding="utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        result = subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={profile}", wrapper.as_uri()],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            check=True,
        )
    found = re.search(r"width (\d+) broken (\d+)", result.stdout)
    assert found, result.stdout[-500:]
    console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    return int(found[1]), int(found[2]), console


def test_it_opens_without_complaint_and_fits_a_phone(trained: Bundle, tmp_path: Path) -> None:
    page = trained.report.read_text(encoding="utf-8")
    assert open_on_a_phone(page, tmp_path) == (PHONE, 0, [])


def test_the_browser_notices_what_is_wrong(tmp_path: Path) -> None:
    page = (
        '<p style="width:900px">wide</p><img src="data:image/svg+xml;base64,AAAA">'
        "<script>nothing()</script>"
    )
    width, broken, console = open_on_a_phone(page, tmp_path)
    assert width > PHONE
    assert broken == 1
    assert any("nothing is not defined" in line for line in console)
