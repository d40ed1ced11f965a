import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_up import a_material, a_recording

from trainer import augment, backend, windows
from trainer.errors import HarmcuError
from trainer.progress import silent
from trainer.training import Material, Recipe

PLAIN = Recipe(1, 64, 1e-3, None, 0.0, 0.0, 0.0, 0.2)


@pytest.fixture(scope="module", autouse=True)
def _tensorflow() -> None:
    backend.start(1)


# 255 samples hold three windows wherever in the first hop they begin.
@pytest.mark.parametrize(("samples", "expected"), [(0, 0), (255, 3), (5000, None)])
def test_other_movement_is_no_label(
    monkeypatch: pytest.MonkeyPatch, samples: int, expected: int | None
) -> None:
    from trainer import fit

    monkeypatch.setattr(augment, "mixup", lambda counts, targets, *_: (counts, targets))

    training = [a_recording(64 * 8, label, seed=n) for n, label in enumerate(("walk", "sit"))]
    other = [a_recording(samples, "", seed=9)] if samples else []
    channels = windows.channel_scaling(training)
    material = Material(training, (), ("walk", "sit"), channels, 64, 64, other=other)
    made = fit._pass(PLAIN, material, seed=1, epoch=0)
    is_other = (made.targets == 0.5).all(axis=1)
    # There are at most half as many as windows with a label.
    most = (~is_other).sum() // 2
    assert is_other.sum() == (most if expected is None else expected)
    assert (made.targets.max(axis=1)[~is_other] == 1.0).all()
    again = fit._pass(PLAIN, material, seed=1, epoch=0)
    assert np.array_equal(made.samples, again.samples)
    assert not np.array_equal(made.samples, fit._pass(PLAIN, material, 1, 1).samples)


def test_a_training_that_diverges_says_so(tmp_path: Path) -> None:
    import tf_keras
    from tf_keras import layers

    from trainer import fit

    recordings = [a_recording(label=label, seed=n) for n, label in enumerate(("walk", "sit"))]
    saved = tmp_path / "state.npz"
    material = dataclasses.replace(a_material(recordings), checkpoint=saved)
    dense = [layers.Flatten(), layers.Dense(2), layers.Dense(2), layers.Softmax()]
    model = tf_keras.Sequential([layers.Input((128, 1, 6)), *dense])
    wild = dataclasses.replace(PLAIN, learning_rate=1e38)
    with pytest.raises(HarmcuError, match=r"loss of epoch \d is no finite number.*data inspect"):
        fit.fit(model, wild, material, epochs=8, seed=1, progress=silent)
