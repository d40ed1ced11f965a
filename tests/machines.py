"""Machines unlike this one, on which the same bits have to come out."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Machine:
    """A compiler for a machine, and what runs its programs here."""

    compiler: str
    flags: tuple[str, ...]
    emulator: tuple[str, ...]


# Debian's gcc-multilib has no other use than a link to these headers, and excludes cross compilers.
BITS_32 = Machine("gcc", ("-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"), ())
BIG_ENDIAN = Machine("s390x-linux-gnu-gcc", ("-static",), ("qemu-s390x",))

PACKAGES = "gcc-12-multilib, gcc-s390x-linux-gnu and qemu-user"


def require(machine: Machine, folder: Path) -> None:
    """Skips a test where a machine's tools are missing."""
    for tool in (machine.compiler, *machine.emulator[:1]):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing; install {PACKAGES}")
    source = b"#include <errno.h>\nint main(void) { return errno; }"
    command = [machine.compiler, *machine.flags, "-x", "c", "-", "-o", str(folder / "empty")]
    if subprocess.run(command, input=source, capture_output=True, check=False).returncode != 0:
        pytest.skip(f"no library for {' '.join(machine.flags)}; install {PACKAGES}")
