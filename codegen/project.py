"""The project: the folder of C that codegen writes for one bundle, engine and board.

For an Arduino board it is a sketch, see ``codegen.sketch``. A pure function: the same bundle gives
the same bytes. ``project.json`` says what the folder holds, with the SHA-256 of every file; this
module is its only reader and writer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codegen import agreement, aot, knn, model_config, sketch, stream_engine, tflm
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

MAX_MANIFEST_BYTES = 1 << 20
MAX_GENERATED_BYTES = 1 << 30

ENGINES = ("aot", "tflm")

NO_ENGINE = "none"
"""Engine of a firmware that only records."""

WHOLE_WINDOW = "src/whole_window.c"
"""What an engine of whole windows needs and a streaming one implements itself."""


_AGAIN = "generate the project again, into a new folder"

# Parts of the paths that ``generate`` makes. None is a flag of a compiler or leaves the folder.
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

_OF_THE_COMPILER = {".c", ".cc", ".cpp", ".h", ".hpp", ".ino", ".ld", ".s"}


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
        HarmcuError: the engine is unknown, the model is not the one that the spec describes, aot
            lacks an operator, tflm an arena, or Arduino does not allow the name.
    """
    if engine not in ENGINES:
        raise HarmcuError(f"no engine is called {engine!r}; choose one of {', '.join(ENGINES)}")
    agreement.check(bundle)
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
        sources=_sources(files, engine),
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
        HarmcuError: no project, of another version, a file is missing or changed, or a compiler
            would find one that was not generated.
    """
    manifest = _read_manifest(path)
    for name, digest in sorted(manifest.files.items()):
        _check_place(path, name)
        if name != f"{manifest.sketch}.ino":
            _check_content(path / name, digest)
    _check_nothing_added(path, manifest)
    board = load(manifest.board)
    if (manifest.sketch is None) != (board.arduino is None):
        raise HarmcuError(f"{path / MANIFEST}: not what {board.name} is built from; {_AGAIN}")
    return Project(path, manifest, board)


def _read_manifest(path: Path) -> Manifest:
    file = path / MANIFEST
    if not folder.is_file(file):
        raise HarmcuError(f"{path}: no such project; make one with `harmcu generate`")
    if file.is_symlink() or file.stat().st_size > MAX_MANIFEST_BYTES:
        raise HarmcuError(f"{file}: a link or too large; {_AGAIN}")
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        raise HarmcuError(f"{file}: damaged; {_AGAIN}") from None
    if not isinstance(document, dict) or document.get("schema") != MANIFEST_SCHEMA:
        raise HarmcuError(f"{file}: of another version; {_AGAIN}")
    if not _is_as_signed(document):
        raise HarmcuError(f"{file}: edited or damaged; {_AGAIN}")
    del document["schema"], document["digest"]
    _check_types(document, file)
    manifest = Manifest(**{**document, "sources": tuple(document["sources"])})
    for name in manifest.files:
        if not all(_PART.fullmatch(part) for part in name.split("/")):
            raise HarmcuError(
                f"{file}: {name!r} leaves the project or is no name of ours; {_AGAIN}"
            )
    if manifest.sources != _sources(manifest.files, manifest.engine) or (
        manifest.sketch is not None and f"{manifest.sketch}.ino" not in manifest.files
    ):
        raise HarmcuError(f"{file}: its sources are not the files that it lists; {_AGAIN}")
    return manifest


def _is_as_signed(document: dict[str, Any]) -> bool:
    rest = {name: value for name, value in document.items() if name != "digest"}
    try:
        return bool(document.get("digest") == _digest(_json(rest)))
    except ValueError:  # a lone surrogate, which no project of ours holds
        return False


def _check_types(document: dict[str, Any], file: Path) -> None:
    """Check what the digest cannot: that whoever wrote it wrote what ``generate`` does."""

    def matches(pattern: str) -> Callable[[Any], bool]:
        return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None

    def holds(*names: str) -> Callable[[Any], bool]:
        return lambda value: (
            value is None
            or (
                isinstance(value, dict)
                and {*names} == value.keys() - {"operators", "stream", "why_whole"}
                and all(type(value[name]) is int for name in names)
            )
        )

    is_sha256 = matches("[0-9a-f]{64}")
    rules: dict[str, Callable[[Any], bool]] = {
        "name": matches("([a-z][a-z0-9_]{0,31})?"),
        "board": matches("[a-z0-9_]+"),
        "engine": lambda value: value in (*ENGINES, NO_ENGINE),
        "sketch": lambda value: value is None or matches(sketch.NAME)(value),
        "runtime_version": lambda value: type(value) is int,
        "model_sha256": lambda value: value == "" or is_sha256(value),
        "tflm": holds("measured_bytes", "margin_bytes", "bytes"),
        "aot": holds("macs", "arena_bytes", "arena_lower_bound", "weights_bytes"),
        "sources": lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value),
        "files": lambda value: isinstance(value, dict) and all(map(is_sha256, value.values())),
    }
    for name, rule in rules.items():
        if name not in document or not rule(document[name]):
            raise HarmcuError(f"{file}: {name} is missing or damaged; {_AGAIN}")
    for name in document.keys() - rules.keys():
        raise HarmcuError(f"{file}: holds the unknown field {name!r}; {_AGAIN}")


def _check_place(path: Path, name: str) -> None:
    """Check that a file is there, and inside the project."""
    file = path / name
    for part in (file, *file.parents):
        if part == path:
            break
        if part.is_symlink():
            raise HarmcuError(f"{part}: a link, which leaves the project; {_AGAIN}")
    if not folder.is_file(file):
        raise HarmcuError(f"{file}: missing; {_AGAIN}")


def _check_content(file: Path, digest: str) -> None:
    try:
        is_changed = file.stat().st_size > MAX_GENERATED_BYTES or (
            hashlib.sha256(file.read_bytes()).hexdigest() != digest
        )
    except OSError as error:
        raise HarmcuError(f"{file}: {error.strerror}; {_AGAIN}") from None
    if is_changed:
        raise HarmcuError(
            f"{file}: changed since it was generated; keep your change elsewhere and generate "
            "into a new folder"
        )


def _check_nothing_added(path: Path, manifest: Manifest) -> None:
    """Check that the generated folders hold no C of others, and that build/ lies inside.

    A header there would be found before the compiler's own; Arduino compiles every source.
    """
    if (path / BUILD).is_symlink():
        raise HarmcuError(f"{path / BUILD}: a link, which leaves the project; remove it")
    for top in sorted({name.partition("/")[0] for name in manifest.files if "/" in name}):
        for file in sorted((path / top).rglob("*")):
            name = file.relative_to(path).as_posix()
            if file.is_symlink():
                raise HarmcuError(f"{file}: a link, which leaves the project; remove it")
            if file.suffix.lower() in _OF_THE_COMPILER and name not in manifest.files:
                raise HarmcuError(f"{file}: harmcu did not write it; move it out of {path / top}")


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


def _sources(names: Iterable[str], engine: str) -> tuple[str, ...]:
    """Return what is to be compiled: the C of every engine is there, that of one is used."""
    other = {"aot", "tflm"} - {engine}
    is_source = (n for n in names if n.endswith((".c", ".cpp")) and n.split("/")[0] not in other)
    return tuple(sorted(is_source))


def signed(document: dict[str, Any]) -> str:
    """Return the text of project.json: a document, and the digest of it."""
    return _json({**document, "digest": _digest(_json(document))})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
