"""A bundle as files for an Android project: a .tflite that takes sensor values as they are.

A pure function: the same bundle gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from codegen import agreement, float_model, tflite
from codegen.render import render
from trainer.bundle import TFLITE, Bundle
from trainer.errors import HarmcuError
from trainer.spec import Channel, Spec

METADATA, LABELS, README = "metadata.json", "labels.txt", "README.md"
FORMAT = "harmcu android"
SCHEMA_VERSION = 1


def model_name(spec: Spec) -> str:
    """Return the name of the exported model's file."""
    return f"{spec.name}.tflite"


def generate(bundle: Bundle) -> dict[str, bytes]:
    """Return the content of every file, by its name.

    Raises:
        HarmcuError: the model is no network, or not the one that the spec describes.
    """
    spec = bundle.spec
    if spec.model_file != TFLITE:
        raise HarmcuError(
            f"{bundle.path}: a nearest-neighbour model has no .tflite file; train cnn or lstm"
        )
    agreement.check(bundle)
    scaling = np.array([_scaling(channel, spec) for channel in spec.channels], np.float32)
    document = metadata(bundle)
    context = {"spec": spec, "model": model_name(spec), "metadata": document}
    files = {
        model_name(spec): float_model.wrap(bundle.model, scaling[:, 0], scaling[:, 1]),
        LABELS: "".join(f"{label}\n" for label in spec.labels).encode(),
        README: render("android.md.j2", context).encode(),
    }
    document["sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    described = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    return {**files, METADATA: described}


def metadata(bundle: Bundle) -> dict[str, Any]:
    """Return what an app has to know: metadata.json but for the SHA-256s of the other files."""
    spec = bundle.spec
    zero_point, scale = spec.output.zero_point, spec.output.scale
    return {
        "format": FORMAT,
        "schema": SCHEMA_VERSION,
        "model": model_name(spec),
        "labels": LABELS,
        "rate_hz": spec.rate_millihertz / 1000,
        "window": spec.window,
        "hop": spec.hop,
        "channels": [{"name": c.name, "axis": c.axis, "unit": c.unit} for c in spec.channels],
        "input": {"type": "float32", "shape": [1, spec.window, 1, len(spec.channels)]},
        "output": {"type": "float32", "shape": [1, len(spec.labels)]},
        "has_state": tflite.read(bundle.model).has_state,
        "decision": {
            "thresholds": [(t - zero_point) * scale for t in spec.decision.thresholds],
            "smoothing": spec.decision.smoothing,
        },
        "int8_model_sha256": spec.provenance.model_sha256,
    }


def _scaling(channel: Channel, spec: Spec) -> tuple[float, float]:
    """Return the gain and the offset from a channel's unit to what the network sees.

    They are the stages counts and quantise of the sample path without their roundings, which
    QUANTIZE then does once.
    """
    counts = channel.sign * channel.counts_per_unit
    steps = counts * channel.multiplier / 2**channel.shift
    gain = steps * spec.input.scale
    offset = (channel.zero_point - spec.input.zero_point) * spec.input.scale
    if not 0 < abs(np.float64(gain)) < np.finfo(np.float32).max:
        raise HarmcuError(
            f"the channel {channel.name} has a scale that no 32-bit float holds; train again"
        )
    return gain, offset
