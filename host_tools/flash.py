"""From a sketch to a board that runs it: arduino-cli compiles and uploads, then the board is asked.

The uploader resets a board by opening its port at 1200 baud; the bootloader shows up under another
name, and so may the sketch afterwards. Which port is the board's is therefore told by the serial
number of its chip.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codegen.boards import Arduino
from codegen.project import Project
from host_tools import ports
from host_tools.board_stream import board_with, check_sensor
from host_tools.build import install_hint
from host_tools.device import Device
from host_tools.link import Link
from host_tools.port import PortGoneError
from host_tools.ports import Found
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

_FLASH = re.compile(r"Sketch uses (\d+) bytes")
_RAM = re.compile(r"Global variables use (\d+) bytes")
_NEW_PORT = re.compile(r"New upload port: (\S+)")
_NO_PLATFORM = re.compile(r"platform .*not (?:found|installed)|unknown package", re.IGNORECASE)
_LIBRARY = re.compile(r"[Ll]ibrary '?([\w@.-]+)'? (?:is )?not (?:found|installed)")
_NO_LIBRARY = re.compile(
    r"library .*not (?:found|installed)|fatal error: \S+\.h: No such file", re.IGNORECASE
)


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
    before = next((found for found in ports.find() if found.port == chosen), None)
    progress(f"asking {chosen} what it is")
    _check_revision(project, ports.ask(chosen, before).imu, chosen)
    sizes = _compile(tool, project, arduino, progress, agree)
    # The archive of a compiled profile is found again by the upload of the same profile.
    said = _run([tool, "upload", "-p", chosen, *_profile(project), str(project.path)], progress)
    progress("waiting for the board to come back")
    status, imu, now = _answer(project, _candidates(chosen, before, said))
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


def _compile(
    tool: str,
    project: Project,
    arduino: Arduino,
    progress: Callable[[str], None],
    agree: Callable[[str], bool],
) -> tuple[int | None, int | None]:
    """Compile and return the bytes of flash and RAM; install what is missing, when agreed."""
    command = [tool, "compile", *_profile(project), str(project.path)]
    try:
        said = _run(command, progress)
    except _ToolError as error:
        for install in _missing(tool, arduino, error.said, agree):
            _run(install, progress)
        said = _run(command, progress)
    return _figure(_FLASH, said), _figure(_RAM, said)


def _missing(
    tool: str, arduino: Arduino, said: str, agree: Callable[[str], bool]
) -> Iterator[list[str]]:
    """Yield the commands that install what a compilation lacked.

    Raises:
        HarmcuError: it lacked nothing that can be installed, or the user does not agree.
    """
    if _NO_PLATFORM.search(said):
        lacks, kind = [arduino.platform], "core"
    elif _NO_LIBRARY.search(said):
        lacks, kind = (_LIBRARY.findall(said) or list(arduino.libraries)), "lib"
    else:
        raise _ToolError([tool, "compile"], said)
    what = " ".join(lacks)
    if not agree(f"{what} is missing. Let {TOOL} download and install it?"):
        raise HarmcuError(
            f"{what} is missing; install it with `{TOOL} {kind} update-index` and "
            f"`{TOOL} {kind} install {what}`"
        )
    yield [tool, kind, "update-index"]
    yield [tool, kind, "install", *lacks]


class _ToolError(HarmcuError):
    """arduino-cli failed.

    Attributes:
        said: all that it said.
    """

    def __init__(self, command: Sequence[str], said: str) -> None:
        self.said = said
        super().__init__(f"{TOOL} {command[1]} failed: {_reason(said)}")


def _reason(said: str) -> str:
    """Return, in one line, why arduino-cli failed and what to do."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["no message"]
    for line in lines:
        if "overflowed by" in line or "Sketch too big" in line:
            return f"the sketch does not fit the board ({line[:120]}); train a smaller model"
        if "No device found" in line or "No such file or directory: '/dev" in line:
            return "the bootloader did not answer; press the reset button twice and try again"
        if "ermission denied" in line:
            return "no permission for the port; sudo usermod -aG dialout $USER, and log in again"
        if "lookup" in line and ("no such host" in line or "dial tcp" in line):
            return "the network is needed to install what is missing; connect and try again"
    errors = [line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)]
    return f"{(errors or lines[-1:])[0][:200]}; generate the project again, or update {TOOL}"


def _run(command: Sequence[str], progress: Callable[[str], None]) -> str:
    """Run arduino-cli, passing on what it does; return all it said.

    Raises:
        _ToolError: it failed.
    """
    lines: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            progress(f"{TOOL} {command[1]}")
            for line in process.stdout:
                lines.append(line)
                if line.strip():
                    progress(f"{TOOL} {command[1]}: {line.strip()}")
        except BaseException:
            process.kill()
            raise
    said = "".join(lines)
    if process.returncode:
        raise _ToolError(command, said)
    return said


def _figure(pattern: re.Pattern[str], said: str) -> int | None:
    found = pattern.search(said)
    return int(found[1]) if found else None


def _candidates(port: str, before: Found | None, said: str) -> Callable[[], list[str]]:
    """Return a function that gives the ports at which the board may be now, likeliest first."""
    stated = _NEW_PORT.findall(said)

    def candidates() -> list[str]:
        found = [each for each in ports.find() if not each.is_bootloader]
        same = [
            each.port
            for each in found
            if before is not None and each.serial_number == before.serial_number != ""
        ]
        if same:
            return same
        # Without a serial number: what the uploader saw, the old name, the only board.
        others = [found[0].port] if len(found) == 1 else []
        return list(dict.fromkeys([*stated, port, *others]))

    return candidates


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
                status = device.expect_model(project.manifest.model_sha256)
                return status, device.imu(), port
        time.sleep(0.2)
    if failure is None or isinstance(failure, PortGoneError):
        failure = HarmcuError("no port of a board shows up")
    raise HarmcuError(
        f"the sketch was uploaded, but the board does not come back ({failure}); press its reset "
        "button and try again"
    )
