"""Random nearest-neighbour models and windows for them."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from trainer.knn import STATISTICS, WEIGHT_RANGE, Knn
from trainer.sample_path import Samples


def made_up_knn(
    seed: int = 0,
    window: int = 20,
    channels: int = 2,
    labels: int = 3,
    per_label: int = 4,
    discriminants: int = 2,
    neighbours: int = 3,
) -> Knn:
    rng = np.random.default_rng(seed)
    features = STATISTICS * channels
    places = rng.integers(-128, 128, (labels * per_label, discriminants))
    # Some stand in the same place: then their order decides.
    places[1::3] = places[::3][: len(places[1::3])]
    return Knn(
        window=window,
        channels=channels,
        labels=labels,
        offset=rng.integers(-3000, 3000, features),
        multiplier=rng.integers(1, 32768, features),
        shift=rng.integers(1, 30, features),
        projection=rng.integers(-WEIGHT_RANGE, WEIGHT_RANGE + 1, (discriminants, features)),
        projection_shift=int(rng.integers(1, 31)),
        prototypes=places.astype(np.int8),
        prototype_labels=rng.permutation(np.repeat(np.arange(labels), per_label)),
        neighbours=neighbours,
    )


@st.composite
def _models(draw: DrawFn) -> Knn:
    labels, per_label = draw(st.integers(2, 6)), draw(st.integers(1, 20))
    return made_up_knn(
        seed=draw(st.integers(0, 2**32 - 1)),
        window=draw(st.integers(2, 70)),
        channels=draw(st.integers(1, 6)),
        labels=labels,
        per_label=per_label,
        discriminants=draw(st.integers(1, 8)),
        neighbours=draw(st.integers(1, min(9, labels * per_label))),
    )


MODELS = _models()


def windows_of(model: Knn) -> SearchStrategy[Samples]:
    """Noise of the whole range or of a few steps, and the two extremes."""

    def windows(seed: int, low: int, high: int) -> Samples:
        rng = np.random.default_rng(seed)
        low, high = min(low, high), max(low, high)
        noise = rng.integers(low, high + 1, (6, model.window, model.channels)).astype(np.int8)
        noise[0], noise[1] = -128, 127
        noise[2, ::2], noise[2, 1::2] = -128, 127
        return noise

    limits = st.integers(-128, 127)
    return st.builds(windows, st.integers(0, 2**32 - 1), limits, limits)
