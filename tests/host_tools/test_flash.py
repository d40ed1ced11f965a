"""Flashing with a stand-in for arduino-cli, onto a board double."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from board_double import BoardDouble, Harmcu

from codegen import boards, project
from codegen.project import Project
from host_tools import flash, ports
from host_tools.ports import Found
from trainer.bundle import Bundle
from trainer.errors import HarmcuError

COUNTS = np.zeros((1, 6), np.int16)
NO_PLATFORM = "Error during build: Platform 'arduino:mbed_nano@4.5.0' not found: not installed\n"
NO_LIBRARY = "Error resolving FQBN: Library 'Arduino_LSM9DS1@1.1.1' not found\n"
BROKEN = "sketch.ino:3:1: error: 'nonsense' does not name a type\nError during build: exit 1\n"


@dataclass
class Fake:
    """The stand-in on the PATH."""

    folder: Path
    plan: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def answer(self, command: str, *answers: tuple[int, str]) -> None:
        self.plan[command] = list(answers)
        (self.folder / "plan.json").write_text(json.dumps(self.plan))

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls.txt"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    folder = tmp_path / "bin"
    folder.mkdir()
    tool = folder / "arduino-cli"
    source = (Path(__file__).parent / "fake_arduino_cli.py").read_text()
    tool.write_text(f"#!{sys.executable}\n{source}")
    tool.chmod(0o755)
    (folder / "plan.json").write_text("{}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(ports, "find", lambda: [])
    monkeypatch.setattr(ports, "ANSWER_SECONDS", 0.6)
    monkeypatch.setattr(flash, "RETURN_SECONDS", 2.0)
    return Fake(folder)


@pytest.fixture(scope="module")
def made(shared_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Project:
    path = tmp_path_factory.mktemp("flash") / "walking"
    files = project.generate(shared_bundle, boards.load("nano33ble"), "aot", "walking")
    return project.write(path, files)


@pytest.fixture
def board(made: Project) -> Harmcu:
    return Harmcu(COUNTS, sha256=made.manifest.model_sha256)


@pytest.fixture
def double(board: Harmcu) -> Iterator[BoardDouble]:
    with BoardDouble(board) as plugged:
        yield plugged


def flashed(
    made: Project, port: str | None, agreed: bool = False
) -> tuple[flash.Flashed, Sequence[str]]:
    said: list[str] = []
    return flash.flash(made, port, said.append, lambda _: agreed), said


def test_a_board_is_flashed_and_asked(made: Project, fake: Fake, double: BoardDouble) -> None:
    result, said = flashed(made, double.port)
    assert (result.port, result.flash_bytes, result.ram_bytes) == (double.port, 123456, 45678)
    assert result.status.model_sha256 == made.manifest.model_sha256
    assert fake.calls == [
        f"compile --profile nano33ble {made.path}",
        f"upload -p {double.port} --profile nano33ble {made.path}",
    ]
    assert any("Sketch uses" in text for text in said)


def test_a_port_comes_back_under_another_name(
    made: Project, fake: Fake, double: BoardDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bootloader has a port of its own in between; the chip's serial number is the same."""
    before = Found("/dev/ttyOLD", ("nano33ble", "nano33ble_rev2"), False, "CHIP")
    other = Found("/dev/ttyOTHER", ("nano33ble",), False, "ANOTHER")
    boot = Found("/dev/ttyBOOT", ("nano33ble",), True, "CHIP")
    after = Found(double.port, ("nano33ble",), False, "CHIP")
    late = iter([[other, boot]] * 3)

    def find() -> list[Found]:
        if not any(call.startswith("upload") for call in fake.calls):
            return [before, other]
        return next(late, [other, after])

    monkeypatch.setattr(ports, "find", find)
    result, _ = flashed(made, "/dev/ttyOLD")
    assert result.port == double.port


def test_the_uploader_may_know_the_new_port(made: Project, fake: Fake, double: BoardDouble) -> None:
    fake.answer("upload", (0, f"New upload port: {double.port} (serial)\n"))
    result, _ = flashed(made, "/dev/ttyOLD")
    assert result.port == double.port


