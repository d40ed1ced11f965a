import dataclasses
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_up import a_dataset, a_recording, tiny_request

from trainer import backend, bundle, datasets, golden, held_out, pipeline, splits, windows
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.pipeline import TrainRequest
from trainer.recording import AXES, Dataset
from trainer.tflm import Tflm


def test_a_bundle_is_whole(trained: Bundle) -> None:
    spec = bundle.read(trained.path).spec
    assert spec.name == "watch_cnn_tiny"
    assert spec.labels == datasets.load("watch").labels
    assert (spec.window, spec.hop, spec.rate_millihertz) == (128, 32, 50_000)
    assert (spec.input.scale, spec.input.zero_point) == (1 / 32, 0)
    assert (spec.output.scale, spec.output.zero_point) == (1 / 256, -128)
    split = spec.provenance.split
    assert not {*split.train, *split.validation} & {*split.test}


def test_axes_that_some_recordings_lack_are_said() -> None:
    whole = a_dataset(["a", "b"])
    three = tuple(a_recording(300, "walk", name, axes=AXES[:3]) for name in "cd")
    mixed = dataclasses.replace(whole, recordings=(*whole.recordings, *three))
    notes = pipeline._without_lacking_axes(mixed).notes
    assert [note.what for note in notes] == [
        "recordings without gx, gy, gz: the model does without them, too"
    ] * 2
    assert pipeline._without_lacking_axes(whole).notes == ()
    axes = windows.common_axes(mixed.recordings)
    read = windows.channel_scaling(whole.recordings, axes)
    assert [channel.axis for channel in read] == ["ax", "ay", "az"]


def test_figures_are_those_of_the_model_on_the_held_out(trained: Bundle) -> None:
    again = pipeline.evaluate(trained, "watch")
    notes = again.pop("data_notes")
    assert [note["what"] for note in notes if note["what"] == held_out.MET] == [held_out.MET]
    assert set(again["per_subject"]) == set(trained.spec.provenance.split.test)
    for name, value in again.items():
        assert trained.metrics[name] == value
    # One epoch teaches something: chance is one in seven.
    assert again["accuracy"] > 0.3


def test_metrics_say_what_they_should(trained: Bundle) -> None:
    metrics = json.loads((trained.path / "metrics.json").read_text())
    assert metrics["model_bytes"] == len(trained.model)
    arena = metrics["tflm_arena_bytes"]
    assert arena["bytes"] == arena["measured_bytes"] + arena["margin_bytes"]
    assert len(metrics["history"]["loss"]) == len(metrics["history"]["validation_accuracy"]) == 2
    assert metrics["history"]["float_epochs"] == 1
    assert sum(map(sum, metrics["confusion"])) == metrics["windows"]


def test_golden_vectors_are_of_every_label_and_replay(trained: Bundle) -> None:
    assert (trained.path / "golden.npz").stat().st_size < 1_000_000
    traces = golden.traces(trained.golden)
    engine = Tflm(trained.model).run
    # Two excerpts of four windows for each of 7 labels, at four rates.
    assert len(traces) == 2 * 7 * 4
    for trace in traces[:8]:
        again = golden.run(trained.spec, engine, trace.counts, trace.rate_millihertz)
        assert (again.scores == trace.scores).all()
        assert len(trace.scores) >= 3


def test_tensorflow_of_another_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    backend.start(1)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    with pytest.raises(HarmcuError, match=r"imported before .* TF_ENABLE_ONEDNN_OPTS=0 "):
        backend.start(1)


