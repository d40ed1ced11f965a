"""From a sketch to a board that runs it: arduino-cli compiles and uploads, then the board is asked.

The uploader resets a board by opening its port at 1200 baud; the bootloader shows up under another
name, and so may the sketch afterwards. Which port is the board's is therefore told by the serial
number of its chip.

What is known of arduino-cli was read in its sources, v1.5.1-18-g5994c5d: with ``--json`` results
and errors come as one document (feedback.go, compile.go, upload.go); with a profile it downloads
the core and the libraries by itself (instances.go).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen.boards import Arduino
from codegen.project import Project
from host_tools import ports
from host_tools.board_stream import board_with, check_sensor
from host_tools.build import install_hint
from host_tools.device import Device
from host_tools.link import Link
from host_tools.port import PortGoneError
from host_tools.protocol import Imu, Status
from trainer.errors import HarmcuError

TOOL = "arduino-cli"
INSTALL = {
    "linux": "sudo snap install arduino-cli, or see "
    "https://arduino.github.io/arduino-cli/latest/installation/",
    "macos": "brew install arduino-cli",
    "windows": "winget install ArduinoSA.CLI",
}

RETURN_SECONDS = 20.0
"""In which a board that was flashed comes back and answers."""

ASKED_SECONDS = 10.0
"""Between two words about a command that still runs: with ``--json`` it says nothing itself."""

_NO_LIBRARY = re.compile(r"Library '[^']+' not found")
_NO_ROOM = re.compile(r"overflowed by|section exceeds available space", re.IGNORECASE)
_NO_RIGHT = re.compile(r"permission denied|access is denied", re.IGNORECASE)
_NO_NETWORK = re.compile(r"\bdial tcp\b|no such host|i/o timeout|network is unreachable")
_NO_BOOTLOADER = re.compile(r"No device found|no upload port provided")
"""Of arduino-cli 1.5 (cmderrors.go, sizer.go, service_upload.go), Go's net package, and bossac."""


@dataclass(frozen=True)
class Flashed:
    """A board that was flashed and runs the project's model.

    Attributes:
        port: its name now.
        flash_bytes, ram_bytes: of the sketch, as arduino-cli states them; None when it did not.
        status, imu: what the board says.
    """

    port: str
    flash_bytes: int | None
    ram_bytes: int | None
    status: Status
    imu: Imu

    def document(self) -> dict[str, Any]:
        """Return the figures for ``--json``."""
        return {
            "port": self.port,
            "flash_bytes": self.flash_bytes,
            "ram_bytes": self.ram_bytes,
            "board": self.status.board,
            "engine": self.status.engine,
            "model": self.status.model,
            "model_sha256": self.status.model_sha256,
            "sensor": self.imu.sensor,
        }


def flash(
    project: Project,
    port: str | None,
    progress: Callable[[str], None],
    agree: Callable[[str], bool],
) -> Flashed:
    """Compile a project's sketch, upload it, and check that the board runs it.

    Args:
        project: for an Arduino board.
        port: the board's, or None for that of the only board.
        progress: takes what is being done, in a line.
        agree: asks the user whether something may be installed.

    Raises:
        HarmcuError: arduino-cli, a core or a library is missing, the sketch does not compile, the
            board is of another revision, or does not come back with this project's model.
    """
    arduino = project.board.arduino
    if arduino is None:
        raise HarmcuError(
            f"{project.path}: {project.board.name} is no Arduino board; use `harmcu emulate`"
        )
    tool = find_tool()
    chosen = ports.choose(port)
    before = ports.found_at(chosen)
    progress(f"asking {chosen} what it is")
    _check_revision(project, ports.ask(chosen, before).imu, chosen)
    _agree_to_download(tool, project, arduino, progress, agree)
    sizes = _compile(tool, project, progress)
    # The archive of a compiled profile is found again by the upload of the same profile.
    uploaded = _run([tool, "upload", "-p", chosen, *_profile(project), str(project.path)], progress)
    progress("waiting for the board to come back")
    # Where the uploader saw the board, when its chip has no serial number to know it by.
    expected = _new_port(uploaded) or chosen
    status, imu, now = _answer(project, lambda: ports.names_now(expected, before))
    check_sensor(now, status, imu)
    return Flashed(now, *sizes, status, imu)


