"""How sure a mean over subjects is.

Windows of one person go right or wrong together, so the people are counted and not their windows.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from trainer.recording import Unit

CONFIDENCE = 0.95


def over_subjects(per_subject: Mapping[str, float], unit: Unit) -> dict[str, Any]:
    """Return the mean accuracy of subjects, the worst of them, and a confidence interval.

    For people the interval is Student's: the mean, plus and minus t standard errors ("The Probable
    Error of a Mean", Biometrika 6, 1908). Takes are right or wrong as a whole, often all of them;
    for them, and for people who all have the same accuracy, it is Wilson's score interval with as
    many trials as there are subjects (JASA 22, 1927), which is no narrower than it should be: a
    share cannot vary more than a yes or no. Blocks of the same recordings say nothing about other
    recordings and get no interval, nor does a single subject.

    Args:
        per_subject: accuracy of every subject, 0 to 1.
        unit: what the subjects are.

    Returns:
        ``mean``, ``worst`` (subject, accuracy), ``interval`` (low, high, confidence, method) or
        None, ``count`` and ``unit``.
    """
    accuracies = list(per_subject.values())
    worst = min(per_subject, key=lambda subject: per_subject[subject])
    return {
        "mean": statistics.fmean(accuracies),
        "worst": {"subject": worst, "accuracy": per_subject[worst]},
        "interval": _interval(accuracies, unit),
        "count": len(accuracies),
        "unit": unit,
    }


def _interval(accuracies: list[float], unit: Unit) -> dict[str, Any] | None:
    if len(accuracies) < 2 or unit == "block":
        return None
    if unit == "subject" and len(set(accuracies)) > 1:
        low, high = student(accuracies)
        method = "Student's t"
    else:
        low, high = wilson(statistics.fmean(accuracies), len(accuracies))
        method = "Wilson's score"
    return {"low": low, "high": high, "confidence": CONFIDENCE, "method": method}


def student(values: list[float]) -> tuple[float, float]:
    """Return Student's confidence interval of a mean of shares, within 0 and 1."""
    from scipy.special import stdtrit

    mean = statistics.fmean(values)
    error = statistics.stdev(values) / math.sqrt(len(values))
    reach = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) * error
    return max(0.0, mean - reach), min(1.0, mean + reach)


def wilson(share: float, trials: int) -> tuple[float, float]:
    """Return Wilson's score interval of a share of ``trials``."""
    z = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    middle = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def poisson(events: int) -> tuple[float, float]:
    """Return the exact confidence interval of an expected number of events (Biometrika 28, 1936).

    Where none was seen, up to 3.7 may be expected.
    """
    from scipy.special import gammaincinv

    rest = (1 - CONFIDENCE) / 2
    low = float(gammaincinv(events, rest)) if events else 0.0
    return low, float(gammaincinv(events + 1, 1 - rest))
