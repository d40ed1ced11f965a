"""The same bundle gives the same bytes wherever and whenever it is generated."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.bundle import Bundle

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
from pathlib import Path
from codegen import boards, project
from trainer import bundle

made = bundle.read(Path(sys.argv[1]))
for name in ("host", "mps2_an386", "nano33ble"):
    for engine in ("aot", "tflm"):
        files = project.generate(made, boards.load(name), engine, "activity")
        project.write(Path(f"{name}-{engine}") / "activity", files)
"""

ELSEWHERE = {"LC_ALL": "C", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "1", "PYTHONUTF8": "0"}
OTHER = {"LC_ALL": "tr_TR.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "4242", "HOME": "/nonexistent"}


def generated(
    bundle: Path, folder: Path, environment: dict[str, str], python: str = sys.executable
) -> dict[str, str]:
    """Generates in a process of its own; gives the digest of every file."""
    folder.mkdir(parents=True)
    command = [python, "-c", PROGRAM, str(bundle)]
    variables = os.environ | environment | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=folder, env=variables, check=True)
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_in_another_folder_locale_time_zone_and_hash_seed(
    shared_bundle: Bundle, tmp_path: Path
) -> None:
    here = generated(shared_bundle.path, tmp_path / "here", ELSEWHERE)
    there = generated(shared_bundle.path, tmp_path / "a folder" / "größer", OTHER)
    assert len(here) > 100
    assert here == there


@pytest.mark.soak
@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_in_another_python(shared_bundle: Bundle, tmp_path: Path, version: str) -> None:
    """In an environment with nothing but what `pip install` brings, which has no TensorFlow."""
    python = shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"python{version} is missing")
    subprocess.run([python, "-m", "venv", tmp_path / "environment"], check=True)
    inside = str(tmp_path / "environment" / "bin" / "python")
    subprocess.run([inside, "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
    here = generated(shared_bundle.path, tmp_path / "here", {})
    assert here == generated(shared_bundle.path, tmp_path / "there", {}, inside)
