"""Options whose values are names: a name that is none is answered with the nearest."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from trainer.errors import UnknownNameError


class Choice(click.Choice[str]):
    """One of a few words, which the help shows."""

    # click hands over a context, too.
    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Return what is said of a word that is none of them."""
        return str(UnknownNameError("choice", str(value), [str(word) for word in self.choices]))


class Name(click.ParamType[str]):
    """One of some names, which are looked up only when they are needed."""

    def __init__(self, what: str, known: Callable[[], Sequence[str]]) -> None:
        self.name = what
        self._known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        known = self._known()
        if value not in known:
            self.fail(str(UnknownNameError(self.name, str(value), known)), param, ctx)
        return str(value)

    def shell_complete(
        self, _context: click.Context, _option: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin as what was typed."""
        return [CompletionItem(name) for name in self._known() if name.startswith(incomplete)]


def _boards() -> list[str]:
    from codegen import boards

    return boards.names()


board_option = click.option(
    "--board",
    type=Name("board", _boards),
    default="mps2_an386",
    show_default=True,
    help="`harmcu boards` lists them.",
)


def like_recorded(label: str, folder: Path) -> str | None:
    """Return the label of a folder's takes that a new label may be a slip of, or None.

    Takes are named SUBJECT/LABEL.NNN.rec (docs/recordings.md).
    """
    from trainer.recording_file import SUFFIX, safe

    known = {file.name.split(".")[0] for file in folder.glob(f"*/*{SUFFIX}")}
    if safe(label) in known:
        return None
    near = difflib.get_close_matches(safe(label), known, 1, cutoff=0.75)
    return near[0] if near else None
