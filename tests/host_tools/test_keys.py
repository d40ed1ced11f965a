"""Keys of a terminal: what is one, and what a program has to leave alone."""

import pytest

from host_tools.terminal import BACKSPACE, ENTER, ESCAPE, Keys


def pressed(monkeypatch: pytest.MonkeyPatch, *arrived: str) -> list[str]:
    """Return the keys that come of what arrives, one piece a read."""
    pieces = iter(arrived)
    monkeypatch.setattr(Keys, "_arrived", lambda _: next(pieces, ""))
    keys = Keys()
    return [key for _ in range(20) if (key := keys.read())]


@pytest.mark.parametrize(
    ("arrived", "keys"),
    [
        ("l", ["l"]),
        ("\x1b", [ESCAPE]),
        ("\r\b\x7f", [ENTER, BACKSPACE, BACKSPACE]),
        ("\x1b[A\x1b[1;5Cq", ["q"]),
        ("\x1bOP\x1bOBm", ["m"]),
        ("\x1b[<64;10;10Mä走", ["ä", "走"]),
        ("àK", ["à", "K"]),
    ],
)
def test_what_arrives_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, arrived: str, keys: list[str]
) -> None:
    assert pressed(monkeypatch, arrived) == keys


def test_a_sequence_in_two_pieces_is_no_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pressed(monkeypatch, "\x1b[", "", "A", "q") == ["q"]
