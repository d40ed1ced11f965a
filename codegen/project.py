"""The project: the folder of C that codegen writes for one bundle, engine and board.

For an Arduino board it is a sketch, see ``codegen.sketch``. A pure function: the same bundle gives
the same bytes. ``project.json`` says what the folder holds, with the SHA-256 of every file; this
module is its only reader and writer.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from codegen import aot, knn, model_config, sketch, stream_engine, tflm
from codegen.boards import Board, load
from codegen.runtime import FIRMWARE, runtime_version
from trainer import folder
from trainer.bundle import KNN, Bundle
from trainer.errors import HarmcuError

MANIFEST = "project.json"
MANIFEST_SCHEMA = 2
BUILD = "build"
"""Folder inside a project that holds what the compiler wrote."""

PLATFORMIO_BUILD = ".pio"
"""The same, when PlatformIO compiled a sketch."""

ENGINES = ("aot", "tflm")

NO_ENGINE = "none"
"""Engine of a firmware that only records."""

WHOLE_WINDOW = "src/whole_window.c"
"""What an engine of whole windows needs and a streaming one implements itself."""


@dataclass(frozen=True)
class Manifest:
    """What project.json says.

    Attributes:
        name: of the model; empty in a project that only records, as model_sha256 is.
        board, engine: what the project is for.
        sketch: name of the .ino, without the ending, for an Arduino board; else None. The user may
            change that file.
        runtime_version: of the runtime inside.
        model_sha256: digest of the bundle's model.
        tflm: operators, and bytes of the arena (measured_bytes + margin_bytes); None when the
            arena could not be measured where the model was trained.
        aot: macs, arena_bytes, arena_lower_bound, weights_bytes, stream (see aot.StreamFacts;
            macs are those of a hop then) and why_whole; None when aot lacks an operator.
        sources: the files to compile, relative to the project.
        files: SHA-256 of every file, by its relative path.
    """

    name: str
    board: str
    engine: str
    sketch: str | None
    runtime_version: int
    model_sha256: str
    tflm: dict[str, Any] | None
    aot: dict[str, Any] | None
    sources: tuple[str, ...]
    files: dict[str, str]


@dataclass(frozen=True)
class Project:
    """A project on disk, checked."""

    path: Path
    manifest: Manifest
    board: Board


def generate(
    bundle: Bundle, board: Board, engine: str, sketch_name: str = "sketch"
) -> dict[str, str]:
    """Return the text of every file of a project, by its relative path.

    The TFLite Micro array, its resolver and its arena are among them, unless the arena was never
    measured or the model is no network; the aot engine's C is, unless it lacks an operator of the
    model and ``engine`` is tflm. A sketch, all of whose files Arduino compiles, holds one engine
    alone.

    Args:
        bundle: the model.
        board: what the project is for.
        engine: "aot" or "tflm".
        sketch_name: of the sketch, for an Arduino board: that of the folder it will be written to.

    Raises:
        HarmcuError: the engine is unknown, aot that lacks an operator, tflm without an arena, or a
            name that Arduino does not allow.
    """
    if engine not in ENGINES:
        raise HarmcuError(f"no engine is called {engine!r}; choose one of {', '.join(ENGINES)}")
    spec = bundle.spec
    tflm_model = _tflm_if_measured(bundle, engine)
    aot_model = _aot_unless_refused(bundle, engine)

    is_sketch = board.arduino is not None
    has_aot = aot_model is not None and not (is_sketch and engine == "tflm")
    has_tflm = tflm_model is not None and not (is_sketch and engine == "aot")
    streams = engine == "aot" and aot_model is not None and aot_model.stream is not None
    files = _runtime_files(aot_model.kernel_sources if aot_model and has_aot else ())
    if streams:
        del files[WHOLE_WINDOW]
    files |= _board_files(board)
    config = model_config.generate(spec, board.sensor_rates_millihertz, not streams)
    files |= {f"model/{name}": text for name, text in config.items()}
    if tflm_model and has_tflm:
        files |= {f"tflm/{name}": text for name, text in tflm_model.files.items()}
    if aot_model and has_aot:
        files |= {f"aot/{name}": text for name, text in aot_model.files.items()}
    return _finished(
        files,
        board,
        engine,
        sketch_name,
        name=spec.name,
        model_sha256=spec.provenance.model_sha256,
        tflm=_tflm_facts(bundle, tflm_model),
        aot=_aot_facts(aot_model),
    )


def generate_capture_only(board: Board, sketch_name: str = "sketch") -> dict[str, str]:
    """Return the text of every file of a project that records and has no model.

    Args:
        board: what the project is for.
        sketch_name: as for ``generate``.

    Raises:
        HarmcuError: a name that Arduino does not allow.
    """
    files = _runtime_files(()) | _board_files(board)
    del files[WHOLE_WINDOW]
    for file in sorted((FIRMWARE / "no_model").iterdir()):
        files[f"model/{file.name}"] = file.read_text("utf-8")
    return _finished(
        files, board, NO_ENGINE, sketch_name, name="", model_sha256="", tflm=None, aot=None
    )


def _finished(
    files: dict[str, str], board: Board, engine: str, sketch_name: str, **facts: Any
) -> dict[str, str]:
    """Return the files arranged for the board, and project.json with the facts about them."""
    if board.arduino is not None:
        files = sketch.arrange(files, board, engine, sketch_name)
    manifest = Manifest(
        board=board.name,
        engine=engine,
        sketch=sketch_name if board.arduino is not None else None,
        runtime_version=runtime_version(),
        sources=tuple(sorted(name for name in files if _is_source(name, engine))),
        files={name: _digest(text) for name, text in sorted(files.items())},
        **facts,
    )
    return {**files, MANIFEST: signed({"schema": MANIFEST_SCHEMA, **asdict(manifest)})}


def write(path: Path, files: dict[str, str]) -> Project:
    """Write a project, whole or not at all; a project that stands at ``path`` is replaced.

    The .ino of a sketch stays as it is when the user has changed it.

    Raises:
        HarmcuError: something else stands at ``path``, the project there was changed by hand, or
            it cannot be written.
    """
    content = {name: text.encode() for name, text in files.items()} | _changed_sketch(path)
    folder.replace(path, content, _ours(path))
    return read(path)


def check_free(path: Path) -> None:
    """Check that a project may be written at ``path``.

    Raises:
        HarmcuError: something of the user's stands there.
    """
    folder.check_free(path, _ours(path))


def _ours(path: Path) -> set[str]:
    """Return what an earlier project at ``path`` holds; nothing is ours where none stands."""
    if not folder.is_file(path / MANIFEST):
        return set()
    return {MANIFEST, BUILD, PLATFORMIO_BUILD, *read(path).manifest.files}


def _changed_sketch(path: Path) -> dict[str, bytes]:
    """Return the .ino of the sketch that stands at ``path``, if the user has changed it."""
    if not folder.is_file(path / MANIFEST):
        return {}
    manifest = read(path).manifest
    name = f"{manifest.sketch}.ino"
    if manifest.sketch is None or not folder.is_file(path / name):
        return {}
    content = (path / name).read_bytes()
    is_changed = hashlib.sha256(content).hexdigest() != manifest.files[name]
    return {name: content} if is_changed else {}


def read(path: Path) -> Project:
    """Read a project and check that every file but a sketch's .ino is as it was generated.

    Raises:
        HarmcuError: no project, of another version, or a file is missing or changed.
    """
    try:
        document = json.loads((path / MANIFEST).read_text("utf-8"))
    except OSError:
        raise HarmcuError(f"{path}: no such project; make one with `harmcu generate`") from None
    except (ValueError, RecursionError):
        raise HarmcuError(f"{path / MANIFEST}: damaged; generate the project again") from None
    if not isinstance(document, dict) or document.get("schema") != MANIFEST_SCHEMA:
        raise HarmcuError(f"{path / MANIFEST}: of another version; generate the project again")
    digest = document.pop("digest", None)
    if digest != _digest(_json(document)):
        raise HarmcuError(f"{path / MANIFEST}: edited or damaged; generate the project again")
    del document["schema"]
    try:
        manifest = Manifest(**{**document, "sources": tuple(document["sources"])})
        board = load(manifest.board)
        files = sorted(manifest.files.items())
    except (TypeError, KeyError, AttributeError):
        raise HarmcuError(f"{path / MANIFEST}: damaged; generate the project again") from None
    for name, digest in files:
        if name != f"{manifest.sketch}.ino":
            _check_file(path, name, digest)
    if not set(manifest.sources) <= set(manifest.files):
        raise HarmcuError(f"{path / MANIFEST}: names sources it does not hold; generate it again")
    return Project(path, manifest, board)


def _check_file(path: Path, name: str, digest: str) -> None:
    pure = PurePosixPath(name)
    file = path / name
    if pure.is_absolute() or ".." in pure.parts or file.is_symlink():
        raise HarmcuError(f"{path / MANIFEST}: {name!r} leaves the project; generate it again")
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        raise HarmcuError(f"{file}: missing; generate the project again") from None
    if found != digest:
        raise HarmcuError(
            f"{file}: changed since it was generated; keep your change elsewhere and generate "
            "into a new folder"
        )


def _tflm_if_measured(bundle: Bundle, engine: str) -> tflm.TflmModel | None:
    spec, arena = bundle.spec, bundle.metrics["tflm_arena_bytes"]
    if arena is not None:
        digest = spec.provenance.model_sha256
        return tflm.generate(bundle.model, spec.name, digest, arena["bytes"])
    if engine == "tflm" and spec.model_file == KNN:
        raise HarmcuError(
            f"{bundle.path}: a nearest-neighbour model is no network, which TensorFlow Lite Micro "
            "could run; use the engine aot"
        )
    if engine == "tflm":
        raise HarmcuError(
            f"{bundle.path}: TFLM's arena was not measured, for tflite-micro has no wheel for the "
            "computer that trained the model; train it on Linux (x86-64), or use the engine aot"
        )
    return None


def _tflm_facts(bundle: Bundle, model: tflm.TflmModel | None) -> dict[str, Any] | None:
    if model is None:
        return None
    return {"operators": list(model.operators), **bundle.metrics["tflm_arena_bytes"]}


def _aot_unless_refused(bundle: Bundle, engine: str) -> aot.AotModel | None:
    spec = bundle.spec
    digest = spec.provenance.model_sha256
    try:
        if spec.model_file == KNN:
            return knn.generate(bundle.model, spec.name, digest)
        return stream_engine.generate(bundle.model, spec.name, digest, spec.hop)
    except HarmcuError:
        if engine == "aot":
            raise
        return None


def _aot_facts(model: aot.AotModel | None) -> dict[str, Any] | None:
    if model is None:
        return None
    return {
        "macs": model.macs,
        "arena_bytes": model.arena_bytes,
        "arena_lower_bound": model.arena_lower_bound,
        "weights_bytes": model.weights_bytes,
        "stream": asdict(model.stream) if model.stream else None,
        "why_whole": model.why_whole,
    }


def _runtime_files(kernels: tuple[str, ...]) -> dict[str, str]:
    """Return the runtime's headers and sources, of the kernels only those that are needed."""
    include = sorted((FIRMWARE / "include" / "harmcu").glob("*.h"))
    sources = sorted((FIRMWARE / "src").glob("*.c"))
    headers = sorted((FIRMWARE / "src" / "kernels").glob("*.h")) if kernels else []
    files = {f"include/harmcu/{file.name}": file.read_text("utf-8") for file in include}
    files |= {f"src/{file.name}": file.read_text("utf-8") for file in sources}
    files |= {f"src/kernels/{file.name}": file.read_text("utf-8") for file in headers}
    for name in kernels:
        files[f"src/kernels/{name}"] = (FIRMWARE / "src" / "kernels" / name).read_text("utf-8")
    return files


def _board_files(board: Board) -> dict[str, str]:
    return {
        f"board/{file.name}": file.read_text("utf-8")
        for file in sorted(board.path.iterdir())
        if file.suffix in {".c", ".cpp", ".h", ".ld"}
    }


def _is_source(name: str, engine: str) -> bool:
    other = {"aot", "tflm"} - {engine}
    return name.endswith((".c", ".cpp")) and name.split("/")[0] not in other


def signed(document: dict[str, Any]) -> str:
    """Return the text of project.json: a document, and the digest of it."""
    return _json({**document, "digest": _digest(_json(document))})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
