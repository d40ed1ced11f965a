"""What the report shows of held-out recordings: mistakes, and one recording from its start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.continuous import Watched
from trainer.evaluate import Decisions
from trainer.recording import LabelledStream, Recording
from trainer.sample_path import UNKNOWN, Samples
from trainer.spec import Spec

MOST_MISTAKES = 12
MOST_WINDOWS = 600
"""Windows of the timeline; more would not be told apart."""


@dataclass(frozen=True)
class Mistake:
    """A window that was named wrong.

    Attributes:
        truth: its label's index.
        said: the index of the label that it was given.
        confidence: the score of that label, 0 to 1.
        subject: whose it is.
        source: the recording.
        samples: int8 [window, channels], what the model saw.
    """

    truth: int
    said: int
    confidence: float
    subject: str
    source: str
    samples: Samples


@dataclass(frozen=True)
class Timeline:
    """Consecutive windows of one held-out subject.

    Attributes:
        subject: whose they are.
        source: the recording, or the number of them.
        seconds: between two windows.
        truth: label indices, or a negative number where there is no one label.
        said: label indices or ``sample_path.UNKNOWN``.
    """

    subject: str
    source: str
    seconds: float
    truth: tuple[int, ...]
    said: tuple[int, ...]


@dataclass(frozen=True)
class Exhibits:
    """What the report shows."""

    mistakes: tuple[Mistake, ...]
    timeline: Timeline


def choose(
    spec: Spec,
    decisions: Decisions,
    recordings: Sequence[Recording],
    per_subject: dict[str, Any],
    streams: Sequence[LabelledStream] = (),
    watched: Sequence[Watched] = (),
) -> Exhibits:
    """Choose what to show, by rules that do not flatter.

    Args:
        spec: the model's.
        decisions: on the test part.
        recordings: of the test part.
        per_subject: accuracy by subject.
        streams: whole recordings of the test part, if there are any.
        watched: the same streams, watched.
    """
    middle = sorted(per_subject, key=lambda subject: (per_subject[subject], subject))
    subject = middle[(len(middle) - 1) // 2]
    timeline = _of_recordings(spec, decisions, subject, recordings)
    for stream, each in zip(streams, watched, strict=True):
        if stream.subject == subject:
            timeline = _of_stream(spec, stream, each)
            break
    return Exhibits(_mistakes(spec, decisions, recordings), timeline)


def _mistakes(
    spec: Spec, decisions: Decisions, recordings: Sequence[Recording]
) -> tuple[Mistake, ...]:
    """Return the most confident mistake of each pair of labels, the most frequent pairs first.

    Where there are fewer pairs than ``MOST_MISTAKES``, the second of each follows, and so on.
    """
    wrong = np.flatnonzero((decisions.said != decisions.truth) & (decisions.said != UNKNOWN))
    score = decisions.scores[wrong, decisions.said[wrong]].astype(np.int64)
    pairs = [(int(decisions.truth[w]), int(decisions.said[w])) for w in wrong]
    frequency, seen = Counter(pairs), Counter[tuple[int, int]]()
    ranked = []
    for place in np.argsort(-score, kind="stable"):
        pair = pairs[place]
        ranked.append((seen[pair], -frequency[pair], pair, int(place)))
        seen[pair] += 1
    chosen = [place for *_, place in sorted(ranked)[:MOST_MISTAKES]]
    return tuple(
        Mistake(
            *pairs[place],
            float((score[place] - spec.output.zero_point) * spec.output.scale),
            str(decisions.subjects[wrong[place]]),
            recordings[int(decisions.recordings[wrong[place]])].source,
            decisions.samples[wrong[place]],
        )
        for place in chosen
    )


def _of_recordings(
    spec: Spec, decisions: Decisions, subject: str, recordings: Sequence[Recording]
) -> Timeline:
    at = np.flatnonzero(decisions.subjects == subject)[:MOST_WINDOWS]
    number = len(set(decisions.recordings[at].tolist()))
    first = recordings[int(decisions.recordings[at[0]])].source
    return Timeline(
        subject,
        first if number == 1 else f"{number} recordings, one after the other",
        spec.hop / spec.rate_millihertz * 1000,
        tuple(decisions.truth[at].tolist()),
        tuple(decisions.said[at].tolist()),
    )


def _of_stream(spec: Spec, stream: LabelledStream, watched: Watched) -> Timeline:
    return Timeline(
        stream.subject,
        stream.source,
        spec.hop / spec.rate_millihertz * 1000,
        tuple(watched.truth[:MOST_WINDOWS].tolist()),
        tuple(watched.trace.decisions[:MOST_WINDOWS].tolist()),
    )
