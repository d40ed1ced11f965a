"""Text of C: identifiers, string literals, comments and tables of numbers."""

import re
from collections.abc import Iterable

from trainer.errors import HarmcuError

# Characters that stand for themselves in a comment. Without `*` no comment can begin or end in
# the middle, without `?` and `\` no trigraph and no line continuation can form.
_NOT_IN_A_COMMENT = re.compile(r"[^A-Za-z0-9 _.,:;()\[\]=+/-]")
_NOT_IN_AN_IDENTIFIER = re.compile(r"[^a-z0-9]+")


def c_identifier(text: str) -> str:
    """Turns any text into the lower-case part of a C identifier.

    Letters outside ASCII and punctuation become single underscores; the result never begins or
    ends with one. Text without a usable character gives ``unnamed``. A leading digit gets the
    prefix ``n``, so the result is an identifier also by itself (it may still be a keyword).
    """
    name = _NOT_IN_AN_IDENTIFIER.sub("_", text.lower()).strip("_") or "unnamed"
    return f"n{name}" if name[0].isdigit() else name


def c_string(text: str) -> str:
    """Gives a quoted C string literal that holds the UTF-8 bytes of ``text``.

    Bytes outside printable ASCII are written as three-digit octal escapes: unlike ``\\x``, those
    end by themselves, whatever follows. ``?`` is escaped because ``-std=c11`` still reads
    trigraphs.

    Raises:
        HarmcuError: ``text`` holds a lone surrogate and so has no UTF-8 form.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise HarmcuError(
            f"the text {text!a} is not valid Unicode; remove character {error.start + 1}"
        ) from error
    return '"' + "".join(_escape(byte) for byte in data) + '"'


def _escape(byte: int) -> str:
    character = chr(byte)
    if character in '"\\?':
        return "\\" + character
    return character if 0x20 <= byte < 0x7F else f"\\{byte:03o}"


def c_comment(text: str) -> str:
    """Gives ``text`` in a form that is harmless inside a ``/* */`` comment, on one line.

    Whatever is not a plain ASCII letter, digit or mark becomes ``_``, and so does the slash of a
    ``//``, which some compilers warn about.
    """
    return _NOT_IN_A_COMMENT.sub("_", text).replace("//", "/_")


def c_array(values: Iterable[int], per_line: int) -> str:
    """Formats the inside of an array initialiser, without braces, four spaces deep.

    Args:
        values: the elements, in order.
        per_line: how many of them share a line.
    """
    texts = [_literal(value) for value in values]
    lines = [", ".join(texts[start : start + per_line]) for start in range(0, len(texts), per_line)]
    return "".join(f"    {line},\n" for line in lines)


def _literal(value: int) -> str:
    # 2147483648 does not fit an int, so "-2147483648" would be a negated 64-bit constant.
    return "(-2147483647 - 1)" if value == -(2**31) else str(int(value))
