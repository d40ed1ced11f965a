import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.runtime import FIRMWARE
from host_tools.protocol import (
    INJECT_SAMPLES,
    LINE_MAX,
    Ack,
    Classification,
    Damaged,
    Imu,
    Label,
    Line,
    LineReader,
    ProtocolError,
    Refusal,
    Sample,
    Status,
    Text,
    Trace,
    crc,
    decode,
    encode,
    encode_counts,
    escape,
    parse,
    unescape,
)


def test_the_check_value_of_the_crc() -> None:
    """The catalogue of CRCs gives 0x29B1 for CRC-16/CCITT-FALSE over these nine digits."""
    assert crc(b"123456789") == 0x29B1


def test_a_line_as_the_specification_shows_it() -> None:
    assert encode(Line("GET", 0, ("status",))) == b"$GET,0,status*3237\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        "*",
        "GET,0,status*3237",
        "$GET,0,status*3238",
        "$GET,0,status*3237 ",
        "$GET,0,status",
        "$GET,70000,status*0000",
        "$get,0,status*0000",
        "$GET,0,stätus*0000",
        "walking 0.97",
    ],
)
def test_what_is_no_line(text: str) -> None:
    assert isinstance(decode(text), Damaged)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_labels_survive(text: str) -> None:
    escaped = escape(text)
    assert unescape(escaped) == text
    assert not set(escaped) & set("$*,\r\n")
    assert escaped.isascii()


def test_a_field_that_is_no_text() -> None:
    with pytest.raises(ProtocolError, match="UTF-8"):
        unescape("%FF")


MESSAGES: list[tuple[tuple[str, ...], object]] = [
    (
        ("STA", "1", "host", "aot", "m", "ab" * 32, "1000", "classify", "0"),
        Status(1, "host", "aot", "m", "ab" * 32, 1000, "classify", 0),
    ),
    (("LBL", "0", "2", "go %22out%22"), Label(0, 2, 'go "out"')),
    (("TRC", "3", "65535", "0"), Trace(3, 65535, 0)),
    (
        ("SMP", "4", "9", "1", "-2", "3", "-32768", "32767", "0"),
        Sample(4, 9, (1, -2, 3, -32768, 32767, 0)),
    ),
    (
        ("IMU", "LSM9DS1", "ok", "119000", "118712", "70000", "3", "1"),
        Imu("LSM9DS1", "ok", 119_000, 118_712, 70_000, 3, 1),
    ),
    (
        ("STA", "3", "nano33ble", "none", "", "", "1000000", "capture", "0"),
        Status(3, "nano33ble", "none", "", "", 1_000_000, "capture", 0),
    ),
    (("ACK", "7"), Ack(7)),
    (("ERR", "7", "index", "40"), Refusal(7, "index", 40)),
    # The least and the largest that a board may mean.
    (
        ("STA", "0", "b", "aot", "m", "", "1", "live", "4294967295"),
        Status(0, "b", "aot", "m", "", 1, "live", 4294967295),
    ),
    (("IMU", "none", "absent", "0", "0", "0", "0", "0"), Imu("none", "absent", 0, 0, 0, 0, 0)),
    (("IMU", "BMI270", "ok", "1", "0", "0", "0", "0"), Imu("BMI270", "ok", 1, 0, 0, 0, 0)),
]


@pytest.mark.parametrize(("fields", "message"), MESSAGES)
def test_messages(fields: tuple[str, ...], message: object) -> None:
    parsed = parse(Line(fields[0], 5, fields[1:]))
    assert parsed == message


CLASSIFICATION = ("CLS", "12", "-1", "-128", "99", "gH8A", "")


@pytest.mark.parametrize("fields", [*(fields for fields, _ in MESSAGES), CLASSIFICATION])
def test_a_message_of_another_type_or_length_is_none(fields: tuple[str, ...]) -> None:
    type_, *rest = fields
    for line in (("XYZ", *rest), (type_, *rest, "0"), (type_, *rest[:-1]), (type_,)):
        with pytest.raises(ProtocolError):
            parse(Line(line[0], 5, line[1:]))


@pytest.mark.parametrize(("label", "score"), [(2, 127), (0, -128), (-1, 0)])
def test_the_least_and_the_largest_label_and_score(label: int, score: int) -> None:
    parsed = parse(Line("CLS", 5, ("12", str(label), str(score), "99", "gH8A", "")))
    assert isinstance(parsed, Classification)
    assert (parsed.label, parsed.score) == (label, score)


