"""Boards without hardware: QEMU's mps2-an386, and the native process of the board ``host``.

Both are reached through ``socket://127.0.0.1:PORT``, as any board is through its port, or in bulk:
a file of commands in, a file of answers out, through the same entry point of the firmware.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from host_tools.build import Program, install_hint
from host_tools.protocol import Damaged, Line, LineReader, Message, encode, parse
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


@contextmanager
def serve(
    program: Program,
    imu: Counts | None = None,
    imu_rate_millihertz: int = 0,
    listen: int = 0,
    exact: bool = False,
) -> Iterator[str]:
    """Boot a program and give the URL of its port; it is stopped on leaving.

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
        port = _free_port(listen)
        if program.project.board.name == "host":
            with _serve_host(program, file, imu_rate_millihertz, port):
                yield f"socket://127.0.0.1:{port}"
        else:
            with _serve_qemu(program, file, imu_rate_millihertz, port, exact):
                yield f"socket://127.0.0.1:{port}"


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
            if isinstance(line, Damaged):
                raise HarmcuError(f"{program.path}: said {line.text[:60]!r}; build it again")
            messages.append(parse(line))
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
    program: Program, imu: Path | None, rate: int, port: int, exact: bool
) -> Iterator[None]:
    command = qemu(program.path, exact)
    # QEMU waits for the first client before it starts the program, so that nothing said is lost.
    command += ["-serial", f"tcp:127.0.0.1:{port},server=on,wait=on,nodelay=on"]
    words = ("imu", str(imu), str(rate)) if imu else ("idle",)
    command += semihosting(*words)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _wait_until_listening(process, port)
        yield
    finally:
        process.kill()
        process.communicate()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = process.communicate()[1].decode(errors="replace").strip()
            raise HarmcuError(f"{QEMU} did not start ({said}); check its installation")
        if not _is_free(port):
            return
        time.sleep(0.02)
    raise HarmcuError(f"{QEMU} does not listen on port {port}; try again")


@contextmanager
def _serve_host(program: Program, imu: Path | None, rate: int, port: int) -> Iterator[None]:
    """Serve the native process: its standard input and output, bridged to a socket."""
    environment = dict(os.environ)
    if imu is not None:
        environment |= {"HARMCU_IMU_FILE": str(imu), "HARMCU_IMU_MILLIHERTZ": str(rate)}
    with socket.create_server(("127.0.0.1", port)) as server:
        bridge = _Bridge(program.path, environment, server)
        thread = threading.Thread(target=bridge.run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            bridge.stop()


class _Bridge:
    """Carries bytes between one client of a socket and a process."""

    def __init__(self, program: Path, environment: dict[str, str], server: socket.socket) -> None:
        self._program = program
        self._environment = environment
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Wait for the client, start the process and carry bytes until either ends."""
        try:
            client, _ = self._server.accept()
        except OSError:
            return
        with client:
            self._process = subprocess.Popen(
                [self._program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._environment,
            )
            threading.Thread(target=self._carry_in, args=(client,), daemon=True).start()
            self._carry_out(client)

    def _carry_in(self, client: socket.socket) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            while data := client.recv(4096):
                self._process.stdin.write(data)
                self._process.stdin.flush()
            self._process.stdin.close()
        except OSError:
            pass  # the process or the client has ended; the other direction notices

    def _carry_out(self, client: socket.socket) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while data := os.read(self._process.stdout.fileno(), 4096):
                client.sendall(data)
        except OSError:
            pass  # the client has ended

    def stop(self) -> None:
        """Stop the process and let go of the client."""
        self._server.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _free_port(wanted: int) -> int:
    try:
        with socket.create_server(("127.0.0.1", wanted)) as server:
            port: int = server.getsockname()[1]
            return port
    except OSError:
        raise HarmcuError(f"port {wanted} is busy; choose another with --listen") from None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
