"""The options by which a user says what files do not say themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option(
        "--columns", metavar="A,B,...", help="csv: names of the columns; _ leaves one out."
    ),
    click.option(
        "--rate", type=float, metavar="HZ", help="csv: the rate, where no column is time."
    ),
    click.option(
        "--units", metavar="U[,U]", help="g, mg or m/s^2; deg/s, mdeg/s or rad/s; else guessed."
    ),
    click.option(
        "--names",
        metavar="PATTERN",
        help="How paths end: {subject}/{label}_{_}, with {part} for train or test.",
    ),
    click.option(
        "--take", type=click.IntRange(2, 10**9), metavar="ROWS", help="csv: rows of each take."
    ),
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options, as one ``trainer.reading.options.Options``."""

    @functools.wraps(command)
    def with_options(**arguments: Any) -> Any:
        from trainer.reading import options

        given = {
            name: arguments.pop(name) for name in ("columns", "rate", "units", "names", "take")
        }
        return command(options=options.parse(**given), **arguments)

    for option in reversed(_OPTIONS):
        with_options = option(with_options)
    return with_options
