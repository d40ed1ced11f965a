"""The report and the picture of a data set in a real browser."""

from pathlib import Path

import browser
import pytest

from trainer import datasets, inspect, inspect_plot
from trainer.bundle import Bundle


@pytest.mark.parametrize("dark", [False, True])
def test_pages_are_quiet_fit_and_can_be_read(trained: Bundle, tmp_path: Path, dark: bool) -> None:
    (tmp_path / "report.html").write_bytes(trained.report.read_bytes())
    dataset = datasets.load("watch")
    inspect_plot.write(tmp_path / "data.html", dataset, inspect.inspect(dataset))
    pages = ["/report.html", "/data.html"]
    widths = (1600,) if dark else (1600, 800, 360)  # axe-core looks at the last
    looks, console = browser.examine(tmp_path, pages, widths, dark)
    assert browser.complaints(looks) == []
    assert console == []


def test_the_browser_notices_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(
        '<!DOCTYPE html><p style="width:900px;color:#ccc;background:#fff">wide and pale</p>'
        '<img src="data:image/svg+xml;base64,AAAA"><script>nothing()</script>'
    )
    looks, console = browser.examine(tmp_path, ["/bad.html"], (360,))
    assert looks[0].shown > looks[0].width
    assert looks[0].broken == 1
    wrong = " ".join(browser.complaints(looks))
    assert all(rule in wrong for rule in ("color-contrast", "image-alt", "html-has-lang"))
    assert any("nothing is not defined" in line for line in console)
