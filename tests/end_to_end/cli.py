"""Runs the command as a user does: as a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def harmcu(
    *arguments: object,
    code: int = 0,
    environment: dict[str, str] | None = None,
    timeout: float = 900,
    folder: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Run ``harmcu ARGUMENTS`` and check its exit code; a traceback is a failure by itself."""
    result = subprocess.run(
        [sys.executable, "-m", "host_tools", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        timeout=timeout,
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    assert result.returncode == code, f"{result.returncode}: {result.stdout}\n{result.stderr}"
    return result


def harmcu_json(*arguments: object, folder: Path = ROOT) -> dict[str, Any]:
    """Run a command with ``--json``: stdout must be one object and nothing else."""
    document: dict[str, Any] = json.loads(harmcu(*arguments, "--json", folder=folder).stdout)
    return document


@contextmanager
def emulated(*arguments: object) -> Iterator[str]:
    """Run ``harmcu emulate`` and give the URL that it prints; end it as a user's shell would."""
    command = [sys.executable, "-m", "host_tools", "emulate", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            timer = threading.Timer(60, process.kill)
            timer.start()
            said = process.stdout.readline()
            timer.cancel()
            found = re.search(r"socket://127\.0\.0\.1:\d+", said)
            assert found is not None, said
            yield found[0]
        finally:
            process.terminate()
            assert process.wait(10) == 128 + signal.SIGTERM
