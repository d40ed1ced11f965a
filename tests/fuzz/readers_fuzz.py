"""Gives the readers of files and of the wire bytes that nobody wrote: a target for atheris.

    python readers_fuzz.py TARGET [OPTIONS of libFuzzer] FOLDER

Whatever the bytes are, a reader answers or refuses in one printable line.
"""

import contextlib
import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["trainer", "codegen", "host_tools"]):
    import numpy as np
    from made_up_bundle import sign, write_bundle

    from codegen import aot, float_model, stream_engine, tflm
    from host_tools import cli, config
    from host_tools.protocol import Line, LineReader, ProtocolError, parse
    from trainer import bundle, datasets
    from trainer.errors import HarmcuError

    # datasets.load imports these when it needs one: too late to be instrumented.
    for adapter in ("csv", "edge_impulse", "recordings"):
        importlib.import_module(f"trainer.datasets.{adapter}")

HOME = Path(tempfile.mkdtemp(prefix="harmcu-fuzz-"))
LONGEST_MESSAGE = 2000

BUNDLE_PARTS = (bundle.SPEC, bundle.GOLDEN, bundle.METRICS, bundle.TFLITE)


def of_wire(data: bytes) -> None:
    """Lines of a board."""
    for line in LineReader().feed(data + b"\n"):
        if isinstance(line, Line):
            try:
                parse(line)
            except ProtocolError as error:
                raise HarmcuError(str(error)) from None


def of_model(data: bytes) -> None:
    """A .tflite file, by everything that reads one."""
    ones = np.ones(6, np.float32)
    for use in (
        lambda: aot.generate(data, "x", "0" * 64),
        lambda: stream_engine.generate(data, "x", "0" * 64, 16),
        lambda: tflm.generate(data, "x", "0" * 64, 1000),
        lambda: float_model.wrap(data, ones, ones),
    ):
        refused(use)


def of_bundle(data: bytes) -> None:
    """One part of a bundle, whose digests are made to fit."""
    path = HOME / "bundle"
    part = BUNDLE_PARTS[data[0] % len(BUNDLE_PARTS)] if data else bundle.SPEC
    shutil.copytree(HOME / "whole", path, dirs_exist_ok=True)
    (path / part).write_bytes(data[1:])
    # A spec that is no JSON cannot be signed, and is read as it is.
    with contextlib.suppress(Exception):
        sign(path)
    bundle.read(path)


def of_dataset(name: str, suffix: str) -> Callable[[bytes], None]:
    """A file of a data set."""

    def read(data: bytes) -> None:
        path = HOME / f"w.take{suffix}"
        path.write_bytes(data)
        datasets.load(name, path)

    return read


def of_configuration(data: bytes) -> None:
    """harmcu.toml."""
    path = HOME / "harmcu.toml"
    path.write_bytes(data)
    config.default_map(path, cli.main)


TARGETS = {
    "wire": of_wire,
    "model": of_model,
    "bundle": of_bundle,
    "csv": of_dataset("csv", ".csv"),
    "json": of_dataset("edge-impulse", ".json"),
    "cbor": of_dataset("edge-impulse", ".cbor"),
    "recordings": of_dataset("recordings", ".rec"),
    "toml": of_configuration,
}


def refused(use: Callable[[], object]) -> None:
    """Does something that may be refused, in one short and printable line."""
    try:
        use()
    except HarmcuError as error:
        message = str(error)
        assert message.isprintable(), message
        assert len(message) < LONGEST_MESSAGE, message


def main() -> None:
    """Fuzz the target that the command line names."""
    target = TARGETS[sys.argv.pop(1)]
    write_bundle(HOME / "whole")
    atheris.Setup(sys.argv, lambda data: refused(lambda: target(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
