"""The deepest stack of a program, by the compiler's own account of frames and calls.

GCC writes both with ``-fcallgraph-info=su`` (GCC manual, "Developer Options"), a graph for each
source in the language of VCG. Frames are static only when no function has a variable-length array.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FLAGS = ("-fcallgraph-info=su", "-fstack-usage")

INDIRECT = "__indirect_call"

LIBRARY_BYTES = 64
"""What a function of the C library or the compiler's own may take that gives no account: memcpy,
strlen and the like keep a few registers; none calls another."""

LEAVES = re.compile(r"mem(cpy|move|set|cmp)|str(len|cmp|chr)|__aeabi_\w+|__builtin_\w+")

_NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"( shape : ellipse)? \}')
_EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_BYTES = re.compile(r"\\n(\d+) bytes \((\w+(?:,\w+)?)\)")


@dataclass(frozen=True)
class CallGraph:
    """Functions by name, those of one file alone with the file before it.

    Attributes:
        frames: bytes of stack of each function that was compiled.
        calls: what each calls.
        pointed_at: what a call through a pointer may reach, by the caller: functions of the same
            file alone that nobody calls by name.
    """

    frames: Mapping[str, int]
    calls: Mapping[str, frozenset[str]]
    pointed_at: Mapping[str, frozenset[str]]

    def targets(self, name: str) -> frozenset[str]:
        """Gives what a function may call, through pointers too."""
        found = self.calls.get(name, frozenset())
        return (found - {INDIRECT}) | self.pointed_at[name] if INDIRECT in found else found

    def deepest(self, name: str, path: tuple[str, ...] = ()) -> tuple[int, tuple[str, ...]]:
        """Gives the most bytes that a function and all below it take, and the way there."""
        assert name not in path, f"recursion: {' > '.join((*path, name))}"
        if name not in self.frames:
            assert LEAVES.fullmatch(name), f"{path[-1]} calls {name}, of which nothing is known"
            return LIBRARY_BYTES, (name,)
        below = (self.deepest(target, (*path, name)) for target in sorted(self.targets(name)))
        most, way = max(below, default=(0, ()))
        return self.frames[name] + most, (name, *way)


def read(files: Iterable[Path]) -> CallGraph:
    """Reads the .ci files of a program, one a source."""
    frames: dict[str, int] = {}
    homes: dict[str, Path] = {}
    calls: dict[str, set[str]] = {}
    for file in files:
        text = file.read_text("utf-8")
        for title, label, is_elsewhere in _NODE.findall(text):
            if not is_elsewhere:
                found = _BYTES.search(label)
                assert found is not None, (file, label)
                assert found[2] == "static", f"{title} has a frame of no fixed size ({found[2]})"
                frames[title], homes[title] = int(found[1]), file
        for source, target in _EDGE.findall(text):
            calls.setdefault(source, set()).add(target)
    called = {target for targets in calls.values() for target in targets}
    alone = {name for name in frames.keys() - called if ":" in name}
    pointed_at = {
        name: frozenset(other for other in alone if homes[other] == homes[name]) for name in frames
    }
    return CallGraph(frames, {name: frozenset(to) for name, to in calls.items()}, pointed_at)
