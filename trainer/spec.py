"""The spec: everything that host and device must agree on, once.

``spec.schema.json`` beside this file says which fields there are; this module turns the document
into typed objects and checks what a schema cannot.
"""

from __future__ import annotations

import dataclasses
import json
import math
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trainer.errors import HarmcuError

SCHEMA_VERSION = 2
"""Raised whenever a field is added, removed or changes its meaning."""

MOST_MILLIHERTZ = 1_000_000
MOST_WINDOW = 4096
"""Of a model; ``spec.schema.json`` holds them too."""

MAX_LABEL_BYTES = 48
"""UTF-8 bytes of a label: percent-encoded it still fits one line of the wire."""

_BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


@dataclass(frozen=True)
class Channel:
    """One input of the model: which axis it reads and how counts become int8.

    ``clamp(((sign * count * multiplier + 2**(shift-1)) >> shift) + zero_point)``.
    """

    name: str
    axis: str
    unit: str
    counts_per_unit: float
    sign: int
    multiplier: int
    shift: int
    zero_point: int


@dataclass(frozen=True)
class Quantization:
    """``real = scale * (q - zero_point)`` of a model's input or output tensor."""

    scale: float
    zero_point: int


INPUT = Quantization(scale=1 / 32, zero_point=0)
"""What a model of this trainer sees of an int8 sample: -4 to 3.96875 in steps of a power of two."""

OUTPUT = Quantization(scale=1 / 256, zero_point=-128)
"""What it gives: TensorFlow Lite's fixed quantisation of an int8 softmax (quantization_spec)."""


@dataclass(frozen=True)
class Decision:
    """Thresholds per label in int8 score units, and smoothing in windows."""

    thresholds: tuple[int, ...]
    smoothing: int


