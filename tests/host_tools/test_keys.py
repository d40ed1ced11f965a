"""Keys of a terminal: what is one, and what a program has to leave alone."""

import importlib.util
import itertools
import sys
from types import ModuleType

import pytest

from host_tools import terminal
from host_tools.terminal import BACKSPACE, ENTER, ESCAPE, Keys


def pressed(monkeypatch: pytest.MonkeyPatch, *arrived: str) -> list[str]:
    """Return the keys that come of what arrives, one piece a read, a read every 40 ms."""
    pieces = iter(arrived)
    clock = itertools.count(start=7, step=0.04)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(Keys, "_arrived", lambda _: next(pieces, ""))
    keys = Keys()
    return [key for _ in range(20) if (key := keys.read())]


@pytest.mark.parametrize(
    ("arrived", "keys"),
    [
        ("l", ["l"]),
        ("\x1b", [ESCAPE]),
        ("\r\b\x7f", [ENTER, BACKSPACE, BACKSPACE]),
        ("\x1b\x1b", [ESCAPE, ESCAPE]),
        ("\x1b[A\x1b[1;5C\x1b\x1b[Bq", ["q"]),
        ("\x1bOP\x1bOBm", ["m"]),
        ("\x1b[<64;10;10Mä走", ["ä", "走"]),
        ("àK", ["à", "K"]),
    ],
)
def test_what_arrives_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, arrived: str, keys: list[str]
) -> None:
    assert pressed(monkeypatch, arrived) == keys


@pytest.mark.parametrize(
    ("arrived", "keys"),
    [
        (("\x1b[", "", "A", "q"), ["q"]),
        (("\x1b", "[A", "q"), ["q"]),
        (("\x1b", "", "OB", "q"), ["q"]),
        (("\x1b\x1b", "[A", "q"), ["q"]),
        (("\x1b", "", "", "", "[", "A"), [ESCAPE, "[", "A"]),
    ],
)
def test_a_sequence_in_two_pieces_is_no_escape(
    monkeypatch: pytest.MonkeyPatch, arrived: tuple[str, ...], keys: list[str]
) -> None:
    assert pressed(monkeypatch, *arrived) == keys


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, list[str]]:
    """The module as it is on Windows, and the codes that its console has ready."""
    ready: list[str] = []
    console = ModuleType("msvcrt")
    console.kbhit = lambda: bool(ready)  # type: ignore[attr-defined]
    console.getwch = lambda: ready.pop(0)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "msvcrt", console)
    monkeypatch.setitem(sys.modules, "termios", None)
    monkeypatch.setattr(sys, "platform", "win32")
    spec = importlib.util.spec_from_file_location("windows_terminal", terminal.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, ready


@pytest.mark.parametrize(
    ("codes", "keys"),
    [
        ("l", ["l"]),
        ("\r\b", [ENTER, BACKSPACE]),
        ("\x1bq", [ESCAPE, "q"]),
        ("\xe0H\x00;\xe0Mq", ["q"]),
        ("ä走", ["ä", "走"]),
        ("à", ["à"]),
    ],
)
def test_keys_of_windows(
    windows: tuple[ModuleType, list[str]], codes: str, keys: list[str]
) -> None:
    """Arrows and function keys give two codes, the first of which is NUL or that of à."""
    module, ready = windows
    ready += codes
    reader = module.Keys()
    assert [key for _ in range(20) if (key := reader.read())] == keys
    with module._unbuffered_keys():
        ready += "x"
        assert reader.read() == "x"


@pytest.mark.parametrize(("name", "shows"), [("xterm", True), ("dumb", False), ("unknown", False)])
def test_a_dumb_terminal_gets_lines(
    name: str, shows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", name)
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    assert terminal.is_interactive() is shows
