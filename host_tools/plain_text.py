"""Lines for people, in plain text."""

from __future__ import annotations

import click

from trainer.printable import printable_lines


def say(text: str, err: bool = False) -> None:
    """Print a text, on stderr if need be."""
    click.echo(printable_lines(text), err=err)
