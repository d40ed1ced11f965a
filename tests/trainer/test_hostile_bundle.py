"""Bundles that someone wrote to do harm: every digest in them is right."""

import dataclasses
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import peak_memory
import pytest
from made_up_bundle import sign

from trainer import bundle, golden
from trainer.bundle import GOLDEN, MET, METRICS, SPEC, TFLITE, Bundle, Golden
from trainer.errors import HarmcuError

ARENA = {"measured_bytes": 900, "margin_bytes": 100, "bytes": 1000}


def test_a_bundle_that_is_signed_again_is_read(made_up: Bundle) -> None:
    before = (made_up.path / SPEC).read_bytes()
    sign(made_up.path)
    assert (made_up.path / SPEC).read_bytes() == before
    sign(made_up.path, name="other")
    assert bundle.read(made_up.path).spec == dataclasses.replace(made_up.spec, name="other")


@pytest.mark.parametrize(
    "changes",
    [
        {"hop": 2.0},
        {"window": 32.0},
        {"window": True},
        {"window": 10**30},
        {"rate_millihertz": -1},
        {"labels": []},
        {"labels": {"a": 1}},
        {"labels": ["a", "a\u0301", "\u00e1", "b", "c"]},
        {"name": "../../x"},
        {"name": "walk\n"},
        {"model_file": "../model.tflite"},
        {"model_file": GOLDEN},
        {"channels": None},
        {"input": {"scale": 1e400, "zero_point": 0}},
        {"decision": {"thresholds": [0] * 5, "smoothing": 0}},
        {"schema": "2" * 100_000},
        {"extra": 1},
    ],
)
def test_a_spec_is_checked_and_not_believed(made_up: Bundle, changes: dict[str, Any]) -> None:
    if changes.get("model_file") == "../model.tflite":
        (made_up.path.parent / TFLITE).write_bytes(made_up.model)
    sign(made_up.path, **changes)
    with pytest.raises(HarmcuError, match=r"spec\.json: .*;") as error:
        bundle.read(made_up.path)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("sign_of", [1.0, True, 2])
def test_a_sign_is_a_sign(made_up: Bundle, sign_of: object) -> None:
    channels = [dataclasses.asdict(channel) for channel in made_up.spec.channels]
    channels[2]["sign"] = sign_of
    sign(made_up.path, channels=channels)
    with pytest.raises(HarmcuError, match=r"spec\.json: .*channels/2/sign"):
        bundle.read(made_up.path)


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        [],
        5,
        {"tflm_arena_bytes": 5},
        {"tflm_arena_bytes": ["bytes"]},
        {"tflm_arena_bytes": {**ARENA, "bytes": "1]; int evil["}},
        {"tflm_arena_bytes": {**ARENA, "bytes": -1}},
        {"tflm_arena_bytes": {**ARENA, "bytes": 10**30}},
        {"tflm_arena_bytes": {**ARENA, "more": 1}},
    ],
)
def test_metrics_that_would_become_c_are_checked(made_up: Bundle, metrics: object) -> None:
    (made_up.path / METRICS).write_text(json.dumps(metrics))
    sign(made_up.path)
    with pytest.raises(HarmcuError, match=r"metrics\.json: tflm_arena_bytes"):
        bundle.read(made_up.path)


def _without(vectors: Golden, name: str) -> Golden:
    return {other: array for other, array in vectors.items() if other != name}


GOLDEN_DAMAGE = {
    "nothing": lambda _: {},
    "missing": lambda vectors: _without(vectors, "0001_truth"),
    "no first": lambda vectors: {k: v for k, v in vectors.items() if not k.startswith("0000")},
    "unknown": lambda vectors: {**vectors, "evil": np.array(1)},
    "another field": lambda vectors: {**vectors, "0000_evil": np.array(1)},
    "text": lambda vectors: {**vectors, "0000_counts": np.array("x")},
    "floats": lambda vectors: {**vectors, "0000_counts": vectors["0000_counts"] * 1.0},
    "seven axes": lambda vectors: {**vectors, "0000_counts": np.zeros((9, 7), np.int16)},
    "two lengths": lambda vectors: {**vectors, "0000_samples": vectors["0000_samples"][1:]},
    "labels": lambda vectors: {**vectors, "0000_scores": vectors["0000_scores"][:, 1:]},
    "no rate": lambda vectors: {**vectors, "0000_rate_millihertz": np.array(0)},
    "no such label": lambda vectors: {**vectors, "0000_truth": np.array(5)},
    "no such decision": lambda vectors: {
        **vectors,
        "0000_decisions": np.full_like(vectors["0000_decisions"], 1 << 60),
    },
    "a decision below unknown": lambda vectors: {
        **vectors,
        "0000_decisions": np.full_like(vectors["0000_decisions"], -2),
    },
    "more windows than samples": lambda vectors: {
        **vectors,
        **{name: np.concatenate([vectors[name]] * 2) for name in ("0000_scores", "0000_decisions")},
    },
}


@pytest.mark.parametrize("what", GOLDEN_DAMAGE)
def test_golden_vectors_are_whole_or_refused(made_up: Bundle, what: str) -> None:
    np.savez(made_up.path / GOLDEN, **GOLDEN_DAMAGE[what](made_up.golden))
    sign(made_up.path)
    with pytest.raises(HarmcuError, match=r"golden\.npz: vector"):
        bundle.read(made_up.path)


def test_golden_vectors_have_a_window(made_up: Bundle) -> None:
    one = {name: array for name, array in made_up.golden.items() if name.startswith("0000")}
    for name in ("counts", "resampled", "samples", "scores", "decisions"):
        one[f"0000_{name}"] = one[f"0000_{name}"][:0]
    np.savez(made_up.path / GOLDEN, **one)
    sign(made_up.path)
    with pytest.raises(HarmcuError, match=r"golden\.npz: holds no window"):
        bundle.read(made_up.path)


def test_vectors_that_pass_are_those_that_can_be_replayed(made_up: Bundle) -> None:
    assert len(golden.traces(bundle.read(made_up.path).golden)) == 8


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"others": np.zeros(3, np.uint64)},
        {"fingerprints": np.zeros(3, np.int64)},
        {"fingerprints": np.zeros((3, 1), np.uint64)},
    ],
)
def test_fingerprints_are_what_they_say(made_up: Bundle, arrays: Golden) -> None:
    np.savez(made_up.path / MET, **arrays)
    sign(made_up.path)
    with pytest.raises(HarmcuError, match=r"met\.npz: holds no fingerprints; train again"):
        bundle.read(made_up.path)


def test_a_zip_bomb_is_not_unpacked(made_up: Bundle) -> None:
    """A file of 60 kB that claims 64 MB."""
    bomb = {**made_up.golden, "0000_counts": np.zeros((32 << 20,), np.int16)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **bomb)
    del bomb
    _refused_in_little_memory(made_up.path, buffer.getvalue())


def test_a_gigabyte_is_not_reserved_because_a_header_says_so(made_up: Bundle) -> None:
    header = io.BytesIO()
    claim = {"descr": "<i2", "fortran_order": False, "shape": (1 << 29,)}
    np.lib.format.write_array_header_1_0(header, claim)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("0000_counts.npy", header.getvalue())
    _refused_in_little_memory(made_up.path, buffer.getvalue())


def _refused_in_little_memory(path: Path, vectors: bytes) -> None:
    (path / GOLDEN).write_bytes(vectors)
    sign(path)
    with peak_memory.allocated() as peak:
        with pytest.raises(HarmcuError, match=r"golden\.npz: not a NumPy archive"):
            bundle.read(path)
        assert peak() < 32 << 20