def find_tool() -> str:
    """Return the path of arduino-cli.

    Raises:
        HarmcuError: it is not installed; the message says how to install it on this system.
    """
    path = shutil.which(TOOL)
    if path is None:
        raise HarmcuError(f"{TOOL} is not installed; {install_hint(INSTALL)}")
    return path


def _profile(project: Project) -> list[str]:
    return ["--profile", project.board.name]


def _check_revision(project: Project, imu: Imu | None, port: str) -> None:
    """Refuse to flash a board whose IMU is known to be another than the project's."""
    arduino = project.board.arduino
    sensors = [board.sensor for board in _arduinos()]
    if arduino is None or imu is None or imu.sensor not in sensors or imu.sensor == arduino.sensor:
        return
    raise HarmcuError(
        f"{port}: the board has a {imu.sensor}, and the project is for {project.board.name} with a "
        f"{arduino.sensor}; generate it for {board_with(imu.sensor)}"
    )


def _arduinos() -> list[Arduino]:
    from codegen import boards

    return [board.arduino for board in map(boards.load, boards.names()) if board.arduino]


def _agree_to_download(
    tool: str,
    project: Project,
    arduino: Arduino,
    progress: Callable[[str], None],
    agree: Callable[[str], bool],
) -> None:
    """Ask before a first compilation: it downloads what the profile in sketch.yaml names.

    Raises:
        HarmcuError: the user does not agree.
    """
    lacks = _missing(tool, arduino, progress)
    what = " and ".join(lacks)
    if lacks and not agree(f"{what} is missing. Let {TOOL} download it?"):
        raise HarmcuError(
            f"{what} is missing; `harmcu flash --yes` downloads it, and so does `{TOOL} compile "
            f"{' '.join(_profile(project))} {project.path}`"
        )


def _missing(tool: str, arduino: Arduino, progress: Callable[[str], None]) -> list[str]:
    """Return the core and the libraries that arduino-cli has not downloaded yet.

    What profiles name is kept apart from what `core install` and `lib install` bring, in
    DATA/internal/NAME_VERSION_HASH (ProfilesCacheDir and InternalUniqueIdentifier of arduino-cli
    1.5). An arduino-cli that does not state its folder is not asked further.
    """
    try:
        stated = _run([tool, "config", "get", "directories.data"], progress)
    except _ToolError:
        return []
    if not isinstance(stated, str):
        return []
    try:
        kept = [entry.name for entry in Path(stated, "internal").iterdir()]
    except (OSError, ValueError):  # nothing is kept yet, or what was stated is no path
        kept = []
    return [
        name
        for name in (arduino.platform, *arduino.libraries)
        if not any(entry.startswith(re.sub(r"[^0-9a-zA-Z.-]", "_", name) + "_") for entry in kept)
    ]


def _compile(
    tool: str, project: Project, progress: Callable[[str], None]
) -> tuple[int | None, int | None]:
    """Compile and return the bytes of flash and RAM."""
    command = [tool, "compile", *_profile(project), str(project.path)]
    try:
        compiled = _run(command, progress)
    except _ToolError as error:
        if not _NO_LIBRARY.search("\n".join(error.said)):
            raise
        # The list of libraries is older than the library.
        _run([tool, "lib", "update-index"], progress)
        compiled = _run(command, progress)
    return _section_bytes(compiled, "text"), _section_bytes(compiled, "data")


def _section_bytes(compiled: Any, name: str) -> int | None:
    """Return the size of a section; None where the document does not state it."""
    sections = _at(compiled, "builder_result", "executable_sections_size")
    for section in sections if isinstance(sections, list) else []:
        size = _at(section, "size")
        if _at(section, "name") == name and type(size) is int and size >= 0:
            return size
    return None


def _new_port(uploaded: Any) -> str | None:
    """Return the port at which arduino-cli saw the board after the upload."""
    address = _at(uploaded, "updated_upload_port", "address")
    return address if isinstance(address, str) else None


class _ToolError(HarmcuError):
    """arduino-cli failed.

    Attributes:
        said: all that it said, in lines.
    """

    def __init__(self, command: Sequence[str], said: list[str]) -> None:
        self.said = said
        super().__init__(f"{TOOL} {command[1]} failed: {_reason(said)}")


