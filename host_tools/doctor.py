"""What this computer has, and lacks, for each part of the loop.

Nothing heavy is imported and nothing is asked of the network or of a board, so that the answer
comes at once: versions are read from the installed packages' metadata.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from codegen import boards
from codegen.boards import Toolchain
from host_tools import emulator, flash, ports
from host_tools.build import install_hint
from trainer.errors import HarmcuError

PACKAGE = "harmcu"
LOOP_EXTRA = "demo"
"""The extra whose packages the loop without a board needs."""

EMULATED = "mps2_an386"
MACHINE = "mps2-an386"
"""The emulated board, and what QEMU calls it."""

SERIAL_GROUPS = ("dialout", "uucp")
"""Groups that own serial ports: Debian's, Fedora's and SUSE's; Arch's."""

UDEV_FOLDERS = tuple(
    Path(folder) for folder in ("/etc/udev/rules.d", "/lib/udev/rules.d", "/usr/lib/udev/rules.d")
)
ARDUINO_VENDOR = "2341"
"""Arduino's USB vendor identity: boards.txt of ArduinoCore-mbed, nano33ble.vid."""

TOOL_SECONDS = 10.0
"""After which a tool that was asked for its version is taken for broken, and asked no more."""

State = Literal["ok", "missing", "optional"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        name: what.
        state: "ok"; "missing" when the loop without a board cannot run as it is; "optional" when
            only something else cannot.
        text: what was found, or why it is needed.
        remedy: what to do; empty when it is there.
    """

    name: str
    state: State
    text: str
    remedy: str = ""

    def document(self) -> dict[str, Any]:
        """Return the finding for ``--json``."""
        return asdict(self)


def examine() -> list[Finding]:
    """Look for everything that harmcu uses, what the loop without a board needs first."""
    return [
        _python(),
        *_packages(),
        *_compiler(),
        _qemu(),
        _host_compiler(),
        *_arduino_cli(),
        _serial_permission(),
        *_boards(),
    ]


def is_ready(findings: list[Finding]) -> bool:
    """Tell whether the loop without a board can run."""
    return all(finding.state != "missing" for finding in findings)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    try:
        wanted = metadata.metadata(PACKAGE)["Requires-Python"] or ""
    except metadata.PackageNotFoundError:
        wanted = ""
    if SpecifierSet(wanted).contains(version, prereleases=True):
        return Finding("Python", "ok", f"{version}, {sys.executable}")
    return Finding(
        "Python", "missing", f"{version}, {wanted} is needed", "make an environment with that one"
    )


def _packages() -> Iterator[Finding]:
    """Compare what is installed with the versions that harmcu's own metadata ask for."""
    try:
        stated = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        yield Finding(PACKAGE, "missing", "is not installed", 'pip install -e ".[demo]"')
        return
    yield Finding(PACKAGE, "ok", metadata.version(PACKAGE))
    # The metadata have the extra written out: hatchling unfolds "harmcu[train]".
    for requirement in map(Requirement, stated):
        marker = requirement.marker
        if marker and not marker.evaluate({"extra": ""}) and marker.evaluate({"extra": LOOP_EXTRA}):
            yield _package(requirement)


def _package(wanted: Requirement) -> Finding:
    python = shlex.quote(sys.executable) if os.name == "posix" else f'"{sys.executable}"'
    remedy = f'{python} -m pip install "{wanted.name}{wanted.specifier}"'
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return Finding(wanted.name, "missing", "is not installed", remedy)
    if not wanted.specifier.contains(version, prereleases=True):
        return Finding(wanted.name, "missing", f"{version}, {wanted.specifier} is needed", remedy)
    return Finding(wanted.name, "ok", version)


def _compiler() -> Iterator[Finding]:
    toolchain = _toolchain(EMULATED)
    hint = install_hint(toolchain.install)
    compiler = _command(toolchain.compiler, "missing", hint)
    yield compiler
    yield _command(toolchain.size, "missing", hint)
    if compiler.state == "ok":
        # It answers with the bare name where it has no such file.
        specs = _said([toolchain.compiler, "-print-file-name=nano.specs"])
        if specs in ("", "nano.specs"):
            yield Finding("newlib", "missing", f"{toolchain.compiler} has no C library", hint)
        else:
            yield Finding("newlib", "ok", specs)


def _qemu() -> Finding:
    hint = install_hint(emulator.QEMU_INSTALL)
    found = _command(emulator.QEMU, "missing", hint)
    if found.state == "ok" and MACHINE not in _said(
        [emulator.QEMU, "-machine", "help"], whole=True
    ):
        return Finding(emulator.QEMU, "missing", f"{found.text} has no machine {MACHINE}", hint)
    return found


def _host_compiler() -> Finding:
    toolchain = _toolchain("host")
    return _command(toolchain.compiler, "optional", install_hint(toolchain.install))


def _arduino_cli() -> Iterator[Finding]:
    """Look for what flashes Arduino boards; profiles pin versions, so that others do not count."""
    try:
        tool = flash.find_tool()
    except HarmcuError as error:
        _, _, remedy = str(error).partition("; ")
        yield Finding(
            flash.TOOL, "optional", "is not installed, and flashes Arduino boards", remedy
        )
        return
    found = _command(flash.TOOL, "optional", install_hint(flash.INSTALL), "version")
    yield found
    if found.state != "ok":
        return
    wanted = [board.arduino for board in map(boards.load, boards.names()) if board.arduino]
    yield from _arduino_parts(tool, "core", {arduino.platform for arduino in wanted})
    yield from _arduino_parts(tool, "lib", {name for a in wanted for name in a.libraries})


def _arduino_parts(tool: str, kind: str, wanted: set[str]) -> Iterator[Finding]:
    there = set(_installed(kind, _said([tool, kind, "list", "--json"], whole=True)))
    for part in sorted(wanted):
        if part in there:
            yield Finding(part.replace("@", " "), "ok", "is installed")
        else:
            yield Finding(
                part.replace("@", " "),
                "optional",
                "is not installed; `harmcu flash` offers to",
                f"{flash.TOOL} {kind} install {part}",
            )


def _installed(kind: str, said: str) -> Iterator[str]:
    """Give "name@version" of all cores or libraries that ``arduino-cli ... list --json`` names.

    The form is that of arduino-cli 1.0 and later.
    """
    try:
        document = json.loads(said)
        if kind == "core":
            for platform in document["platforms"]:
                yield f"{platform['id']}@{platform['installed_version']}"
        else:
            for entry in document["installed_libraries"]:
                yield f"{entry['library']['name']}@{entry['library']['version']}"
    except (ValueError, KeyError, TypeError):
        return


def _serial_permission() -> Finding:
    """Tell whether the user may open serial ports."""
    name = "serial ports"
    if sys.platform == "win32":
        if sys.getwindowsversion().major >= 10:
            return Finding(name, "ok", "Windows brings the driver of USB serial ports")
        return Finding(name, "optional", "need a driver", "install the Arduino IDE, which has it")
    if sys.platform == "darwin":
        return Finding(name, "ok", "macOS brings the driver of USB serial ports")
    if os.geteuid() == 0:
        return Finding(name, "ok", "root may open them")
    rules = udev_rules()
    if rules is not None:
        return Finding(name, "ok", f"{rules} opens those of Arduino boards")
    group, is_member = _serial_group()
    if is_member:
        return Finding(name, "ok", f"you are in the group {group}")
    return Finding(
        name,
        "optional",
        f"you are not in the group {group}; boards on USB cannot be opened",
        f"sudo usermod -aG {group} $USER, and log in again",
    )


def _serial_group() -> tuple[str, bool]:
    """Return the group that owns serial ports here, and whether this process is in it."""
    import grp

    known = {group.gr_name: group.gr_gid for group in grp.getgrall()}
    name = next((group for group in SERIAL_GROUPS if group in known), SERIAL_GROUPS[0])
    return name, known.get(name) in {os.getgid(), *os.getgroups()}


def udev_rules() -> Path | None:
    """Return the udev rules that name Arduino's vendor identity, or None."""
    for folder in UDEV_FOLDERS:
        for file in sorted(folder.glob("*.rules")):
            try:
                if f'=="{ARDUINO_VENDOR}"' in file.read_text("utf-8", errors="replace"):
                    return file
            except OSError:
                continue
    return None


def _boards() -> Iterator[Finding]:
    found = ports.find()
    for each in found:
        state = "in its bootloader" if each.is_bootloader else "plugged in"
        yield Finding("board", "ok", f"{each.port}: {' or '.join(each.boards)}, {state}")
    if not found:
        yield Finding(
            "board", "optional", "none is plugged in", "plug one in, with a cable that carries data"
        )


def _toolchain(board: str) -> Toolchain:
    toolchain = boards.load(board).toolchain
    assert toolchain is not None, board
    return toolchain


def _command(command: str, otherwise: State, remedy: str, ask: str = "--version") -> Finding:
    """Look for a command that works."""
    if shutil.which(command) is None:
        return Finding(command, otherwise, "is not installed", remedy)
    version = _said([command, ask])
    if not version:
        return Finding(command, otherwise, f"does not answer `{command} {ask}`", remedy)
    return Finding(command, "ok", version)


def _said(command: list[str], whole: bool = False) -> str:
    """Return the first line that a tool prints, or all of it; nothing if it does not work."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TOOL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = result.stdout.strip().splitlines()
    return result.stdout if whole else (lines[0] if lines else "")
