"""Writes C for a nearest-neighbour model: the ``aot`` engine of a bundle that holds knn.json."""

from __future__ import annotations

from dataclasses import dataclass

from codegen.aot import AotModel, LayerFacts
from codegen.c_text import c_array, c_comment
from codegen.render import render
from codegen.runtime import runtime_version
from trainer import knn
from trainer.knn import Knn

SOURCE = "knn.c"

WHY_WHOLE = "statistics are taken over the whole window"

_SCALE_BYTES = 8
"""sizeof(harmcu_knn_scale)."""


@dataclass(frozen=True)
class _Step:
    """A step as the templates show it, and what it costs."""

    call: str
    facts: LayerFacts


def generate(model: bytes, model_name: str, model_sha256: str) -> AotModel:
    """Writes the aot engine for a nearest-neighbour model.

    Args:
        model: content of knn.json.
        model_name: what the head comment calls the model.
        model_sha256: digest of ``model`` in hexadecimal, for the head comment.

    Returns:
        C that implements harmcu/engine.h; the same text for the same arguments.

    Raises:
        HarmcuError: the file is damaged.
    """
    read = knn.read(model)
    prototypes, discriminants = read.prototypes.shape
    input_bytes = read.window * read.channels
    ram = input_bytes + 2 * read.features + discriminants
    weights = read.features * _SCALE_BYTES + 2 * read.projection.size
    weights += read.prototypes.size + prototypes
    layers = _steps(read)
    macs = sum(layer.facts.macs for layer in layers)
    values = {
        "model_name": c_comment(model_name),
        "model_sha256": c_comment(model_sha256),
        "runtime_version": runtime_version(),
        "input_shape": f"{read.window}x{read.channels}",
        "output_shape": f"{read.labels}",
        "input_bytes": input_bytes,
        "output_bytes": read.labels,
        "macs": macs,
        "estimate": sum(layer.facts.estimate for layer in layers),
        "plan": {"arena_bytes": ram},
        "weights_bytes": weights,
        "window": read.window,
        "channels": read.channels,
        "features": read.features,
        "discriminants": discriminants,
        "prototypes": prototypes,
        "neighbours": read.neighbours,
        "projection_shift": read.projection_shift,
        "scales": list(zip(read.offset, read.multiplier, read.shift, strict=True)),
        "projection": c_array(read.projection.ravel().tolist(), 12),
        "prototype": c_array(read.prototypes.ravel().tolist(), 4 * discriminants),
        "prototype_label": c_array(read.prototype_labels.tolist(), 20),
        "layers": layers,
    }
    return AotModel(
        files={
            "model_aot.h": render("model_aot.h.j2", values),
            "model_aot.c": render("knn_aot.c.j2", values),
        },
        macs=macs,
        arena_bytes=ram,
        arena_lower_bound=ram,
        weights_bytes=weights,
        kernel_sources=(SOURCE,),
        input_bytes=input_bytes,
        output_bytes=read.labels,
        layers=tuple(layer.facts for layer in layers),
        measured_source=render("bench_knn.c.j2", values),
        why_whole=WHY_WHOLE,
    )


def _steps(model: Knn) -> tuple[_Step, ...]:
    prototypes, discriminants = model.prototypes.shape
    samples = model.window * model.channels
    projected, compared = model.projection.size, model.prototypes.size
    return (
        _Step(
            "harmcu_knn_describe(&MODEL, window, features);",
            LayerFacts(
                0,
                "STATISTICS",
                f"{model.window}x{model.channels} to {model.features}",
                0,
                _estimate(_DESCRIBE, samples, model.features),
            ),
        ),
        _Step(
            "harmcu_knn_project(&MODEL, features, point);",
            LayerFacts(
                1,
                "DISCRIMINANTS",
                f"{model.features} to {discriminants}",
                projected,
                _estimate(_PROJECT, projected, discriminants),
            ),
        ),
        _Step(
            "harmcu_knn_vote(&MODEL, point, scores);",
            LayerFacts(
                2,
                "NEIGHBOURS",
                f"{prototypes}x{discriminants} to {model.labels}",
                compared,
                _estimate(_VOTE, compared, prototypes, model.labels * model.neighbours),
            ),
        ),
    )


# Instructions for each turn of a step's loops, and for the call: a least-squares fit to what
# `harmcu bench` counts on a Cortex-M4 for seven models between 50x2 and 256x6, with 40 to 360
# prototypes. How often a prototype is nearer than those before it depends on the window.
_DESCRIBE = (89.0, 18.5, 22.0)
_PROJECT = (5.0, 23.0, 23.0)
_VOTE = (6.7, 9.3, 5.5, 1460.0)


def _estimate(factors: tuple[float, ...], *counts: int) -> int:
    """Return the expected instructions of a step; the last factor counts once."""
    return round(sum(f * count for f, count in zip(factors, (*counts, 1), strict=True)))