def _reason(said: list[str]) -> str:
    """Return, in one line, why arduino-cli failed and what to do."""
    for line in said:
        if _NO_ROOM.search(line):
            return f"the sketch does not fit the board ({line[:120]}); train a smaller model"
        if _NO_NETWORK.search(line):
            return "the network is needed to download what is missing; connect and try again"
    for line in said:
        if _NO_RIGHT.search(line):
            return (
                "no permission for the port; close what else has it open, and on Linux "
                "sudo usermod -aG dialout $USER and log in again"
            )
    for line in said:
        if _NO_BOOTLOADER.search(line):
            return "the bootloader did not answer; press the reset button twice and try again"
    errors = [line for line in said if re.search(r"\berror\b", line, re.IGNORECASE)]
    first = (errors or said or ["no message"])[0]
    return f"{first[:200]}; generate the project again, or update {TOOL}"


def _run(command: Sequence[str], progress: Callable[[str], None]) -> Any:
    """Run arduino-cli and return the JSON that it prints.

    Raises:
        _ToolError: it failed.
    """
    name = f"{TOOL} {command[1]}"
    progress(name)
    with _started([*command, "--json"]) as process:
        try:
            for number in itertools.count(1):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    said = process.communicate(timeout=ASKED_SECONDS)
                    break
                progress(f"{name}, {number * ASKED_SECONDS:.0f} s")
        except BaseException:
            process.kill()
            raise
    # A result goes to stdout, an error that leaves none to stderr.
    found = next((found for found in map(_json, said) if found is not None), None)
    if process.returncode or _at(found, "success") is False or _at(found, "error"):
        raise _ToolError(command, _lines(found) or _lines("\n".join(said)))
    return found


def _started(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start arduino-cli.

    Raises:
        HarmcuError: the system cannot, for it is of another machine or damaged.
    """
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},  # or compiler and tool speak other languages
        )
    except OSError as error:
        raise HarmcuError(
            f"{command[0]} does not start ({error.strerror}); install it again: "
            f"{install_hint(INSTALL)}"
        ) from None


def _lines(said: Any) -> list[str]:
    """Return the lines in which arduino-cli's JSON says what went wrong, the causes first."""
    if isinstance(said, str):
        return [line.strip() for line in said.splitlines() if line.strip()]
    warnings = _at(said, "warnings")
    texts = [
        *(warnings if isinstance(warnings, list) else []),
        _at(said, "compiler_err"),
        _at(said, "output", "stderr"),
        _at(said, "error"),
    ]
    return [line for text in texts if isinstance(text, str) for line in _lines(text)]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _at(document: Any, *keys: str) -> Any:
    """Return what stands at a path of a JSON document, or None."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _answer(project: Project, candidates: Callable[[], list[str]]) -> tuple[Status, Imu, str]:
    """Wait until the board answers, and check that it runs the project's model.

    Raises:
        HarmcuError: it does not come back, or runs something else.
    """
    deadline = time.monotonic() + RETURN_SECONDS
    failure: HarmcuError | None = None
    while time.monotonic() < deadline:
        for port in candidates():
            try:
                with Link(port) as link:
                    device = Device(link, ports.ANSWER_SECONDS)
                    device.status()
            except HarmcuError as error:
                failure = error
                continue
            with Link(port) as link:
                device = Device(link)
                status = device.expect_runtime()
                _check_runs(project, status, port)
                return status, device.imu(), port
        time.sleep(0.2)
    if failure is None or isinstance(failure, PortGoneError):
        failure = HarmcuError("no port of a board shows up")
    raise HarmcuError(
        f"the sketch was uploaded, but the board does not come back ({failure}); press its reset "
        "button and try again"
    )


def _check_runs(project: Project, status: Status, port: str) -> None:
    """Refuse to call a board flashed that runs another model or engine than the project's."""
    runs, wanted = (
        (each.model_sha256, each.engine, each.board) for each in (status, project.manifest)
    )
    if runs != wanted:
        raise HarmcuError(
            f"{port}: the board runs {_shown(*runs)}, the project has {_shown(*wanted)}; the "
            "upload did not reach it, try again"
        )


def _shown(model_sha256: str, engine: str, board: str) -> str:
    model = f"the model {model_sha256[:12]} on the engine {engine}" if model_sha256 else "no model"
    return f"{model}, for {board}"
