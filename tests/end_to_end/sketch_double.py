"""Compiles a sketch as Arduino does, against tests/arduino_core, and runs it in QEMU."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from codegen.runtime import FIRMWARE
from host_tools import emulator
from trainer.recording import Counts

CORE = Path(__file__).parents[1] / "arduino_core"
MACHINE = FIRMWARE / "boards" / "mps2_an386"

CPU = ["-mcpu=cortex-m4", "-mfloat-abi=softfp", "-mfpu=fpv4-sp-d16", "-mthumb"]
# cflags.txt and cxxflags.txt of the variant ARDUINO_NANO33BLE in ArduinoCore-mbed.
FLAGS = ["-Os", "-fdata-sections", "-ffunction-sections", "-fmessage-length=0", "-fno-exceptions"]
FLAGS += ["-fomit-frame-pointer", "-funsigned-char", "-Wvla", *CPU]
C_FLAGS = ["-std=gnu11", *FLAGS]
CPP_FLAGS = ["-std=gnu++14", "-fno-rtti", *FLAGS]


def build_sketch(sketch: Path, out: Path) -> Path:
    """Compile and link every file that Arduino would; warnings are errors."""
    ino = sketch / f"{sketch.name}.ino"
    # Arduino puts this include before the sketch, and compiles everything under src/.
    main = out / f"{ino.name}.cpp"
    out.mkdir()
    main.write_text(f'#include <Arduino.h>\n#line 1 "{ino}"\n{ino.read_text("utf-8")}', "utf-8")
    ours = [main, *sorted((sketch / "src").rglob("*.c")), *sorted((sketch / "src").rglob("*.cpp"))]
    core = [*sorted(CORE.glob("*.cpp")), MACHINE / "startup.c", MACHINE / "semihost.c"]
    strict = ["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"]
    objects = []
    for index, source in enumerate([*ours, *core]):
        objects.append(out / f"{index}_{source.name}.o")
        command = ["arm-none-eabi-gcc", *C_FLAGS]
        if source.suffix == ".cpp":
            command = ["arm-none-eabi-g++", *CPP_FLAGS]
        # No include path of the sketch's own: Arduino gives none.
        includes = ["-I", CORE, "-I", sketch] if source == main else ["-I", CORE]
        includes += [] if source in ours else ["-I", MACHINE]
        subprocess.run([*command, *strict, *includes, "-c", source, "-o", objects[-1]], check=True)
    program = out / "sketch.elf"
    link = ["arm-none-eabi-g++", *CPU, "--specs=nano.specs", "--specs=nosys.specs"]
    link += ["-nostartfiles", "-Wl,--gc-sections", "-T", str(MACHINE / "link.ld")]
    subprocess.run([*link, *objects, "-o", program], check=True)
    return program


@contextmanager
def running(program: Path, *scene: str, raw: Counts | None = None) -> Iterator[str]:
    """Boot a sketch and give the URL of its port.

    Args:
        program: built by ``build_sketch``.
        scene: words of tests/arduino_core/scene.h.
        raw: int16 [samples, 6], register values of the IMU, angular rate first.
    """
    words = list(scene)
    if raw is not None:
        recording = program.with_name("imu.bin")
        recording.write_bytes(np.ascontiguousarray(raw, "<i2").tobytes())
        words.append(f"recording={recording}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = emulator.qemu(program, exact=True)
    command += ["-serial", f"tcp:127.0.0.1:{port},server=on,wait=on,nodelay=on"]
    process = subprocess.Popen(
        [*command, *emulator.semihosting(*words)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert "waiting for connection" in process.stderr.readline()
        yield f"socket://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
