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
@pytest.mark.parametrize(("dark", "widths"), [(False, (360, 800, 1600)), (True, (1600,))])
def test_it_is_quiet_fits_and_can_be_read(site: Path, dark: bool, widths: tuple[int, ...]) -> None:
    looks, console = browser.examine(site, pages(site), widths, dark)
    assert len(looks) == len(pages(site)) * len(widths) > 20
    assert browser.complaints(looks) == []
    assert console == []


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """What a page links to may be elsewhere; what it needs may not."""
    needs = re.compile(r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"?(https?:[^\s\">]+)")
    for page in site.rglob("*.html"):
        assert needs.findall(page.read_text("utf-8")) == [], page