@pytest.mark.parametrize(("label", "score"), [(3, 127), (0, -129), (-2, 0), (0, 128)])
def test_a_label_or_score_out_of_range_is_none(label: int, score: int) -> None:
    with pytest.raises(ProtocolError):
        parse(Line("CLS", 5, ("12", str(label), str(score), "99", "gH8A", "")))


def test_the_largest_sequence_number() -> None:
    assert decode(encode(Line("ACK", 65535, ())).decode().rstrip()) == Line("ACK", 65535, ())


def test_what_stays_as_it_is_in_a_field() -> None:
    plain = "".join(chr(code) for code in range(0x20, 0x7F))
    assert escape(plain) == "".join(f"%{ord(c):02X}" if c in "%,*$" else c for c in plain)
    assert escape("\x1f\x7f") == "%1F%7F"


def test_a_classification() -> None:
    parsed = parse(Line("CLS", 5, ("12", "-1", "-128", "99", "gH8A", "")))
    assert isinstance(parsed, Classification)
    assert (parsed.window, parsed.label, parsed.score, parsed.ticks) == (12, -1, -128, 99)
    assert parsed.scores.tolist() == [-128, 127, 0]


@pytest.mark.parametrize(
    "line",
    [
        Line("XYZ", 0, ()),
        Line("STA", 0, ("1",)),
        Line("ACK", 0, ("x",)),
        Line("CLS", 0, ("1", "2", "3", "4", "!", "a")),
        Line("LBL", 0, ("0", "1", "%FF")),
        Line("SMP", 0, ("0", "0", "1", "2", "3", "4", "5", "32768")),
        Line("SMP", 0, ("0", "0", "1", "2", "3", "4", "5", "-32769")),
    ],
)
def test_whole_lines_with_wrong_content(line: Line) -> None:
    with pytest.raises(ProtocolError):
        parse(line)


def test_counts_are_little_endian() -> None:
    assert encode_counts(np.array([[1, -1, 256, 0, 0, 0]], np.int16)) == "AQD//wABAAAAAAAA"


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("include/harmcu/line.h", "HARMCU_LINE_MAX", LINE_MAX),
        ("src/session.c", "INJECT_SAMPLES", INJECT_SAMPLES),
    ],
)
def test_both_sides_have_the_same_limits(file: str, name: str, value: int) -> None:
    assert f"#define {name} {value}\n" in (FIRMWARE / file).read_text("utf-8")


def test_a_flood_does_not_fill_the_memory() -> None:
    reader = LineReader()
    for _ in range(100):
        assert all(isinstance(line, Damaged) for line in reader.feed(b"x" * 1000))
    assert len(reader._buffer) <= 2 * LINE_MAX + 1000
    assert list(reader.feed(b"\n" + encode(Line("ACK", 1, ("1",)))))[-1] == Line("ACK", 1, ("1",))


def test_lines_for_people_are_neither_damage_nor_messages() -> None:
    ack = encode(Line("ACK", 1, ("1",)))
    received = list(LineReader().feed(b"# walking 0.97\r\n" + ack + b"# no end yet" + ack))
    assert received == [
        Text("walking 0.97"),
        Line("ACK", 1, ("1",)),
        Text("no end yet"),
        Line("ACK", 1, ("1",)),
    ]


@pytest.mark.parametrize(
    ("type_", "fields"),
    [
        ("STA", "3,b,aot,m,ab,0,live,0"),  # a clock that stands still
        ("STA", "3,b,aot,m,ab,-1,live,0"),
        ("IMU", "LSM9DS1,ok,0,0,0,0,0"),  # a sensor without a rate
        ("IMU", "LSM9DS1,ok,119000,0,0,4294967296,0"),
        ("CLS", "0,2,100,5,ZJw=,walk"),  # a third label of two
        ("CLS", "0,-2,100,5,ZJw=,walk"),
        ("CLS", "0,0,999,5,ZJw=,walk"),
        ("SMP", "-1,0,1,2,3,4,5,6"),
        ("SMP", "1_0,0,1,2,3,4,5,6"),
        ("ACK", "+1"),
    ],
)
def test_numbers_that_no_board_means_are_damage(type_: str, fields: str) -> None:
    with pytest.raises(ProtocolError):
        parse(Line(type_, 0, tuple(fields.split(","))))
