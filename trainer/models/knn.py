"""``knn``: the nearest of a few hundred prototypes, by statistics of the window.

``trainer.knn`` is the model. Here its numbers are chosen: the statistics of the training windows
are standardised; a linear discriminant analysis finds the directions in which the labels lie
apart, which cost little to compare in; k-means condenses the windows of every label to a few
prototypes. There are no epochs. It sees whole windows and fits any hop.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer import knn, windows
from trainer.errors import HarmcuError
from trainer.knn import FEATURE_RANGE, WEIGHT_RANGE, Integers, Knn
from trainer.progress import Progress
from trainer.sample_path import Samples
from trainer.training import History, Material, Trained

SIZES: Mapping[str, int] = {"tiny": 8, "small": 20, "base": 40}
"""Prototypes of each label."""

# Chosen on validation subjects of the training part, never on test subjects.
NEIGHBOURS = 7
"""How many vote, unless a label has fewer prototypes: then the others would outvote it."""

DEVIATIONS = 8
"""Standard deviations of a statistic that the range of a feature holds."""

FULL_SCALE_PERCENTILE = 99.9
"""Share of the discriminants, in percent, that int8 holds; the rest saturates."""


def train(
    size: str, material: Material, epochs: int | None, seed: int, progress: Progress
) -> Trained:
    """Choose the numbers of the model; see ``trainer.models``.

    Raises:
        HarmcuError: scikit-learn is missing, there are epochs, or one label alone.
    """
    if epochs is not None:
        raise HarmcuError("knn is not trained in epochs; leave --epochs out")
    progress("train", 0, 1, {})
    cut = windows.cut(material.train, material.labels, material.window, material.hop)
    if len(np.unique(cut.labels)) < 2:
        raise HarmcuError("the training part has windows of one label alone; record others too")
    values = knn.statistics(windows.quantized(cut.counts, material.channels))
    model = _compressing(material, values, cut.labels)
    points = model.discriminants(values)
    prototypes, labels = _condensed(points, cut.labels, SIZES[size], seed)
    model = dataclasses.replace(
        model,
        prototypes=prototypes,
        prototype_labels=labels,
        neighbours=min(NEIGHBOURS, *np.unique(labels, return_counts=True)[1].tolist()),
    )
    progress("train", 1, 1, {"prototypes": len(labels)})
    numbers = model.projection.size + model.prototypes.size + 3 * model.features
    return Trained(knn.to_bytes(model), numbers, History(0), None, None)


def _compressing(material: Material, values: Integers, labels: Integers) -> Knn:
    """Return a model without prototypes: what turns statistics into discriminants.

    Args:
        material: for the sizes.
        values: int64 [windows, features], statistics of the training windows.
        labels: int64 [windows].
    """
    deviation = np.maximum(values.std(axis=0), 1.0)
    gains = FEATURE_RANGE / DEVIATIONS / deviation
    multiplier, shift = np.array([windows.fixed_point(gain) for gain in gains], np.int64).T
    offset = np.rint(values.mean(axis=0)).astype(np.int64)
    features = np.clip(np.rint((values - offset) * gains), -FEATURE_RANGE, FEATURE_RANGE)
    directions = _directions(features, labels)
    full_scale = np.percentile(np.abs(features @ directions.T), FULL_SCALE_PERCENTILE)
    weights = directions * (127.0 / full_scale)
    projection_shift = min(30, math.floor(math.log2(WEIGHT_RANGE / np.abs(weights).max())))
    return Knn(
        window=material.window,
        channels=len(material.channels),
        labels=len(material.labels),
        offset=offset,
        multiplier=multiplier,
        shift=shift,
        projection=np.rint(np.ldexp(weights, projection_shift)).astype(np.int64),
        projection_shift=projection_shift,
        prototypes=np.empty((0, len(directions)), np.int8),
        prototype_labels=np.empty(0, np.int64),
        neighbours=0,
    )


def _directions(features: npt.NDArray[np.float64], labels: Integers) -> npt.NDArray[np.float64]:
    """Return float64 [discriminants, features] in which the spread within a label is 1.

    The spread is shrunk after Ledoit and Wolf, J. Multivariate Analysis 88 (2004): a few takes of a
    gesture are fewer than the features.
    """
    analysis = _sklearn("discriminant_analysis").LinearDiscriminantAnalysis(
        solver="eigen", shrinkage="auto"
    )
    with warnings.catch_warnings():
        # A label with a single window adds nothing to the spread, and that is right.
        warnings.simplefilter("ignore")
        analysis.fit(features, labels)
    number = min(len(analysis.classes_) - 1, analysis.scalings_.shape[1])
    return np.asarray(analysis.scalings_[:, :number].T, np.float64)


def _condensed(
    points: Integers, labels: Integers, number: int, seed: int
) -> tuple[Samples, Integers]:
    """Return at most ``number`` prototypes of each label, by k-means, and their labels."""
    # Sums split among threads would be rounded in parts.
    with _limited_threads():
        found = []
        for label in np.unique(labels):
            own = points[labels == label].astype(np.float64)
            clusters = min(number, len(np.unique(own, axis=0)))
            means = _sklearn("cluster").KMeans(clusters, n_init=1, random_state=seed).fit(own)
            found.append((np.rint(means.cluster_centers_).astype(np.int8), label))
    return (
        np.concatenate([centres for centres, _ in found]),
        np.concatenate([np.full(len(centres), label) for centres, label in found]),
    )


def _limited_threads() -> Any:
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _sklearn(module: str) -> Any:
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise HarmcuError(
            f'knn needs scikit-learn ({error}); pip install "harmcu[train]"'
        ) from error
