"""Augmentation, in counts: what the board would deliver if it were worn a little differently.

It comes before quantisation, so that the network never trains on a value that the integer path
cannot produce.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainer.recording import Counts

Soft = npt.NDArray[np.float32]
"""float32 [windows, labels], each row the shares of the labels."""


def rotate(counts: Counts, degrees: float, rng: np.random.Generator) -> Counts:
    """Turn every window by a random 3-D rotation, both sensors alike.

    The axis is uniform on the sphere, the angle normal with a standard deviation of ``degrees``.

    Args:
        counts: int16 [windows, window, 6].
        degrees: standard deviation of the angle.
        rng: source of randomness.

    Returns:
        int16 [windows, window, 6], rounded half to even and saturated.
    """
    matrices = _rotation_matrices(len(counts), np.deg2rad(degrees), rng)
    windows, samples, _ = counts.shape
    vectors = counts.reshape(windows, samples * 2, 3).astype(np.float32)
    turned = np.matmul(vectors, matrices.transpose(0, 2, 1)).reshape(counts.shape)
    return _to_int16(turned)


def scale(counts: Counts, spread: float, rng: np.random.Generator) -> Counts:
    """Make every window larger or smaller, each sensor by its own factor.

    The factors are normal around 1 with a standard deviation of ``spread``.

    Args:
        counts: int16 [windows, window, 6].
        spread: standard deviation of the factors.
        rng: source of randomness.

    Returns:
        int16 [windows, window, 6], rounded half to even and saturated.
    """
    factors = 1.0 + spread * rng.standard_normal((len(counts), 1, 2)).astype(np.float32)
    return _to_int16(counts.astype(np.float32) * np.repeat(factors, 3, axis=2))


def mixup(
    counts: Counts, targets: Soft, alpha: float, rng: np.random.Generator
) -> tuple[Counts, Soft]:
    """Blend every window and its target with another one's (Zhang et al., arXiv 1710.09412).

    Args:
        counts: int16 [windows, window, 6].
        targets: float32 [windows, labels].
        alpha: both parameters of the beta distribution of the shares.
        rng: source of randomness.

    Returns:
        int16 [windows, window, 6] and float32 [windows, labels].
    """
    share: npt.NDArray[np.float32] = rng.beta(alpha, alpha, len(counts)).astype(np.float32)
    other = rng.permutation(len(counts))
    of_samples, of_targets = share[:, None, None], share[:, None]
    mixed = of_samples * counts + (1.0 - of_samples) * counts[other]
    blended: Soft = of_targets * targets + (1.0 - of_targets) * targets[other]
    return _to_int16(mixed), blended


def _rotation_matrices(
    number: int, spread: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return float32 [number, 3, 3] by Rodrigues' formula, ``spread`` in radians."""
    axes = rng.standard_normal((number, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    angles = (spread * rng.standard_normal(number))[:, None, None]
    x, y, z = axes.T
    zero = np.zeros(number)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(number, 3, 3)
    squared = cross @ cross
    matrices = np.eye(3) + np.sin(angles) * cross + (1.0 - np.cos(angles)) * squared
    return np.asarray(matrices, np.float32)


def _to_int16(values: npt.NDArray[np.float32]) -> Counts:
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)
