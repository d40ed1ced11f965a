"""How much work something does, in lines of Python: the same count on every machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def at_most(lines: int) -> Iterator[None]:
    """Fails as soon as what happens within has run more lines of Python than that.

    Raises:
        AssertionError: From the line that was one too many.
    """
    left = lines

    def count(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        left -= event == "line"
        assert left > 0, f"more than {lines:,} lines of Python"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)
    assert left > 0, f"more than {lines:,} lines of Python, which somebody caught"
