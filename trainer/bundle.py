"""The bundle: the folder that training writes and everything else reads.

This module is its only reader and writer. ``spec.json`` carries the SHA-256 of every other file and
of itself, so that a bundle is either whole and as written, or refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer import folder, sample_path
from trainer.errors import HarmcuError
from trainer.recording import AXES
from trainer.spec import Spec, check, from_document

SPEC, METRICS, GOLDEN, REPORT = "spec.json", "metrics.json", "golden.npz", "report.html"
MET = "met.npz"

TFLITE, KNN = "model.tflite", "knn.json"
"""What may hold the model; ``model_file`` of the spec says which of them does."""

PARTS = (TFLITE, KNN, SPEC, METRICS, GOLDEN, MET, REPORT)

MAX_FILE_BYTES = 64 << 20
"""No part of a bundle for a microcontroller comes near this; a larger file is not one of ours."""

Golden = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory, checked.

    ``met`` is uint64 [fingerprints], of ``trainer.met``.
    """

    path: Path
    spec: Spec
    model: bytes
    metrics: dict[str, Any]
    golden: Golden
    met: npt.NDArray[np.uint64]

    @property
    def report(self) -> Path:
        """Where the report for people lies."""
        return self.path / REPORT


def sha256(data: bytes) -> str:
    """Return the digest of ``data`` in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write(
    path: Path,
    spec: Spec,
    model: bytes,
    metrics: dict[str, Any],
    golden: Golden,
    met: npt.NDArray[np.uint64],
    report: str,
) -> Bundle:
    """Write a bundle, whole or not at all.

    A bundle that stands at ``path`` is replaced; any other file there is an error.

    Args:
        path: the folder to make.
        spec: its ``provenance.model_sha256`` must be the digest of ``model``.
        model: content of the file that ``spec.model_file`` names.
        metrics: figures, JSON types only.
        golden: arrays from ``trainer.golden.make``.
        met: from ``trainer.met.fingerprints``.
        report: report.html.

    Raises:
        HarmcuError: the spec contradicts itself or the model, or the folder cannot be written.
    """
    check(spec)
    if sha256(model) != spec.provenance.model_sha256:
        raise HarmcuError("the spec names another model than the one given; train again")
    files = {
        spec.model_file: model,
        METRICS: _json_bytes(metrics),
        GOLDEN: _npz_bytes(golden),
        MET: _npz_bytes({"fingerprints": met}),
        REPORT: report.encode(),
    }
    files[SPEC] = _spec_bytes(spec, files)
    folder.replace(path, files, _ours(path))
    return read(path)


def check_free(path: Path) -> None:
    """Check that a bundle may be written at ``path``.

    Raises:
        HarmcuError: something of the user's stands there.
    """
    folder.check_free(path, _ours(path))


def _ours(path: Path) -> tuple[str, ...]:
    """Return what an earlier bundle at ``path`` holds; nothing is ours where none stands."""
    try:
        document = _parse_json(_read_part(path, SPEC), path / SPEC)
    except HarmcuError:
        return ()
    # A spec.json of the user's may be anything: ours alone carries its own digest.
    integrity = document.get("integrity") if isinstance(document, dict) else None
    return PARTS if isinstance(integrity, dict) and SPEC in integrity else ()


def read(path: Path) -> Bundle:
    """Read a bundle and check every part of it.

    Raises:
        HarmcuError: a part is missing, damaged, edited or of another version; the message names it.
    """
    if not folder.is_dir(path):
        raise HarmcuError(f"{path}: no such bundle; make one with `harmcu train`")
    spec_data = _read_part(path, SPEC)
    document = _parse_json(spec_data, path / SPEC)
    integrity = document.pop("integrity", None) if isinstance(document, dict) else None
    spec = from_document(document, str(path / SPEC))
    files = {name: _read_part(path, name) for name in _signed_parts(spec)}
    if not _is_as_written(spec_data, spec, files):
        _blame(path, spec, files, integrity)
    model = files[spec.model_file]
    if sha256(model) != spec.provenance.model_sha256:
        raise HarmcuError(
            f"{path / spec.model_file}: not the model that spec.json names; train again"
        )
    metrics = _parse_json(files[METRICS], path / METRICS)
    _check_metrics(metrics, path / METRICS)
    golden = _read_npz(files[GOLDEN], path / GOLDEN)
    _check_golden(golden, spec, path / GOLDEN)
    met = _fingerprints(_read_npz(files[MET], path / MET), path / MET)
    return Bundle(path=path, spec=spec, model=model, metrics=metrics, golden=golden, met=met)


def _signed_parts(spec: Spec) -> tuple[str, ...]:
    """Return the files of which spec.json carries the digests."""
    return (spec.model_file, METRICS, GOLDEN, MET, REPORT)


def _is_as_written(spec_data: bytes, spec: Spec, files: dict[str, bytes]) -> bool:
    try:
        return spec_data == _spec_bytes(spec, files)
    except ValueError:  # a lone surrogate, which no bundle of ours holds
        return False


def _is_another(stated: Any, digest: str) -> bool:
    """Tell whether a digest is of other content, and not this one's with a character damaged."""
    if not isinstance(stated, str):
        return False
    return sum(map(str.__eq__, stated, digest)) < len(digest) // 2


