"""Decisions of a board, written to a file as they come: CSV, or one JSON object a line."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host_tools.closing import Closing
from trainer.errors import HarmcuError

if TYPE_CHECKING:
    from host_tools.monitor import Monitor
    from host_tools.protocol import Classification

SUFFIXES = (".csv", ".jsonl")
""".json would promise one document, which a log cannot be before it ends."""

FIELDS = (
    "time",
    "seconds",
    "window",
    "label",
    "score",
    "latency_ms",
    "lines_lost",
    "lines_damaged",
    "samples_lost",
)


class DecisionLog(Closing):
    """A file that gets a line a decision, each handed over at once."""

    def __init__(self, path: Path, labels: tuple[str, ...]) -> None:
        """Create the file.

        Args:
            path: ends with one of ``SUFFIXES``.
            labels: of the model; the int8 scores of each window are written under their names.

        Raises:
            HarmcuError: another suffix, the file exists, or it cannot be written.
        """
        check_path(path)
        self._path = path
        self._labels = labels
        self._is_csv = path.suffix.lower() == ".csv"
        try:
            self._file = path.open("x", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            if self._is_csv:
                self._put([*FIELDS, *(f"score of {label}" for label in labels)])
        except FileExistsError:
            raise HarmcuError(f"{path}: exists; a log is never overwritten") from None
        except OSError as error:
            raise self._failure(error) from None

    def write(self, seconds: float, said: Classification, monitor: Monitor) -> None:
        """Write a decision.

        Raises:
            HarmcuError: the disk is full or gone.
        """
        status = monitor.status
        values: dict[str, Any] = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "seconds": round(seconds, 3),
            "window": said.window,
            "label": said.name,
            "score": said.score,
            "latency_ms": round(said.ticks / status.tick_hz * 1000, 3),
            "lines_lost": monitor.lines_lost,
            "lines_damaged": monitor.lines_damaged,
            "samples_lost": monitor.samples_lost,
        }
        scores = [int(score) for score in said.scores]
        try:
            if self._is_csv:
                self._put([*values.values(), *scores])
            else:
                named = dict(zip(self._labels, scores, strict=False))
                self._file.write(json.dumps({**values, "scores": named}) + "\n")
                self._file.flush()
        except OSError as error:
            raise self._failure(error) from None

    def close(self) -> None:
        """Close the file.

        Raises:
            HarmcuError: the disk is full or gone.
        """
        try:
            self._file.close()
        except OSError as error:
            raise self._failure(error) from None

    def _put(self, cells: list[Any]) -> None:
        self._writer.writerow(cells)
        self._file.flush()

    def _failure(self, error: OSError) -> HarmcuError:
        return HarmcuError(
            f"{self._path}: cannot be written ({error.strerror}); free some space or choose "
            "another folder"
        )


def check_path(path: Path) -> None:
    """Check that a log may be written at ``path``.

    Raises:
        HarmcuError: its suffix names no format, or it exists.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise HarmcuError(
            f"{path}: is of no known format; name a log .csv, or .jsonl for JSON lines"
        )
    if path.exists():
        raise HarmcuError(f"{path}: exists; a log is never overwritten")
