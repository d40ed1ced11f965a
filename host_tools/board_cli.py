"""The commands of the bench: ports, flash, capture and monitor."""

from __future__ import annotations

import functools
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from host_tools.path_types import FOLDER, PATH
from host_tools.plain_text import say
from trainer.errors import HarmcuError

if TYPE_CHECKING:
    from host_tools.capture import Capture
    from host_tools.monitor import Log, Monitor
    from host_tools.ports import Answer


port_option = click.option(
    "--port", help="A serial port, or socket://127.0.0.1:PORT; else that of the only board."
)
as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, the rest on stderr."
)


@click.command()
@click.option("--port", multiple=True, help="Ask this port, too; may be given again.")
@as_json_option
def ports(port: tuple[str, ...], as_json: bool) -> None:
    """List the boards that are plugged in, and what each of them runs.

    \b
    Example:
        harmcu ports
    """
    from host_tools import ports as finding
    from host_tools.console import Console

    console = Console(as_json)
    answers = finding.answers(port)
    silent = [answer.port for answer in answers if answer.port in port and answer.status is None]
    for answer in answers:
        console.line(f"{answer.port}  {_described(answer)}")
    if not answers:
        console.line("no board is plugged in that harmcu knows; `harmcu boards` lists those")
    console.result({"ports": [answer.document() for answer in answers]})
    if silent:
        raise HarmcuError(f"no harmcu board answers at {', '.join(silent)}")


@click.command()
@click.argument("project", type=FOLDER)
@port_option
@click.option("--yes", is_flag=True, help="Install a missing core or library without asking.")
@as_json_option
def flash(project: Path, port: str | None, yes: bool, as_json: bool) -> None:
    """Compile a PROJECT for an Arduino board, upload it, and check that the board runs it.

    \b
    Example:
        harmcu flash walking.sketch
    """
    from codegen import project as projects
    from host_tools import flash as flashing
    from host_tools.console import Console

    console = Console(as_json)

    def agree(question: str) -> bool:
        # Nobody is there to answer in a pipe.
        asks = not as_json and sys.stdin.isatty()
        return yes or (asks and console.ask(question))

    with console.status() as show:
        flashed = flashing.flash(projects.read(project), port, show, agree)
    sizes = "sizes not stated"
    if flashed.flash_bytes is not None and flashed.ram_bytes is not None:
        sizes = f"{flashed.flash_bytes:,} bytes of flash, {flashed.ram_bytes:,} of RAM"
    status = flashed.status
    model = f"model {status.model} {status.model_sha256[:12]}" if status.model else "no model"
    console.line(f"{project}: {sizes}")
    console.line(f"{flashed.port}: runs it: {status.board}, engine {status.engine}, {model}")
    console.result(flashed.document())


def _finite(
    _context: click.Context, _option: click.Parameter, seconds: float | None
) -> float | None:
    if seconds is not None and not math.isfinite(seconds):
        raise click.BadParameter("give a number of seconds.")
    return seconds


def _some_text(_context: click.Context, _option: click.Parameter, text: str) -> str:
    from trainer.recording_file import LONGEST_TEXT

    text = text.strip()
    if not 0 < len(text) <= LONGEST_TEXT or not text.isprintable():
        raise click.BadParameter(f"give 1 to {LONGEST_TEXT} printable characters.")
    return text


@click.command()
@click.option("--label", required=True, callback=_some_text, help="The activity.")
@click.option(
    "--subject",
    default="unknown",
    show_default=True,
    callback=_some_text,
    help="Who is recorded.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    callback=_finite,
    help="Length of a take.",
)
@click.option("--takes", type=click.IntRange(1), help="How many; else until you quit.")
@port_option
@click.option(
    "-o",
    "--out",
    type=FOLDER,
    default=Path("recordings"),
    show_default=True,
    help="Folder to fill.",
)
@click.option("--rate", type=float, metavar="HZ", help="Other sketches: the rate; else measured.")
@click.option(
    "--units", metavar="U[,U]", help="Other sketches: g, mg or m/s^2; deg/s, mdeg/s or rad/s."
)
@click.option("--columns", metavar="A,B,...", help="Other sketches: ax, ay ... gz; _ for others.")
def capture(
    label: str,
    subject: str,
    seconds: float | None,
    takes: int | None,
    port: str | None,
    out: Path,
    rate: float | None,
    units: str | None,
    columns: str | None,
) -> None:
    """Record labelled movements, from a harmcu board or a sketch that prints lines of numbers.

    Keys: space starts and stops a take, l gives another label, d discards, m marks, q quits.

    \b
    Example:
        harmcu capture --label walking --subject anna --seconds 30
    """
    from host_tools import capture as capturing
    from host_tools import choices, terminal
    from host_tools import ports as finding
    from trainer import folder, recording_file
    from trainer.reading import options

    folder.check_writable(recording_file.free_path(out, subject, label).parent)
    near = choices.like_recorded(label, out)
    if near is not None:
        say(f"{out} has no {label!r} yet; did you mean {near!r}? (key l renames)", err=True)
    request = capturing.Request(label, subject, out, seconds, takes)
    given = options.parse(columns=columns, rate=rate, units=units)
    source = capturing.open_source(finding.choose(port), given, say)
    try:
        if terminal.is_interactive():
            recorded = _capture_on_screen(capturing.Capture(source, request))
        else:
            say(source.description)
            capturing.check_end(source, request, say)
            recorded = capturing.Capture(source, request, say)
            capturing.run(recorded, lambda: None, lambda: "")
    finally:
        source.close()
    say(f"takes in {out}: {len(recorded.finished)}")
    if recorded.is_interrupted:
        raise KeyboardInterrupt