def _blame(path: Path, spec: Spec, files: dict[str, bytes], integrity: Any) -> None:
    """Raise the error that names the part which is not as it was written."""
    stated = integrity if isinstance(integrity, dict) else {}
    for name, data in files.items():
        if _is_another(stated.get(name), sha256(data)) and _is_signed(stated, spec):
            raise HarmcuError(
                f"{path / name}: changed since it was written, or from another bundle; "
                "train again or restore the file"
            )
    raise HarmcuError(
        f"{path / SPEC}: edited or damaged since it was written; train again or restore the file"
    )


def _is_signed(stated: dict[str, Any], spec: Spec) -> bool:
    try:
        return bool(stated.get(SPEC) == _spec_digest(spec))
    except ValueError:
        return False


def _spec_digest(spec: Spec) -> str:
    return sha256(_json_bytes(spec.to_document()))


def _spec_bytes(spec: Spec, files: dict[str, bytes]) -> bytes:
    """Return spec.json: the spec's document and the digests of everything, itself included."""
    integrity = {SPEC: _spec_digest(spec)}
    integrity |= {name: sha256(files[name]) for name in _signed_parts(spec)}
    return _json_bytes({**spec.to_document(), "integrity": integrity})


def _json_bytes(document: Any) -> bytes:
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _parse_json(data: bytes, source: Path) -> Any:
    try:
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise HarmcuError(f"{source}: not valid JSON; restore the file or train again") from None


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads although JSON has no such thing."""
    raise ValueError(name)


def _npz_bytes(arrays: Golden) -> bytes:
    """Return an uncompressed .npz whose bytes depend on the arrays alone."""
    buffer = io.BytesIO()
    # NumPy stamps every member with 1980-01-01, so that equal arrays give equal bytes.
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _fingerprints(arrays: Golden, source: Path) -> npt.NDArray[np.uint64]:
    found = arrays.get("fingerprints")
    if found is None or found.dtype != np.uint64 or found.ndim != 1:
        raise HarmcuError(f"{source}: holds no fingerprints; train again")
    return found


def _read_npz(data: bytes, source: Path) -> Golden:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # Ours are stored: a compressed member could unpack to a thousand times its size.
            if any(m.compress_type != zipfile.ZIP_STORED for m in archive.infolist()):
                raise ValueError("compressed")
            return {
                name.removesuffix(".npy"): _read_npy(archive.read(name))
                for name in archive.namelist()
            }
    except Exception:
        # NumPy and zipfile raise half a dozen types here; all of them mean the same to the user.
        raise HarmcuError(f"{source}: not a NumPy archive; train again") from None


def _read_npy(data: bytes) -> npt.NDArray[Any]:
    """Read an array, which np.load would make as large as its header says before it reads it."""
    buffer = io.BytesIO(data)
    if np.lib.format.read_magic(buffer) != (1, 0):
        raise ValueError("version")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(buffer)
    values = buffer.read()
    if dtype.hasobject or len(values) != math.prod(shape) * dtype.itemsize:
        raise ValueError("array")
    return np.ndarray(shape, dtype, values, order="F" if is_fortran else "C").copy()


def _check_metrics(metrics: Any, source: Path) -> None:
    """Check the one figure from which C is made: what TFLM's arena needs."""
    arena = metrics.get("tflm_arena_bytes", {}) if isinstance(metrics, dict) else {}
    names = {"measured_bytes", "margin_bytes", "bytes"}
    is_arena = (
        isinstance(arena, dict)
        and arena.keys() == names
        and all(type(size) is int and 0 <= size <= MAX_FILE_BYTES for size in arena.values())
    )
    if arena is not None and not is_arena:
        raise HarmcuError(f"{source}: tflm_arena_bytes is missing or damaged; train again")


