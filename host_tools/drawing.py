"""Parts of the screens: lines of a given width, with and without more than ASCII."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.cells import set_cell_size
from rich.text import Text

from trainer.printable import printable
from trainer.recording import Counts

BLOCKS = " ▁▂▃▄▅▆▇█"
PLAIN = " ._-=+*%#"
"""From an empty cell to a full one, in eight steps."""

STEPS = 8


def fitted(text: str, width: int) -> str:
    """Return a text cut or padded to so many cells; wide characters take two."""
    return set_cell_size(printable(text), max(0, width))


def ends(left: str, right: str, width: int) -> str:
    """Return a line with one text at each end; the left one gives way."""
    right = printable(right)
    room = width - Text(right).cell_len - 1
    return fitted(left, room) + " " + right if room > 0 else fitted(right, width)


def bar(share: float, width: int, is_unicode: bool) -> str:
    """Return a horizontal bar of a share between 0 and 1."""
    full = round(min(1.0, max(0.0, share)) * width)
    return ("█" if is_unicode else "#") * full + " " * (width - full)


def graph(values: Counts, width: int, height: int, top: float, is_unicode: bool) -> list[str]:
    """Return lines that show a signal, the newest value at the right.

    Args:
        values: int16 [samples] of all the time that is shown; fewer leave the left empty.
        width, height: in cells.
        top: what reaches the upper end; its negative is at the lower end.
        is_unicode: whether the terminal shows more than ASCII.
    """
    ramp = BLOCKS if is_unicode else PLAIN
    means = column_means(values, width)
    levels = np.clip(np.rint((means / top + 1) / 2 * (STEPS * height - 1)) + 1, 1, STEPS * height)
    lines = []
    for row in reversed(range(height)):
        cells = np.clip(levels - row * STEPS, 0, STEPS).astype(int)
        lines.append("".join(ramp[cell] for cell in cells).rjust(width))
    return lines


def column_means(values: Counts, width: int) -> npt.NDArray[np.float64]:
    """Return float64 [at most width], the mean of each of that many equal parts."""
    if len(values) <= width:
        return values.astype(np.float64)
    bounds = np.linspace(0, len(values), width, endpoint=False).astype(int)
    sums = np.add.reduceat(values.astype(np.float64), bounds)
    return sums / np.diff([*bounds, len(values)])


def page(lines: Sequence[Text], bottom: Text, height: int) -> Text:
    """Return a whole screen: lines from the top, one line at the bottom, nothing beyond."""
    shown = list(lines[: height - 1])
    shown += [Text("")] * (height - 1 - len(shown))
    return Text("\n", no_wrap=True, overflow="crop").join([*shown, bottom])
