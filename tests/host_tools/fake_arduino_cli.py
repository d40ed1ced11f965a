"""Stands in for arduino-cli: says what it says, and does what a file beside it tells it to.

Copied to a folder on the PATH as ``arduino-cli``. ``plan.json`` beside it maps a command to a list
of [exit code, document], one for each time it is called, the last one for all further times. Every
call is noted in ``calls.txt``. The documents are those of arduino-cli 1.5 with ``--json``: a result
on stdout, an error without one on stderr; a text stands for a tool that prints no JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

SECTIONS = [
    {"name": "text", "size": 123456, "max_size": 983040},
    {"name": "data", "size": 45678, "max_size": 262144},
]
COMPILED = {
    "compiler_out": "Sketch uses 123456 bytes (12%) of program storage space.",
    "compiler_err": "",
    "builder_result": {"executable_sections_size": SECTIONS},
    "upload_result": {},
    "success": True,
}
UPLOADED = {"stdout": "Done in 5.024 seconds", "stderr": ""}


def main() -> int:
    folder = Path(sys.argv[0]).parent
    *arguments, last = sys.argv[1:]
    assert last == "--json"
    calls = folder / "calls.txt"
    before = calls.read_text().splitlines() if calls.exists() else []
    with calls.open("a") as file:
        file.write(" ".join(arguments) + "\n")
    command = arguments[0]
    number = sum(line.split()[0] == command for line in before)
    plan = json.loads((folder / "plan.json").read_text())
    usual: dict[str, Any] = {
        "compile": COMPILED,
        "upload": UPLOADED,
        "config": str(folder / "data"),
    }
    answers = plan.get(command, [[0, usual.get(command, {})]])
    code, said = answers[min(number, len(answers) - 1)]
    said = usual.get(command, {}) if said is None else said
    is_plain = isinstance(said, str) and command != "config"
    without_result = code and "success" not in said
    print(said if is_plain else json.dumps(said), file=sys.stderr if without_result else sys.stdout)
    return int(code)


if __name__ == "__main__":
    raise SystemExit(main())
