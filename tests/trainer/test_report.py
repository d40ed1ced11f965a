import base64
import copy
import dataclasses
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from trainer import report
from trainer.bundle import Bundle
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
    assert len(pictures(html)) == 3
    assert "url(" not in html
    for fact in (trained.spec.provenance.model_sha256, f"{trained.metrics['model_bytes']:,}"):
        assert fact in html


def test_labels_are_shown_and_never_interpreted(trained: Bundle) -> None:
    for label in (NASTY, "Größe 走る"):
        spec, metrics = with_label(trained, label)
        html = report.render(spec, metrics)
        checker = Checker()
        checker.feed(html)
        assert "script" not in checker.tags
        confusion = pictures(html)[0]
        assert label in [text.strip() for text in confusion.itertext()]


def test_the_same_figures_give_the_same_bytes(trained: Bundle) -> None:
    written = trained.report.read_text(encoding="utf-8")
    assert report.render(trained.spec, trained.metrics) == written


def test_unknown_decisions_get_a_column(trained: Bundle) -> None:
    metrics = copy.deepcopy(trained.metrics)
    metrics["confusion"][0][-1] = 3
    confusion = pictures(report.render(trained.spec, metrics))[0]
    assert "unknown" in [text.strip() for text in confusion.itertext()]
