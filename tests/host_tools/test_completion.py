"""Completion in the shells themselves: what a person sees who presses Tab."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from host_tools.cli import main
from host_tools.completion import SHELLS, VARIABLE

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A folder of its own with the command on the PATH and a script for each shell."""
    command = tmp_path / "bin" / "harmcu"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m host_tools "$@"\n')
    command.chmod(0o755)
    for shell in ("fish", "zsh"):
        text = CliRunner().invoke(main, ["completion", shell]).stdout
        (tmp_path / f"harmcu.{shell}").write_text(text)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "TERM": "dumb"}
    return {**os.environ, **own}


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        # In CI a missing tool is a failure, never a silent skip.
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say(f"{name} is missing; install it")
    return str(found)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("harmcu tr", ["train"]),
        ("harmcu generate --board nano", ["nano33ble", "nano33ble_rev2"]),
        ("harmcu completion ", ["bash", "fish", "powershell", "zsh"]),
    ],
)
def test_fish(environment: dict[str, str], tmp_path: Path, typed: str, expected: list[str]) -> None:
    asked = f"source {tmp_path}/harmcu.fish; complete -C '{typed}'"
    said = subprocess.run(
        [shell("fish"), "-N", "-c", asked],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert sorted(line.split("\t")[0] for line in said.stdout.splitlines()) == expected


class Zsh:
    """An interactive zsh, without anybody's settings."""

    def __init__(self, environment: dict[str, str]) -> None:
        program = shell("zsh")
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execve(program, ["zsh", "-f", "-i"], environment)
        self._said = ""

    def type(self, text: str, until: str) -> None:
        """Type a text and wait for what it brings."""
        self._said = ""
        os.write(self._terminal, text.encode())
        end = time.monotonic() + PATIENCE
        while until not in self._said and time.monotonic() < end:
            if select.select([self._terminal], [], [], 0.1)[0]:
                self._said += os.read(self._terminal, 4096).decode(errors="replace")
        assert until in self._said, self._said

    def close(self) -> None:
        """Hang up."""
        os.close(self._terminal)
        os.waitpid(self._pid, 0)


def test_zsh(environment: dict[str, str], tmp_path: Path) -> None:
    zsh = Zsh(environment)
    try:
        zsh.type("autoload -U compinit && compinit -u && echo re''ady\n", "ready")
        zsh.type(f". {tmp_path}/harmcu.zsh && echo lo''aded\n", "loaded")
        zsh.type("harmcu trai\t", "train ")
        zsh.type("--ar\t", "--arch ")
        zsh.type("\x15harmcu completion \t", "powershell")
    finally:
        zsh.close()


@pytest.mark.parametrize("name", SHELLS)
def test_a_call_without_a_shell_is_no_traceback(environment: dict[str, str], name: str) -> None:
    said = subprocess.run(
        ["harmcu"],
        env={**environment, VARIABLE: f"{name}_complete"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stderr == ""
