"""Imports point one way: host_tools to codegen to trainer; see docs/design.md."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("trainer", "codegen", "host_tools")
MAY_IMPORT = {
    "trainer": {"trainer"},
    "codegen": {"codegen", "trainer"},
    "host_tools": {"host_tools", "codegen", "trainer"},
}
CONTRACT = {"bundle", "errors", "folder", "knn", "recording", "resample", "spec"}
"""What codegen may know of the trainer."""

TRAINING = {"tensorflow", "tf_keras", "tensorflow_model_optimization", "keras"}
MAY_TRAIN = {
    "trainer/backend.py",
    "trainer/compact.py",
    "trainer/fit.py",
    "trainer/models",
    "trainer/quantize.py",
    "trainer/reference.py",
    "trainer/temperature.py",
}


def imports(file: Path) -> set[str]:
    """Return every module that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    for file in sources(package):
        ours = {name.split(".")[0] for name in imports(file)} & {*PACKAGES, "tests"}
        assert ours <= MAY_IMPORT[package], file


def test_codegen_knows_the_contract_alone() -> None:
    for file in sources("codegen"):
        used = {name.split(".")[1] for name in imports(file) if name.startswith("trainer.")}
        assert used <= CONTRACT, file


@pytest.mark.parametrize("package", PACKAGES)
def test_tensorflow_stays_where_models_are_trained(package: str) -> None:
    for file in sources(package):
        place = file.relative_to(ROOT).as_posix()
        if not place.startswith(tuple(MAY_TRAIN)):
            assert not {name.split(".")[0] for name in imports(file)} & TRAINING, file


@pytest.mark.parametrize(
    ("package", "never"), [("trainer", "serial"), ("codegen", "serial"), ("codegen", "rich")]
)
def test_only_host_tools_talk(package: str, never: str) -> None:
    for file in sources(package):
        assert never not in {name.split(".")[0] for name in imports(file)}, file


def test_the_command_starts_without_what_only_some_commands_need() -> None:
    code = "import sys, host_tools.cli, host_tools.monitor, host_tools.link; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    heavy = {*TRAINING, "tflite_micro", "sklearn", "scipy", "matplotlib", "jsonschema", "jinja2"}
    assert not heavy & set(loaded)


def test_the_runtime_knows_no_board() -> None:
    names = [folder.name for folder in (ROOT / "firmware" / "boards").iterdir()]
    runtime = [*(ROOT / "firmware" / "src").rglob("*.[ch]")]
    runtime += [*(ROOT / "firmware" / "include").rglob("*.h")]
    for file in runtime:
        text = file.read_text("utf-8")
        for name in names:
            assert f'"{name}' not in text, file
            assert f"boards/{name}" not in text, file
