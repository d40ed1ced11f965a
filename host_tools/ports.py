"""Which boards are plugged in, and which of them a command means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codegen import boards
from host_tools.device import Device
from host_tools.link import Link
from host_tools.protocol import Imu, Status
from trainer.errors import HarmcuError

ANSWER_SECONDS = 1.5
"""How long a board may take to say what it is; a sketch that is not ours says nothing."""


@dataclass(frozen=True)
class Found:
    """A port where the USB identity of a board shows.

    Attributes:
        port: its name.
        boards: names of the boards that have the identity; revisions share one.
        is_bootloader: no sketch runs.
        serial_number: of the chip; the same under every name of the port. May be empty.
    """

    port: str
    boards: tuple[str, ...]
    is_bootloader: bool
    serial_number: str


@dataclass(frozen=True)
class Answer:
    """What a port answered.

    Attributes:
        port: its name or URL.
        found: how it shows on USB; None for a port that is not on USB.
        status, imu: what the board said; None when it said nothing that we know.
        silence: why not, for people.
    """

    port: str
    found: Found | None
    status: Status | None = None
    imu: Imu | None = None
    silence: str = ""

    def document(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        status, imu = self.status, self.imu
        return {
            "port": self.port,
            "usb_boards": [] if self.found is None else list(self.found.boards),
            "bootloader": self.found is not None and self.found.is_bootloader,
            "board": None if status is None else status.board,
            "engine": None if status is None else status.engine,
            "model": None if status is None else status.model,
            "model_sha256": None if status is None else status.model_sha256,
            "runtime_version": None if status is None else status.runtime_version,
            "mode": None if status is None else status.mode,
            "sensor": None if imu is None else imu.sensor,
            "sensor_state": None if imu is None else imu.state,
        }


def find() -> list[Found]:
    """Return every plugged-in port of a board that firmware/boards/ describes, by name."""
    from serial.tools import list_ports

    applications, bootloaders = _identities()
    found = []
    for port in sorted(list_ports.comports(), key=lambda port: port.device):
        if port.vid is None or port.pid is None:
            continue
        identity = f"{port.vid:04x}:{port.pid:04x}"
        names = applications.get(identity) or bootloaders.get(identity)
        if names:
            is_bootloader = identity not in applications
            serial_number = port.serial_number or ""
            found.append(Found(port.device, tuple(names), is_bootloader, serial_number))
    return found


def choose(port: str | None) -> str:
    """Return the port that a command means: the one that was named, or of the only board.

    Raises:
        HarmcuError: none was named, and there is no board or more than one; the message lists them.
    """
    if port is not None:
        return port
    found = find()
    if len(found) == 1:
        return found[0].port
    if not found:
        raise HarmcuError(
            "no board is plugged in that harmcu knows; plug one in, with a cable that carries "
            "data, or name its port with --port"
        )
    listed = ", ".join(f"{each.port} ({' or '.join(each.boards)})" for each in found)
    raise HarmcuError(f"more than one board is plugged in: {listed}; choose one with --port")


def found_at(port: str) -> Found | None:
    """Return how a port shows on USB, or None when it is not that of a board we know."""
    return next((found for found in find() if found.port == port), None)


def names_now(port: str, before: Found | None) -> list[str]:
    """Return the ports at which a board may be that was unplugged or reset, likeliest first.

    Args:
        port: where it was.
        before: how it showed there.
    """
    found = [each for each in find() if not each.is_bootloader]
    same = [
        each.port
        for each in found
        if before is not None and each.serial_number == before.serial_number != ""
    ]
    if same:
        return same
    # Without a serial number: the old name, the only board.
    return list(dict.fromkeys([port, *(each.port for each in found if len(found) == 1)]))


def ask(port: str, found: Found | None = None) -> Answer:
    """Ask a port what is there."""
    if found is not None and found.is_bootloader:
        return Answer(port, found, silence="in its bootloader; flash it, or press its reset button")
    try:
        with Link(port) as link:
            device = Device(link, ANSWER_SECONDS)
            status = device.status()
            return Answer(port, found, status, device.imu())
    except HarmcuError as error:
        text = str(error).removeprefix(f"{port}: ")
        if text.startswith("no answer"):
            text = "runs no harmcu sketch, or does not answer"
        return Answer(port, found, silence=text)


def answers(named: Sequence[str] = ()) -> list[Answer]:
    """Ask every board that is plugged in, and the ports that were named."""
    found = {each.port: each for each in find()}
    return [ask(port, found.get(port)) for port in dict.fromkeys([*named, *found])]


def _identities() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the names of the boards by USB identity: of applications, and of bootloaders."""
    applications: dict[str, list[str]] = {}
    bootloaders: dict[str, list[str]] = {}
    for board in map(boards.load, boards.names()):
        if board.usb is not None:
            for identity in board.usb.application:
                applications.setdefault(identity, []).append(board.name)
            for identity in board.usb.bootloader:
                bootloaders.setdefault(identity, []).append(board.name)
    return applications, bootloaders
