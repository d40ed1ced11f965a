"""report.html: one self-contained file for people, which opens offline.

The pictures are inline SVG. The same model and metrics give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from trainer import report_pictures as pictures
from trainer.exhibits import Exhibits, Mistake
from trainer.report_pictures import CONTROLS, picture
from trainer.spec import Spec

_STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ddd;
  --x: #b3363e; --y: #2a7a2a; --z: #2f6299; }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181818; --line: #444;
  --x: #e0787d; --y: #6fc06f; --z: #7fb0e0; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
h1, h2 { line-height: 1.2; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid var(--line); text-align: left; }
th, td { overflow-wrap: normal; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img, svg { max-width: 100%; height: auto; }
.mistakes { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); }
figure { margin: 0; border: 1px solid var(--line); padding: 0.5rem; font-size: 0.85rem; }
polyline { fill: none; stroke-width: 1; }
.x { stroke: var(--x); color: var(--x); } .y { stroke: var(--y); color: var(--y); }
.z { stroke: var(--z); color: var(--z); } b { font-weight: 600; }
"""

_NEW = {
    "subject": "of {count} people whom the model had never met",
    "recording": "of {count} recordings that the model had never seen",
    "block": "of the ends of recordings whose beginnings trained the model",
}
_WARNINGS = {
    "subject": "",
    "recording": (
        "The data name too few people to hold some of them out. Whoever trained the model may be "
        "in the test part too, with other recordings: expect less of new people."
    ),
    "block": (
        "There are too few recordings of some label to hold whole ones out. Every recording was "
        "cut in time, and a window left out at each cut. The figures say nothing about other "
        "recordings, days or people: record at least 3 takes of each label."
    ),
}


