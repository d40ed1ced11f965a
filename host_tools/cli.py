"""The ``harmcu`` command: options in, one function called, figures out.

Everything heavy is imported inside the command that needs it, so that ``harmcu monitor`` starts at
once and without TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from host_tools import config
from host_tools.board_cli import COMMANDS as BOARD_COMMANDS
from host_tools.choices import Choice, board_option
from host_tools.commands import Commands
from host_tools.data_cli import data as data_commands
from host_tools.path_types import FOLDER, PATH
from host_tools.reading_options import reading_options
from host_tools.start_cli import COMMANDS as START_COMMANDS
from trainer.errors import HarmcuError

if TYPE_CHECKING:
    from host_tools.build import Program
    from host_tools.verify import Comparison, Difference
    from trainer.bundle import Bundle
    from trainer.golden import Trace
    from trainer.reading.options import Options
    from trainer.recording import Recording


as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, the rest on stderr."
)


class Folds(click.ParamType[Any]):
    """A number of folds, or ``loso``."""

    name = "folds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return the number, or the word."""
        if value == "loso":
            return "loso"
        if not str(value).isdecimal() or int(value) < 2:
            self.fail(f"{value!r} is neither a number from 2 nor loso", param, ctx)
        return int(value)


SECTIONS = {
    "Start": ("doctor", "init", "demo", "completion"),
    "Record": ("ports", "capture", "data"),
    "Model": ("train", "evaluate", "export"),
    "C": ("generate", "build", "bench"),
    "Board": ("flash", "monitor", "verify", "emulate", "boards"),
}


@click.group(cls=Commands, sections=SECTIONS)
@click.version_option(package_name="harmcu")
@click.pass_context
def main(context: click.Context) -> None:
    """From IMU recordings to a verified activity classifier on a Cortex-M board.

    A file harmcu.toml in this folder, or in one around it, may hold options for every command;
    flags go on top. `harmcu init` writes one.

    \b
    Try the whole loop without a board:
        harmcu demo
    """
    try:
        path = config.find(Path.cwd())
    except FileNotFoundError:
        raise HarmcuError("the folder you are in is gone; change to another one") from None
    if path is not None:
        context.default_map = config.default_map(path, main)


main.add_command(data_commands)
for command in (*START_COMMANDS, *BOARD_COMMANDS):
    main.add_command(command)


@main.command()
@click.option("--dataset", default="watch", show_default=True, help="watch or uci-har.")
@click.option("--data", type=PATH, help="Where the data set lies (uci-har: folder or archive).")
@board_option
@click.option(
    "--out", type=FOLDER, default=Path("harmcu-demo"), show_default=True, help="Folder to fill."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="Seed of the training.",
)
@as_json_option
def demo(dataset: str, data: Path | None, board: str, out: Path, seed: int, as_json: bool) -> None:
    """Run the whole loop on an emulated board.

    Real recordings train an int8 model, its C runs on an emulated Cortex-M4F, and every score is
    compared with the evaluation.

    \b
    Example:
        harmcu demo --dataset uci-har --data UCI_HAR_Dataset.tar.xz
    """
    from host_tools import demo as demonstration
    from host_tools.console import Console

    console = Console(as_json)
    figures = demonstration.run(
        demonstration.Request(dataset=dataset, data=data, board=board, out=out, seed=seed), console
    )
    console.result(figures)
    if figures["windows_equal"] != figures["windows_compared"]:
        raise HarmcuError("the board differs from the evaluation; please report this as a bug")


