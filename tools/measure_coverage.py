"""Measures what the quick tests run through: branches of the Python, branches of the C runtime.

    python tools/measure_coverage.py [FOLDER]

The C counts as it runs natively: a compiler in front of the real one adds the counters, leaves the
sanitizers out, whose checks would count as branches, and does not optimise, which merges branches.
Writes `python/index.html` and `c/index.html` into FOLDER, and prints both totals. Tests that fail
because they are measured (limits of files and of time) are printed by pytest; what they ran counts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

COMPILERS = ("gcc", "cc")

_COMPILER = """#!/bin/sh
for argument; do
    shift
    case $argument in
        -fsanitize* | -fno-sanitize* | -O*) ;;
        *) set -- "$@" "$argument" ;;
    esac
done
exec {compiler} --coverage -O0 "$@"
"""

_CONFIGURATION = """[run]
branch = true
parallel = true
patch = subprocess, _exit
data_file = {folder}/python.data
source = {packages}
[report]
exclude_also =
    if TYPE_CHECKING:
    class .*\\(Protocol\\):
"""

PACKAGES = ("trainer", "codegen", "host_tools")


def main() -> None:
    """Run the tests and print how much of the branches they take."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "build/coverage")
    folder = parser.parse_args().folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    _test(folder)
    python, c = _of_python(folder), _of_c(folder)
    print(f"Python ({', '.join(PACKAGES)}): {python} of the branches")
    print(f"C (firmware/src): {c} of the branches")


def _test(folder: Path) -> None:
    for name in COMPILERS:
        real = shutil.which(name)
        if real:
            path = folder / "bin" / name
            path.write_text(_COMPILER.format(compiler=real), "utf-8")
            path.chmod(0o755)
    configuration = folder / "coveragerc"
    packages = ",".join(str(ROOT / name) for name in PACKAGES)
    configuration.write_text(_CONFIGURATION.format(folder=folder, packages=packages), "utf-8")
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "coverage", "run", f"--rcfile={configuration}"]
    command += ["-m", "pytest", "-q", "-n", "2", "-m", "not slow and not soak"]
    subprocess.run(
        [*command, f"--basetemp={folder / 'tests'}"],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        check=False,
    )


def _of_python(folder: Path) -> str:
    # What a process that was killed has left is no whole file: the others count.
    _coverage(folder, "combine", "--quiet", check=False)
    _coverage(folder, "html", "--quiet", f"--directory={folder / 'python'}")
    _coverage(folder, "json", "--quiet", "-o", str(folder / "python.json"))
    totals = json.loads((folder / "python.json").read_text("utf-8"))["totals"]
    return f"{totals['covered_branches'] / totals['num_branches']:.1%}"


def _coverage(folder: Path, *arguments: str, check: bool = True) -> None:
    command = [sys.executable, "-m", "coverage", *arguments, f"--rcfile={folder / 'coveragerc'}"]
    subprocess.run(command, cwd=ROOT, check=check)


def _of_c(folder: Path) -> str:
    """Merge what ran of the runtime itself with what ran of its copies in generated projects."""
    tests, out = folder / "tests", folder / "c"
    out.mkdir()
    projects = sorted({path.parents[1] for path in tests.rglob("build/*.gcda")})
    firmware = ROOT / "firmware"
    _gcovr(firmware, str(tests), "--json", str(out / "runtime.json"), f"--filter={firmware}/src/")
    for number, project in enumerate(projects):
        copied = [f"--filter={path}$" for path in _copies(project / "src", firmware / "src")]
        _gcovr(project, str(project), "--json", str(out / f"project{number}.json"), *copied)
    merged = [f"--add-tracefile={path}" for path in sorted(out.glob("*.json"))]
    summary = folder / "c.json"
    _gcovr(
        firmware, *merged, "--json-summary", str(summary), "--html-details", str(out / "index.html")
    )
    totals = json.loads(summary.read_text("utf-8"))
    return f"{totals['branch_covered'] / totals['branch_total']:.1%}"


def _copies(folder: Path, original: Path) -> list[Path]:
    """Return the files that are what they are in the runtime; tests break some on purpose."""
    files = (path for path in folder.rglob("*") if path.is_file())
    pairs = ((path, original / path.relative_to(folder)) for path in files)
    return [p for p, source in pairs if source.is_file() and source.read_bytes() == p.read_bytes()]


def _gcovr(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "gcovr", f"--root={root}", "--merge-mode-functions=separate"]
    subprocess.run([*command, "--gcov-ignore-errors=all", *arguments], cwd=root, check=True)


if __name__ == "__main__":
    main()
