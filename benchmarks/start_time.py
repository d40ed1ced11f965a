"""How long commands take to start, beside ``python -c "import numpy"``.

    python benchmarks/start_time.py [REPETITIONS]

prints the median of each command and its ratio to three times numpy's; below 0.5 is the aim.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMANDS = ("capture", "monitor", "ports")


def seconds(*arguments: str) -> float:
    """Return the wall time of ``python ARGUMENTS``."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main(repetitions: int) -> None:
    """Measure in turns, so that other load hits all alike."""
    runs = {"import numpy": ("-c", "import numpy")}
    runs |= {command: ("-m", "host_tools", command, "--help") for command in COMMANDS}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repetitions):
        for name, arguments in runs.items():
            times[name].append(seconds(*arguments))
    numpy = statistics.median(times["import numpy"])
    print(f"import numpy      {numpy:.3f} s")
    for command in COMMANDS:
        median = statistics.median(times[command])
        print(
            f"{command:<9} --help  {median:.3f} s  {median / (3 * numpy):.2f} of three times that"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