def _capture_on_screen(recorded: Capture) -> Capture:
    from host_tools import capture as capturing
    from host_tools import capture_screen, terminal

    try:
        with terminal.opened() as (screen, keys):

            def show() -> None:
                screen.draw(functools.partial(capture_screen.draw, recorded))

            capturing.run(recorded, show, keys.read)
    finally:
        for take in recorded.finished:
            say(take.summary())
    return recorded


@click.command()
@port_option
@click.option("--bundle", type=FOLDER, help="Refuse a board that runs another model.")
@click.option("--plain", is_flag=True, help="One line a decision, for pipes; no screen.")
@click.option("--log", "log_path", type=PATH, help="Write decisions to a .csv or .jsonl file.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    callback=_finite,
    help="Stop after this time.",
)
def monitor(
    port: str | None,
    bundle: Path | None,
    plain: bool,
    log_path: Path | None,
    seconds: float | None,
) -> None:
    """Watch a board classify, until q or Ctrl-C.

    \b
    Example:
        harmcu monitor
        harmcu monitor --plain --log decisions.csv
    """
    import contextlib

    from host_tools import decision_log, terminal
    from host_tools import monitor as monitoring
    from host_tools import ports as finding
    from host_tools.link import Link

    digest = None
    if log_path is not None:
        decision_log.check_path(log_path)
    if bundle is not None:
        from trainer import bundle as bundles

        digest = bundles.read(bundle).spec.provenance.model_sha256
    with Link(finding.choose(port)) as link, contextlib.ExitStack() as stack:
        watched = stack.enter_context(monitoring.Monitor(link, digest))
        log = None
        if log_path is not None:
            log = stack.enter_context(decision_log.DecisionLog(log_path, watched.labels)).write
        if plain or not terminal.is_interactive():
            _watch_plain(watched, seconds, log)
        else:
            _watch_on_screen(watched, seconds, log)
        say(f"{watched.decisions} decisions, {watched.losses}", err=plain)


def _watch_plain(watched: Monitor, seconds: float | None, log: Log | None) -> None:
    """Decisions go to stdout, a line each; everything else to stderr."""
    from host_tools import interrupts
    from host_tools import monitor as monitoring

    say(watched.identity, err=True)
    with interrupts.deferred() as interrupted:
        monitoring.watch(
            watched,
            lambda decided: say(monitoring.decision_line(decided, watched.status)),
            lambda text: say(text, err=True),
            seconds,
            interrupted,
            log,
        )


def _watch_on_screen(watched: Monitor, seconds: float | None, log: Log | None) -> None:
    from host_tools import interrupts, monitor_screen, terminal
    from host_tools import monitor as monitoring

    with terminal.opened() as (screen, keys), interrupts.deferred() as interrupted:

        def is_over() -> bool:
            screen.draw(functools.partial(monitor_screen.draw, watched))
            return interrupted() or keys.read() in ("q", terminal.ESCAPE)

        monitoring.watch(watched, lambda _: None, lambda _: None, seconds, is_over, log)


def _described(answer: Answer) -> str:
    usb = "" if answer.found is None else f"{' or '.join(answer.found.boards)}: "
    status, imu = answer.status, answer.imu
    if status is None or imu is None:
        return usb + answer.silence
    model = f"model {status.model} {status.model_sha256[:12]}" if status.model else "no model"
    sensor = f"IMU {imu.sensor} {imu.state}, {imu.rate_millihertz / 1000:g} Hz"
    return f"{status.board}, engine {status.engine}, {model}, {sensor}"


COMMANDS = (ports, flash, capture, monitor)
