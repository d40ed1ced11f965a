"""Which format a path holds, told from the names in it."""

from __future__ import annotations

import re
from pathlib import Path

from trainer import recording_file
from trainer.errors import HarmcuError
from trainer.reading import files

_SURE = {
    "uci-har": re.compile(r"Inertial Signals/"),
    "hapt": re.compile(r"RawData/(?:acc|gyro)_exp\d+|RawData/labels\.txt$"),
    "wisdm": re.compile(r"data_\d+_(?:accel|gyro)_|WISDM_ar_v1\.1_raw"),
    "recordings": re.compile(rf"{re.escape(recording_file.SUFFIX)}$", re.IGNORECASE),
    "watch": re.compile(r"watch_dataset\.npy$"),
}
_LIKELY = {
    "csv": re.compile(r"\.(?:csv|tsv|txt)$", re.IGNORECASE),
    "edge-impulse": re.compile(r"\.(?:json|cbor)$", re.IGNORECASE),
}


def detect(path: Path) -> str:
    """Return the name of the data set or format at ``path``.

    Raises:
        HarmcuError: there is nothing, or nothing that harmcu reads.
    """
    likely: list[str] = []

    def known(name: str) -> bool:
        likely.extend(form for form, pattern in _LIKELY.items() if pattern.search(name))
        return _sure(name) is not None

    # The first name that is sure ends the search; of an archive no more than that is unpacked.
    for name, _ in files.opened(path, known):
        likely.extend(form for form, pattern in _LIKELY.items() if pattern.search(name))
        sure = _sure(name)
        if sure is not None:
            return sure
    for form in _LIKELY:
        if form in likely:
            return form
    raise HarmcuError(f"{path}: holds nothing that harmcu reads; give --format if it does")


def _sure(name: str) -> str | None:
    return next((form for form, pattern in _SURE.items() if pattern.search(name)), None)
