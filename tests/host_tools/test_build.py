from pathlib import Path

import pytest

from codegen import boards, project
from host_tools import build, emulator
from trainer.bundle import Bundle
from trainer.errors import HarmcuError


@pytest.fixture
def made(made_up: Bundle, tmp_path: Path) -> project.Project:
    files = project.generate(made_up, boards.load("mps2_an386"), "aot")
    return project.write(tmp_path / "project", files)


def test_a_missing_compiler(made: project.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HarmcuError, match=r"arm-none-eabi-gcc is not installed; .*gcc-arm"):
        build.build(made)


def test_a_missing_emulator(made: project.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    program = build.build(made)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HarmcuError, match="qemu-system-arm is not installed"):
        emulator.run_bulk(program, [])


def test_the_host_has_no_tflm_library(made_up: Bundle, tmp_path: Path) -> None:
    files = project.generate(made_up, boards.load("host"), "tflm")
    with pytest.raises(HarmcuError, match="generate for the engine aot"):
        build.build(project.write(tmp_path / "project", files))


def test_c_that_does_not_compile(made: project.Project) -> None:
    (made.path / "src" / "window.c").write_text("#error broken\n")
    with pytest.raises(HarmcuError, match=r"window\.c.*broken"):
        build.build(made)


def test_a_model_that_does_not_fit(made: project.Project) -> None:
    script = made.path / "board" / "link.ld"
    script.write_text(script.read_text().replace("LENGTH = 256K", "LENGTH = 5K"))
    with pytest.raises(HarmcuError, match=r"does not fit the board \(.*overflowed by \d+ bytes\)"):
        build.build(made)


def test_memory_fits_the_budget(made: project.Project) -> None:
    program = build.build(made)
    assert 4096 < program.ram_bytes < 16384
    assert 4096 < program.flash_bytes < 65536


def test_another_folder_gives_the_same_program(made: project.Project, tmp_path: Path) -> None:
    first = build.build(made).path.read_bytes()
    files = {name: (made.path / name).read_text("utf-8") for name in made.manifest.files}
    files[project.MANIFEST] = (made.path / project.MANIFEST).read_text("utf-8")
    again = project.write(tmp_path / "other folder with spaces" / "ä", files)
    assert build.build(again).path.read_bytes() == first


def test_a_port_that_is_busy(made: project.Project) -> None:
    import socket

    program = build.build(made)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        serving = emulator.serve(program, listen=port)
        with pytest.raises(HarmcuError, match=f"port {port} is busy"):
            serving.__enter__()


def test_a_bulk_run_that_cannot_read(
    made: project.Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder so deep that its name does not fit the firmware: said, not waited for."""
    deep = tmp_path / ("d" * 200) / ("e" * 200) / ("f" * 200)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with pytest.raises(HarmcuError, match="stopped with a fault"):
        emulator.run_bulk(build.build(made), [])
