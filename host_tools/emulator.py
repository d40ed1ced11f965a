"""Boards without hardware: QEMU's mps2-an386, and the native process of the board ``host``.

Both are reached through ``socket://127.0.0.1:PORT``, as any board is through its port, or in bulk:
a file of commands in, a file of answers out, through the same entry point of the firmware.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools.build import Program, install_hint
from host_tools.protocol import (
    Damaged,
    Line,
    LineReader,
    Message,
    ProtocolError,
    Text,
    encode,
    parse,
)
from trainer.errors import HarmcuError
from trainer.recording import Counts

QEMU = "qemu-system-arm"
QEMU_INSTALL = {
    "debian": "qemu-system-arm",
    "macos": "brew install qemu",
    "windows": "winget install SoftwareFreedomConservancy.QEMU",
}

EXACT = "shift=6,align=off,sleep=off"
"""Every instruction takes exactly 2**6 ns of virtual time, so that time counts instructions."""

NANOSECONDS_PER_INSTRUCTION = 64

BULK_TIMEOUT = 1800.0
"""Seconds for one bulk run; a test set of thousands of windows takes about a minute."""

START_TIMEOUT = 10.0


def counts_instructions(board: str) -> bool:
    """Tell whether the ticks of an emulated board are instructions in disguise."""
    return board == "mps2_an386"


def check_installed(board: str) -> None:
    """Check that what emulates a board is there.

    Raises:
        HarmcuError: it is not; the message says how to install it.
    """
    if board != "host" and shutil.which(QEMU) is None:
        raise HarmcuError(f"{QEMU} is not installed; {install_hint(QEMU_INSTALL)}")


def instructions(ticks: float, tick_hz: int) -> int:
    """Return the instructions that ``ticks`` of a clock under ``EXACT`` stand for."""
    return round(ticks * 1e9 / tick_hz / NANOSECONDS_PER_INSTRUCTION)


@dataclass(frozen=True)
class Served:
    """A board that runs.

    Attributes:
        url: its port, as pySerial opens it.
        is_running: tells whether it still does.
    """

    url: str
    is_running: Callable[[], bool]


@contextmanager
def serve(
    program: Program,
    imu: Counts | None = None,
    imu_rate_millihertz: int = 0,
    listen: int = 0,
    exact: bool = False,
) -> Iterator[Served]:
    """Boot a program and serve its port; it is stopped on leaving.

    Args:
        program: built for an emulated board.
        imu: int16 [samples, 6] that its IMU plays again and again, or None for no IMU.
        imu_rate_millihertz: the rate at which it plays them.
        listen: TCP port on this machine, or 0 for a free one.
        exact: count instructions instead of keeping real time.

    Raises:
        HarmcuError: QEMU is missing, the port is busy, or the program does not start.
    """
    with tempfile.TemporaryDirectory(prefix="harmcu-") as folder:
        file = None
        if imu is not None:
            file = Path(folder) / "imu.bin"
            file.write_bytes(np.ascontiguousarray(imu, "<i2").tobytes())
        if program.project.board.name == "host":
            serving = _serve_host(program, file, imu_rate_millihertz, listen)
        else:
            serving = _serve_qemu(program, file, imu_rate_millihertz, listen, exact)
        with serving as served:
            yield served


def run_bulk(program: Program, commands: Sequence[Line]) -> list[Message]:
    """Run commands through a program at full speed and return everything it said.

    Raises:
        HarmcuError: QEMU is missing, the program crashed, or an answer is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="harmcu-") as folder:
        sent, answered = Path(folder) / "in", Path(folder) / "out"
        sent.write_bytes(b"".join(encode(command) for command in commands))
        if program.project.board.name == "host":
            with sent.open("rb") as stdin, answered.open("wb") as stdout:
                _wait(subprocess.Popen([program.path], stdin=stdin, stdout=stdout), program)
        else:
            command = [*qemu(program.path, exact=True), "-serial", "null"]
            command += semihosting("bulk", str(sent), str(answered))
            _wait(subprocess.Popen(command, stderr=subprocess.DEVNULL), program)
        messages: list[Message] = []
        for line in LineReader().feed(answered.read_bytes()):
            if isinstance(line, Text):
                continue
            if isinstance(line, Damaged):
                raise HarmcuError(f"{program.path}: said {line.text[:60]!r}; build it again")
            try:
                messages.append(parse(line))
            except ProtocolError as error:
                raise HarmcuError(f"{program.path}: said {error}; generate it again") from None
        return messages


