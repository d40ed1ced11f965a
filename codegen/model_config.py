"""The generated model_config.h and model_config.c: the spec and the resampler tables as C."""

from __future__ import annotations

from typing import Any

from codegen.c_text import c_array, c_string
from codegen.render import render
from codegen.runtime import runtime_version
from trainer.recording import AXES
from trainer.resample import ResampleTable, design
from trainer.spec import Spec


def generate(
    spec: Spec, sensor_rates_millihertz: tuple[int, ...], keeps_windows: bool
) -> dict[str, str]:
    """Return the C that ties the runtime to one model.

    Args:
        spec: the bundle's.
        sensor_rates_millihertz: rates at which samples may arrive, the board's own sensor first;
            the model's own rate is added when it is not among them.
        keeps_windows: whether the engine takes whole windows, so that samples wait in a ring.

    Returns:
        ``{"model_config.h": ..., "model_config.c": ...}``.

    Raises:
        HarmcuError: a sensor's rate and the model's are too far apart.
    """
    rates = dict.fromkeys((*sensor_rates_millihertz, spec.rate_millihertz))
    tables = [design(rate, spec.rate_millihertz) for rate in rates]
    context: dict[str, Any] = {
        "runtime_version": runtime_version(),
        "spec": spec,
        "keeps_windows": keeps_windows,
        "labels": [c_string(label) for label in spec.labels],
        "channels": [
            {
                "name": channel.name,
                "axis": AXES.index(channel.axis),
                "multiplier": channel.sign * channel.multiplier,
                "shift": channel.shift,
                "zero_point": channel.zero_point,
            }
            for channel in spec.channels
        ],
        "thresholds": c_array(spec.decision.thresholds, 16),
        "tables": [_table(table) for table in tables],
        "max_taps": max(table.taps for table in tables),
    }
    return {name: render(f"{name}.j2", context) for name in ("model_config.h", "model_config.c")}


def _table(table: ResampleTable) -> dict[str, Any]:
    return {
        "hertz": f"{table.source_millihertz / 1000:g}",
        "identifier": f"FROM_{table.source_millihertz}_MILLIHERTZ",
        "source_millihertz": table.source_millihertz,
        "step": table.step,
        "denominator": table.denominator,
        "phases": table.phases,
        "taps": table.taps,
        "coefficients": c_array(table.coefficients.reshape(-1).tolist(), 12),
    }
