"""``harmcu data``: look at recordings, convert them, fetch public ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host_tools.choices import Choice
from host_tools.path_types import FOLDER, PATH
from host_tools.reading_options import reading_options

if TYPE_CHECKING:
    from trainer.reading.options import Options
    from trainer.recording import Dataset


MOST_LINES = 20
"""Subjects that are listed; --json has all."""

format_option = click.option(
    "--format", "form", help="csv, recordings, edge-impulse, hapt, uci-har, wisdm; else detected."
)
as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, the rest on stderr."
)


@click.group()
def data() -> None:
    """Look at recordings, convert them, fetch public data sets."""


@data.command()
@click.argument("path", type=PATH)
@format_option
@reading_options
@click.option("--plot", type=PATH, help="Write a picture, .html or .png.")
@as_json_option
def inspect(
    path: Path, form: str | None, options: Options, plot: Path | None, as_json: bool
) -> None:
    """Show what PATH holds: subjects, labels, rates, gaps, clipping, and what was repaired.

    \b
    Example:
        harmcu data inspect my-gestures --rate 119 --plot gestures.html
    """
    from host_tools.console import Console
    from trainer import inspect as inspection

    console = Console(as_json)
    dataset = _load(path, form, options)
    document = inspection.inspect(dataset)
    console.table(_rows(document))
    if plot is not None:
        from trainer import inspect_plot

        inspect_plot.write(plot, dataset, document)
        console.line(f"see {plot}")
    console.result(document)


@data.command()
@click.argument("path", type=PATH)
@format_option
@reading_options
@click.option(
    "--to",
    type=Choice(["recordings", "edge-impulse", "edge-impulse-cbor"]),
    default="recordings",
    show_default=True,
    help="What to write.",
)
@click.option("-o", "--out", type=FOLDER, required=True, help="A new or empty folder.")
@as_json_option
def convert(
    path: Path, form: str | None, options: Options, to: str, out: Path, as_json: bool
) -> None:
    """Convert what PATH holds to harmcu's recordings, or to Edge Impulse's documents.

    \b
    Example:
        harmcu data convert my-gestures --rate 119 -o recordings
    """
    from host_tools.console import Console
    from trainer import convert as conversion
    from trainer import inspect as inspection

    console = Console(as_json)
    dataset = _load(path, form, options)
    with console.progress() as bars:
        if to == "recordings":
            written = conversion.to_recordings(dataset, out, bars)
        else:
            suffix = "cbor" if to.endswith("cbor") else "json"
            written = conversion.to_edge_impulse(dataset, out, suffix, bars)
    notes = inspection.summary(dataset.notes)
    renamed = {} if to == "recordings" else conversion.renamed_labels(dataset)
    console.table(_note_rows(notes))
    for label, name in renamed.items():
        console.line(f"the label {label!r} is {name!r} there")
    console.line(f"{out}: {written:,} files")
    console.result(
        {"out": str(out), "files": written, "format": to, "notes": notes, "renamed": renamed}
    )


@data.command()
@click.argument("name")
@click.option(
    "-o", "--out", type=FOLDER, default=Path("data"), show_default=True, help="Folder to fill."
)
@click.option("--url", help="Another place to take the same data from.")
@as_json_option
def pull(name: str, out: Path, url: str | None, as_json: bool) -> None:
    """Download the public data set NAME, uci-har or wisdm, and check its content.

    \b
    Example:
        harmcu data pull uci-har
    """
    from host_tools.console import Console
    from trainer import pull as pulling

    console = Console(as_json)
    with console.progress() as bars:
        pulled = pulling.pull(name, out, url, bars)
    size = pulled.path.stat().st_size
    was = "was there already" if pulled.was_there else "downloaded"
    console.line(f"{pulled.path}: {was}, {size:,} bytes, content as published")
    console.line(f"train on it with --dataset {name} --data {pulled.path}")
    console.result({"path": str(pulled.path), "bytes": size, "was_there": pulled.was_there})


def _load(path: Path, form: str | None, options: Options) -> Dataset:
    from trainer import datasets
    from trainer.reading import formats

    return datasets.load(form or formats.detect(path), path, options)


def _rows(document: dict[str, Any]) -> dict[str, str]:
    """Return the document as names and values for people."""
    rows = {
        "format": document["format"],
        "recordings": f"{document['recordings']:,}, {document['minutes']:.1f} minutes, "
        f"{document['shortest_samples']:,} to {document['longest_samples']:,} samples each",
        "axes": "; ".join(document["axes"]),
        "rates": ", ".join(f"{r} Hz ({m:.1f} min)" for r, m in document["rates_hz"].items()),
    }
    if document["boards"]:
        rows["boards"] = ", ".join(document["boards"])
    for label, each in document["labels"].items():
        rows[f"label {label}"] = f"{each['recordings']:,} recordings, {each['minutes']:.1f} minutes"
    subjects = list(document["subjects"].items()) if document["subjects_known"] else []
    for subject, each in subjects[:MOST_LINES]:
        rows[f"subject {subject}"] = f"{each['recordings']:,} recordings, {each['minutes']:.1f} min"
    if len(subjects) > MOST_LINES:
        rows[f"and {len(subjects) - MOST_LINES} subjects"] = "see --json"
    for rail, each in document["clipping"].items():
        where = ", ".join(f"{label} {count:,}" for label, count in each["labels"].items())
        rows[f"clipped at {rail}"] = f"{each['samples']:,} samples: {where}"
    return rows | _note_rows(document["notes"])


def _note_rows(notes: list[dict[str, Any]]) -> dict[str, str]:
    rows: dict[str, str] = {}
    for note in notes:
        files = f" ({len(note['files'])} files)" if len(note["files"]) > 1 else ""
        one = f" ({note['files'][0]})" if len(note["files"]) == 1 else files
        rows.setdefault(f"{note['kind']} {note['what']}", f"{note['count']:,}{one}")
    return rows
