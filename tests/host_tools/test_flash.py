"""Flashing with a stand-in for arduino-cli, onto a board double."""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_double import BoardDouble, Harmcu
from click.testing import CliRunner

from codegen import boards, project
from codegen.project import Project
from host_tools import flash, ports
from host_tools.cli import main
from host_tools.ports import Found
from trainer.bundle import Bundle
from trainer.errors import HarmcuError

COUNTS = np.zeros((1, 6), np.int16)
NO_HOST = (
    "Error initializing instance: loading required platform arduino:mbed_nano@4.5.0: Error "
    'downloading https://x: Get "https://x": dial tcp: lookup x: no such host'
)


def failed(compiler: str = "", error: str = "exit status 1", *warnings: str) -> dict[str, Any]:
    """What a compilation that failed leaves."""
    document = {"compiler_err": compiler, "success": False, "error": f"Error during build: {error}"}
    return {**document, "warnings": list(warnings)} if warnings else document


def not_uploaded(*lines: str) -> dict[str, Any]:
    error = "Failed uploading: uploading error: exit status 1"
    return {"error": error, "output": {"stdout": "", "stderr": "\n".join(lines)}}


NO_LIBRARY = failed(
    "x.cpp:1:10: fatal error: Arduino_LSM9DS1.h: No such file or directory",
    "exit status 1",
    "Error initializing instance: Library 'Arduino_LSM9DS1' not found",
)
BROKEN = failed("sketch.ino:3:1: error: 'nonsense' does not name a type")


@dataclass
class Fake:
    """The stand-in on the PATH."""

    folder: Path
    plan: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)

    def answer(self, command: str, *answers: tuple[int, Any]) -> None:
        """Plan exit codes and documents; None is the usual document."""
        self.plan[command] = list(answers)
        (self.folder / "plan.json").write_text(json.dumps(self.plan))

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if not line.startswith("config")]

    def keep(self, *names: str) -> None:
        """Have these downloaded before."""
        for name in names:
            (self.folder / "data" / "internal" / f"{name}_0123456789abcdef").mkdir(parents=True)


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
    fake = Fake(folder)
    fake.keep("arduino_mbed_nano_4.5.0", "Arduino_LSM9DS1_1.1.1")
    return fake


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
    assert "arduino-cli compile" in said


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
    port = {"address": double.port, "protocol": "serial"}
    fake.answer("upload", (0, {"stdout": "", "stderr": "", "updated_upload_port": port}))
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


MISSING = "arduino:mbed_nano@4.5.0 and Arduino_LSM9DS1@1.1.1"


@pytest.mark.parametrize(
    ("kept", "missing"),
    [([], MISSING), (["arduino_mbed_nano_4.5.0"], "Arduino_LSM9DS1@1.1.1")],
)
def test_what_is_missing_is_downloaded_when_the_user_agrees(
    made: Project, fake: Fake, double: BoardDouble, kept: list[str], missing: str
) -> None:
    shutil.rmtree(fake.folder / "data")
    fake.keep(*kept)
    asked: list[str] = []

    def agree(question: str) -> bool:
        asked.append(question)
        return len(asked) > 1

    with pytest.raises(HarmcuError, match="is missing; `harmcu flash --yes` downloads it"):
        flash.flash(made, double.port, lambda _: None, agree)
    assert fake.calls == []
    flash.flash(made, double.port, lambda _: None, agree)
    assert [call.split()[0] for call in fake.calls] == ["compile", "upload"]
    assert asked == [f"{missing} is missing. Let arduino-cli download it?"] * 2


def test_an_older_arduino_cli_may_not_state_its_folder(
    made: Project, fake: Fake, double: BoardDouble
) -> None:
    fake.answer("config", (1, {"error": "unknown command"}))
    assert flashed(made, double.port)[0].port == double.port


def test_an_old_list_of_libraries_is_brought_up_to_date(
    made: Project, fake: Fake, double: BoardDouble
) -> None:
    fake.answer("compile", (1, NO_LIBRARY), (0, None))
    flashed(made, double.port)
    assert [call.split()[0] for call in fake.calls] == ["compile", "lib", "compile", "upload"]
    assert fake.calls[1] == "lib update-index"


