"""What commands say to people: on stdout, or on stderr when stdout is for ``--json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.prompt import Confirm
from rich.status import Status
from rich.table import Table
from rich.text import Text

from trainer.printable import printable_lines


def _shown(text: str) -> Text:
    """Return a text as it is: nothing in it styles it or moves the cursor."""
    return Text(printable_lines(text))


LEAST_WIDTH = 40
"""Columns of a terminal."""


class Console:
    """Lines, progress bars and tables for people; one JSON object for programs."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._rich = RichConsole(file=sys.stderr if as_json else sys.stdout, highlight=False)
        # In none, a table is empty; some terminals say that they have one.
        self._rich.width = max(self._rich.width, LEAST_WIDTH)
        self._status: Status | None = None

    def line(self, text: str) -> None:
        """Say something. The text is shown as it is; labels cannot style it."""
        self._rich.print(_shown(text), soft_wrap=True)

    def step(self, number: int, total: int, name: str, text: str) -> None:
        """Say what a step of a longer command came to."""
        self._rich.print(
            Text.assemble((f"{number}/{total} {name:<9}", "bold"), printable_lines(text)),
            soft_wrap=True,
        )

    def finding(self, state: str, style: str, name: str, text: str) -> None:
        """Say in a line how one of several things is."""
        shown = Text.assemble((f"{state:<9}", style), f"{name:<30} ", printable_lines(text))
        self._rich.print(shown, soft_wrap=True)

    def table(self, rows: Mapping[str, str]) -> None:
        """Show names and values, one pair a row."""
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, value in rows.items():
            table.add_row(_shown(name), _shown(value))
        self._rich.print(table)

    def grid(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show a table with a heading; the first two columns are names, the others figures."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for place, column in enumerate(columns):
            table.add_column(column, justify="left" if place < 2 else "right", no_wrap=True)
        for row in rows:
            table.add_row(*map(_shown, row))
        # A pipe has no width to keep to.
        self._rich.print(table, width=None if self._rich.is_terminal else 160)

    def result(self, document: Mapping[str, Any]) -> None:
        """Print the one JSON object, when it was asked for."""
        if self.as_json:
            # ASCII, for the output of a pipe need not be UTF-8.
            print(json.dumps(document, allow_nan=False))

    @contextmanager
    def progress(self) -> Iterator[Bars]:
        """Show bars while something runs; in a pipe, nothing moves and nothing is printed."""
        columns = (
            TextColumn("    {task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[facts]}", markup=False),
        )
        with Progress(
            *columns,
            console=self._rich,
            transient=True,
            disable=not self._rich.is_terminal,
        ) as progress:
            yield Bars(progress)

    @contextmanager
    def status(self) -> Iterator[Callable[[str], None]]:
        """Show one line that changes while something runs; in a pipe, every line once."""
        if not self._rich.is_terminal:
            yield self.line
            return
        with self._rich.status("") as status:
            self._status = status

            def show(text: str) -> None:
                shown = Text(text, no_wrap=True, overflow="ellipsis")
                shown.truncate(self._rich.width - 4)
                status.update(shown)

            try:
                yield show
            finally:
                self._status = None

    def ask(self, question: str) -> bool:
        """Ask something whose usual answer is yes; a line that changes stands still meanwhile."""
        if self._status is not None:
            self._status.stop()
        try:
            return Confirm.ask(Text(question), console=self._rich, default=True)
        finally:
            if self._status is not None:
                self._status.start()


class Bars:
    """One bar a step; the trainer's ``Progress`` protocol, and verify's."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(
        self, step: str, done: int, total: int, facts: Mapping[str, float | int | str]
    ) -> None:
        """Show that ``done`` of ``total`` parts of a step are finished."""
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=total, facts="")
        elif done == 0:  # the same step of another run, which takes its own time
            self._progress.reset(self._tasks[step], total=total)
        text = "  ".join(f"{name} {_short(value)}" for name, value in facts.items())
        self._progress.update(self._tasks[step], completed=done, total=total, facts=text)


def _short(value: float | int | str) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
