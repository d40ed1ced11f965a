"""report.html: one self-contained file for people, which opens offline.

The pictures are inline SVG. The same model and metrics give the same bytes.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.errors import HarmcuError
from trainer.spec import Spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff; }
h1, h2 { line-height: 1.2; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid #ddd; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; }
code { overflow-wrap: anywhere; }
"""

_PICTURES = {
    # Names of elements come from this salt and not from a random number.
    "svg.hashsalt": "harmcu",
    # Text stays text: the reader's fonts know more scripts than matplotlib's.
    "svg.fonttype": "none",
    # A label may hold a dollar sign without meaning mathematics.
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
}


def render(spec: Spec, metrics: Mapping[str, Any]) -> str:
    """Return the report as one HTML document.

    Args:
        spec: the model's.
        metrics: the content of ``metrics.json``.

    Raises:
        HarmcuError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise HarmcuError(
            'the report needs matplotlib, which is not installed; pip install "harmcu[train]"'
        ) from error
    with matplotlib.rc_context(_PICTURES):
        confusion = _picture(_confusion(spec.labels, metrics["confusion"]), "Confusion matrix")
        curves = _training_curves(metrics["history"])
        subjects = _picture(_subjects(metrics), "Accuracy by subject")
    title = escape(f"harmcu: {spec.name}")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<p>{metrics["accuracy"]:.1%} of {metrics["windows"]} windows of {len(metrics["per_subject"])} people
whom the model had never met were named right, by the int8 model on
{escape(metrics["kernels"])}.</p>
{_summary(spec, metrics)}
<h2>Confusion matrix</h2>
{confusion}
<h2>By activity</h2>
{_per_class(metrics["per_class"])}
<h2>By subject</h2>
{subjects}
{_table(("subject", "accuracy"), [(s, f"{a:.1%}") for s, a in metrics["per_subject"].items()])}
{curves}
<h2>Sizes</h2>
{_sizes(spec, metrics)}
<h2>Provenance</h2>
{_provenance(spec)}
</body>
</html>
"""


def _summary(spec: Spec, metrics: Mapping[str, Any]) -> str:
    subjects, validation = metrics["subjects"], metrics["validation"]
    in_float = validation["float_accuracy"]
    return _table(
        ("figure", "value"),
        [
            ("accuracy, held-out subjects, int8", f"{metrics['accuracy']:.2%}"),
            ("macro F1, held-out subjects, int8", f"{metrics['macro_f1']:.2%}"),
            ("accuracy, worst held-out subject", f"{min(metrics['per_subject'].values()):.2%}"),
            (
                "accuracy, validation subjects, floating point",
                "integer by nature" if in_float is None else f"{in_float:.2%}",
            ),
            ("accuracy, validation subjects, int8", f"{validation['int8_accuracy']:.2%}"),
            ("window, hop", f"{spec.window}, {spec.hop} samples"),
            ("rate", f"{spec.rate_millihertz / 1000:g} Hz"),
            ("training subjects", ", ".join(subjects["train"])),
            ("validation subjects", ", ".join(subjects["validation"])),
            ("held-out test subjects", ", ".join(subjects["test"])),
        ],
    )


def _per_class(per_class: Mapping[str, Mapping[str, float]]) -> str:
    return _table(
        ("activity", "precision", "recall", "F1", "windows"),
        [
            (
                label,
                f"{values['precision']:.1%}",
                f"{values['recall']:.1%}",
                f"{values['f1']:.1%}",
                f"{values['support']}",
            )
            for label, values in per_class.items()
        ],
    )


def _sizes(spec: Spec, metrics: Mapping[str, Any]) -> str:
    rows = [(spec.model_file, f"{metrics['model_bytes']:,}")]
    arena = metrics["tflm_arena_bytes"]
    if arena is not None:
        rows += [
            ("TensorFlow Lite Micro arena, measured", f"{arena['measured_bytes']:,}"),
            ("margin for 32-bit boards", f"{arena['margin_bytes']:,}"),
            ("arena to set aside", f"{arena['bytes']:,}"),
        ]
    return _table(("what", "bytes"), rows)


def _provenance(spec: Spec) -> str:
    source = spec.provenance
    return _table(
        ("what", "value"),
        [
            ("model, SHA-256", source.model_sha256),
            ("data set", source.dataset),
            ("data set, SHA-256", source.dataset_sha256),
            ("split", source.split.name),
            ("architecture, size", f"{source.architecture}, {source.size}"),
            ("seed", f"{source.seed}"),
            *((package, version) for package, version in source.versions.items()),
        ],
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return an HTML table; everything is escaped, and the first column holds the names."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "\n".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _picture(figure: Figure, alternative: str) -> str:
    """Return a figure as an inline SVG image that depends on its content only."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # matplotlib's own font need not have the letters of a label: the reader's draws them.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="{escape(alternative)}" src="data:image/svg+xml;base64,{data}">'


def _confusion(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> Figure:
    from matplotlib.figure import Figure

    matrix = np.array(confusion)
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


def _training_curves(history: Mapping[str, Any]) -> str:
    """Return the section of the curves; nothing where no epoch was run."""
    if not history["loss"]:
        return ""
    return f"<h2>Training curves</h2>\n{_picture(_curves(history), 'Training curves')}"


def _curves(history: Mapping[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    epochs = range(1, len(history["loss"]) + 1)
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    of_loss, of_accuracy = figure.subplots(1, 2)
    of_loss.plot(epochs, history["loss"])
    of_loss.set_ylabel("training loss")
    of_accuracy.plot(epochs, history["validation_accuracy"])
    of_accuracy.set_ylabel("validation accuracy")
    for axes in (of_loss, of_accuracy):
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        if len(epochs) > history["float_epochs"]:
            end = history["float_epochs"] + 0.5
            axes.axvline(end, color="grey", linestyle=":", label="int8 aware")
            axes.legend()
    return figure


def _subjects(metrics: Mapping[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    per_subject = metrics["per_subject"]
    figure = Figure(figsize=(9, 0.8 + 0.28 * len(per_subject)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(per_subject)), list(per_subject.values()), color="#3b75af")
    axes.set_yticks(range(len(per_subject)), list(per_subject))
    axes.invert_yaxis()
    axes.set_xlim(0.0, 1.0)
    axes.axvline(metrics["accuracy"], color="black", linestyle=":")
    axes.set_xlabel("accuracy; the dotted line is all windows together")
    axes.set_ylabel("subject")
    return figure
