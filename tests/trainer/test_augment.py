import numpy as np
import pytest

from trainer import augment

RNG_SEED = 3


def some_counts(number: int = 50, largest: int = 15_000) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(-largest, largest, (number, 20, 6)).astype(np.int16)


def test_a_rotation_keeps_lengths_and_angles() -> None:
    counts = some_counts()
    turned = augment.rotate(counts, 40.0, np.random.default_rng(RNG_SEED))
    assert turned.dtype == np.int16
    assert not (turned == counts).all(axis=(1, 2)).any()
    for sensor in (slice(0, 3), slice(3, 6)):
        before = np.linalg.norm(counts[..., sensor].astype(float), axis=2)
        after = np.linalg.norm(turned[..., sensor].astype(float), axis=2)
        assert after == pytest.approx(before, abs=2)
    # Both sensors turn alike: the angle between them stays.
    before = (counts[..., :3].astype(float) * counts[..., 3:]).sum(axis=2)
    after = (turned[..., :3].astype(float) * turned[..., 3:]).sum(axis=2)
    assert after == pytest.approx(before, abs=1e5)


def test_the_angle_of_rotation() -> None:
    counts = np.zeros((4000, 1, 6), np.int16)
    counts[:, :, 2] = 16_384
    turned = augment.rotate(counts, 10.0, np.random.default_rng(RNG_SEED))
    # About a random axis, a vector turns by |angle| sin(its angle to the axis): mean of sin^2 2/3.
    angles = np.rad2deg(np.arccos(np.clip(turned[:, 0, 2] / 16_384, -1, 1)))
    assert np.sqrt(np.mean(angles**2)) == pytest.approx(10.0 * np.sqrt(2 / 3), rel=0.05)


def test_no_rotation_changes_nothing() -> None:
    counts = some_counts()
    assert (augment.rotate(counts, 0.0, np.random.default_rng(RNG_SEED)) == counts).all()


def test_scaling_is_by_sensor() -> None:
    counts = some_counts(largest=8_000)
    counts[..., [0, 3]] = 8_000
    scaled = augment.scale(counts, 0.1, np.random.default_rng(RNG_SEED)).astype(float)
    for sensor in (slice(0, 3), slice(3, 6)):
        factor = scaled[:, :1, sensor.start : sensor.start + 1] / 8_000
        assert scaled[..., sensor] == pytest.approx(counts[..., sensor] * factor, abs=1.5)
    assert np.std(scaled[:, 0, 0] / 8_000) == pytest.approx(0.1, rel=0.3)
    assert not np.allclose(scaled[:, 0, 0], scaled[:, 0, 3])


def test_what_does_not_fit_saturates() -> None:
    counts = np.full((200, 2, 6), 32767, np.int16)
    scaled = augment.scale(counts, 0.5, np.random.default_rng(RNG_SEED))
    assert scaled.max() == 32767
    assert (scaled >= 0).mean() > 0.9


def test_mixup_blends_windows_and_targets_alike() -> None:
    levels = np.arange(100) * 300
    counts = np.broadcast_to(levels[:, None, None], (100, 4, 6)).astype(np.int16)
    targets = np.eye(100, dtype=np.float32)
    mixed, blended = augment.mixup(counts, targets, 0.4, np.random.default_rng(RNG_SEED))
    assert blended.sum(axis=1) == pytest.approx(1.0)
    assert mixed[:, 0, 0] == pytest.approx(blended @ levels, abs=1)


def test_the_same_generator_gives_the_same_bits() -> None:
    one, two = (
        augment.rotate(some_counts(), 15.0, np.random.default_rng(RNG_SEED)) for _ in range(2)
    )
    assert (one == two).all()
