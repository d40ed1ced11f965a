"""What README and docs/ show: every harmcu command is one, and every one that can be run works.

What cannot: what needs a real board or the network, what stands for something (BUNDLE, a|b), and
what takes hours. Those are parsed.
"""

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import diagrams
import pytest
from cli import emulated
from click.testing import CliRunner
from made_up_takes import print_csv, record

from codegen import boards, project
from host_tools import emulator
from host_tools.cli import main
from trainer.bundle import Bundle

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
IN_A_BLOCK = re.compile(r"^ {4,}(?:\$ )?(?:[\w.\\/]*[\\/])?(harmcu [^#`]*|cd \w+$)")
IN_A_LINE = re.compile(r"`(harmcu [^`]+)`")
PLACEHOLDER = re.compile(r"\.\.\.|\||(?<![\w./-])[A-Z]{2,}\b|\b[A-Z](?![\w.])")


def in_blocks(page: Path) -> list[str]:
    """Return every harmcu command of a page's blocks, in order, and the changes of folder."""
    found = [IN_A_BLOCK.match(line) for line in page.read_text("utf-8").splitlines()]
    # What stands far to the right is a remark.
    return [match[1].split("   ")[0].strip() for match in found if match]


def shown(page: Path) -> Iterator[str]:
    """Give every harmcu command of a page, in blocks and in lines."""
    yield from (command for command in in_blocks(page) if command.startswith("harmcu "))
    for command in IN_A_LINE.findall(page.read_text("utf-8")):
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


def why_not(command: str) -> str | None:
    """Return why a test cannot run a command, or None."""
    words = command.split()
    name = words[1]
    if PLACEHOLDER.search(command):
        return "it stands for others"
    if name == "flash" or (name in {"ports", "capture", "monitor"} and "--port" not in words):
        return "it needs a board"
    if name == "verify" and ("--port" in words or "--project" not in words):
        return "it needs a board"
    if name == "bench" and "tflm" in words:
        return "it needs Arduino's library"
    if name == "demo":
        return "test_training.py runs it"
    if words[1:3] == ["data", "pull"]:
        return "it needs the network"
    if {"--folds", "--seeds"} & set(words):
        return "it takes hours"
    return None


def can_run(page: Path) -> list[str]:
    return [c for c in in_blocks(page) if c.startswith("cd ") or why_not(c) is None]


# What a user has at hand, and settings with which a model takes a second instead of minutes.
QUICK = """\
[train]
arch = "knn"
[monitor]
seconds = 4
[capture]
takes = 1
"""
TAKES_MINUTES = re.compile(r" --epochs \d+")
PORT = re.compile(r"\b(555\d)\b")


class Reader:
    """Somebody who types what a page shows, one command after the other."""

    def __init__(self, home: Path, bundle: Bundle, stack: ExitStack) -> None:
        self._folder = home
        self._stack = stack
        self._ports: dict[str, str] = {}
        for name in ("harmcu-demo/bundle", "watch.bundle", "walking.bundle"):
            shutil.copytree(bundle.path, home / name)
        files = project.generate(bundle, boards.load("mps2_an386"), "aot", "project")
        for name in ("harmcu-demo/project", "watch.project"):
            project.write(home / name, files)
        (home / "my-gestures").mkdir()
        print_csv(home / "my-gestures")
        record(home / "recordings")
        (home / "harmcu.toml").write_text(QUICK, "utf-8")

    def type(self, command: str) -> None:
        """Run a command as it is shown, on ports that are free."""
        if command.startswith("cd "):
            self._enter(command[3:])
            return
        for number in PORT.findall(command):
            if command.startswith("harmcu emulate"):
                self._boot(number, command)
                return
            if number not in self._ports:
                self._boot(number, "harmcu emulate watch.project --replay watch.bundle")
        quick = TAKES_MINUTES.sub("", PORT.sub(lambda port: self._ports[port[1]], command))
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self._folder)
            result = CliRunner().invoke(main, shlex.split(quick)[1:], catch_exceptions=False)
        assert result.exit_code == 0, f"{command}\n{result.output}"

    def _enter(self, name: str) -> None:
        """Go into a folder that `harmcu init` made, and do what only somebody with a board can."""
        self._folder /= name
        file = self._folder / "harmcu.toml"
        text = file.read_text("utf-8").replace('arch = "cnn"', 'arch = "knn"')
        file.write_text(text, "utf-8")
        record(self._folder / "recordings")

    def _boot(self, number: str, command: str) -> None:
        words = shlex.split(command.replace(f"--listen {number}", "--listen 0"))[2:]
        at_home = [str(self._folder / w) if (self._folder / w).exists() else w for w in words]
        url = self._stack.enter_context(emulated(*at_home))
        self._ports[number] = url.rpartition(":")[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page.relative_to(ROOT).as_posix() for page in PAGES if can_run(page)]
)
def test_the_commands_of_a_page_do_what_they_say(
    page: str, shared_bundle: Bundle, tmp_path: Path
) -> None:
    emulator.check_installed("mps2_an386")
    with ExitStack() as stack:
        reader = Reader(tmp_path, shared_bundle, stack)
        for command in can_run(ROOT / page):
            reader.type(command)


@pytest.mark.parametrize(
    ("command", "can"),
    [
        ("harmcu train --dataset watch --out watch.bundle", True),
        ("harmcu monitor --port socket://127.0.0.1:5555", True),
        ("harmcu bench watch.bundle", True),
        ("harmcu monitor", False),
        ("harmcu data convert PATH -o DIR", False),
        ("harmcu export BUNDLE --for android -o DIR", False),
        ("harmcu train --dataset D --arch cnn|lstm", False),
        ("harmcu bench MODEL --hop N", False),
    ],
)
def test_what_can_be_run(command: str, can: bool) -> None:
    assert (why_not(command) is None) == can


@pytest.mark.parametrize("name", ["loop", "design"])
def test_pictures_are_drawn_from_their_text(name: str) -> None:
    pictures = ROOT / "docs" / "pictures"
    drawn = diagrams.draw((pictures / f"{name}.txt").read_text("utf-8"))
    assert drawn == (pictures / f"{name}.svg").read_text("utf-8"), "python tools/diagrams.py"
