"""Completion of harmcu's commands, options and names in a shell.

click has bash, zsh and fish; PowerShell is added here. A shell calls harmcu with the variable
``_HARMCU_COMPLETE``, and gets what may stand at the cursor.
"""

from __future__ import annotations

import os

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
)

VARIABLE = "_HARMCU_COMPLETE"
SHELLS = ("bash", "zsh", "fish", "powershell")

# about_Register-ArgumentCompleter: with -Native the block gets the word, the command's syntax tree
# and the cursor's place. Words travel by lines, since a word may hold a blank.
_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = $commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text.Trim('"', "'") }
    $env:COMP_WORDS = $before -join "`n"
    $env:COMP_WORD = $wordToComplete
    $env:%(complete_var)s = "powershell_complete"
    try {
        %(prog_name)s | ForEach-Object {
            $kind, $value = $_ -split ",", 2
            $text = if ($value -match "\\s") { "'$value'" } else { $value }
            if ($kind -eq "plain") {
                [System.Management.Automation.CompletionResult]::new(
                    $text, $value, "ParameterValue", $value)
            } else {
                Get-ChildItem "$wordToComplete*" | Resolve-Path -Relative
            }
        }
    } finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_WORD, Env:%(complete_var)s
    }
}
"""


@add_completion_class
class PowerShell(ShellComplete):
    """Completion for PowerShell 5 and later."""

    name = "powershell"
    source_template = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the whole words after the command's name, and the word to complete."""
        return os.environ["COMP_WORDS"].split("\n")[1:], os.environ["COMP_WORD"]

    def format_completion(self, item: CompletionItem) -> str:
        """Return a line that the script understands: the kind, a comma, the text."""
        return f"{item.type},{item.value}"


def expect_call() -> None:
    """Take a call without a cursor, by a person and not by a shell's script, for an empty line."""
    if VARIABLE in os.environ:
        for name, value in (("COMP_WORDS", ""), ("COMP_CWORD", "0"), ("COMP_WORD", "")):
            os.environ.setdefault(name, value)


def script(shell: str, root: click.Command) -> str:
    """Return what a shell has to read at its start to complete harmcu's commands.

    Args:
        shell: one of ``SHELLS``.
        root: the group of all commands.
    """
    found = get_completion_class(shell)
    assert found is not None, shell
    return found(root, {}, "harmcu", VARIABLE).source()
