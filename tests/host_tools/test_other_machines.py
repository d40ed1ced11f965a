"""The whole path of a sample, from counts to decisions, on machines unlike this one."""

import os
import shutil
from pathlib import Path

import pytest
from machines import BIG_ENDIAN, BITS_32, require
from programs import build_for

from host_tools import verify
from trainer import golden
from trainer.bundle import Bundle

MACHINES = {"32 bit": BITS_32, "big-endian": BIG_ENDIAN}


def script(path: Path, command: list[str]) -> None:
    found = shutil.which(command[0])
    path.write_text(f'#!/bin/sh\nexec {" ".join([str(found), *command[1:]])} "$@"\n', "utf-8")
    path.chmod(0o755)


@pytest.mark.soak
@pytest.mark.parametrize("name", MACHINES)
def test_every_stage_is_exact(
    name: str, shared_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = MACHINES[name]
    require(machine, tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    script(tools / "cc", [machine.compiler, *machine.flags])
    script(tools / "size", [machine.compiler.replace("gcc", "size")])
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    program = build_for("host", shared_bundle, tmp_path / "project")
    other = program.path.rename(program.path.with_suffix(".other"))
    script(program.path, [*machine.emulator, str(other)])

    traces = golden.traces(shared_bundle.golden)
    found = verify.in_bulk(program, shared_bundle.spec, traces)
    assert found.windows == sum(len(trace.scores) for trace in traces) > 0
    assert found.equal == found.windows
