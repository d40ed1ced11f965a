"""Times a training against a plain Keras script of the same network, data and epochs.

    python benchmarks/training_time.py [--size base] [--seed 1]

Each runs once, in a process of its own, one after the other: ``harmcu train`` with its checks,
augmentation, quantisation-aware epochs, conversion, evaluation and report, and a script of
model.compile, model.fit and model.evaluate, with TensorFlow's own settings. Both read UCI HAR with
the same loader. Seconds are of the whole process; those of the processor tell less of what else
the computer does.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("HARMCU_DATA", ROOT.parent / "shared" / "datasets"))
UCI_HAR = DATA / "uci-har" / "UCI_HAR_Dataset.tar.xz"


def main() -> None:
    """Time both and print a table, or be the plain script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="base")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="be the plain script")
    given = parser.parse_args()
    if given.plain:
        _plain(given.size, given.seed)
        return
    shared = ["--size", given.size, "--seed", str(given.seed)]
    with tempfile.TemporaryDirectory() as folder:
        data = ["--dataset", "uci-har", "--data", str(UCI_HAR), "--out", f"{folder}/bundle"]
        ours = _seconds([sys.executable, "-m", "host_tools", "train", *data, *shared, "--json"])
    plain = _seconds([sys.executable, str(Path(__file__)), "--plain", *shared])
    print("| | seconds | seconds of the processor |")
    print("| --- | --- | --- |")
    for name, (wall, processor) in (("harmcu train", ours), ("plain Keras script", plain)):
        print(f"| {name} | {wall:.0f} | {processor:.0f} |")
    print(f"| ratio | {ours[0] / plain[0]:.2f} | {ours[1] / plain[1]:.2f} |")


def _seconds(command: list[str]) -> tuple[float, float]:
    """Run a command and return its seconds on the clock and on the processor."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": path})
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, processor


def _plain(size: str, seed: int) -> None:
    """Train as a Keras tutorial would, for as many epochs as harmcu, of both kinds."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # the Keras that the network is written for
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    from trainer import datasets, fit, splits, windows
    from trainer.models import cnn
    from trainer.training import Shape
    from trainer.units import COUNTS_PER_UNIT

    dataset = datasets.load("uci-har", UCI_HAR)
    split = splits.by_subject(dataset, seed)
    window, hop = dataset.default_window, dataset.default_hop
    scale = [1 / COUNTS_PER_UNIT["g"]] * 3 + [1 / COUNTS_PER_UNIT["deg/s"] / 100] * 3
    parts = []
    for subjects in (split.train, split.validation, split.test):
        recordings = splits.of_subjects(dataset.recordings, subjects)
        cut = windows.cut(recordings, dataset.labels, window, hop)
        parts.append(((cut.counts * scale).astype("float32")[:, :, None, :], cut.labels))
    training, validation, test = parts
    model = cnn.build(size, Shape(window, hop, 6, len(dataset.labels)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    recipe = cnn.RECIPE
    epochs = recipe.epochs + fit.aware_epochs(recipe.epochs)
    model.fit(
        *training, batch_size=recipe.batch, epochs=epochs, validation_data=validation, verbose=2
    )
    model.evaluate(*test, verbose=2)


if __name__ == "__main__":
    main()