@main.command()
@click.option(
    "--dataset",
    required=True,
    help="watch, uci-har, hapt, wisdm; or a format: recordings, csv, edge-impulse.",
)
@click.option("--data", type=PATH, help="Where the data lie: a file, a folder or an archive.")
@reading_options
@click.option("--model-rate", type=float, metavar="HZ", help="Bring all recordings to this rate.")
@click.option("--arch", default="cnn", show_default=True, help="cnn, lstm or knn.")
@click.option("--size", default="small", show_default=True, help="tiny, small or base.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="Same seed, same model.",
)
@click.option("--epochs", type=click.IntRange(1), help="Passes over the data.")
@click.option("--labels", metavar="A,B,...", help="Tell these apart, and leave the others out.")
@click.option("--window", type=click.IntRange(2, 4096), help="Samples that a classification sees.")
@click.option("--hop", type=click.IntRange(1, 4096), help="Samples between two classifications.")
@click.option(
    "--folds",
    type=Folds(),
    metavar="K|loso",
    help="Also train and test K folds of the subjects, or leave each subject out once.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Train so many seeds, from --seed on; the bundle is of the first.",
)
@click.option("--resume", is_flag=True, help="Go on where an interrupted training stopped.")
@click.option("--out", type=FOLDER, required=True, help="Folder of the bundle to write.")
@as_json_option
def train(
    dataset: str,
    data: Path | None,
    options: Options,
    model_rate: float | None,
    arch: str,
    size: str,
    seed: int,
    epochs: int | None,
    labels: str | None,
    window: int | None,
    hop: int | None,
    folds: int | Literal["loso"] | None,
    seeds: int,
    resume: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Train an int8 model, test it on people it has not met, and write its bundle.

    \b
    Example:
        harmcu train --dataset watch --out watch.bundle
        harmcu train --dataset csv --data my-gestures --rate 119 --out gestures.bundle
        harmcu train --dataset watch --folds loso --seeds 3 --out watch.bundle
    """
    from host_tools import figures
    from host_tools.console import Console
    from trainer import pipeline
    from trainer.reading.options import millihertz

    console = Console(as_json)
    request = pipeline.TrainRequest(
        dataset=dataset,
        data=_data_of(dataset, data),
        architecture=arch,
        size=size,
        seed=seed,
        out=out,
        epochs=epochs,
        options=options,
        rate_millihertz=None if model_rate is None else millihertz(model_rate),
        labels=tuple(filter(None, map(str.strip, (labels or "").split(",")))),
        window=window,
        hop=hop,
        folds=folds,
        seeds=seeds,
        resume=resume,
    )
    with console.progress() as bars:
        bundle = pipeline.train(request, bars)
    metrics = bundle.metrics
    for line in figures.note_lines(metrics["data_notes"]):
        console.line(line)
    interruption = figures.interruption(metrics, is_repeated=folds is not None or seeds > 1)
    if interruption:
        console.line(f"{interruption}; go on with the same command and --resume")
    if "repeats" in metrics:
        console.grid(figures.REPEAT_COLUMNS, figures.repeat_rows(metrics["repeats"]))
    console.table(figures.rows(metrics))
    console.line(
        f"{out}: {metrics['accuracy']:.1%} of {metrics['windows']:,} held-out windows right, "
        f"{len(bundle.model):,} bytes; see {bundle.report}"
    )
    console.result(
        {
            "accuracy": metrics["accuracy"],
            "macro_f1": metrics["macro_f1"],
            **{name: metrics[name] for name in figures.DETAILS if name in metrics},
            "model_bytes": len(bundle.model),
            "model_sha256": bundle.spec.provenance.model_sha256,
            "bundle": str(out),
            "report": str(bundle.report),
        }
    )


@main.command()
@click.argument("bundle", type=FOLDER)
@click.option("--dataset", help="Another data set than the one that trained the model.")
@click.option("--data", type=PATH, help="Where the data set lies, as published.")
@reading_options
@as_json_option
def evaluate(
    bundle: Path, dataset: str | None, data: Path | None, options: Options, as_json: bool
) -> None:
    """Evaluate a BUNDLE on its held-out subjects, on the kernels of a board.

    \b
    Example:
        harmcu evaluate harmcu-demo/bundle
    """
    from codegen import agreement
    from host_tools import figures
    from host_tools.console import Console
    from trainer import bundle as bundles
    from trainer import pipeline

    console = Console(as_json)
    loaded = bundles.read(bundle)
    # The kernels take a damaged model for a whole one.
    agreement.check(loaded)
    name = dataset or loaded.spec.provenance.dataset
    found = pipeline.evaluate(loaded, name, _data_of(dataset, data), options)
    for line in figures.note_lines(found["data_notes"]):
        console.line(line)
    rows = figures.rows(found)
    rows |= {
        label: f"F1 {each['f1']:.3f} ({each['support']:,} windows)"
        for label, each in found["per_class"].items()
    }
    rows |= {
        f"subject {subject}": f"{accuracy:.1%}"
        for subject, accuracy in found["per_subject"].items()
    }
    console.table(rows)
    shown = ("accuracy", "macro_f1", "per_class", "per_subject", *figures.DETAILS)
    console.result({name: found[name] for name in shown if name in found})


@main.command()
@click.argument("bundle", type=FOLDER, required=False)
@board_option
@click.option(
    "--engine",
    type=Choice(["aot", "tflm"]),
    default="aot",
    show_default=True,
    help="C for this model alone, or the TensorFlow Lite Micro interpreter.",
)
@click.option(
    "--capture-only", is_flag=True, help="Without a BUNDLE: a firmware that records movements."
)
@click.option("-o", "--out", type=FOLDER, required=True, help="Folder of the project to write.")
@click.option("--explain", is_flag=True, help="Show what each layer costs and where it computes.")
@as_json_option
def generate(
    bundle: Path | None,
    board: str,
    engine: str,
    capture_only: bool,
    out: Path,
    explain: bool,
    as_json: bool,
) -> None:
    """Write the C project of a BUNDLE for a board; for an Arduino board, a sketch.

    \b
    Example:
        harmcu generate harmcu-demo/bundle --board mps2_an386 -o project
        harmcu generate --capture-only --board nano33ble_rev2 -o recorder
    """
    from codegen import boards, project
    from codegen.explain import explain as explained
    from host_tools.console import Console
    from trainer import bundle as bundles

    if capture_only and config.is_from_file("bundle"):
        bundle = None
    if capture_only == (bundle is not None):
        raise click.UsageError("Name a BUNDLE, or say --capture-only for a firmware without one.")
    console = Console(as_json)
    target, name = boards.load(board), out.resolve().name
    if bundle is None:
        files = project.generate_capture_only(target, name)
    else:
        files = project.generate(bundles.read(bundle), target, engine, name)
    manifest = project.write(out, files).manifest
    rows = {
        "project": f"{out}: {len(files)} files, engine {manifest.engine}, board {board}",
    }
    if manifest.sketch:
        rows["sketch"] = f"{out / manifest.sketch}.ino opens in the Arduino IDE"
    if manifest.tflm:
        rows["TFLM operators"] = ", ".join(manifest.tflm["operators"])
        rows["TFLM arena"] = (
            f"{manifest.tflm['bytes']:,} bytes, {manifest.tflm['measured_bytes']:,} measured and "
            f"{manifest.tflm['margin_bytes']:,} margin"
        )
    if manifest.aot:
        rows["aot"] = (
            f"{manifest.aot['macs']:,} MACs, arena {manifest.aot['arena_bytes']:,} bytes, "
            f"weights {manifest.aot['weights_bytes']:,} bytes"
        )
        stream = manifest.aot["stream"]
        rows["streaming"] = (
            f"yes: {stream['samples']} samples a step, {stream['state_bytes']:,} bytes from step "
            "to step, no window"
            if stream
            else f"no, whole windows: {manifest.aot['why_whole']}"
        )
    console.table(rows)
    if explain and bundle is not None:
        console.line(f"\n{explained(bundles.read(bundle).model)}")
    console.result(
        {
            "project": str(out),
            "board": board,
            "engine": manifest.engine,
            "sketch": manifest.sketch,
            "model_sha256": manifest.model_sha256,
            "tflm": manifest.tflm,
            "aot": manifest.aot,
        }
    )


@main.command()
@click.argument("bundle", type=FOLDER)
@click.option("--for", "target", type=Choice(["android"]), required=True)
@click.option("-o", "--out", type=FOLDER, required=True, help="Folder to write.")
@as_json_option
def export(bundle: Path, target: str, out: Path, as_json: bool) -> None:
    """Write the model of a BUNDLE for an app: a .tflite that takes g and deg/s.

    Where TensorFlow is installed, its interpreter runs the result on the bundle's golden windows:
    the labels must be those of the evaluation, unless two labels nearly tie.

    \b
    Example:
        harmcu export harmcu-demo/bundle --for android -o android
    """
    from importlib.util import find_spec

    from codegen import android
    from host_tools import export as exporting
    from host_tools.console import Console
    from trainer import bundle as bundles

    console = Console(as_json)
    loaded = bundles.read(bundle)
    files = exporting.for_android(loaded, out)
    console.line(f"{out}: {', '.join(sorted(files))}")
    checked = None
    if find_spec("tensorflow") is None:
        console.line('not checked: pip install "harmcu[train]" to run it on the golden windows')
    else:
        checked = exporting.check(loaded, files[android.model_name(loaded.spec)])
        console.line(
            f"{checked.same_label:,} of {checked.windows:,} golden windows get the label of the "
            f"evaluation, {checked.clear_same_label:,} of the {checked.clear:,} without a near "
            f"tie; scores differ by at most {checked.largest_difference:.4f}"
        )
    console.result(
        {
            "folder": str(out),
            "target": target,
            "files": sorted(files),
            "check": None if checked is None else asdict(checked),
        }
    )
    if checked is not None:
        exporting.expect_same_labels(checked)


@main.command()
@click.argument("project", type=FOLDER)
@as_json_option
def build(project: Path, as_json: bool) -> None:
    """Compile a PROJECT for its board.

    \b
    Example:
        harmcu build harmcu-demo/project
    """
    from host_tools.console import Console

    console = Console(as_json)
    program = _build(project)
    console.line(
        f"{program.path}: {program.flash_bytes:,} bytes of flash, {program.ram_bytes:,} of RAM"
    )
    console.result(
        {
            "program": str(program.path),
            "flash_bytes": program.flash_bytes,
            "ram_bytes": program.ram_bytes,
        }
    )


@main.command()
@click.argument("model", type=PATH, metavar="BUNDLE|MODEL.tflite")
@click.option("--engine", type=Choice(["aot", "tflm"]), default="aot", show_default=True)
@click.option(
    "--tflm-library", type=FOLDER, help="TensorFlow Lite Micro's sources; default: Arduino's."
)
@click.option("--hop", type=click.IntRange(1), help="Samples between two classifications.")
@click.option("--cflags", default="", help="Flags for the compiler, after the board's: -Os.")
@as_json_option
def bench(
    model: Path,
    engine: str,
    tflm_library: Path | None,
    hop: int | None,
    cflags: str,
    as_json: bool,
) -> None:
    """Measure what a model costs on an emulated Cortex-M4F: instructions, RAM, flash.

    \b
    Example:
        harmcu bench harmcu-demo/bundle --cflags=-Os
    """
    from host_tools import bench as benchmark
    from host_tools.console import Console
    from host_tools.tflm_library import find_library

    console = Console(as_json)
    content, name = benchmark.load(model)
    if engine == "tflm":
        if hop:
            raise HarmcuError("the engine tflm takes whole windows; leave out --hop")
        library = find_library(tflm_library)
        with console.progress() as progress:
            cost = benchmark.measure_tflm(content, name, library, cflags, progress)
    else:
        cost = benchmark.measure(content, name, cflags)
    stream = benchmark.measure_stream(content, name, hop, cflags) if hop else None
    console.grid(benchmark.LAYER_COLUMNS, benchmark.layer_rows(cost))
    console.table(benchmark.rows(cost))
    if hop and stream is not None:
        console.table(benchmark.stream_rows(hop, stream, cost))
    document = benchmark.stream_document(stream)
    console.result({**cost.document(), "engine": engine, "hop": hop, **document})
    if False in (cost.exact, getattr(stream, "exact", None)):
        raise HarmcuError(f"{name} differs from the evaluation; please report this as a bug")


@main.command()
@click.argument("project", type=FOLDER)
@click.option("--listen", type=click.IntRange(0, 65535), default=0, help="TCP port; 0: a free one.")
@click.option("--replay", type=FOLDER, help="A bundle whose golden recordings its IMU plays.")
def emulate(project: Path, listen: int, replay: Path | None) -> None:
    """Build a PROJECT, boot it on an emulated board and serve its port until Ctrl-C.

    \b
    Example:
        harmcu emulate harmcu-demo/project --listen 5555 --replay harmcu-demo/bundle
        harmcu monitor --port socket://127.0.0.1:5555      (in another terminal)
    """
    import time

    import numpy as np

    from host_tools import emulator
    from host_tools.console import Console
    from trainer import bundle as bundles
    from trainer import golden

    console = Console()
    program = _build(project)
    counts, rate = None, program.project.board.sensor_rates_millihertz[0]
    if replay is not None:
        traces = golden.traces(bundles.read(replay).golden)
        counts = np.concatenate([t.counts for t in traces if t.rate_millihertz == rate])
    with emulator.serve(program, counts, rate, listen) as served:
        console.line(f"{program.project.board.name} listens at {served.url}; Ctrl-C stops it")
        try:
            while served.is_running():
                time.sleep(0.2)
        except KeyboardInterrupt:
            return  # how one stops it
    raise HarmcuError("the emulated board has stopped; start it again")


@main.command()
@click.argument("bundle", type=FOLDER)
@click.option("--port", help="A serial port, or socket://127.0.0.1:PORT of an emulated board.")
@click.option("--project", type=FOLDER, help="Build and boot this project instead of a port.")
@click.option("--bulk", is_flag=True, help="With --project: through files, at full speed.")
@click.option(
    "--recordings",
    default="golden",
    show_default=True,
    metavar="DIR|golden",
    help="Inject all recordings of a folder, not the bundle's golden ones.",
)
@click.option("--dataset", help="Inject this data set's held-out recordings, not the golden ones.")
@click.option("--data", type=PATH, help="Where the data set lies, as published.")
@reading_options
@as_json_option
def verify(
    bundle: Path,
    port: str | None,
    project: Path | None,
    bulk: bool,
    recordings: str,
    dataset: str | None,
    data: Path | None,
    options: Options,
    as_json: bool,
) -> None:
    """Inject recordings into a board and compare every stage with the evaluation of BUNDLE.

    Exit code 0 means that every window is equal. Without --port and --project, the only board that
    is plugged in is verified.

    \b
    Example:
        harmcu verify harmcu-demo/bundle --project harmcu-demo/project
        harmcu verify walking.bundle --recordings recordings
    """
    from host_tools import emulator, ports
    from host_tools import verify as verification
    from host_tools.console import Console
    from host_tools.device import Device
    from host_tools.link import Link
    from trainer import bundle as bundles

    if port is not None and config.is_from_file("project"):
        project = None
    if project is not None and config.is_from_file("port"):
        port = None
    if (port is not None and project is not None) or (bulk and project is None):
        raise click.UsageError("give either --port, or --project with or without --bulk")
    if not recordings:
        raise click.UsageError("--recordings is empty; name a folder, or golden")
    if recordings != "golden" and (dataset is not None or data is not None):
        raise click.UsageError("give either --recordings, or --dataset and --data")
    console = Console(as_json)
    loaded = bundles.read(bundle)
    if project is None:
        port = ports.choose(port)
    if recordings == "golden":
        traces = _traces(loaded, dataset, data, options)
    else:
        traces = _traces_of(loaded, Path(recordings), options)
    spec = loaded.spec
    with console.progress() as bars:

        def show(done: int, total: int) -> None:
            bars("windows", done, total, {})

        if port is not None:
            with Link(port) as link:
                found = verification.over_wire(Device(link), spec, traces, show)
        elif bulk:
            found = verification.in_bulk(_build(project), spec, traces)
        else:
            with emulator.serve(_build(project), exact=True) as board, Link(board.url) as link:
                found = verification.over_wire(Device(link), spec, traces, show)
    console.line(
        f"{found.equal:,} of {found.windows:,} windows equal, "
        f"{found.windows / max(found.seconds, 1e-9):.1f} windows a second, "
        f"{_cost(found, exact=port is None)} an inference"
    )
    if found.left_out:
        console.line(
            f"{found.left_out} recordings left out: the firmware has no resampler from their rates"
        )
    first = found.first_difference
    if first is not None and first.stage == "engine":
        first = _with_layer(first, loaded, project, traces)
    console.result(dataclasses.replace(found, first_difference=first).document())
    if first is not None:
        raise HarmcuError(f"{first.text()}; generate and build this bundle")


@main.command()
@as_json_option
def boards(as_json: bool) -> None:
    """List the boards.

    \b
    Example:
        harmcu boards
    """
    from codegen import boards as catalogue
    from host_tools.console import Console

    console = Console(as_json)
    known = [catalogue.load(name) for name in catalogue.names()]
    console.table({board.name: board.description for board in known})
    console.result(
        {
            board.name: {
                "description": board.description,
                "engines": list(board.engines),
                "sensor_rates_hz": [rate / 1000 for rate in board.sensor_rates_millihertz],
            }
            for board in known
        }
    )


def _data_of(dataset: str | None, data: Path | None) -> Path | None:
    """Return where a data set lies: harmcu.toml does not say it of one that a flag names."""
    is_named = dataset is not None and not config.is_from_file("dataset")
    return None if is_named and config.is_from_file("data") else data


def _build(path: Path | None) -> Program:
    from codegen import project
    from host_tools.build import build as build_project

    assert path is not None
    return build_project(project.read(path))


def _cost(found: Comparison, exact: bool) -> str:
    """Return what an inference costs: an emulated clock that counts instructions is no clock."""
    from host_tools import emulator

    if exact and emulator.counts_instructions(found.board):
        return f"{emulator.instructions(found.ticks, found.tick_hz):,} instructions"
    return f"{found.ticks / found.tick_hz * 1000:.2f} ms on the board's clock"


def _with_layer(
    first: Difference, bundle: Bundle, project: Path | None, traces: list[Trace]
) -> Difference:
    """Add to a difference of the engine where its C differs on this computer, if it does."""
    from codegen import project as projects
    from host_tools import layers

    spec, samples = bundle.spec, traces[first.stream].samples
    start = first.window * spec.hop
    made = projects.read(project) if project is not None else None
    layer = layers.explain(bundle, made, samples[start : start + spec.window])
    return dataclasses.replace(first, layer=layer)


def _traces_of(bundle: Bundle, folder: Path, options: Options) -> list[Trace]:
    """Return all recordings of a folder or file, of any format, run afresh."""
    from trainer import datasets
    from trainer.reading import formats

    dataset = datasets.load(formats.detect(folder), folder, options)
    return _replayed(bundle, dataset.recordings)


def _traces(
    bundle: Bundle, dataset: str | None, data: Path | None, options: Options
) -> list[Trace]:
    """Return the bundle's golden vectors, or a data set's held-out recordings run afresh."""
    from trainer import golden

    if dataset is None and data is None:
        return golden.traces(bundle.golden)
    from trainer import held_out

    name = dataset or bundle.spec.provenance.dataset
    return _replayed(bundle, held_out.load(bundle, name, data, options).recordings)


def _replayed(bundle: Bundle, recordings: Sequence[Recording]) -> list[Trace]:
    """Return what the evaluation makes of recordings, each at its own rate."""
    from trainer import evaluate, evaluator, golden

    engine = evaluator.load(bundle.model)
    for recording in recordings:
        evaluate.check_axes(bundle.spec.channels, recording)
    return [golden.replay(bundle.spec, engine, r, r.rate_millihertz) for r in recordings]
