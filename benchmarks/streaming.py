"""Prints what a hop costs beside a whole window, as a Markdown table.

    python benchmarks/streaming.py [BUNDLE|MODEL.tflite]...

Without arguments: the trainer's ``cnn small``, some 9,000 parameters, with random weights, which do
not matter for the count of instructions.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "codegen"))

from streaming_models import SMALL, cnn

from codegen import tflite
from host_tools import bench

WINDOWS = (128, 256, 512)
SHARES = (2, 8)


def main() -> None:
    """Measure every model at a hop of half a window and of an eighth."""
    models = [bench.load(Path(path)) for path in sys.argv[1:]]
    models = models or [(cnn(window, *SMALL), "cnn small") for window in WINDOWS]
    print(
        "| model | window | hop | MACs, of a window's | instructions, of a window's "
        "| worst sample | RAM + stack, B | exact |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for model, name in models:
        whole = bench.measure(model, name)
        window = tflite.read(model).input.shape[1]
        for share in SHARES:
            print(_row(model, name, window, window // share, whole), flush=True)


def _row(model: bytes, name: str, window: int, hop: int, whole: bench.Cost) -> str:
    stream = bench.measure_stream(model, name, hop)
    if isinstance(stream, str):
        return f"| {name} | {window} | {hop} | {stream} ||||"
    exact = {True: "yes", False: "NO", None: "not compared"}[stream.exact]
    return (
        f"| {name} | {window} | {hop} | {stream.macs:,}, {stream.macs / whole.macs:.3f} "
        f"| {stream.instructions:,}, {stream.instructions / whole.instructions:.3f} "
        f"| {stream.worst_sample:,} | {stream.ram_bytes:,} + {stream.stack_bytes:,} | {exact} |"
    )


if __name__ == "__main__":
    main()
