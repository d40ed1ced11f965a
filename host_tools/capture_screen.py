"""The screen of ``harmcu capture``: six signals, the rate, what is wrong, and the keys."""

from __future__ import annotations

from rich.text import Text

from host_tools.capture import SHOWN_SECONDS, Capture
from host_tools.drawing import ends, fitted, graph, page
from trainer.recording import Counts
from trainer.units import COUNTS_PER_UNIT

SCALES = {"g": (1, 2, 4), "deg/s": (125, 250, 500, 1000, 2000)}
"""Upper ends of the graphs, in each unit; the smallest that holds all that is shown."""

MOST_ROWS = 5
"""Of a signal's graph: higher ones show nothing more."""

OTHER_LINES = 12
"""Lines of a screen that are no signals."""

KEYS = "space start/stop   l relabel   d discard   m mark   q quit"


def draw(capture: Capture, size: tuple[int, int], is_unicode: bool) -> Text:
    """Return the screen, of so many columns and rows."""
    width, height = size
    lines = [
        Text(ends("harmcu capture", capture.source.description, width), style="bold"),
        _state(capture, width),
        Text(""),
        *_signals(capture, width, height, is_unicode),
        Text(""),
        *_facts(capture, width),
    ]
    room = height - 1 - len(lines)
    messages = list(capture.messages)[-room:] if room > 0 else []
    lines += [Text(fitted(message, width), style=_style(message)) for message in messages]
    return page(lines, _bottom(capture, width), height)


def _state(capture: Capture, width: int) -> Text:
    label = f"{capture.label}, subject {capture.request.subject}"
    wanted = capture.request.wanted
    number = f"take {len(capture.finished) + 1}" + (f" of {wanted}" if wanted else "")
    take, starts_in = capture.take, capture.starts_in
    if take is not None:
        of = f" of {capture.request.seconds:g}" if capture.request.seconds else ""
        text, style = f"RECORDING {number}  {take.seconds:.1f}{of} s", "bold red"
    elif starts_in is not None:
        text, style = f"{number} starts in {starts_in:.0f}", "bold yellow"
    else:
        text, style = f"takes recorded: {len(capture.finished)}", ""
    return Text(ends(label, text, width), style=style)


def _signals(capture: Capture, width: int, height: int, is_unicode: bool) -> list[Text]:
    source = capture.source
    rows = max(1, min(MOST_ROWS, (height - OTHER_LINES) // len(source.axes)))
    recent = capture.recent()
    scales = {unit: _scale(recent, source.axes, unit) for unit in SCALES}
    shown = SHOWN_SECONDS * source.rate_millihertz / 1000
    lines = []
    for column, axis in enumerate(source.axes):
        unit = _unit(axis)
        per_unit = COUNTS_PER_UNIT[unit]
        values = recent[:, column]
        room = max(0, width - 22)
        # As long as less than everything has arrived, the graph grows from the right.
        filled = min(room, round(room * len(values) / shown))
        top = scales[unit] * per_unit
        graphs = graph(values, filled, rows, top, is_unicode) if filled else [""] * rows
        now = f"{values[-1] / per_unit:+8.2f}" if len(values) else " " * 8
        names = [f"{axis} {now} {unit}", f"   +-{scales[unit]} {unit}", *[""] * rows]
        style = "cyan" if unit == "g" else "green"
        for name, line in zip(names, graphs, strict=False):
            left = fitted(name, 20)
            lines.append(Text.assemble(left, "  ", (line.rjust(room), style)))
    return lines


def _unit(axis: str) -> str:
    return "g" if axis.startswith("a") else "deg/s"


def _scale(recent: Counts, axes: tuple[str, ...], unit: str) -> int:
    columns = [column for column, axis in enumerate(axes) if _unit(axis) == unit]
    peak = max((abs(int(value)) for value in _extremes(recent[:, columns])), default=0)
    fitting = [scale for scale in SCALES[unit] if scale * COUNTS_PER_UNIT[unit] >= peak]
    return fitting[0] if fitting else SCALES[unit][-1]


def _extremes(values: Counts) -> list[int]:
    return [int(values.min()), int(values.max())] if values.size else []


def _facts(capture: Capture, width: int) -> list[Text]:
    source, take = capture.source, capture.take
    hz = (take.hz if take else None) or source.meter.hz
    measured = "not known yet" if hz is None else f"{hz:.1f} Hz"
    counted = (
        f"gaps {take.gaps}, samples lost {take.lost}, clipped {take.clipped}"
        if take
        else "gaps -, samples lost -, clipped -"
    )
    rate = f"rate {measured}, nominal {source.rate_millihertz / 1000:g} Hz   {counted}"
    flaws = "; ".join([*(take.flaws() if take else []), *filter(None, [source.trouble])])
    return [
        Text(fitted(rate, width)),
        Text(fitted(f"WARNING: {flaws}" if flaws else "", width), style="bold yellow"),
    ]


def _bottom(capture: Capture, width: int) -> Text:
    if capture.typed is not None:
        text = f"new label: {capture.typed}_   (Enter takes it, Esc leaves the old one)"
        return Text(fitted(text, width), style="reverse")
    return Text(fitted(KEYS, width), style="reverse")


def _style(message: str) -> str:
    return "yellow" if message.startswith("warning") else ""
