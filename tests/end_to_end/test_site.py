"""The documentation as a site, in a real browser."""

import os
import re
import subprocess
import sys
from pathlib import Path

import browser
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder],
        check=True,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    return folder


def pages(site: Path) -> list[str]:
    found = (file.parent.relative_to(site).as_posix() for file in site.rglob("index.html"))
    return sorted(f"/{name}/".replace("/./", "/") for name in found)


@pytest.mark.slow
def test_it_is_quiet_fits_and_can_be_read(site: Path) -> None:
    looks, console = browser.examine(site, pages(site))
    assert len(looks) == len(pages(site)) * len(browser.WIDTHS) > 60
    assert browser.complaints(looks) == []
    assert console == []


@pytest.mark.slow
def test_it_can_be_read_in_the_dark(site: Path) -> None:
    """Pages that have, among them, all that the theme colours."""
    some = ["/", "/recordings/", "/reference/commands/", "/reference/c-interface/"]
    looks, _ = browser.examine(site, some, (1600,), dark=True)
    assert browser.complaints(looks) == []


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """What a page links to may be elsewhere; what it needs may not."""
    needs = re.compile(r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"?(https?:[^\s\">]+)")
    for page in site.rglob("*.html"):
        assert needs.findall(page.read_text("utf-8")) == [], page
