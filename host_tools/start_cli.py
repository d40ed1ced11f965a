"""The commands of the first ten minutes: doctor, init and completion."""

from __future__ import annotations

from pathlib import Path

import click

from host_tools.choices import Choice, board_option
from host_tools.completion import SHELLS
from host_tools.path_types import FOLDER
from host_tools.plain_text import say

as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, the rest on stderr."
)

STYLES = {"ok": "green", "missing": "bold red", "optional": "yellow"}


@click.command()
@as_json_option
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Look for everything that harmcu uses, and say what to do about what is missing.

    Exit code 0 means that the loop without a board can run.

    \b
    Example:
        harmcu doctor
    """
    from host_tools import doctor as examining
    from host_tools.console import Console

    console = Console(as_json)
    findings = examining.examine()
    for each in findings:
        text = f"{each.text}; {each.remedy}" if each.remedy else each.text
        console.finding(each.state, STYLES[each.state], each.name, text)
    is_ready = examining.is_ready(findings)
    console.line(
        "the loop without a board can run: harmcu demo"
        if is_ready
        else "the loop without a board cannot run yet; see what is missing. All packages at once: "
        'pip install -e ".[demo]" in the folder of harmcu'
    )
    console.result({"ready": is_ready, "findings": [each.document() for each in findings]})
    if not is_ready:
        context.exit(1)


@click.command()
@click.argument("name", type=FOLDER)
@board_option
def init(name: Path, board: str) -> None:
    """Make the folder NAME to work in: options in harmcu.toml, recordings/, and a README.

    \b
    Example:
        harmcu init my-activities --board nano33ble
    """
    from host_tools import workspace

    workspace.create(name, board)
    say(f"{name}: harmcu.toml, recordings/ and README.md, which has the next three steps")


@click.command()
@click.argument("shell", type=Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a SHELL complete harmcu's commands: bash, zsh, fish or powershell.

    \b
    Where it goes:
        bash        harmcu completion bash >> ~/.bashrc
        zsh         harmcu completion zsh >> ~/.zshrc, after compinit
        fish        harmcu completion fish > ~/.config/fish/completions/harmcu.fish
        powershell  harmcu completion powershell >> $PROFILE

    \b
    Example:
        harmcu completion bash
    """
    from host_tools import completion as completing

    click.echo(completing.script(shell, context.find_root().command))


COMMANDS = (doctor, init, completion)
