"""Stands in for arduino-cli: says what it says, and does what a file beside it tells it to.

Copied to a folder on the PATH as ``arduino-cli``. ``plan.json`` beside it maps a command to a list
of [exit code, output], one for each time it is called, the last one for all further times. Every
call is noted in ``calls.txt``.
"""

import json
import sys
from pathlib import Path

COMPILED = """\
Sketch uses 123456 bytes (12%) of program storage space. Maximum is 983040 bytes.
Global variables use 45678 bytes (17%) of dynamic memory, leaving 216466 bytes for local variables.
"""
UPLOADED = """\
Device       : nRF52840-QIAA
[==============================] 100% (31/31 pages)
Done in 5.024 seconds
"""


def main() -> int:
    folder = Path(sys.argv[0]).parent
    calls = folder / "calls.txt"
    before = calls.read_text().splitlines() if calls.exists() else []
    with calls.open("a") as file:
        file.write(" ".join(sys.argv[1:]) + "\n")
    command = sys.argv[1]
    number = sum(line.split()[0] == command for line in before)
    plan = json.loads((folder / "plan.json").read_text())
    answers = plan.get(command, [[0, {"compile": COMPILED, "upload": UPLOADED}.get(command, "")]])
    code, said = answers[min(number, len(answers) - 1)]
    print(said or COMPILED, end="")
    return int(code)


if __name__ == "__main__":
    raise SystemExit(main())
