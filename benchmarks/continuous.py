"""Prints how models fare on whole recordings of held-out people, as a Markdown table.

    python benchmarks/continuous.py [--arch cnn] [--sizes tiny,small,base] [--epochs N]

A row is one model, trained on the six activities of HAPT. Its thresholds are chosen on training
and validation subjects, for at most one false event an hour of other movement: transitions between
postures and whatever else has no label. The figures are of the test subjects. The data set lies in
the folder that HARMCU_DATA names.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from accuracy import HAPT, HAPT_SIX

from trainer import bundle, pipeline
from trainer.pipeline import TrainRequest

COLUMNS = (
    "model", "seed", "epochs", "windows right", "bouts recognised", "after, half", "nine of ten",
    "other movement", "false events an hour", "95 %", "smoothing", "digest",
)  # fmt: skip


def main() -> None:
    """Train, watch and print a row at a time."""
    given = _arguments()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + " --- |" * len(COLUMNS))
    for size in given.sizes.split(","):
        _row(
            pipeline.train(
                TrainRequest(
                    "hapt",
                    given.out / f"hapt-{given.arch}-{size}",
                    HAPT,
                    architecture=given.arch,
                    size=size,
                    seed=given.seed,
                    epochs=given.epochs,
                    labels=HAPT_SIX,
                )
            )
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="cnn")
    parser.add_argument("--sizes", default="tiny,small,base", help="separated by commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--out", type=Path, default=Path("benchmarks-out"))
    return parser.parse_args()


def _row(trained: bundle.Bundle) -> None:
    provenance, found = trained.spec.provenance, trained.metrics["continuous"]
    delay, expected = found["delay_seconds"], found["false_events_interval"]
    cells = (
        f"{provenance.architecture} {provenance.size}",
        str(provenance.seed),
        str(trained.metrics["history"]["float_epochs"]),
        f"{found['windows_right']:.1%}",
        f"{found['detected']} of {found['bouts']}",
        f"{delay['median']:.1f} s" if found["detected"] else "",
        f"{delay['ninth_decile']:.1f} s" if found["detected"] else "",
        f"{found['other_hours']:.2f} h",
        f"{found['false_events_per_hour']:.1f}",
        f"{expected['low']:.1f} to {expected['high']:.1f}",
        str(trained.spec.decision.smoothing),
        provenance.model_sha256[:12],
    )
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
