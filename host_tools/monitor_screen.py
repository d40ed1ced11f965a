"""The screen of ``harmcu monitor``: the activity, a bar and a timeline a class, the latency."""

from __future__ import annotations

import numpy as np
from rich.text import Text

from host_tools.drawing import bar, ends, fitted, page
from host_tools.large_text import large
from host_tools.monitor import Monitor, share

SECONDS_A_CELL = 3.0
"""Of the timeline; at least a window of most models falls into each."""

OTHER_LINES = 13
"""Lines of a screen that are no classes."""

UNKNOWN = "(unknown)"


def draw(monitor: Monitor, size: tuple[int, int], is_unicode: bool) -> Text:
    """Return the screen, of so many columns and rows."""
    width, height = size
    is_stale = bool(monitor.trouble)
    latest = monitor.decided[-1].said if monitor.decided and not is_stale else None
    name = (latest.name or UNKNOWN) if latest else "waiting for a decision"
    lines = [Text(ends("harmcu monitor", monitor.identity, width), style="bold"), Text("")]
    style = "bold" if latest is None or not latest.name else "bold green"
    lines += [Text(fitted(line, width), style=style) for line in large(name, width, is_unicode)]
    lines.append(Text(""))
    lines += _classes(monitor, width, height, is_unicode)
    lines.append(Text(""))
    lines += [Text(fitted(text, width)) for text in _facts(monitor)]
    warning = monitor.trouble or monitor.doubt
    if not warning and monitor.is_losing:
        warning = "the sensor lost samples; the next window begins after them"
    lines.append(Text(fitted(warning and f"WARNING: {warning}", width), "yellow"))
    return page(lines, Text(fitted("q quit", width), style="reverse"), height)


def _classes(monitor: Monitor, width: int, height: int, is_unicode: bool) -> list[Text]:
    """Return a line a class: name, bar and share of the latest window, and the timeline.

    Where there are more classes than lines, the likeliest of the latest window are shown.
    """
    names = [*monitor.labels, UNKNOWN]
    latest = monitor.decided[-1].said if monitor.decided and not monitor.trouble else None
    scores = list(latest.scores) if latest is not None else []
    name_width = min(20, max(len(name) for name in names), width // 4)
    bar_width = max(5, width // 5)
    cells = max(0, width - name_width - bar_width - 9)
    timeline = _timeline(monitor, cells)
    lines = []
    for index in _shown(scores, len(names), max(1, height - OTHER_LINES)):
        is_class = index < len(scores)
        part = share(int(scores[index])) if is_class else 0.0
        is_latest = latest is not None and latest.label == (
            index if index < len(monitor.labels) else -1
        )
        mark = "█" if is_unicode else "#"
        history = "".join(mark if cell == index else "." for cell in timeline)
        lines.append(
            Text.assemble(
                (fitted(names[index], name_width), "bold" if is_latest else ""),
                " ",
                (bar(part, bar_width, is_unicode), "green" if is_latest else "cyan"),
                f" {part:4.2f}  " if is_class else " " * 7,
                (history, "blue"),
            )
        )
    return lines


def _shown(scores: list[int], names: int, room: int) -> list[int]:
    if names <= room or not scores:
        return list(range(min(names, room)))
    likeliest = np.argsort([-int(score) for score in scores], kind="stable")
    return sorted(int(index) for index in likeliest[:room])


def _timeline(monitor: Monitor, cells: int) -> list[int]:
    """Return the class of each stretch of ``SECONDS_A_CELL``, the latest last; -1: none."""
    unknown = len(monitor.labels)
    newest = int(monitor.seconds // SECONDS_A_CELL)
    votes: list[dict[int, int]] = [{} for _ in range(cells)]
    for decided in monitor.decided:
        cell = int(decided.seconds // SECONDS_A_CELL) - newest + cells - 1
        if 0 <= cell < cells:
            label = decided.said.label if decided.said.label >= 0 else unknown
            votes[cell][label] = votes[cell].get(label, 0) + 1
    return [max(vote, key=lambda label: vote[label]) if vote else -1 for vote in votes]


def _facts(monitor: Monitor) -> list[str]:
    imu = monitor.imu
    measured = (
        f"{imu.measured_millihertz / 1000:.1f} Hz measured, " if imu.measured_millihertz else ""
    )
    return [
        f"{monitor.decisions:,} decisions in {monitor.seconds:.0f} s; a timeline's mark is "
        f"{SECONDS_A_CELL:g} s",
        f"latency {monitor.latency_ms:.2f} ms, worst {monitor.worst_ms:.2f} ms",
        f"IMU {imu.sensor}, {measured}{imu.rate_millihertz / 1000:g} Hz nominal, state {imu.state}",
        monitor.losses,
    ]
