"""The C of the wire against the Python of it, and against damage."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from native import Stages

from host_tools.protocol import (
    LINE_MAX,
    Damaged,
    Line,
    LineReader,
    crc,
    decode,
    encode,
    escape,
    unescape,
)

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
    """What stages_main.c prints for a line, with what is base64 by the standard library."""
    parts = [f"good {line.type} {line.sequence}"]
    for field in line.fields:
        data = _base64(field)
        parts.append(f"<{field}>{len(data)}" + (f":{data.hex()}" if data else ""))
    return " ".join(parts)


def _base64(field: str) -> bytes:
    try:
        data = base64.b64decode(field, validate=True)
    except ValueError:
        return b""
    # The board takes the canonical form only.
    return data if base64.b64encode(data).decode() == field else b""


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


@pytest.mark.parametrize("size", range(1, 96))
def test_every_symbol_of_base64(stages: Stages, size: int) -> None:
    """The 48 bytes whose groups of six bits are 0 to 63, and what two more sizes end with."""
    bits = "".join(f"{symbol:06b}" for symbol in range(64)) * 2
    data = bytes(int(bits[8 * i : 8 * i + 8], 2) for i in range(size))
    line = Line("CHK", 7, (base64.b64encode(data).decode(),))
    assert stages("lines", encode(line)).decode() == shown(line) + "\n"


@pytest.mark.parametrize("field", ["QQ=", "QQ==QQ==", "QR==", "QUJ=", "=", "====", "QQ=Q", "Q-=="])
def test_base64_in_another_form_is_none(stages: Stages, field: str) -> None:
    line = Line("CHK", 7, (field,))
    assert stages("lines", encode(line)).decode() == f"good CHK 7 <{field}>0\n"


@pytest.mark.parametrize("sequence", ["", "065536", "65536", "99999", "-1", "1x"])
def test_a_sequence_number_out_of_range_is_damage(stages: Stages, sequence: str) -> None:
    body = f"GET,{sequence},status"
    wire = f"${body}*{crc(body.encode()):04X}\r\n"
    assert stages("lines", wire.encode()).decode() == "damaged\n"
    assert isinstance(decode(wire.rstrip()), Damaged)


@pytest.mark.parametrize("type_", ["", "GE", "GETS", "get", "G@T", "GE[", "G,T"])
def test_a_type_of_another_form_is_damage(stages: Stages, type_: str) -> None:
    body = f"{type_},1,status"
    wire = f"${body}*{crc(body.encode()):04X}\r\n"
    assert stages("lines", wire.encode()).decode() == "damaged\n"


@pytest.mark.parametrize("change", [str.lower, lambda check: check[:3], lambda check: check + "0"])
def test_a_check_of_another_form_is_damage(stages: Stages, change: Callable[[str], str]) -> None:
    body = next(f"GET,{i},status" for i in range(999) if crc(b"GET,%d,status" % i) & 0xF > 9)
    wire = f"${body}*{change(f'{crc(body.encode()):04X}')}\r\n"
    assert stages("lines", wire.encode()).decode() == "damaged\n"
    assert isinstance(decode(wire.rstrip()), Damaged)


def test_a_line_for_people_ends_where_its_buffer_does(stages: Stages) -> None:
    said = stages("text", b"a" * 4000, (1, 1)).decode()
    assert said == "# " + "a" * (LINE_MAX - len("*1234") - 2) + "\r\n"


@pytest.mark.parametrize(("size", "said"), [(LINE_MAX, "good"), (LINE_MAX + 1, "damaged")])
def test_the_longest_line(stages: Stages, size: int, said: str) -> None:
    body = "GET,1," + "a" * (size - len("$GET,1,*1234"))
    wire = f"${body}*{crc(body.encode()):04X}\r\n"
    assert len(wire) == size + 2
    if said == "good":
        assert encode(Line("GET", 1, (body.removeprefix("GET,1,"),))) == wire.encode()
    assert stages("lines", wire.encode()).decode().startswith(said)
    assert isinstance(decode(wire.rstrip()), Line if said == "good" else Damaged)


def test_a_line_with_more_behind_it_than_the_buffer_holds(stages: Stages) -> None:
    body = "GET,1," + "a" * (LINE_MAX - len("$GET,1,*1234"))
    wire = f"${body}*{crc(body.encode()):04X}more\r\n"
    assert stages("lines", wire.encode()).decode() == "damaged\n"
    assert isinstance(decode(wire.rstrip()), Damaged)


@pytest.mark.parametrize("byte", [0x01, 0x09, 0x1B, 0x1F, 0x7F, 0x80, 0xFF])
def test_a_byte_that_no_line_holds_is_damage_whatever_the_check_says(
    stages: Stages, byte: int
) -> None:
    body = b"GET,1,a" + bytes([byte])
    wire = b"$%s*%04X\r\n" % (body, crc(body))
    assert stages("lines", wire).decode() == "damaged\n"
    (line,) = LineReader().feed(wire)
    assert isinstance(line, Damaged)


@QUICK
@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=24),
    st.integers(0, 2**32 - 1),
    st.integers(0, 199),
)
def test_text_for_people_holds_no_control_character(
    stages: Stages, text: str, number: int, percent: int
) -> None:
    """And no dollar, with which a line begins; the rest arrives as it is."""
    quiet = "".join("?" if c < " " or c in "\x7f$" else c for c in text)
    said = stages("text", text.encode(), (number, percent))
    assert said == f"# {quiet} {number} {percent / 100:.2f}\r\n".encode()


@QUICK
@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=24),
    st.sampled_from([0, -1, 1, 10, 2**31 - 1, -(2**31)]) | st.integers(-(2**31), 2**31 - 1),
    st.sampled_from([0, 9, 10, 2**32 - 1]) | st.integers(0, 2**32 - 1),
)
def test_text_bytes_and_numbers_come_back(
    stages: Stages, text: str, integer: int, unsigned: int
) -> None:
    said = stages("escape", text.encode(), (integer, unsigned)).decode()
    line = decode(said.rstrip("\r\n"))
    assert not isinstance(line, Damaged)
    assert line.sequence == 65535
    first, second, data, name = line.fields
    assert (first, second) == (str(integer), str(unsigned))
    assert base64.b64decode(data) == text.encode()
    assert unescape(name) == text
    assert name == escape(text)
