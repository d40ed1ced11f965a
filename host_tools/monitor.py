"""Watch a board classify, live."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from host_tools.device import Device
from host_tools.link import Link
from host_tools.protocol import Classification, Status

SILENCE = 10.0
"""Seconds without a decision after which the monitor says so."""

BAR_WIDTH = 20


@dataclass(frozen=True)
class Watched:
    """What a monitored stretch came to."""

    decisions: int
    damaged: int
    lost: int


def watch(
    link: Link,
    say: Callable[[str], None],
    model_sha256: str | None = None,
    seconds: float | None = None,
) -> Watched:
    """Start a board's classification and say one line a decision.

    Args:
        link: to the board.
        say: takes each line.
        model_sha256: the model that the board must run, or None for any.
        seconds: how long to watch, or None until the user interrupts.

    Raises:
        HarmcuError: the board does not answer, runs another model, or is gone.
    """
    device = Device(link)
    status = device.expect_model(model_sha256) if model_sha256 else device.status()
    say(
        f"{status.board}, engine {status.engine}, model {status.model} "
        f"{status.model_sha256[:12]} at {link.port}"
    )
    device.run("classify")
    start = heard = time.monotonic()
    decisions = bad = 0
    try:
        while seconds is None or time.monotonic() - start < seconds:
            message = link.receive(0.1)
            if isinstance(message, Classification):
                decisions += 1
                heard = time.monotonic()
                say(decision_line(message, status, heard - start))
            elif time.monotonic() - heard > SILENCE:
                heard = time.monotonic()
                say(f"no decision for {SILENCE:.0f} s; does the board have a working IMU?")
            if link.lost + link.damaged > bad:
                bad = link.lost + link.damaged
                say(f"{link.lost} lines lost and {link.damaged} damaged so far")
    except KeyboardInterrupt:
        pass  # how one stops watching
    return Watched(decisions, link.damaged, link.lost)


def decision_line(decision: Classification, status: Status, seconds: float) -> str:
    """Return a decision as a line for people: time, label, score, a bar, and the latency."""
    # An int8 softmax score q stands for (q + 128) / 256.
    share = (decision.score + 128) / 256
    bar = "#" * round(share * BAR_WIDTH)
    milliseconds = decision.ticks / status.tick_hz * 1000
    name = decision.name or "(unknown)"
    return f"{seconds:7.1f} s  {name:<24} {share:4.2f} {bar:<{BAR_WIDTH}} {milliseconds:6.2f} ms"