@pytest.mark.parametrize(
    ("command", "said", "reason"),
    [
        ("compile", BROKEN, "compile failed: .*does not name a type; generate the project again"),
        ("compile", failed("ld: region `RAM' overflowed by 1234 bytes"), "does not fit .* smaller"),
        ("compile", failed("", "text section exceeds available space in board"), "does not fit"),
        ("compile", failed("x.h: No such file", "exit status 1", NO_HOST), "network is needed"),
        ("compile", NO_LIBRARY, "Library 'Arduino_LSM9DS1' not found; generate"),
        ("upload", not_uploaded("No device found on ttyACM0"), "press the reset button twice"),
        (
            "upload",
            not_uploaded("Cannot perform port reset: Permission denied", "No device found on X"),
            "usermod -aG dialout",
        ),
        ("upload", {"error": "Error: unknown flag"}, "upload failed: Error: unknown flag"),
        ("upload", "panic: nothing is JSON here", "upload failed: panic: nothing is JSON"),
        ("upload", "", "upload failed: no message"),
    ],
)
def test_failures_say_what_to_do(
    made: Project, fake: Fake, double: BoardDouble, command: str, said: Any, reason: str
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
    with pytest.raises(HarmcuError, match=r"runs the model f{12} on .*, the project has"):
        flashed(made, double.port)


def test_a_board_that_runs_the_other_engine_was_not_flashed(
    made: Project, fake: Fake, board: Harmcu, double: BoardDouble
) -> None:
    del fake
    board.engine = "tflm"
    with pytest.raises(HarmcuError, match=r"engine tflm, .*engine aot, for nano33ble; the upload"):
        flashed(made, double.port)


def test_a_recorder_that_did_not_reach_a_board_with_a_model(
    tmp_path: Path, fake: Fake, double: BoardDouble
) -> None:
    del fake
    files = project.generate_capture_only(boards.load("nano33ble"), "recorder")
    made = project.write(tmp_path / "recorder", files)
    with pytest.raises(HarmcuError, match=r"the project has no model, for nano33ble; the upload"):
        flashed(made, double.port)


@pytest.mark.parametrize(
    ("sections", "sizes"),
    [
        (5, (None, None)),
        ({"text": 5}, (None, None)),
        (["text", None, {"name": ["text"], "size": 5}], (None, None)),
        ([{"name": "text", "size": "123"}, {"name": "data", "size": -1}], (None, None)),
        ([{"name": "text", "size": float("nan")}, {"name": "data", "size": True}], (None, None)),
        ([{"name": "data", "size": 7}, {"name": {}}, {"name": "text", "size": 5}], (5, 7)),
    ],
)
def test_sizes_of_another_form_are_not_stated(
    made: Project, fake: Fake, double: BoardDouble, sections: Any, sizes: tuple[Any, Any]
) -> None:
    document = {"builder_result": {"executable_sections_size": sections}, "success": True}
    fake.answer("compile", (0, document))
    result, _ = flashed(made, double.port)
    assert (result.flash_bytes, result.ram_bytes) == sizes
    run = CliRunner().invoke(main, ["flash", str(made.path), "--port", double.port])
    assert run.exit_code == 0
    assert ("sizes not stated" in run.output) == (sizes == (None, None))


@pytest.mark.parametrize("said", [{"success": False}, {"error": "no", "success": True}, BROKEN])
@pytest.mark.parametrize("command", ["compile", "upload"])
def test_a_failure_counts_whatever_the_exit_code(
    made: Project, fake: Fake, double: BoardDouble, command: str, said: Any
) -> None:
    fake.answer(command, (0, said))
    with pytest.raises(HarmcuError, match=f"arduino-cli {command} failed: "):
        flashed(made, double.port)


@pytest.mark.parametrize("stated", ["x" * 5000, "\0", "/dev/null", "", 5])
def test_a_folder_that_is_none_holds_nothing(
    made: Project, fake: Fake, double: BoardDouble, stated: Any
) -> None:
    fake.answer("config", (0, stated))
    assert flashed(made, double.port, agreed=True)[0].port == double.port


@pytest.mark.parametrize("program", ["#!/nothing/here\n", "\x7fELF of another machine"])
def test_an_arduino_cli_that_does_not_start(
    made: Project, fake: Fake, double: BoardDouble, program: str
) -> None:
    (fake.folder / "arduino-cli").write_text(program)
    with pytest.raises(HarmcuError, match=r"does not start \(.*\); install it again: "):
        flashed(made, double.port)


def test_a_sketch_without_its_ino_is_not_compiled(made: Project, tmp_path: Path) -> None:
    copy = tmp_path / "walking"
    shutil.copytree(made.path, copy)
    (copy / "walking.ino").unlink()
    with pytest.raises(HarmcuError, match=r"walking\.ino: missing; "):
        project.read(copy)


def test_firmware_of_another_board_was_not_flashed(
    made: Project, fake: Fake, board: Harmcu, double: BoardDouble
) -> None:
    del fake
    board.board = "host"
    with pytest.raises(HarmcuError, match=r"engine aot, for host, the project has .* nano33ble;"):
        flashed(made, double.port)


@pytest.mark.parametrize("said", ["[" * 100_000, '{"warnings": 5, "error": "x"}'])
def test_documents_of_another_form_are_no_traceback(said: str) -> None:
    assert flash._lines(flash._json(said)) == (["x"] if "x" in said else [])


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
