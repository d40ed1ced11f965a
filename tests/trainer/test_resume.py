"""Trainings that are interrupted, and go on."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_up import a_dataset

from trainer import checkpoint, datasets, pipeline
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.pipeline import TrainRequest
from trainer.progress import Facts

# Two of quantisation-aware training follow.
EPOCHS = 8


@pytest.fixture(autouse=True)
def _small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", lambda *_: a_dataset(list("abcde")))


def a_request(out: Path, resume: bool = False, seeds: int = 1) -> TrainRequest:
    return TrainRequest(
        "watch", out, size="tiny", epochs=EPOCHS, resume=resume, seeds=seeds, seed=3
    )


class CtrlC:
    """Interrupts once, when a step has come so far."""

    def __init__(self, step: str, done: int) -> None:
        self.at = (step, done)
        self.heard: list[tuple[str, int]] = []

    def __call__(self, step: str, done: int, _total: int, _facts: Facts) -> None:
        self.heard.append((step, done))
        if self.heard.count(self.at) == 1 and (step, done) == self.at:
            raise KeyboardInterrupt


def digest(bundle: Bundle) -> str:
    return bundle.spec.provenance.model_sha256


def test_ctrl_c_keeps_the_best_so_far(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    kept = pipeline.train(a_request(out), CtrlC("train", 5))
    history = kept.metrics["history"]
    assert len(history["loss"]) == len(history["validation_accuracy"]) == 5
    assert history["kept_epoch"] == np.argmax(history["validation_accuracy"]) + 1
    accuracy = kept.metrics["validation"]["float_accuracy"]
    assert accuracy == max(history["validation_accuracy"])
    assert len([*checkpoint.folder(out).iterdir()]) == 1


@pytest.mark.slow
def test_it_goes_on_and_ends_with_the_same_model(tmp_path: Path) -> None:
    whole = pipeline.train(a_request(tmp_path / "whole"))
    assert whole.metrics["history"]["kept_epoch"] is None
    assert not checkpoint.folder(tmp_path / "whole").exists()

    out = tmp_path / "parts"
    first = pipeline.train(a_request(out), CtrlC("train", 5))
    assert digest(first) != digest(whole)

    second = pipeline.train(a_request(out, resume=True), CtrlC("train int8", 1))
    assert len(second.metrics["history"]["loss"]) == EPOCHS + 1
    assert second.metrics["history"]["kept_epoch"] == EPOCHS + 1

    heard = CtrlC("never", 0)
    third = pipeline.train(a_request(out, resume=True), heard)
    assert ("train", 0) not in heard.heard
    assert ("train int8", 1) in heard.heard
    assert digest(third) == digest(whole)
    assert third.metrics["history"] == whole.metrics["history"]
    assert not checkpoint.folder(out).exists()


def test_another_training_does_not_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever decides the result, if it changes, what was left is of another training."""
    out = tmp_path / "bundle"
    pipeline.train(a_request(out), CtrlC("train", 1))
    request = a_request(out, resume=True)

    def is_refused(request: TrainRequest) -> None:
        with pytest.raises(HarmcuError, match=r"of another training .*leave out --resume"):
            pipeline.train(request)
        assert len([*checkpoint.folder(out).iterdir()]) == 1, "what was left must stay"

    is_refused(dataclasses.replace(request, seed=4))
    is_refused(dataclasses.replace(request, size="small"))

    from trainer.models import cnn

    with monkeypatch.context() as patch:
        patch.setattr(cnn, "RECIPE", dataclasses.replace(cnn.RECIPE, label_smoothing=0.06))
        is_refused(request)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.backend, "versions", lambda: {"harmcu": "another"})
        is_refused(request)

    # Another sample in a file of the same name, which the digest of a data set need not show.
    dataset = a_dataset(list("abcde"))
    edited = [r.counts.copy() for r in dataset.recordings]
    edited[0][17, 2] += 1
    changed = tuple(
        dataclasses.replace(r, counts=c) for r, c in zip(dataset.recordings, edited, strict=True)
    )
    other = dataclasses.replace(dataset, recordings=changed)
    monkeypatch.setattr(datasets, "load", lambda *_: other)
    is_refused(request)


def test_before_the_first_epoch_there_is_nothing_to_keep(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        pipeline.train(a_request(tmp_path / "bundle"), CtrlC("train", 0))
    assert not (tmp_path / "bundle").exists()


@pytest.mark.slow
def test_an_interrupted_repeat_leaves_the_bundle_whole(tmp_path: Path) -> None:
    out = tmp_path / "bundle"

    class SecondTraining(CtrlC):
        def __call__(self, step: str, done: int, _total: int, _facts: Facts) -> None:
            self.heard.append((step, done))
            if self.heard.count(("train", 0)) == 2 and (step, done) == ("train", 3):
                raise KeyboardInterrupt

    first = pipeline.train(a_request(out, seeds=2), SecondTraining("", 0))
    assert first.metrics["history"]["kept_epoch"] is None
    assert "repeats" not in first.metrics
    heard = CtrlC("never", 0)
    second = pipeline.train(a_request(out, resume=True, seeds=2), heard)
    assert digest(second) == digest(first)
    assert [run["seed"] for run in second.metrics["repeats"]["runs"]] == [3, 4]
    # The first training was whole, the second goes on after its third epoch.
    assert heard.heard.count(("train", 4)) == 1


def test_nothing_to_go_on_with_is_said(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match=r"leave out --resume"):
        pipeline.train(a_request(tmp_path / "bundle", resume=True))


def test_ctrl_c_in_the_first_rename_leaves_nothing_half_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkpoint.file(tmp_path / "bundle", {"seed": 1})

    def interrupted(_self: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(path, {"epochs": np.array(1)})
    assert list(path.parent.iterdir()) == []
    # What a kill leaves there is nothing to go on with, nor another training's.
    path.with_suffix(".new").write_bytes(b"half")
    with pytest.raises(HarmcuError, match="nothing was left there to go on with; leave out"):
        pipeline.train(a_request(tmp_path / "bundle", resume=True))
    checkpoint.save(path, {"epochs": np.array(1)})
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_is_in_the_way_is_said_before_training(tmp_path: Path) -> None:
    place = checkpoint.folder(tmp_path / "bundle")
    place.write_text("mine")
    heard = CtrlC("never", 0)
    with pytest.raises(HarmcuError, match=r"bundle\.checkpoint: is no folder.*; move it away"):
        pipeline.train(a_request(tmp_path / "bundle"), heard)
    assert heard.heard == []
    place.unlink()
    place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(HarmcuError, match="is no folder"):
        pipeline.train(a_request(tmp_path / "bundle"))


def test_a_damaged_checkpoint_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(HarmcuError, match=r"x\.npz: damaged"):
        checkpoint.load(tmp_path / "x.npz")


def test_any_bit_of_a_checkpoint_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    checkpoint.save(path, {"epochs": np.array(1)})
    whole = path.read_bytes()
    assert checkpoint.load(path) == {"epochs": np.array(1)}
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(HarmcuError, match=r"x\.npz: damaged; delete it"):
            checkpoint.load(path)


def test_only_checkpoints_are_removed(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    path = checkpoint.file(out, {"seed": 1})
    checkpoint.save(path, {"epochs": np.array(1)})
    for name in ("notes.txt", "weights.npz"):
        (path.parent / name).write_text("mine")
    (path.parent / f"{'0' * 32}.npz").mkdir()
    checkpoint.remove(out)
    left = sorted(file.name for file in path.parent.iterdir())
    assert left == [f"{'0' * 32}.npz", "notes.txt", "weights.npz"]
