"""Golden vectors: held-out counts in, the output of every stage out.

They travel in the bundle, so that any board can be compared with what was evaluated, stage by
stage, without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer import resample, sample_path
from trainer.bundle import Golden
from trainer.recording import Counts, Recording, six_axes
from trainer.sample_path import Samples
from trainer.spec import Spec

SENSOR_RATES_MILLIHERTZ = (119_000, 99_800, 20_000)
"""The rates at which vectors are made besides the model's own: LSM9DS1, BMI270, WISDM."""

Engine = Callable[[Samples], Samples]
"""int8 [windows, window, channels] to int8 scores [windows, labels]."""


@dataclass(frozen=True)
class Trace:
    """One stream through the whole path.

    Attributes:
        rate_millihertz: rate of ``counts``.
        counts: int16 [samples, 6], as an IMU driver would deliver them.
        resampled: int16 [outputs, 6], at the model's rate.
        samples: int8 [outputs, channels], quantised.
        scores: int8 [windows, labels].
        decisions: int64 [windows], label indices or ``sample_path.UNKNOWN``.
        truth: index of the recording's label, or None when the model does not know it.
    """

    rate_millihertz: int
    counts: Counts
    resampled: Counts
    samples: Samples
    scores: Samples
    decisions: npt.NDArray[np.int64]
    truth: int | None = None


def run(
    spec: Spec, engine: Engine, counts: Counts, rate_millihertz: int, label: str | None = None
) -> Trace:
    """Run one stream of six-axis counts through the path, from the IMU to the decision."""
    resampled = resample.resample(counts, resample.design(rate_millihertz, spec.rate_millihertz))
    samples = sample_path.quantize(resampled, spec.channels)
    scores = engine(sample_path.windows(samples, spec.window, spec.hop))
    decisions = sample_path.decide(scores, spec.decision)
    truth = spec.labels.index(label) if label in spec.labels else None
    return Trace(rate_millihertz, counts, resampled, samples, scores, decisions, truth)


def at_rate(recording: Recording, rate_millihertz: int) -> Counts:
    """Return a recording's six axes as a sensor of another rate would have delivered them.

    The same integer resampler brings them there; int16 [samples, 6].
    """
    table = resample.design(recording.rate_millihertz, rate_millihertz)
    return resample.resample(six_axes(recording), table)


def replay(spec: Spec, engine: Engine, recording: Recording, rate_millihertz: int) -> Trace:
    """Run a recording through the path as a sensor of some rate would have delivered it."""
    counts = at_rate(recording, rate_millihertz)
    return run(spec, engine, counts, rate_millihertz, recording.label)


def make(spec: Spec, engine: Engine, recordings: Sequence[Recording]) -> Golden:
    """Make the vectors: every recording at the model's rate, and at every sensor rate."""
    rates = sorted({spec.rate_millihertz, *SENSOR_RATES_MILLIHERTZ})
    golden: Golden = {}
    index = 0
    for recording in recordings:
        for rate in rates:
            golden |= _pack(index, replay(spec, engine, recording, rate))
            index += 1
    return golden


def _pack(index: int, trace: Trace) -> Golden:
    prefix = f"{index:04d}_"
    return {
        prefix + "rate_millihertz": np.array(trace.rate_millihertz, np.int64),
        prefix + "counts": trace.counts,
        prefix + "resampled": trace.resampled,
        prefix + "samples": trace.samples,
        prefix + "scores": trace.scores,
        prefix + "decisions": trace.decisions,
        prefix + "truth": np.array(-1 if trace.truth is None else trace.truth, np.int64),
    }


def traces(golden: Golden) -> list[Trace]:
    """Return the vectors of a bundle, in the order they were made."""
    result = []
    for index in range(sum(name.endswith("_counts") for name in golden)):
        prefix = f"{index:04d}_"
        result.append(
            Trace(
                int(golden[prefix + "rate_millihertz"]),
                golden[prefix + "counts"],
                golden[prefix + "resampled"],
                golden[prefix + "samples"],
                golden[prefix + "scores"],
                golden[prefix + "decisions"],
                None if golden[prefix + "truth"] < 0 else int(golden[prefix + "truth"]),
            )
        )
    return result
