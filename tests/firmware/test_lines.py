"""The C of the wire against the Python of it, and against damage."""

import base64

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from native import Stages

from host_tools.protocol import Damaged, Line, LineReader, decode, encode, escape, unescape

QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FIELD = st.text(st.sampled_from("abcXYZ0189+/= .-%"), max_size=30)
LINES = st.builds(
    Line,
    st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), min_size=3, max_size=3),
    st.integers(0, 65535),
    st.lists(FIELD, max_size=4).map(tuple),
)


def shown(line: Line) -> str:
    """What stages_main.c prints for a line, with the base64 size by the standard library."""
    parts = [f"good {line.type} {line.sequence}"]
    for field in line.fields:
        parts.append(f"<{field}>{_base64_size(field)}")
    return " ".join(parts)


def _base64_size(field: str) -> int:
    try:
        data = base64.b64decode(field, validate=True)
    except ValueError:
        return 0
    # The board takes the canonical form only.
    return len(data) if base64.b64encode(data).decode() == field else 0


@QUICK
@given(st.lists(LINES, max_size=8))
def test_whole_lines_arrive(stages: Stages, lines: list[Line]) -> None:
    found = stages("lines", b"".join(map(encode, lines))).decode().splitlines()
    assert found == [shown(line) for line in lines]


@QUICK
@given(st.data(), st.lists(LINES, min_size=1, max_size=5))
def test_damage_is_seen_by_both_sides(
    stages: Stages, data: st.DataObject, lines: list[Line]
) -> None:
    """Flip, drop and insert bytes: both sides accept the same lines, and no changed one."""
    wire = bytearray(b"".join(map(encode, lines)))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(wire) - 1))
        kind = data.draw(st.sampled_from(["flip", "drop", "insert"]))
        if kind == "flip":
            wire[position] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "drop" and len(wire) > 1:
            del wire[position]
        else:
            wire.insert(position, data.draw(st.integers(0, 255)))
    wire += b"\r\n"
    good = [line for line in LineReader().feed(bytes(wire)) if isinstance(line, Line)]
    said = stages("lines", bytes(wire)).decode().splitlines()
    assert [line for line in said if line != "damaged"] == [shown(line) for line in good]
    assert all(line in lines for line in good)


@QUICK
@given(st.binary(max_size=2000))
def test_noise_is_no_line(stages: Stages, noise: bytes) -> None:
    said = stages("lines", noise + b"\n").decode().splitlines()
    assert "good" not in " ".join(said)


def test_a_line_is_found_behind_a_half_one(stages: Stages) -> None:
    whole = encode(Line("GET", 1, ("status",)))
    assert stages("lines", whole[:9] + whole).decode() == "damaged\ngood GET 1 <status>0\n"


def test_a_line_that_is_too_long_is_damaged(stages: Stages) -> None:
    whole = encode(Line("GET", 1, ("status",)))
    flood = b"$" + b"A" * 5000 + b"\r\n"
    assert stages("lines", flood + whole).decode() == "damaged\ngood GET 1 <status>0\n"


@QUICK
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=24))
def test_text_and_bytes_come_back(stages: Stages, text: str) -> None:
    line = decode(stages("escape", text.encode()).decode().rstrip("\r\n"))
    assert not isinstance(line, Damaged)
    assert line.sequence == 65535
    number, unsigned, data, name = line.fields
    assert (number, unsigned) == ("-2147483648", "4294967295")
    assert base64.b64decode(data) == text.encode()
    assert unescape(name) == text
    assert name == escape(text)
