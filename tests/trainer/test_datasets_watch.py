import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from trainer import datasets
from trainer.datasets import watch
from trainer.errors import HarmcuError


def test_the_packaged_recordings() -> None:
    dataset = datasets.load("watch")
    assert len(dataset.recordings) == 140
    assert sum(len(recording.counts) for recording in dataset.recordings) == 244_102
    assert {recording.subject for recording in dataset.recordings} == {str(n) for n in range(1, 11)}
    assert Counter(r.label for r in dataset.recordings) == dict.fromkeys(watch.LABELS, 20)
    assert dataset.official_test_subjects == ()


def test_units_by_the_first_sample() -> None:
    # seglearn's first sample: -1.083608 g on x, 0.41141 rad/s about x.
    first = datasets.load("watch").recordings[0]
    assert first.label == "pendulum"
    assert first.counts.dtype == np.int16
    assert first.counts[0, 0] == round(-1.083608 * 8192)
    assert first.counts[0, 3] == round(np.rad2deg(0.41141) * 16.384)


def test_gravity_is_one_g() -> None:
    counts = np.vstack([r.counts for r in datasets.load("watch").recordings])
    assert 0.9 < np.median(np.linalg.norm(counts[:, :3] / 8192, axis=1)) < 1.2


def test_an_unknown_pickle_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "other.npy"
    # A pickle that would leave a file behind.
    file.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path).encode() + b"/opened'\ntR.")
    with pytest.raises(HarmcuError, match=r"other\.npy: not the watch_dataset\.npy"):
        watch.load(file)
    assert not (tmp_path / "opened").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match=r"nowhere\.npy: cannot be read"):
        watch.load(tmp_path / "nowhere.npy")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(HarmcuError, match=r'pip install "harmcu\[demo\]"'):
        watch.load()
