"""Runs the command as a user does: as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def harmcu(
    *arguments: object, code: int = 0, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``harmcu ARGUMENTS`` and check its exit code; a traceback is a failure by itself."""
    result = subprocess.run(
        [sys.executable, "-m", "host_tools", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        timeout=900,
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    assert result.returncode == code, f"{result.returncode}: {result.stdout}\n{result.stderr}"
    return result


def harmcu_json(*arguments: object) -> dict[str, Any]:
    """Run a command with ``--json``: stdout must be one object and nothing else."""
    document: dict[str, Any] = json.loads(harmcu(*arguments, "--json").stdout)
    return document