def test_another_process_trains_the_same_model(trained: Bundle, tmp_path: Path) -> None:
    """Also with other hash randomisation, and into another folder."""
    code = (
        "import sys; from pathlib import Path; from made_up import tiny_request;"
        "from trainer import pipeline; pipeline.train(tiny_request(Path(sys.argv[1])))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "again")],
        env={
            **os.environ,
            "PYTHONHASHSEED": "1234",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert (result.stdout, result.stderr) == ("", ""), "only our own progress may be seen"
    for part in (
        "model.tflite",
        "spec.json",
        "metrics.json",
        "golden.npz",
        "met.npz",
        "report.html",
    ):
        assert (tmp_path / "again" / part).read_bytes() == (trained.path / part).read_bytes(), part


def test_progress_starts_and_ends_every_step(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []

    def stop_at_training(step: str, done: int, total: int, _: object) -> None:
        heard.append((step, done, total))
        if step == "train":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.train(tiny_request(tmp_path / "bundle"), stop_at_training)
    steps = [(step, done, 1) for step in ("start TensorFlow", "load data") for done in (0, 1)]
    assert heard == [*steps, ("train", 0, 1)]
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "0 epochs; train for at least one"),
        ({"seed": -1}, "the seed -1 is out of range"),
        ({"seed": 2**32}, "out of range"),
        ({"dataset": "nothing"}, "unknown data set 'nothing'"),
        ({"dataset": "uci-har"}, "--data"),
    ],
)
def test_a_bad_request_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    request = dataclasses.replace(TrainRequest("watch", tmp_path / "out"), **change)
    with pytest.raises(HarmcuError, match=message):
        pipeline.train(request)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "rnn"}, "unknown architecture 'rnn'"),
        ({"size": "huge"}, "unknown size of cnn 'huge'"),
        ({"data": Path("nowhere")}, "nowhere: no such file or folder; check the path"),
    ],
)
def test_a_typing_error_does_not_wait_for_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str
) -> None:
    monkeypatch.setattr(datasets, "load", lambda *_: pytest.fail("the data were read"))
    with pytest.raises(HarmcuError, match=message):
        pipeline.train(dataclasses.replace(TrainRequest("watch", tmp_path / "out"), **change))


@pytest.mark.parametrize(
    ("rate", "change", "message"),
    [
        (10_000_000, {}, "10000 Hz is more than a model's 1000 Hz at most.*--model-rate"),
        (1_000_000, {"window": 4100}, r"4,100 samples is longer than 4,096.*--window"),
        (50_000, {"window": 64, "hop": 65}, "hop 65 is longer than window 64.*--hop"),
    ],
)
def test_what_no_spec_may_say_is_not_trained(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rate: int,
    change: dict[str, int],
    message: str,
) -> None:
    dataset = a_dataset(list("abcde"))
    recordings = tuple(dataclasses.replace(r, rate_millihertz=rate) for r in dataset.recordings)
    fast = dataclasses.replace(dataset, recordings=recordings)
    monkeypatch.setattr(datasets, "load", lambda *_: fast)
    monkeypatch.setattr(pipeline.models, "train", lambda *_: pytest.fail("it was trained"))
    with pytest.raises(HarmcuError, match=message):
        pipeline.train(dataclasses.replace(tiny_request(tmp_path / "bundle"), **change))


def test_a_folder_with_other_things_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(HarmcuError, match=r"diary\.txt, which harmcu did not write"):
        pipeline.train(TrainRequest("watch", tmp_path))
    assert (tmp_path / "diary.txt").read_text() == "dear diary"


def test_scaling_looks_at_training_subjects_only(trained: Bundle) -> None:
    dataset = datasets.load("watch")
    training = splits.of_subjects(dataset.recordings, trained.spec.provenance.split.train)
    from trainer import windows

    assert windows.channel_scaling(training) == trained.spec.channels


def test_evaluating_on_those_who_trained_is_refused(
    trained: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = datasets.load("watch")
    training = splits.of_subjects(dataset.recordings, trained.spec.provenance.split.train)
    seen = dataclasses.replace(dataset, recordings=training)
    monkeypatch.setattr(datasets, "load", lambda *_: seen)
    with pytest.raises(HarmcuError, match="took part in training"):
        pipeline.evaluate(trained, "watch")


def test_short_takes_have_golden_vectors_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = tuple(
        a_recording(length, label, subject, seed=number)
        for number, (subject, label, length) in enumerate(
            itertools.product("abcde", ("walk", "sit"), (140, 200, 100))
        )
    )
    dataset = Dataset("generated", recordings, ("walk", "sit"), "0" * 64, (), 128, 64)
    monkeypatch.setattr(datasets, "load", lambda *_: dataset)
    trained = pipeline.train(TrainRequest("watch", tmp_path / "bundle", architecture="knn"))
    traces = [t for t in golden.traces(trained.golden) if t.rate_millihertz == 50_000]
    assert {t.truth for t in traces} == {0, 1}
    # The longest of every subject: 200 samples hold two windows.
    assert {len(t.scores) for t in traces} == {2}


def test_golden_counts_are_held_out_recordings(trained: Bundle) -> None:
    test = splits.of_subjects(datasets.load("watch").recordings, trained.spec.provenance.split.test)
    own_rate = [t for t in golden.traces(trained.golden) if t.rate_millihertz == 50_000]
    for trace in own_rate:
        length = len(trace.counts)
        assert any(np.array_equal(r.counts[:length], trace.counts) for r in test)
