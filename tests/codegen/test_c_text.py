"""C text against a C compiler: what goes in is what the program holds."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.c_text import c_array, c_comment, c_identifier, c_string
from trainer.errors import HarmcuError

STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wtrigraphs"]
NASTY = [
    "",
    'quote " and backslash \\',
    "??/ ??= ??( trigraphs",
    "*/ int main; /* //",
    "%s %n %d",
    "Gehen, naïve, 走る, 🏃",
    "\\x41 followed by é1 and \u00e9a",
    "a\tb\nc\r",
    "\x01\x7f9",
    "\\",
    "ends in ?",
]


PROGRAM = """
#include <stdio.h>
static const char *const TEXTS[] = {%s};
int main(void) {
    for (unsigned i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        printf("%%s%%c", TEXTS[i], 0);
    }
    return 0;
}
"""


def test_strings_survive_the_compiler(tmp_path: Path) -> None:
    source = tmp_path / "strings.c"
    source.write_text(PROGRAM % ", ".join(map(c_string, NASTY)), encoding="utf-8")
    assert source.read_bytes().isascii()
    subprocess.run(["gcc", *STRICT, source, "-o", tmp_path / "strings"], check=True)
    output = subprocess.run([tmp_path / "strings"], check=True, capture_output=True).stdout
    assert output.decode("utf-8").split("\0")[:-1] == NASTY


def test_lone_surrogate_is_refused() -> None:
    with pytest.raises(HarmcuError, match="remove character 3"):
        c_string("ab\ud800")


@given(st.text())
def test_comments_are_one_harmless_line(text: str) -> None:
    comment = c_comment(text)
    assert comment.isascii()
    assert not any(mark in comment for mark in ("*", "\\", "?", "//", "\n", "\r"))
    assert len(comment) == len(text)


@given(st.text())
def test_identifiers_are_identifiers(text: str) -> None:
    name = c_identifier(text)
    assert name.isascii()
    assert name.isidentifier()
    assert "__" not in name
    assert c_identifier(name) == name


@settings(max_examples=20)
@given(st.lists(st.integers(-(2**31), 2**31 - 1)), st.integers(1, 30))
def test_array_holds_the_values_in_order(values: list[int], per_line: int) -> None:
    text = c_array(values, per_line)
    numbers = text.replace("(-2147483647 - 1)", str(-(2**31))).replace(",", " ").split()
    assert [int(number) for number in numbers] == values
    assert all(line.startswith("    ") and line.endswith(",") for line in text.splitlines())


def test_plain_text_is_written_as_it_is() -> None:
    plain = "".join(map(chr, range(0x20, 0x7F))).replace('"', "").replace("\\", "").replace("?", "")
    assert c_string(plain) == f'"{plain}"'
    assert c_string("\x1f\x7f") == '"\\037\\177"'


def test_the_least_number_is_no_negated_larger_one() -> None:
    assert c_array([-(2**31), -(2**31) + 1, 2**31 - 1], 3) == (
        "    (-2147483647 - 1), -2147483647, 2147483647,\n"
    )
