"""Prints what a hop costs beside a whole window, as a Markdown table.

    python benchmarks/streaming.py [BUNDLE|MODEL.tflite]...

Without arguments: a network of the trainer's family with 9,070 parameters and random weights, which
do not matter for the count of instructions. No hop can take a smaller share of a window's
instructions than of its multiplications, unless what else a window does is dearer; the limits are
those that the project set itself.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "codegen"))

from streaming_models import SMALL, cnn

from codegen import tflite
from host_tools import bench

WINDOWS = (128, 256, 512)
LIMITS = {2: 0.52, 8: 0.15}
"""Hops, as parts of a window, and the share of its instructions that they may take."""
RAM_LIMIT = 2000


def main() -> None:
    """Measure every model at a hop of half a window and of an eighth."""
    models = [bench.load(Path(path)) for path in sys.argv[1:]]
    models = models or [(cnn(window, *SMALL), "cnn of 9,070 parameters") for window in WINDOWS]
    print(
        "| model | window | hop | MACs, of a window's | instructions, of a window's | limit "
        f"| worst sample | RAM + stack, B, of {RAM_LIMIT:,} | exact |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for model, name in models:
        whole = bench.measure(model, name)
        window = tflite.read(model).input.shape[1]
        for part in LIMITS:
            print(_row(model, name, window, part, whole), flush=True)


def _row(model: bytes, name: str, window: int, part: int, whole: bench.Cost) -> str:
    hop = window // part
    stream = bench.measure_stream(model, name, hop)
    if isinstance(stream, str):
        return f"| {name} | {window} | {hop} | {stream} |||||"
    exact = {True: "yes", False: "NO", None: "not compared"}[stream.exact]
    return (
        f"| {name} | {window} | {hop} | {stream.macs:,}, {stream.macs / whole.macs:.3f} "
        f"| {stream.instructions:,}, {stream.instructions / whole.instructions:.3f} "
        f"| {LIMITS[part]} | {stream.worst_sample:,} "
        f"| {stream.ram_bytes:,} + {stream.stack_bytes:,} | {exact} |"
    )


if __name__ == "__main__":
    main()