def _check_golden(golden: Golden, spec: Spec, source: Path) -> None:
    """Check that the arrays are traces as ``trainer.golden`` packs them, of this spec's sizes."""
    traces: dict[str, Golden] = {}
    for name, array in golden.items():
        index, _, field = name.partition("_")
        traces.setdefault(index, {})[field] = array
    for number in range(max(1, len(traces))):
        trace = traces.get(f"{number:04d}", {})
        shapes = _trace_shapes(trace, spec)
        is_whole = trace.keys() == shapes.keys() and all(
            (trace[name].dtype, trace[name].shape) == shape for name, shape in shapes.items()
        )
        if not is_whole or not _is_of_model(trace, spec):
            raise HarmcuError(f"{source}: vector {number} is missing or damaged; train again")
    if not any(len(trace["scores"]) for trace in traces.values()):
        raise HarmcuError(f"{source}: holds no window; train again")


def _is_of_model(trace: Golden, spec: Spec) -> bool:
    """Tell whether a trace of the right shapes has the windows and labels that the spec allows."""
    starts = sample_path.window_starts(len(trace["samples"]), spec.window, spec.hop)
    labels, said = len(spec.labels), trace["decisions"]
    return bool(
        trace["rate_millihertz"] >= 1
        and trace["truth"] < labels
        and len(trace["scores"]) == len(starts)
        and np.all((said == sample_path.UNKNOWN) | ((said >= 0) & (said < labels)))
    )


def _trace_shapes(trace: Golden, spec: Spec) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Return the dtype and shape of every array of a trace, by the lengths that it has itself."""

    def length(name: str) -> int:
        return trace[name].shape[0] if name in trace and trace[name].ndim else 0

    outputs, windows = length("resampled"), length("scores")
    int8, int16, int64 = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int64)
    return {
        "rate_millihertz": (int64, ()),
        "counts": (int16, (length("counts"), len(AXES))),
        "resampled": (int16, (outputs, len(AXES))),
        "samples": (int8, (outputs, len(spec.channels))),
        "scores": (int8, (windows, len(spec.labels))),
        "decisions": (int64, (windows,)),
        "truth": (int64, ()),
    }


def _read_part(path: Path, name: str) -> bytes:
    part = path / name
    if not folder.is_file(part) or part.is_symlink():
        raise HarmcuError(f"{part}: missing or not a plain file; restore it or train again")
    if part.stat().st_size > MAX_FILE_BYTES:
        raise HarmcuError(f"{part}: larger than {MAX_FILE_BYTES >> 20} MiB; not a bundle's file")
    try:
        return part.read_bytes()
    except OSError as error:
        raise HarmcuError(f"{part}: {error.strerror}; check the file's permissions") from None