def test_without_arduino_cli(
    made: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for system, how in (
        ("linux", "snap install arduino-cli"),
        ("darwin", "brew install arduino-cli"),
        ("win32", "winget install ArduinoSA.CLI"),
    ):
        monkeypatch.setattr(sys, "platform", system)
        with pytest.raises(HarmcuError, match=f"arduino-cli is not installed; .*{how}"):
            flashed(made, "/dev/ttyX")


@pytest.mark.parametrize(
    ("said", "kind", "what"),
    [
        (NO_PLATFORM, "core", "arduino:mbed_nano@4.5.0"),
        (NO_LIBRARY, "lib", "Arduino_LSM9DS1@1.1.1"),
        ("Library 'Another@1.0' not found\n", "lib", "Another@1.0"),
        ("x.cpp:1:10: fatal error: Y.h: No such file\n", "lib", "Arduino_LSM9DS1@1.1.1"),
    ],
)
def test_what_is_missing_is_installed_when_the_user_agrees(
    made: Project, fake: Fake, double: BoardDouble, said: str, kind: str, what: str
) -> None:
    fake.answer("compile", (1, said), (0, ""))
    flashed(made, double.port, agreed=True)
    assert fake.calls[1:3] == [f"{kind} update-index", f"{kind} install {what}"]
    assert fake.calls[3].startswith("compile")
    assert fake.calls[4].startswith("upload")


def test_nothing_is_installed_against_the_user_s_will(
    made: Project, fake: Fake, double: BoardDouble
) -> None:
    fake.answer("compile", (1, NO_PLATFORM))
    with pytest.raises(HarmcuError, match="arduino-cli core install arduino:mbed_nano"):
        flashed(made, double.port)
    assert len(fake.calls) == 1


@pytest.mark.parametrize(
    ("command", "said", "reason"),
    [
        ("compile", BROKEN, "compile failed: .*does not name a type; generate the project again"),
        ("compile", "ld: region `RAM' overflowed by 1234 bytes\n", "does not fit .* smaller model"),
        ("compile", "Get https://x: dial tcp: lookup x: no such host\n", "network is needed"),
        ("upload", "No device found on ttyACM0\n", "press the reset button twice"),
        ("upload", "Error opening port: Permission denied\n", "usermod -aG dialout"),
        ("upload", "", "upload failed"),
    ],
)
def test_failures_say_what_to_do(
    made: Project, fake: Fake, double: BoardDouble, command: str, said: str, reason: str
) -> None:
    fake.answer(command, (1, said))
    with pytest.raises(HarmcuError, match=reason):
        flashed(made, double.port)


def test_the_other_revision_is_told_before_it_is_flashed(
    made: Project, fake: Fake, board: Harmcu, double: BoardDouble
) -> None:
    board.sensor = "BMI270"
    with pytest.raises(HarmcuError, match=r"has a BMI270.*generate it for nano33ble_rev2"):
        flashed(made, double.port)
    assert fake.calls == []


def test_the_other_revision_is_told_after_it_was_flashed(
    made: Project, fake: Fake, board: Harmcu, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new board says nothing before it has a sketch of ours."""
    board.sensor, board.state = "BMI270", "other"
    with BoardDouble(board) as double:
        asked = ports.Answer(double.port, None, silence="runs no harmcu sketch")
        monkeypatch.setattr(ports, "ask", lambda *_: asked)
        with pytest.raises(HarmcuError, match="generate for nano33ble_rev2"):
            flashed(made, double.port)
    assert len(fake.calls) == 2


def test_a_board_that_runs_another_model_afterwards(
    made: Project, fake: Fake, board: Harmcu, double: BoardDouble
) -> None:
    del fake
    board.sha256 = "f" * 64
    with pytest.raises(HarmcuError, match="runs the model ffffffffffff"):
        flashed(made, double.port)


def test_a_board_that_does_not_come_back(made: Project, fake: Fake) -> None:
    del fake
    with pytest.raises(HarmcuError, match="was uploaded, but the board does not come back"):
        flashed(made, "/dev/ttyGONE")


def test_another_kind_of_board(shared_bundle: Bundle, tmp_path: Path, fake: Fake) -> None:
    del fake
    files = project.generate(shared_bundle, boards.load("host"), "aot")
    made = project.write(tmp_path / "host", files)
    with pytest.raises(HarmcuError, match="host is no Arduino board"):
        flashed(made, "/dev/ttyX")