@dataclass(frozen=True)
class Split:
    """Which subjects trained, chose and tested the model."""

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from."""

    model_sha256: str
    dataset: str
    dataset_sha256: str
    split: Split
    architecture: str
    size: str
    seed: int
    versions: dict[str, str]


@dataclass(frozen=True)
class Spec:
    """The one description that drives host and device alike.

    ``model_file`` is the bundle's file that holds the model: ``model.tflite``, or ``knn.json`` for
    a ``trainer.knn.Knn``.
    """

    name: str
    model_file: str
    labels: tuple[str, ...]
    channels: tuple[Channel, ...]
    rate_millihertz: int
    window: int
    hop: int
    input: Quantization
    output: Quantization
    decision: Decision
    provenance: Provenance

    def to_document(self) -> dict[str, Any]:
        """Return the JSON document of ``spec.json``."""
        return {"schema": SCHEMA_VERSION, **dataclasses.asdict(self)}


def from_document(document: Any, source: str) -> Spec:
    """Build a spec from a parsed JSON document.

    Args:
        document: what ``json.loads`` gave, from a source that nobody vouches for.
        source: the file's name, for messages.

    Raises:
        HarmcuError: another schema version, a field that is missing, unknown or out of range.
    """
    _check_version(document, source)
    _check_schema(document, source)
    spec = Spec(
        name=document["name"],
        model_file=document["model_file"],
        labels=tuple(document["labels"]),
        channels=tuple(Channel(**channel) for channel in document["channels"]),
        rate_millihertz=document["rate_millihertz"],
        window=document["window"],
        hop=document["hop"],
        input=Quantization(**document["input"]),
        output=Quantization(**document["output"]),
        decision=Decision(
            tuple(document["decision"]["thresholds"]), document["decision"]["smoothing"]
        ),
        provenance=_provenance(document["provenance"]),
    )
    try:
        check(spec)
    except HarmcuError as error:
        raise HarmcuError(f"{source}: {error}") from None
    return spec


def check(spec: Spec) -> None:
    """Check what ties the fields of a spec together.

    Raises:
        HarmcuError: the labels are not usable, or two fields contradict one another.
    """
    check_labels(spec.labels)
    if len(spec.decision.thresholds) != len(spec.labels):
        raise HarmcuError(
            f"{len(spec.labels)} labels but {len(spec.decision.thresholds)} thresholds; "
            "there must be one threshold a label"
        )
    for what in ("name", "axis"):
        seen = [getattr(channel, what) for channel in spec.channels]
        if len(set(seen)) != len(seen):
            raise HarmcuError(f"two channels have the same {what}; each must be different")
    if spec.hop > spec.window:
        raise HarmcuError(
            f"hop {spec.hop} is longer than window {spec.window}; samples between would be lost"
        )


def check_labels(labels: tuple[str, ...]) -> None:
    """Check that labels can be shown, compared and sent to a board and back.

    Raises:
        HarmcuError: fewer than 2 or more than 128 labels; one that is empty, repeated (also in
            another Unicode form, or with characters that are not seen), too long, padded with
            blanks or not printable.
    """
    if not 2 <= len(labels) <= 128:
        raise HarmcuError(f"{len(labels)} labels; a classifier needs 2 to 128")
    seen: dict[str, str] = {}
    for label in labels:
        check_label(label)
        # Joiners and soft hyphens are part of some scripts, and cannot be seen.
        form = "".join(c for c in label if unicodedata.category(c) != "Cf")
        form = unicodedata.normalize("NFC", form).strip()
        if form in seen:
            raise HarmcuError(
                f"the labels {seen[form]!r} and {label!r} cannot be told apart; rename one"
            )
        seen[form] = label


def check_label(label: str) -> None:
    """Check that a label can be shown, told from others and sent to a board and back.

    Raises:
        HarmcuError: it is empty, too long, padded with blanks or not printable.
    """
    check_shown(label)
    if len(label.encode()) > MAX_LABEL_BYTES:
        raise HarmcuError(
            f"the label {label[:20]!r}... is longer than {MAX_LABEL_BYTES} bytes; shorten it"
        )


def check_shown(label: str) -> None:
    """Check that a label of any length can be shown and told from others.

    Raises:
        HarmcuError: it is empty, padded with blanks or not printable.
    """
    if not label or label != label.strip():
        raise HarmcuError(f"the label {label!r} is empty or padded with blanks; give it a name")
    for character in label:
        if unicodedata.category(character) in {"Cc", "Cs", "Cn", "Zl", "Zp"} or (
            character in _BIDI_CONTROLS
        ):
            raise HarmcuError(
                f"the label {label!r} holds the control character U+{ord(character):04X}; rename it"
            )


def _provenance(document: dict[str, Any]) -> Provenance:
    split = document["split"]
    return Provenance(
        **{
            **document,
            "split": Split(
                name=split["name"],
                train=tuple(split["train"]),
                validation=tuple(split["validation"]),
                test=tuple(split["test"]),
            ),
        }
    )


def _check_version(document: Any, source: str) -> None:
    version = document.get("schema") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise HarmcuError(
            f"{source}: schema version {repr(version)[:40]}, but this harmcu reads "
            f"{SCHEMA_VERSION}; train the model again, or install the harmcu that wrote it"
        )


def _check_schema(document: Any, source: str) -> None:
    import jsonschema.exceptions

    error = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if error is not None:
        where = "/".join(str(part) for part in error.absolute_path) or "the top level"
        message = error.message if len(error.message) < 160 else error.message[:157] + "..."
        raise HarmcuError(f"{source}: {message} (at {where}); train the model again")
    for name in ("input", "output"):
        if not math.isfinite(document[name]["scale"]):
            raise HarmcuError(f"{source}: {name}/scale is not a finite number; train again")


@cache
def _validator() -> Any:
    import jsonschema.validators

    schema = json.loads(Path(__file__).with_name("spec.schema.json").read_text("utf-8"))
    plain = jsonschema.Draft202012Validator
    # JSON Schema takes 1.0 for an integer; as a size, a shift or a place it is none.
    types = plain.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    extend: Any = jsonschema.validators.extend  # without types
    return extend(plain, type_checker=types)(schema)
