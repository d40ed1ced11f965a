"""The layout of an Arduino sketch: a project's files, arranged as the Arduino IDE wants them.

Arduino compiles the .ino, which must be named like its folder, and everything under ``src/``
(Arduino sketch specification). It passes no include path of the sketch's own, so that includes
between folders become relative ones. ``sketch.yaml`` pins the core and the libraries for
arduino-cli; ``platformio.ini`` does for PlatformIO.
"""

from __future__ import annotations

import posixpath
import re

from codegen.boards import Arduino, Board
from codegen.render import render
from codegen.runtime import FIRMWARE
from trainer.errors import HarmcuError

TFLM_LIBRARY = "Chirale_TensorFLowLite@2.0.0"
"""TensorFlow Lite Micro in Arduino's Library Manager, which spells it so."""

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}"
"""Names that the Arduino sketch specification allows for a sketch and its folder."""

_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)

# Folders of a project, and where they go in a sketch.
_FOLDERS = {"include": "src", "src": "src/runtime"}


def check_name(name: str) -> None:
    """Check that a sketch, and so its folder, may have this name.

    Raises:
        HarmcuError: Arduino does not allow it.
    """
    if not re.fullmatch(NAME, name):
        raise HarmcuError(
            f"{name!r}: Arduino allows a sketch's folder letters without accents, digits, "
            "'_', '-' and '.', 63 at the most; choose another name, such as -o activity"
        )


def arrange(files: dict[str, str], board: Board, engine: str, name: str) -> dict[str, str]:
    """Return a project's files as a sketch.

    Args:
        files: text by path within the project (include/, src/, board/, model/ and the engine's).
        board: an Arduino board.
        engine: "aot", "tflm", or "none" for a sketch that only records.
        name: of the sketch.

    Raises:
        HarmcuError: Arduino does not allow the name.
    """
    check_name(name)
    assert board.arduino is not None, "only an Arduino board has sketches"
    shared = sorted((FIRMWARE / "boards" / "arduino").iterdir())
    files = files | {f"board/{file.name}": file.read_text("utf-8") for file in shared}
    moved = {_moved(path): text for path, text in files.items() if path != "src/main.c"}
    sketch = {path: _with_relative_includes(path, text, moved) for path, text in moved.items()}
    values = {
        "name": name,
        "board": board,
        "arduino": board.arduino,
        "engine": engine,
        "libraries": _libraries(board.arduino, engine),
    }
    sketch[f"{name}.ino"] = render("sketch.ino.j2", values)
    sketch["sketch.yaml"] = render("sketch.yaml.j2", values)
    sketch["platformio.ini"] = render("platformio.ini.j2", values)
    return sketch


def _libraries(arduino: Arduino, engine: str) -> tuple[str, ...]:
    return (*arduino.libraries, TFLM_LIBRARY) if engine == "tflm" else arduino.libraries


def _moved(path: str) -> str:
    folder, _, rest = path.partition("/")
    return f"{_FOLDERS.get(folder, f'src/{folder}')}/{rest}"


def _with_relative_includes(path: str, text: str, files: dict[str, str]) -> str:
    folder = posixpath.dirname(path)

    def relative(found: re.Match[str]) -> str:
        target = f"src/{found[1]}"
        if f"{folder}/{found[1]}" in files or target not in files:
            return found[0]  # beside the file, or of a library
        return f'#include "{posixpath.relpath(f"/{target}", f"/{folder}")}"'

    return _INCLUDE.sub(relative, text)
