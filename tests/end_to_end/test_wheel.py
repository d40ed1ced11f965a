"""What is published: the same bytes from any build, and whole without the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.bundle import Bundle

ROOT = Path(__file__).parents[2]


def built(folder: Path, **environment: str) -> dict[str, bytes]:
    """Builds wheel and sdist into a folder; gives their content by name."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True)
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.slow
def test_wheel_and_sdist(shared_bundle: Bundle, tmp_path: Path) -> None:
    first = built(tmp_path / "first", TZ="Pacific/Kiritimati", LC_ALL="C", PYTHONHASHSEED="1")
    again = built(tmp_path / "again", TZ="UTC", PYTHONHASHSEED="2")
    assert len(first) == 2
    assert first == again

    wheel = next((tmp_path / "first").glob("*.whl"))
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True)

    def harmcu(*arguments: str) -> str:
        """Runs the installed command, with the environment's packages and without the checkout."""
        return subprocess.run(
            [sys.executable, "-m", "host_tools", *arguments],
            cwd=elsewhere,
            env=os.environ | {"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    where = [sys.executable, "-c", "import codegen, trainer; print(codegen.__file__)"]
    environment = os.environ | {"PYTHONPATH": str(site)}
    found = subprocess.run(where, cwd=elsewhere, env=environment, capture_output=True, check=True)
    assert str(site) in found.stdout.decode()
    path = str(shared_bundle.path)
    harmcu("generate", path, "--board", "mps2_an386", "-o", "project")
    harmcu("build", "project")
    harmcu("verify", path, "--project", "project", "--bulk")
    harmcu("generate", path, "--board", "nano33ble", "-o", "watch")
    assert (elsewhere / "watch" / "watch.ino").is_file()
