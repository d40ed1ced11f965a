"""Draws docs/pictures/*.svg from the text beside them: boxes in rows, arrows between them.

usage: python tools/diagrams.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"

BOX_WIDTH, BOX_HEIGHT = 168, 64
GAP_ACROSS, GAP_DOWN = 112, 84
MARGIN = 14
"""All in pixels. Two boxes a row fit a telephone of 360 pixels at four fifths of their size."""

_BOX = re.compile(r"\[([^\]:]+)(?::\s*([^\]]+))?\]")
_ARROW = re.compile(r"(\S+) -> (\S+): (.+)")

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" aria-labelledby="title">
<title id="title">{title}</title>
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" \
orient="auto"><path d="M0 0L10 5L0 10z" fill="#1d4e89"/></marker></defs>
<style>
text {{ font-family: system-ui, sans-serif; text-anchor: middle; fill: #1a1a1a }}
.name {{ font-size: 17px; font-weight: 600 }}
.what {{ font-size: 12px }}
.by {{ font-size: 14px; fill: #1d4e89 }}
</style>
<rect width="{width}" height="{height}" rx="10" fill="#fff"/>
"""


@dataclass(frozen=True)
class Box:
    """A box and where it stands: its upper left corner."""

    name: str
    what: str
    x: int
    y: int

    @property
    def centre(self) -> tuple[float, float]:
        """Where its lines would meet."""
        return self.x + BOX_WIDTH / 2, self.y + BOX_HEIGHT / 2


def draw(text: str) -> str:
    """Return the SVG of a description.

    Args:
        text: a line that begins with #, the title; rows of ``[name: what]``; arrows
            ``from -> to: what`` between names.

    Raises:
        KeyError: an arrow names a box that there is not.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [_BOX.findall(line) for line in lines if line.startswith("[")]
    boxes = {
        name: Box(
            name,
            what,
            MARGIN + column * (BOX_WIDTH + GAP_ACROSS),
            MARGIN + row * (BOX_HEIGHT + GAP_DOWN),
        )
        for row, found in enumerate(rows)
        for column, (name, what) in enumerate(found)
    }
    columns = max(map(len, rows))
    width = 2 * MARGIN + columns * BOX_WIDTH + (columns - 1) * GAP_ACROSS
    height = 2 * MARGIN + len(rows) * BOX_HEIGHT + (len(rows) - 1) * GAP_DOWN
    arrows = [_ARROW.fullmatch(line) for line in lines]
    named = [(found[1], found[2], found[3]) for found in arrows if found]
    title = "; ".join(f"{start} to {end}: {what}" for start, end, what in named)
    parts = [_HEAD.format(width=width, height=height, title=escape(title))]
    for start, end, what in named:
        parts += _arrow(boxes[start], boxes[end], what)
    for box in boxes.values():
        parts += _box(box)
    return "".join([*parts, "</svg>\n"])


def _box(box: Box) -> Iterator[str]:
    across, down = box.centre
    yield (
        f'<rect x="{box.x}" y="{box.y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8" '
        'fill="#e8f0f8" stroke="#1d4e89"/>\n'
    )
    yield f'<text class="name" x="{across:g}" y="{down - 3:g}">{escape(box.name)}</text>\n'
    words = box.what.split(" ")
    half = (len(words) + 1) // 2 if len(box.what) > 24 else len(words)
    for number, line in enumerate(filter(None, (words[:half], words[half:]))):
        place = f'x="{across:g}" y="{down + 13 + 13 * number:g}"'
        yield f'<text class="what" {place}>{escape(" ".join(line))}</text>\n'


def _arrow(start: Box, end: Box, what: str) -> Iterator[str]:
    """Draw from edge to edge; its words stand beside the middle."""
    (from_x, from_y), (to_x, to_y) = start.centre, end.centre
    across, down = to_x - from_x, to_y - from_y
    # The edge is reached where the line has covered half of the box, in the nearer direction.
    inside = min(
        BOX_WIDTH / 2 / abs(across) if across else 1, BOX_HEIGHT / 2 / abs(down) if down else 1
    )
    ends = [
        (from_x + across * part, from_y + down * part) for part in (inside + 0.02, 0.98 - inside)
    ]
    (x1, y1), (x2, y2) = ends
    yield (
        f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#1d4e89" stroke-width="2" '
        'fill="none" marker-end="url(#head)"/>\n'
    )
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    if not down:
        middle_y -= 8
    elif not across:
        middle_x += 36
    else:
        middle_x -= 34
    yield f'<text class="by" x="{middle_x:.1f}" y="{middle_y + 2:.1f}">{escape(what)}</text>\n'


def main() -> None:
    """Draw every picture anew."""
    for source in sorted(PICTURES.glob("*.txt")):
        source.with_suffix(".svg").write_text(draw(source.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
