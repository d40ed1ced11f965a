"""Pictures of recordings: an excerpt of every label, and the minutes of each."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.errors import HarmcuError
from trainer.recording import Dataset, Recording
from trainer.report_pictures import CONTROLS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SECONDS = 10.0
_GENERATOR = "harmcu data inspect"
"""In every plot, so that a later one may take its place."""

MOST_LABELS = 24
"""Labels that are shown; a picture of more is no picture."""

_SETTINGS = {
    "svg.hashsalt": "harmcu",
    "svg.fonttype": "none",
    # A label may hold a dollar sign without meaning mathematics.
    "text.parse_math": False,
    "font.size": 8,
}

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } }
table { border-collapse: collapse; } td, th { padding: 0.2rem 0.8rem; text-align: left; }
img { max-width: 100%; height: auto; }
"""


def write(path: Path, dataset: Dataset, document: dict[str, Any]) -> None:
    """Write a picture: .png, or .html with the notes beside it, one file that opens offline.

    Args:
        path: where to.
        dataset: what to show.
        document: of ``trainer.inspect``.

    Raises:
        HarmcuError: the suffix is another, matplotlib is not installed, or it cannot be written.
    """
    form = {".png": "png", ".html": "svg"}.get(path.suffix.lower())
    if form is None:
        raise HarmcuError(f"{path}: plots are .html or .png; choose one of these")
    picture = _render(dataset, document, form)
    content = picture if form == "png" else _page(dataset, document, picture).encode()
    fresh = path.with_name(f".{path.name}.new")
    try:
        if path.exists() and _GENERATOR.encode() not in path.read_bytes()[:4096]:
            raise HarmcuError(f"{path}: is there and no plot of harmcu's; choose another name")
        try:
            fresh.write_bytes(content)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; choose a folder you can write to") from None


def _render(dataset: Dataset, document: dict[str, Any], form: str) -> bytes:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise HarmcuError(
            'plots need matplotlib, which is not installed; pip install "harmcu[train]"'
        ) from error
    with mpl.rc_context(_SETTINGS):
        labels = list(document["labels"])[:MOST_LABELS]
        figure = Figure(figsize=(9, 1.5 + 1.3 * len(labels)), layout="constrained")
        axes = figure.subplots(len(labels) + 1, 2, squeeze=False)
        _bars(figure, axes, document)
        for row, label in enumerate(labels, start=1):
            recording = max(
                (r for r in dataset.recordings if r.label == label), key=lambda r: len(r.counts)
            )
            _excerpt(axes[row, 0], recording, "a", 8192.0, "g")
            _excerpt(axes[row, 1], recording, "g", 16.384, "deg/s")
            title = f"{label}: {recording.source}"[:100].translate(CONTROLS)
            axes[row, 0].set_title(title, loc="left")
        buffer = io.BytesIO()
        # Without a date, the same recordings give the same bytes.
        metadata = {"Date": None} if form == "svg" else {"Software": _GENERATOR}
        figure.savefig(buffer, format=form, dpi=110, metadata=metadata)
    return buffer.getvalue()


def _bars(figure: Figure, axes: Any, document: dict[str, Any]) -> None:
    for axis in axes[0]:
        axis.remove()
    bars = figure.add_subplot(axes[0, 0].get_gridspec()[0, :])
    shown = list(document["labels"].items())[:MOST_LABELS]
    names = [label[:14].translate(CONTROLS) for label, _ in shown]
    bars.bar(names, [each["minutes"] for _, each in shown])
    bars.set_ylabel("minutes")
    bars.tick_params(axis="x", rotation=30 if len(shown) > 6 else 0)


def _excerpt(axis: Axes, recording: Recording, sensor: str, counts: float, unit: str) -> None:
    samples = min(len(recording.counts), round(SECONDS * recording.rate_millihertz / 1000))
    seconds = np.arange(samples) * 1000 / recording.rate_millihertz
    for column, name in enumerate(recording.axes):
        if name[0] == sensor:
            axis.plot(seconds, recording.counts[:samples, column] / counts, lw=0.8, label=name)
    axis.set_ylabel(unit)
    axis.set_xlabel("seconds", fontsize=6)
    if axis.lines:
        axis.legend(loc="upper right", ncols=3, fontsize=6)


def _page(dataset: Dataset, document: dict[str, Any], picture: bytes) -> str:
    rows = "".join(
        f"<tr><td>{escape(note['kind'])}</td><td>{note['count']:,}</td>"
        f"<td>{escape(note['what'])}</td><td>{escape(', '.join(note['files'][:3]))}</td></tr>"
        for note in document["notes"]
    )
    encoded = base64.b64encode(picture).decode()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="{_GENERATOR}">'
        f"<title>{escape(dataset.name)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(dataset.name)}: {document['recordings']:,} recordings, "
        f"{document['minutes']:.1f} minutes</h1>"
        f"<table><tr><th>what</th><th>count</th><th>why</th><th>files</th></tr>{rows}</table>"
        f'<p><img alt="minutes of each label, and an excerpt of each" '
        f'src="data:image/svg+xml;base64,{encoded}"></p></main></body></html>\n'
    )