def render(spec: Spec, metrics: Mapping[str, Any], exhibits: Exhibits) -> str:
    """Return the report as one HTML document.

    Args:
        spec: the model's.
        metrics: the content of ``metrics.json``.
        exhibits: held-out windows to show.

    Raises:
        HarmcuError: matplotlib is not installed.
    """
    title = escape(f"harmcu: {spec.name}")
    sections = [
        ("Confusion matrix", _confusion(spec, metrics)),
        ("By activity", _per_class(spec, metrics["per_class"])),
        (f"By {metrics['over_subjects']['unit']}", _per_subject(metrics)),
        ("Several trainings", _repeats(metrics.get("repeats"))),
        ("Whole recordings", _continuous(metrics.get("continuous"))),
        ("A held-out recording", _timeline(spec, exhibits)),
        ("Mistakes", _mistakes(spec, exhibits.mistakes)),
        ("Scores and how often they are right", _calibration(metrics["calibration"])),
        ("int8", _int8(metrics)),
        ("Training curves", _curves(metrics["history"])),
        ("Sizes", _sizes(spec, metrics)),
        ("Provenance", _provenance(spec)),
    ]
    body = "\n".join(f"<h2>{escape(name)}</h2>\n{content}" for name, content in sections if content)
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{_opening(spec, metrics)}
{_summary(spec, metrics)}
{body}
</main>
</body>
</html>
"""
    return page.translate(CONTROLS)


def _opening(spec: Spec, metrics: Mapping[str, Any]) -> str:
    unit = metrics["over_subjects"]["unit"]
    new = _NEW[unit].format(count=metrics["over_subjects"]["count"])
    text = (
        f"{metrics['accuracy']:.1%} of {metrics['windows']} windows {new} were named right, by "
        f"the int8 model on {metrics['kernels']}."
    )
    if all(threshold == -128 for threshold in spec.decision.thresholds):
        refusal = "Every window gets a label, also movement that is none of them."
        if "continuous" not in metrics:
            refusal += " The data hold no other movement to set thresholds by."
    else:
        refusal = (
            f"Scores are averaged over {spec.decision.smoothing} windows; what stays below its "
            "label's threshold is unknown, and counts as wrong here."
        )
    paragraphs = (text, _WARNINGS[unit], refusal)
    return "\n".join(f"<p>{escape(each)}</p>" for each in paragraphs if each)


def _confusion(spec: Spec, metrics: Mapping[str, Any]) -> str:
    return picture(
        lambda: pictures.confusion(spec.labels, metrics["confusion"]), "Confusion matrix"
    )


def _per_subject(metrics: Mapping[str, Any]) -> str:
    per_subject = metrics["per_subject"]
    drawn = picture(
        lambda: pictures.subjects(per_subject, metrics["over_subjects"]), "Accuracy by subject"
    )
    rows = [(subject, f"{accuracy:.1%}") for subject, accuracy in per_subject.items()]
    return drawn + _table((metrics["over_subjects"]["unit"], "accuracy"), rows)


def _curves(history: Mapping[str, Any]) -> str:
    """Return the curves; nothing where no epoch was run."""
    return picture(lambda: pictures.curves(history), "Curves") if history["loss"] else ""


def _interval(found: Mapping[str, Any]) -> str:
    reach = found["interval"]
    if reach is None:
        return "not known: too few, or not independent"
    return (
        f"{reach['low']:.1%} to {reach['high']:.1%} ({reach['method']}, "
        f"{reach['confidence']:.0%}, {found['count']} {found['unit']}s)"
    )


def _repeats(repeats: Mapping[str, Any] | None) -> str:
    if repeats is None:
        return ""
    accuracy, subjects = repeats["accuracy"], repeats["subjects"]
    in_float = repeats.get("float_accuracy")
    # Thresholds act on the int8 scores alone.
    floating = f"; floating point, largest score, {in_float['mean']:.2%}" if in_float else ""
    text = (
        f"{len(repeats['seeds'])} seeds, each with {repeats['folds']} test part(s): "
        f"{accuracy['mean']:.2%} on average, {accuracy['worst']:.2%} the worst seed, standard "
        f"deviation {100 * accuracy['standard_deviation']:.2f} points{floating}. Mean over "
        f"subjects {subjects['mean']:.1%}, {_interval(subjects)}; the worst, "
        f"{subjects['worst']['subject']}, "
        f"{subjects['worst']['accuracy']:.1%}."
    )
    rows = [
        (
            f"seed {run['seed']}, {run['split']}",
            ", ".join(run["test"]),
            f"{run['accuracy']:.2%}",
            f"{run['macro_f1']:.2%}",
            f"{run['float_accuracy']:.2%}" if in_float else "",
        )
        for run in repeats["runs"]
    ]
    header = ("run", "tested on", "accuracy", "macro F1", "floating point, largest score")
    return f"<p>{escape(text)}</p>\n{_table(header, rows)}"


def _continuous(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    delay, rate = found["delay_seconds"], found["false_events_per_hour"]
    rows = [
        ("watched", f"{found['hours']:.2f} hours"),
        ("bouts recognised", f"{found['detected']} of {found['bouts']}"),
    ]
    if delay["median"] is not None:
        rows += [
            ("time to recognise, half of them", f"{delay['median']:.1f} s"),
            ("time to recognise, nine of ten", f"{delay['ninth_decile']:.1f} s"),
        ]
    expected = found["false_events_interval"]
    if expected is not None:
        reach = f"{expected['confidence']:.0%}: {expected['low']:.1f} to {expected['high']:.1f}"
        rows += [
            ("other movement", f"{found['other_hours']:.2f} hours"),
            ("false events in it", f"{found['false_events']}, {rate:.1f} an hour ({reach})"),
        ]
    return "<p>As a board sees them, with transitions and what has no label.</p>\n" + _table(
        ("figure", "value"), rows
    )


def _timeline(spec: Spec, exhibits: Exhibits) -> str:
    shown = exhibits.timeline
    text = f"{shown.subject}, whose accuracy is the middle one: {shown.source}."
    drawn = picture(lambda: pictures.timeline(spec.labels, shown), "Truth and decisions over time")
    return f"<p>{escape(text)}</p>\n{drawn}"


def _mistakes(spec: Spec, mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return "<p>No window was given a wrong label.</p>"
    axes = [channel.axis for channel in spec.channels]
    figures = "\n".join(
        f"<figure>{pictures.signals(mistake, axes)}<figcaption>said "
        f"<b>{escape(spec.labels[mistake.said])}</b> ({mistake.confidence:.2f}), truly "
        f"<b>{escape(spec.labels[mistake.truth])}</b>; {escape(mistake.subject)}, "
        f"{escape(mistake.source)}</figcaption></figure>"
        for mistake in mistakes
    )
    return (
        "<p>The most confident mistake of each pair of labels, the most frequent pairs first. "
        'Acceleration above, rotation below: <b class="x">x</b>, <b class="y">y</b>, '
        f'<b class="z">z</b>, over the int8 range.</p>\n<div class="mistakes">{figures}</div>'
    )


def _calibration(calibration: Mapping[str, Any]) -> str:
    text = (
        f"Expected calibration error {calibration['error']:.3f}: on average, the largest score is "
        "so far from the share of windows that are right at it."
    )
    drawn = picture(lambda: pictures.reliability(calibration), "Reliability diagram")
    return f"<p>{escape(text)}</p>\n{drawn}"


def _int8(metrics: Mapping[str, Any]) -> str:
    quantization, desktop = metrics.get("quantization"), metrics.get("desktop")
    if quantization is None or desktop is None:
        return "<p>The model is integer by nature: nothing was rounded.</p>"
    return _table(
        ("largest score of the held-out windows", "value"),
        [
            ("right in floating point", f"{quantization['float_accuracy']:.2%}"),
            (f"right in int8, {metrics['kernels']}", f"{quantization['int8_accuracy']:.2%}"),
            ("int8 minus floating point", f"{100 * quantization['int8_minus_float']:+.2f} points"),
            (
                "TensorFlow Lite's default kernels: another label",
                f"{desktop['largest_differ']:.2%} of windows",
            ),
            (
                "TensorFlow Lite's default kernels: any other score",
                f"{desktop['scores_differ']:.2%} of windows, {desktop['most_steps']} steps at most",
            ),
        ],
    )


def _summary(spec: Spec, metrics: Mapping[str, Any]) -> str:
    subjects, worst = metrics["subjects"], metrics["over_subjects"]["worst"]
    validation = metrics["validation"]
    in_float = validation["float_accuracy"]
    return _table(
        ("figure", "value"),
        [
            ("accuracy, held-out subjects, int8", f"{metrics['accuracy']:.2%}"),
            ("macro F1, held-out subjects, int8", f"{metrics['macro_f1']:.2%}"),
            ("mean over subjects", f"{metrics['over_subjects']['mean']:.2%}"),
            ("its confidence interval", _interval(metrics["over_subjects"])),
            (
                f"worst {metrics['over_subjects']['unit']}",
                f"{worst['subject']}: {worst['accuracy']:.2%}",
            ),
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


def _per_class(spec: Spec, per_class: Mapping[str, Mapping[str, float]]) -> str:
    thresholds = (
        (threshold - spec.output.zero_point) * spec.output.scale
        for threshold in spec.decision.thresholds
    )
    return _table(
        ("activity", "precision", "recall", "F1", "windows", "threshold"),
        [
            (
                label,
                f"{values['precision']:.1%}",
                f"{values['recall']:.1%}",
                f"{values['f1']:.1%}",
                f"{values['support']}",
                f"{threshold:.2f}",
            )
            for (label, values), threshold in zip(per_class.items(), thresholds, strict=True)
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
    # What scrolls has to be reached by the keyboard, and so needs a name.
    wide = '<div class="wide" tabindex="0" role="group" aria-label="table">'
    return f"{wide}<table>\n<tr>{head}</tr>\n{body}\n</table></div>"
