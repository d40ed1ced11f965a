"""What docs/security.md promises of the whole source: no pickle, no eval, no shell."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    file
    for package in ("trainer", "codegen", "host_tools")
    for file in (ROOT / package).rglob("*.py")
)

PINNED_PICKLE = "trainer/datasets/watch.py"
"""Opens one pickle, after comparing its SHA-256."""


def calls(file: Path) -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """Gives the name of every function that a file calls, and its named arguments."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {k.arg: k.value for k in node.keywords if k.arg}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_nothing_that_is_read_is_run(file: Path) -> None:
    text = file.read_text("utf-8")
    modules = {
        name.name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    }
    assert not modules & {"pickle", "marshal", "shelve", "dill", "joblib", "yaml"}
    for name, named in calls(file):
        assert name not in {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
        assert name.split(".")[-1] not in {"extractall", "unpack_archive"}
        if name in ("np.load", "numpy.load"):
            pickled = ast.unparse(named["allow_pickle"])
            is_pinned = file.relative_to(ROOT).as_posix() == PINNED_PICKLE
            assert pickled == ("True" if is_pinned else "False")
        assert "shell" not in named, name


def test_ci_installs_what_decides_results_at_the_version_that_is_pinned() -> None:
    """tools/ci.lock is made of pyproject.toml, and may be older than it."""
    lock = (ROOT / "tools" / "ci.lock").read_text("utf-8")
    pinned = re.findall(r'"([\w-]+==[\w.]+)', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert {name.split("==")[0] for name in pinned} >= {"tensorflow", "tf-keras", "tflite-micro"}
    for requirement in pinned:
        assert re.search(rf"^{re.escape(requirement)}[ \\]", lock, re.MULTILINE), requirement
    packages = re.findall(r"^[\w.-]+==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert all("--hash=sha256:" in package for package in packages)