def _wait(process: subprocess.Popen[bytes], program: Program) -> None:
    try:
        code = process.wait(BULK_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise HarmcuError(f"{program.path}: did not end; build the project again") from None
    finally:
        process.kill()
    if code:
        raise HarmcuError(
            f"{program.path}: stopped with a fault (exit code {code}); generate and build again"
        )


def qemu(program: Path, exact: bool) -> list[str]:
    """Return the command that boots a program on the machine mps2-an386.

    Raises:
        HarmcuError: QEMU is missing.
    """
    check_installed("mps2_an386")
    command = [QEMU, "-M", "mps2-an386", "-display", "none", "-monitor", "none", "-nodefaults"]
    command += ["-kernel", str(program)]
    return [*command, "-icount", EXACT] if exact else command


def semihosting(*words: str) -> list[str]:
    """Give the program a command line of words separated by newlines, as board.c reads them.

    QEMU's own option list separates by commas, which are doubled to stand for themselves.
    """
    line = "\n".join(words).replace(",", ",,")
    return ["-semihosting-config", f"enable=on,target=native,arg={line}"]


@contextmanager
def _serve_qemu(
    program: Program, imu: Path | None, rate: int, listen: int, exact: bool
) -> Iterator[Served]:
    port = listen or _free_port()
    command = qemu(program.path, exact)
    # QEMU waits for the first client before it starts the program, so that nothing said is lost.
    command += ["-serial", f"tcp:127.0.0.1:{port},server=on,wait=on,nodelay=on"]
    words = ("imu", str(imu), str(rate)) if imu else ("idle",)
    command += semihosting(*words)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _wait_until_listening(process, port)
        yield Served(f"socket://127.0.0.1:{port}", lambda: process.poll() is None)
    finally:
        process.kill()
        process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until QEMU says so; from then on, read what it says so that it never waits for us."""
    assert process.stderr is not None
    timer = threading.Timer(START_TIMEOUT, process.kill)
    timer.start()
    said = b""
    for line in process.stderr:
        if b"waiting for connection" in line:
            timer.cancel()
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return
        said += line
    timer.cancel()
    if b"in use" in said:
        raise _busy(port)
    last = said.decode(errors="replace").strip().splitlines()[-1:]
    raise HarmcuError(f"{QEMU} did not start ({' '.join(last)}); check its installation")


@contextmanager
def _serve_host(program: Program, imu: Path | None, rate: int, listen: int) -> Iterator[Served]:
    """Serve the native process: its standard input and output, bridged to a socket."""
    environment = dict(os.environ)
    if imu is not None:
        environment |= {"HARMCU_IMU_FILE": str(imu), "HARMCU_IMU_MILLIHERTZ": str(rate)}
    try:
        server = socket.create_server(("127.0.0.1", listen))
    except OSError:
        raise _busy(listen) from None
    bridge = _Bridge(program.path, environment, server)
    thread = threading.Thread(target=bridge.run, daemon=True)
    thread.start()
    try:
        yield Served(f"socket://127.0.0.1:{server.getsockname()[1]}", thread.is_alive)
    finally:
        bridge.stop()
        thread.join()


class _Bridge:
    """Carries bytes between a socket and a process; every client boots a process of its own."""

    def __init__(self, program: Path, environment: dict[str, str], server: socket.socket) -> None:
        self._program = program
        self._environment = environment
        self._server = server
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Serve one client after the other until ``stop``."""
        self._server.settimeout(0.1)
        while not self._stopping.is_set():
            try:
                client, _ = self._server.accept()
            except TimeoutError:
                continue
            client.settimeout(None)
            with client:
                self._serve(client)
        self._server.close()

    def stop(self) -> None:
        """Stop the process; ``run`` returns."""
        self._stopping.set()
        if self._process is not None:
            self._process.kill()

    def _serve(self, client: socket.socket) -> None:
        with subprocess.Popen(
            [self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
        ) as self._process:
            threading.Thread(target=_carry_in, args=(client, self._process), daemon=True).start()
            _carry_out(client, self._process)
            self._process.kill()


def _carry_in(client: socket.socket, process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError):  # the process or the client has ended
        while data := client.recv(4096):
            process.stdin.write(data)
            process.stdin.flush()
        process.stdin.close()


def _carry_out(client: socket.socket, process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    with contextlib.suppress(OSError):  # the client has ended
        while data := os.read(process.stdout.fileno(), 4096):
            client.sendall(data)


def _busy(port: int) -> HarmcuError:
    return HarmcuError(f"port {port} is busy or not yours; choose another with --listen")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
