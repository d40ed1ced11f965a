"""The pictures of report.html: SVG that follows the reader's light or dark page."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.errors import HarmcuError
from trainer.exhibits import Mistake, Timeline
from trainer.sample_path import UNKNOWN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK = "#010203"
"""A colour that no picture has; the page's own takes its place."""

_INK_STYLE = (
    "<style>svg { color: #222 } @media (prefers-color-scheme: dark) { svg { color: #ddd } }</style>"
)

_SETTINGS = {
    # Names of elements come from this salt and not from a random number.
    "svg.hashsalt": "harmcu",
    # Text stays text: the reader's fonts know more scripts than matplotlib's.
    "svg.fonttype": "none",
    # A label may hold a dollar sign without meaning mathematics.
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "legend.framealpha": 0.0,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
    ),
}

_MISTAKE_WIDTH, _MISTAKE_HEIGHT = 240, 60

CONTROLS = dict.fromkeys((set(range(160)) - set(range(32, 127))) - {ord("\n")}, "?")
"""Characters that HTML (specification, 13.2.3.5) and XML do not allow, and a terminal may obey."""


def picture(draw: Callable[[], Figure], alternative: str) -> str:
    """Return a figure as an inline SVG image that depends on its content only.

    Raises:
        HarmcuError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise HarmcuError(
            'the report needs matplotlib, which is not installed; pip install "harmcu[train]"'
        ) from error
    buffer = io.BytesIO()
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # matplotlib's own font need not have the letters of a label: the reader's draws them.
        warnings.filterwarnings("ignore", message="Glyph")
        draw().savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    svg = buffer.getvalue().decode().translate(CONTROLS).replace(_INK, "currentColor")
    start = svg.index(">", svg.index("<svg ")) + 1
    data = base64.b64encode((svg[:start] + _INK_STYLE + svg[start:]).encode()).decode("ascii")
    return f'<img alt="{escape(alternative)}" src="data:image/svg+xml;base64,{data}">'


def confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Figure:
    """Draw the confusion matrix; "unknown" has a column where it was ever said."""
    from matplotlib.figure import Figure

    matrix = np.array(counts)
    columns = [*labels, "unknown"]
    if not matrix[:, -1].any():
        matrix, columns = matrix[:, :-1], columns[:-1]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 2.5 + 0.6 * len(columns)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("said")
    axes.set_ylabel("true")
    for (row, column), windows in np.ndenumerate(matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{windows}", ha="center", va="center", color=colour)
    return figure


def curves(history: Mapping[str, Any]) -> Figure:
    """Draw the training curves."""
    from matplotlib.figure import Figure

    epochs = range(1, len(history["loss"]) + 1)
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    of_loss, of_accuracy = figure.subplots(1, 2)
    of_loss.plot(epochs, history["loss"])
    of_loss.set_ylabel("training loss")
    of_accuracy.plot(epochs, history["validation_accuracy"])
    of_accuracy.set_ylabel("validation accuracy")
    for axes in (of_loss, of_accuracy):
        axes.axvline(history["float_epochs"] + 0.5, color="grey", linestyle=":", label="int8 aware")
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def subjects(per_subject: Mapping[str, float], over_subjects: Mapping[str, Any]) -> Figure:
    """Draw the accuracy of every subject, their mean and its confidence interval."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.0 + 0.28 * len(per_subject)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(per_subject)), list(per_subject.values()), color="#3b75af")
    axes.set_yticks(range(len(per_subject)), list(per_subject))
    axes.invert_yaxis()
    axes.set_xlim(0.0, 1.0)
    axes.axvline(over_subjects["mean"], color=_INK, linestyle=":")
    reach = over_subjects["interval"]
    about = "the dotted line is the mean"
    if reach is not None:
        axes.axvspan(reach["low"], reach["high"], color="grey", alpha=0.3)
        about += f", the band its {reach['confidence']:.0%} confidence interval"
    axes.set_xlabel(f"accuracy; {about}")
    axes.set_ylabel(over_subjects["unit"])
    return figure


def reliability(calibration: Mapping[str, Any]) -> Figure:
    """Draw how often windows are right at a score, against the score."""
    from matplotlib.figure import Figure

    bins = calibration["bins"]
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.bar(
        [each["low"] for each in bins],
        [each["accuracy"] for each in bins],
        width=[each["high"] - each["low"] for each in bins],
        align="edge",
        color="#3b75af",
        edgecolor=_INK,
        linewidth=0.5,
        label="right",
    )
    middles = [each["confidence"] for each in bins]
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as sure as right")
    axes.plot(middles, [each["accuracy"] for each in bins], "o", color="#c44e52", markersize=4)
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)
    axes.set_xlabel("largest score")
    axes.set_ylabel("share of windows that are right")
    axes.legend(loc="upper left")
    return figure


def timeline(labels: Sequence[str], shown: Timeline) -> Figure:
    """Draw truth and decisions over time."""
    from matplotlib.figure import Figure

    rows = [*labels, "unknown"]
    times = np.arange(len(shown.said)) * shown.seconds
    truth = np.array([float(t) if t >= 0 else np.nan for t in shown.truth])
    said = np.array([len(labels) if s == UNKNOWN else s for s in shown.said])
    figure = Figure(figsize=(9, 1.2 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.plot(times, truth, "s", color="grey", alpha=0.5, markersize=7, label="true")
    is_right = said == truth
    axes.plot(times[is_right], said[is_right], ".", color="#3b75af", label="said, right")
    axes.plot(times[~is_right], said[~is_right], "x", color="#c44e52", label="said, otherwise")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("seconds")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside upper right", ncols=3)
    return figure


def signals(mistake: Mistake, axes: Sequence[str]) -> str:
    """Return the channels of a window as inline SVG, one row a sensor."""
    rows = []
    for number, sensor in enumerate(sorted({axis[0] for axis in axes})):
        rows += [
            f'<polyline class="{axis[1]}" points="{_points(mistake, place, number)}"/>'
            for place, axis in enumerate(axes)
            if axis[0] == sensor
        ]
    height = _MISTAKE_HEIGHT * len({axis[0] for axis in axes})
    return (
        f'<svg viewBox="0 0 {_MISTAKE_WIDTH} {height}" role="img" '
        f'aria-label="signals of the window">{"".join(rows)}</svg>'
    )


def _points(mistake: Mistake, channel: int, row: int) -> str:
    values = mistake.samples[:, channel].astype(np.float64)
    x = np.linspace(0, _MISTAKE_WIDTH, len(values))
    y = (row + 0.5) * _MISTAKE_HEIGHT - values / 256 * _MISTAKE_HEIGHT
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
