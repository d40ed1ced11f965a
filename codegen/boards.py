"""The boards that firmware/boards/ describes: one folder a board, with its board.toml."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen.runtime import FIRMWARE
from trainer.errors import HarmcuError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Toolchain:
    """How a project for a board becomes a program.

    Attributes:
        compiler, size: commands, looked up on the PATH.
        program: file name of the result.
        flags, link_flags: for every source, and for the link.
        linker_script: file in the board's folder, or None.
        install: how to get the compiler, by system ("debian": package names; else a command).
    """

    compiler: str
    size: str
    program: str
    flags: tuple[str, ...]
    link_flags: tuple[str, ...]
    linker_script: str | None
    install: dict[str, str]


@dataclass(frozen=True)
class Usb:
    """How a board shows itself on USB, each identity as "vid:pid" in small hexadecimal digits.

    Attributes:
        application: while a program runs.
        bootloader: while it waits for one.
    """

    application: tuple[str, ...]
    bootloader: tuple[str, ...]


@dataclass(frozen=True)
class Arduino:
    """How arduino-cli builds a sketch for a board.

    Attributes:
        fqbn: the board's name there.
        platform: the core that it belongs to, "packager:architecture@version".
        libraries: of the IMU, "name@version".
        sensor: name of the IMU, as the board says it on the wire.
    """

    fqbn: str
    platform: str
    libraries: tuple[str, ...]
    sensor: str


@dataclass(frozen=True)
class Board:
    """One board.

    Attributes:
        name: the folder's name.
        description: a line for people.
        engines: the engines that can be built for it.
        sensor_rates_millihertz: rates at which samples may arrive, its own sensor's first.
        toolchain: how `harmcu build` builds for it; None for an Arduino board.
        usb: its identities, or None when it has no USB.
        arduino: how arduino-cli builds for it, or None.
        path: the folder.
    """

    name: str
    description: str
    engines: tuple[str, ...]
    sensor_rates_millihertz: tuple[int, ...]
    toolchain: Toolchain | None
    usb: Usb | None
    arduino: Arduino | None
    path: Path


def names() -> list[str]:
    """Return the names of all boards, sorted."""
    return sorted(file.parent.name for file in (FIRMWARE / "boards").glob("*/board.toml"))


def load(name: str) -> Board:
    """Return the board of that name.

    Raises:
        HarmcuError: there is none.
    """
    if name not in names():
        raise HarmcuError(f"no board is called {name!r}; choose one of {', '.join(names())}")
    path = FIRMWARE / "boards" / name
    document = tomllib.loads((path / "board.toml").read_text("utf-8"))
    return Board(
        name=name,
        description=document["description"],
        engines=tuple(document["engines"]),
        sensor_rates_millihertz=tuple(document["sensor_rates_millihertz"]),
        toolchain=_toolchain(document) if "build" in document else None,
        usb=_usb(document["usb"]) if "usb" in document else None,
        arduino=_arduino(document["arduino"]) if "arduino" in document else None,
        path=path,
    )


def _toolchain(document: dict[str, Any]) -> Toolchain:
    build = document["build"]
    return Toolchain(
        compiler=build["compiler"],
        size=build["size"],
        program=build["program"],
        flags=tuple(build["flags"]),
        link_flags=tuple(build["link_flags"]),
        linker_script=build.get("linker_script"),
        install=document["install"],
    )


def _usb(table: dict[str, Any]) -> Usb:
    return Usb(application=tuple(table["application"]), bootloader=tuple(table["bootloader"]))


def _arduino(table: dict[str, Any]) -> Arduino:
    return Arduino(
        fqbn=table["fqbn"],
        platform=table["platform"],
        libraries=tuple(table["libraries"]),
        sensor=table["sensor"],
    )
