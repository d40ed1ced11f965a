"""Prints what the reference models cost, as Markdown tables: all of them, and the best peer's.

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

# The best peer on the same model and machine, and what harmcu may cost at most: TensorFlow Lite
# Micro with CMSIS-NN built from source; its RAM is arena, statics and stack.
LIMITS = (
    ("cnn.tflite", "-O2", "instructions", 1_089_933, 430_000),
    ("cnn.tflite", "-Os", "instructions", 1_365_890, 440_000),
    ("cnn.tflite", "-O2", "RAM + stack, B", 6_820 + 670 + 900, 2_500),
    ("cnn.tflite", "-O2", "flash, B", 79_308, 16_000),
    ("lstm64x1.tflite", "-O2", "instructions", 9_270_000, 4_200_000),
)


def main() -> None:
    """Measure every model of the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(DATA).parent / "bench"
    costs: dict[tuple[str, str], bench.Cost] = {}
    print("| model | flags | MACs | instructions | per MAC | RAM + stack, B | flash, B | exact |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in sorted(folder.glob("*.tflite")):
        for level in LEVELS:
            try:
                costs[path.name, level] = bench.measure(path.read_bytes(), path.name, level)
            except HarmcuError as error:
                print(f"| {path.name} | {level} | {error} |||||")
                continue
            print(_row(path.name, level, costs[path.name, level]))
    print("\n| model | flags | measure | best peer | at most | measured |")
    print("| --- | --- | --- | --- | --- | --- |")
    for model, level, measure, peer, limit in LIMITS:
        if (model, level) in costs:
            measured = _measures(costs[model, level])[measure]
            mark = "" if measured <= limit else ", MISSED"
            print(f"| {model} | {level} | {measure} | {peer:,} | {limit:,} | {measured:,}{mark} |")


def _measures(cost: bench.Cost) -> dict[str, int]:
    return {
        "instructions": cost.instructions,
        "RAM + stack, B": cost.ram_bytes + cost.stack_bytes,
        "flash, B": cost.flash_bytes,
    }


def _row(name: str, level: str, cost: bench.Cost) -> str:
    per_mac = f"{cost.instructions / cost.macs:.2f}" if cost.macs else ""
    exact = {True: "yes", False: "NO", None: "not compared"}[cost.exact]
    return (
        f"| {name} | {level} | {cost.macs:,} | {cost.instructions:,} | {per_mac} "
        f"| {cost.ram_bytes:,} + {cost.stack_bytes:,} | {cost.flash_bytes:,} | {exact} |"
    )


if __name__ == "__main__":
    main()
