"""Help, slips of the fingers, tracebacks, completion and colours: the same for every command."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from host_tools import choices, completion
from host_tools.cli import main
from host_tools.commands import BUG, Commands
from host_tools.console import Console
from host_tools.port import Port
from trainer.errors import HarmcuError

ROOT = Path(__file__).parents[2]


def commands(group: click.Group = main, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name)


def examples(words: tuple[str, ...]) -> list[str]:
    text = CliRunner().invoke(main, [*words, "--help"]).output
    block = text.split("Example:")[1].split("\n\n")[0]
    return [line.strip() for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_the_help_of_a_command_has_an_example_that_it_takes(words: tuple[str, ...]) -> None:
    shown = examples(words)
    assert any(line.startswith(f"harmcu {' '.join(words)}") for line in shown), shown
    for line in shown:
        context = click.Context(main)
        command: click.Command = main
        rest = shlex.split(line.split("   ")[0])[1:]
        while isinstance(command, click.Group):
            name, rest = rest[0], rest[1:]
            command = command.commands[name]
        command.make_context(name, rest, context)  # raises what a user would be told


def test_the_help_lists_every_command_once() -> None:
    listed = [name for names in main.sections.values() for name in names]
    assert sorted(listed) == sorted(main.commands)
    text = CliRunner().invoke(main, ["--help"]).output
    assert text.index("Start:") < text.index("doctor") < text.index("Record:") < text.index("train")


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "host_tools", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        ("tran", "train"),
        ("data inspekt x", "inspect"),
        ("train --datset watch", "--dataset"),
        ("generate x -o y --engine tfml", "'tflm'"),
        ("generate x -o y --board nano33bel", "'nano33ble'"),
        ("data convert x -o y --to edge-impuls", "'edge-impulse'"),
        ("completion bahs", "'bash'"),
    ],
)
def test_a_slip_is_answered_with_the_nearest(words: str, nearest: str) -> None:
    result = CliRunner().invoke(main, shlex.split(words))
    assert result.exit_code == 2
    assert "id you mean" in result.output
    assert nearest in result.output


def test_a_port_that_is_not_there_is_answered_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(list_ports, "comports", lambda: [ListPortInfo("/dev/ttyNONE0")])
    with pytest.raises(HarmcuError, match=r"ttyNONE1: no such port; did you mean /dev/ttyNONE0\?"):
        Port("/dev/ttyNONE1")


def test_a_label_like_one_that_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "upright_row.001.rec").touch()
    assert choices.like_recorded("upright rwo", tmp_path) == "upright_row"
    assert choices.like_recorded("upright row", tmp_path) is None
    assert choices.like_recorded("waving", tmp_path) is None
    assert choices.like_recorded("waving", tmp_path / "none") is None


@click.group(cls=Commands)
def broken() -> None:
    """Stand for harmcu."""


@broken.command()
def bug() -> None:
    """Stand for a command with a mistake in it."""
    raise KeyError("x\ny")


@broken.command()
def failure() -> None:
    """Stand for a command that cannot go on."""
    raise HarmcuError("what happened; what to do")


def test_only_verbose_shows_a_traceback() -> None:
    for name, code, said in (
        ("failure", 1, "harmcu: what happened; what to do\n"),
        ("bug", BUG, "harmcu: unexpected KeyError: 'x\\ny'; please report it"),
    ):
        quiet = CliRunner().invoke(broken, [name])
        assert quiet.exit_code == code
        assert quiet.stderr.startswith(said)
        assert quiet.stderr.count("\n") == 1
        loud = CliRunner().invoke(broken, [name, "--verbose"])
        assert loud.exit_code == code
        assert loud.stderr.startswith("Traceback (most recent call last):")
        assert loud.stderr.endswith(quiet.stderr)


def test_python_m_host_tools_is_harmcu() -> None:
    assert run("--help").stdout.startswith("Usage: harmcu [OPTIONS]")


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_shell_gets_its_script(shell: str) -> None:
    text = CliRunner().invoke(main, ["completion", shell]).stdout
    assert completion.VARIABLE in text
    assert f"{shell}_complete" in text


def test_bash_takes_its_script_and_completes() -> None:
    text = CliRunner().invoke(main, ["completion", "bash"]).stdout
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    asked = {completion.VARIABLE: "bash_complete", "COMP_WORDS": "harmcu tr", "COMP_CWORD": "1"}
    assert run(**asked).stdout == "plain,train\n"


@pytest.mark.parametrize(
    ("before", "word", "expected"),
    [
        ([], "ver", ["plain,verify"]),
        (["generate", "--board"], "nano", ["plain,nano33ble", "plain,nano33ble_rev2"]),
        (["generate", "--engine"], "", ["plain,aot", "plain,tflm"]),
        (["data", "convert", "a b"], "--t", ["plain,--take", "plain,--to"]),
    ],
)
def test_powershell_is_answered(
    monkeypatch: pytest.MonkeyPatch, before: list[str], word: str, expected: list[str]
) -> None:
    monkeypatch.setenv("COMP_WORDS", "\n".join(["harmcu", *before]))
    monkeypatch.setenv("COMP_WORD", word)
    said = completion.PowerShell(main, {}, "harmcu", completion.VARIABLE).complete()
    assert sorted(said.splitlines()) == expected


def test_progress_is_quiet_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with Console().progress() as bars:
        for done in range(3):
            bars("windows", done, 2, {})
    assert capsys.readouterr() == ("", "")


FINDING = "from host_tools.console import Console; Console().finding('ok', 'green', 'a', 'b')"


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_a_pipe_gets_no_colours_and_a_terminal_only_where_they_are_wanted(
    environment: dict[str, str], is_coloured: bool
) -> None:
    inherited = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    said = subprocess.run(
        [sys.executable, "-c", FINDING],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**inherited, **environment},
        check=True,
    ).stdout
    assert bool(re.search(r"\x1b\[[\d;]*3[0-7]m", said)) == is_coloured
