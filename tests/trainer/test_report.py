import base64
import copy
import dataclasses
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import numpy as np

from trainer import report
from trainer.bundle import Bundle
from trainer.exhibits import Exhibits, Mistake
from trainer.spec import Spec

NASTY = '<script>alert("$x^2$ & co")</script>'


class Checker(HTMLParser):
    """Collects what a browser would fetch or run, and checks that tags are closed."""

    VOID = frozenset({"meta", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def with_label(bundle: Bundle, label: str) -> tuple[Spec, dict[str, Any]]:
    """Rename the first label, in the spec and in the figures."""
    old = bundle.spec.labels[0]
    metrics = copy.deepcopy(bundle.metrics)
    metrics["per_class"] = {
        label if name == old else name: values for name, values in metrics["per_class"].items()
    }
    spec = dataclasses.replace(bundle.spec, labels=(label, *bundle.spec.labels[1:]))
    return spec, metrics


def pictures(html: str) -> list[ElementTree.Element]:
    encoded = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return [ElementTree.fromstring(base64.b64decode(data)) for data in encoded]


def test_it_is_one_file_that_opens_offline(trained: Bundle) -> None:
    html = trained.report.read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    assert all(link.startswith("data:image/svg+xml;base64,") for link in checker.links)
    assert not checker.tags & {"script", "link", "iframe"}
    assert len(pictures(html)) == 5
    assert len(html) < 1_000_000
    assert "url(" not in html
    for fact in (trained.spec.provenance.model_sha256, f"{trained.metrics['model_bytes']:,}"):
        assert fact in html


def test_labels_are_shown_and_never_interpreted(trained: Bundle, shown: Exhibits) -> None:
    for label in (NASTY, "Größe 走る"):
        spec, metrics = with_label(trained, label)
        html = report.render(spec, metrics, shown)
        checker = Checker()
        checker.feed(html)
        assert "script" not in checker.tags
        confusion = pictures(html)[0]
        assert label in [text.strip() for text in confusion.itertext()]


def test_no_character_that_a_terminal_obeys_is_in_it(trained: Bundle, shown: Exhibits) -> None:
    metrics = copy.deepcopy(trained.metrics)
    name, accuracy = metrics["per_subject"].popitem()
    metrics["per_subject"]["ann\x1b[31m\x9b\x00"] = accuracy
    metrics["data_notes"] = [{"kind": "x", "count": 1, "what": "\x07", "files": [name]}]
    html = report.render(trained.spec, metrics, shown)
    assert html.replace("\n", "").isprintable()
    assert all(len(list(picture.itertext())) for picture in pictures(html))


def test_the_same_figures_give_the_same_bytes(trained: Bundle, shown: Exhibits) -> None:
    written = trained.report.read_text(encoding="utf-8")
    assert report.render(trained.spec, trained.metrics, shown) == written


def test_unknown_decisions_get_a_column(trained: Bundle, shown: Exhibits) -> None:
    metrics = copy.deepcopy(trained.metrics)
    metrics["confusion"][0][-1] = 3
    confusion = pictures(report.render(trained.spec, metrics, shown))[0]
    assert "unknown" in [text.strip() for text in confusion.itertext()]


def test_what_a_split_is_worth_is_said(trained: Bundle, shown: Exhibits) -> None:
    metrics = copy.deepcopy(trained.metrics)
    assert "whom the model had never met" in report.render(trained.spec, metrics, shown)
    for unit, words in (
        ("recording", "Whoever trained the model may be in the test part too"),
        ("block", "say nothing about other recordings"),
    ):
        metrics["over_subjects"]["unit"] = unit
        html = report.render(trained.spec, metrics, shown)
        assert words in " ".join(html.split())
        assert "never met" not in html


def test_mistakes_are_drawn_as_the_model_saw_them(trained: Bundle, shown: Exhibits) -> None:
    ramp = np.tile(np.arange(-128, 0, dtype=np.int8)[:, None], (1, 6))
    mistake = Mistake(0, 1, 0.75, NASTY, NASTY, ramp)
    few = dataclasses.replace(shown, mistakes=(mistake,))
    html = report.render(trained.spec, trained.metrics, few)
    lines = re.findall(r'points="([^"]+)"', html)
    assert len(lines) == 6
    first, last = lines[0].split()[0], lines[0].split()[-1]
    # The lowest count lies at the lower edge of its row, 0 in the middle.
    assert (first, last) == ("0.0,60.0", "240.0,30.2")
    assert "<script" not in html
