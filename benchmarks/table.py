"""Prints what the reference models cost, as a Markdown table.

    python benchmarks/table.py [FOLDER]

FOLDER defaults to ``bench`` beside the data sets that HARMCU_DATA names.
"""

import os
import sys
from pathlib import Path

from host_tools import bench
from trainer.errors import HarmcuError

DATA = os.environ.get("HARMCU_DATA", str(Path(__file__).parents[2] / "shared" / "datasets"))
LEVELS = ("-O2", "-Os")


def main() -> None:
    """Measure every model of the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(DATA).parent / "bench"
    print("| model | flags | MACs | instructions | per MAC | RAM + stack, B | flash, B | exact |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in sorted(folder.glob("*.tflite")):
        for level in LEVELS:
            print(_row(path, level))


def _row(path: Path, level: str) -> str:
    try:
        cost = bench.measure(path.read_bytes(), path.name, level)
    except HarmcuError as error:
        return f"| {path.name} | {level} | {error} |||||"
    per_mac = f"{cost.instructions / cost.macs:.2f}" if cost.macs else ""
    exact = {True: "yes", False: "NO", None: "not compared"}[cost.exact]
    return (
        f"| {path.name} | {level} | {cost.macs:,} | {cost.instructions:,} | {per_mac} "
        f"| {cost.ram_bytes:,} + {cost.stack_bytes:,} | {cost.flash_bytes:,} | {exact} |"
    )


if __name__ == "__main__":
    main()
