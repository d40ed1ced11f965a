"""How much memory something takes at its peak."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Not getrusage: Linux lets a process begin with the peak of the one that started it.
_PRINT_PEAK = """
import re
from pathlib import Path
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@contextmanager
def allocated() -> Iterator[Callable[[], int]]:
    """Gives what tells how many bytes Python and NumPy have taken since, at their peak."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield lambda: tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def resident(code: str, *arguments: object) -> int:
    """Gives the bytes that a Python program of its own held at its peak."""
    command = [sys.executable, "-c", code + _PRINT_PEAK, *map(str, arguments)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    return int(said) * 1024


def with_own_peak(command: list[object]) -> list[object]:
    """Returns a command whose process does not begin with the peak of the one that starts it."""
    return ["sh", "-c", '"$@"; exit $?', "sh", *command]
