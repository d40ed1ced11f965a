"""What a model is worth, as names and values for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DETAILS = ("over_subjects", "calibration", "quantization", "desktop", "continuous", "repeats")
"""The parts of ``metrics.json`` that ``--json`` shows beside accuracy and F1."""

REPEAT_COLUMNS = ("run", "test part", "windows", "accuracy", "macro F1", "float")


def rows(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return the figures of one model, and of its repeats if there are any."""
    rows = {
        "accuracy": f"{metrics['accuracy']:.1%} of {metrics['windows']:,} windows",
        "macro F1": f"{metrics['macro_f1']:.3f}",
        **_subject_rows(metrics["over_subjects"]),
        "calibration error": f"{metrics['calibration']['error']:.3f}",
    }
    if "quantization" in metrics:
        found = metrics["quantization"]
        rows["int8 minus float"] = (
            f"{100 * found['int8_minus_float']:+.2f} points, from {found['float_accuracy']:.1%}"
        )
    if "desktop" in metrics:
        rows["desktop interpreter"] = (
            f"another label in {metrics['desktop']['largest_differ']:.2%} of windows, another "
            f"score in {metrics['desktop']['scores_differ']:.1%}"
        )
    if "continuous" in metrics:
        rows |= _continuous_rows(metrics["continuous"])
    if "repeats" in metrics:
        rows |= _repeats_rows(metrics["repeats"])
    return rows


def interruption(metrics: Mapping[str, Any], is_repeated: bool) -> str:
    """Return what Ctrl-C has cut short, or the empty string.

    Args:
        metrics: of a bundle that was just trained.
        is_repeated: whether several trainings were asked for.
    """
    history = metrics["history"]
    if history["kept_epoch"] is not None:
        kept = f"of epoch {history['kept_epoch']}, the best on validation subjects"
        if not history["kept_epoch"]:
            kept = "that int8-aware training began with"
        return f"interrupted after epoch {len(history['loss'])}: the weights kept are those {kept}"
    if is_repeated and "repeats" not in metrics:
        return "interrupted: the bundle is whole, but not all of the other trainings are done"
    return ""


def repeat_rows(repeats: Mapping[str, Any]) -> list[Sequence[str]]:
    """Return a row a run, for ``REPEAT_COLUMNS``."""
    return [
        (
            f"seed {run['seed']}",
            run["split"],
            f"{run['windows']:,}",
            f"{run['accuracy']:.2%}",
            f"{run['macro_f1']:.3f}",
            "" if run["float_accuracy"] is None else f"{run['float_accuracy']:.2%}",
        )
        for run in repeats["runs"]
    ]


def over_subjects(found: Mapping[str, Any]) -> str:
    """Return the mean over subjects and how sure it is."""
    text = f"{found['mean']:.1%} on average over {found['count']} {found['unit']}s"
    reach = found["interval"]
    if reach is None:
        return f"{text}; too few to say how sure that is"
    return (
        f"{text}; {reach['low']:.1%} to {reach['high']:.1%} with {reach['confidence']:.0%} "
        f"confidence ({reach['method']})"
    )


def _subject_rows(found: Mapping[str, Any]) -> dict[str, str]:
    worst = found["worst"]
    return {
        f"by {found['unit']}": over_subjects(found),
        f"worst {found['unit']}": f"{worst['subject']}: {worst['accuracy']:.1%}",
    }


def _continuous_rows(found: Mapping[str, Any]) -> dict[str, str]:
    delay = found["delay_seconds"]
    rows = {
        "whole recordings": (
            f"{found['hours']:.1f} hours, {found['detected']} of {found['bouts']} bouts recognised"
        )
    }
    if delay["median"] is not None:
        rows["time to recognise"] = (
            f"{delay['median']:.1f} s in half of them, {delay['ninth_decile']:.1f} s in nine of ten"
        )
    expected = found["false_events_interval"]
    if expected is not None:
        rows["other movement"] = (
            f"{found['false_events']} false events in {found['other_hours']:.2f} hours, "
            f"{found['false_events_per_hour']:.1f} an hour "
            f"({expected['confidence']:.0%}: {expected['low']:.1f} to {expected['high']:.1f})"
        )
    return rows


def _repeats_rows(repeats: Mapping[str, Any]) -> dict[str, str]:
    seeds, folds = len(repeats["seeds"]), repeats["folds"]
    accuracy = repeats["accuracy"]
    return {
        f"{seeds} seeds, {folds} folds": (
            f"accuracy {accuracy['mean']:.2%} on average, {accuracy['worst']:.2%} the worst seed, "
            f"standard deviation {100 * accuracy['standard_deviation']:.2f} points"
        ),
        "all runs, by subject": over_subjects(repeats["subjects"]),
        "all runs, worst": (
            f"{repeats['subjects']['worst']['subject']}: "
            f"{repeats['subjects']['worst']['accuracy']:.1%}"
        ),
    }


def note_lines(notes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a reader had to decide about data, of ``trainer.inspect.summary``, for people."""
    lines = []
    for note in notes:
        files = f" ({len(note['files'])} files)" if note["files"] else ""
        lines.append(f"{note['kind']}: {note['what']}: {note['count']:,}{files}")
    return lines
