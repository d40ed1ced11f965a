"""What README and docs/ show: every harmcu command there is one that harmcu takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from host_tools.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
IN_A_BLOCK = re.compile(r"^ {4,}(?:[\w.\\/]*[\\/])?(harmcu [^#`]*)")
IN_A_LINE = re.compile(r"`(harmcu [^`]+)`")


def shown(page: Path) -> Iterator[str]:
    """Give every harmcu command of a page, in blocks and in lines."""
    text = page.read_text("utf-8")
    for line in text.splitlines():
        found = IN_A_BLOCK.match(line)
        if found:
            # What stands far to the right is a remark.
            yield found[1].split("   ")[0].strip()
    for command in IN_A_LINE.findall(text):
        # A name in capitals stands for any command.
        if not command.startswith("harmcu COMMAND"):
            yield command


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and the words after it."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize(
    ("page", "command"),
    [(page.relative_to(ROOT).as_posix(), command) for page in PAGES for command in shown(page)],
)
def test_a_command_of_a_page_is_one(page: str, command: str) -> None:
    words = shlex.split(command.replace("|", " "))[1:]
    found, rest = leaf(words)
    named = found is not main or words[0].startswith("--")
    assert named, f"{page} shows {command!r}"
    known = {
        name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)
    }
    for word in rest:
        if word.startswith("-"):
            assert word.split("=")[0] in {*known, "--help"}, f"{page} shows {command!r}"


def test_commands_are_found_where_they_are_shown() -> None:
    readme = list(shown(ROOT / "README.md"))
    assert any(command.startswith("harmcu train ") for command in readme)
    assert any(command.startswith("harmcu bench ") for command in readme)
