import numpy as np
import pytest
from made_up import a_recording

from trainer import augment, backend, windows
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
