"""What `harmcu doctor` says of computers that have something, lack it, or have another version."""

import json
import os
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from host_tools import doctor
from host_tools.cli import main
from host_tools.console import Console
from host_tools.doctor import Finding

ROOT = Path(__file__).parents[2]
VERSIONS = {
    "arm-none-eabi-gcc": "arm-none-eabi-gcc 12.2",
    "arm-none-eabi-size": "GNU size 2.40",
    "qemu-system-arm": "QEMU 7.2",
    "cc": "cc 12.2",
    "arduino-cli": "arduino-cli  Version: 1.0.4",
}


class Computer:
    """A computer whose tools, packages and ports are made up."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self.packages = {"harmcu": "0.1.0", "tensorflow": "2.21.0", "seglearn": "1.2.5"}
        self.requires = [
            "click>=8.1",
            'tensorflow==2.21.0; extra == "demo"',
            'seglearn==1.2.5; extra == "demo"',
            'tflite-micro==0.1; (sys_platform == "amiga") and extra == "demo"',
            'mkdocs>=1; extra == "dev"',
        ]
        self.ports: list[ListPortInfo] = []
        self.says("arm-none-eabi-gcc", {"-print-file-name=nano.specs": "/lib/nano.specs"})
        self.says("arm-none-eabi-size", {})
        self.says("qemu-system-arm", {"-machine": "mps2-an386  ARM MPS2"})
        self.says("cc", {})
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setattr(metadata, "version", self._version)
        monkeypatch.setattr(metadata, "requires", lambda _: self.requires)
        monkeypatch.setattr(list_ports, "comports", lambda: self.ports)

    def says(self, tool: str, answers: dict[str, str]) -> None:
        """Give it a tool that answers to the beginning of its arguments."""
        lines = ["#!/bin/sh", 'case "$*" in']
        asked = {"--version": VERSIONS[tool], "version": VERSIONS[tool], **answers}
        lines += [f"{shlex.quote(key)}*) echo {shlex.quote(asked[key])} ;;" for key in asked]
        (self._folder / tool).write_text("\n".join([*lines, "esac", ""]))
        (self._folder / tool).chmod(0o755)

    def lacks(self, tool: str) -> None:
        (self._folder / tool).unlink()

    def findings(self) -> dict[str, Finding]:
        return {finding.name: finding for finding in doctor.examine()}

    def _version(self, name: str) -> str:
        if name not in self.packages:
            raise metadata.PackageNotFoundError(name)
        return self.packages[name]


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Computer(folder, monkeypatch)


def test_all_is_there(computer: Computer) -> None:
    found = computer.findings()
    assert doctor.is_ready(list(found.values()))
    assert found["qemu-system-arm"] == Finding("qemu-system-arm", "ok", "QEMU 7.2")
    assert found["newlib"].text == "/lib/nano.specs"
    assert found["tensorflow"].text == "2.21.0"
    assert {"mkdocs", "click", "tflite-micro"}.isdisjoint(found)


@pytest.mark.parametrize("tool", ["arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm"])
def test_the_loop_needs_a_tool(computer: Computer, tool: str) -> None:
    computer.lacks(tool)
    found = computer.findings()
    assert found[tool].state == "missing"
    assert found[tool].remedy
    assert not doctor.is_ready(list(found.values()))


def test_a_tool_that_does_not_work_is_not_there(computer: Computer, tmp_path: Path) -> None:
    (tmp_path / "bin" / "qemu-system-arm").write_text("#!/nothing/here\n")
    found = computer.findings()["qemu-system-arm"]
    assert (found.state, found.text) == ("missing", "does not answer `qemu-system-arm --version`")


@pytest.mark.parametrize("tool", ["arm-none-eabi-gcc", "qemu-system-arm", "arduino-cli"])
def test_a_tool_that_hangs_is_asked_once(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    monkeypatch.setattr(doctor, "TOOL_SECONDS", 0.5)
    calls = tmp_path / "calls"
    path = tmp_path / "bin" / tool
    path.write_text(f"#!/bin/sh\necho >> {shlex.quote(str(calls))}\nexec /bin/sleep 60\n")
    path.chmod(0o755)
    assert "does not answer" in computer.findings()[tool].text
    assert calls.read_text() == "\n"


def test_qemu_without_the_machine(computer: Computer) -> None:
    computer.says("qemu-system-arm", {"-machine": "virt"})
    found = computer.findings()["qemu-system-arm"]
    assert found.state == "missing"
    assert "no machine mps2-an386" in found.text


def test_a_compiler_without_its_library(computer: Computer) -> None:
    computer.says("arm-none-eabi-gcc", {"-print-file-name=nano.specs": "nano.specs"})
    assert computer.findings()["newlib"].state == "missing"


def test_only_the_board_host_needs_cc(computer: Computer) -> None:
    computer.lacks("cc")
    found = computer.findings()
    assert found["cc"].state == "optional"
    assert doctor.is_ready(list(found.values()))


def test_a_package_that_is_missing_or_another_version(computer: Computer) -> None:
    computer.packages["tensorflow"] = "2.20.0"
    del computer.packages["seglearn"]
    found = computer.findings()
    assert found["tensorflow"].text == "2.20.0, ==2.21.0 is needed"
    assert found["tensorflow"].remedy.endswith('-m pip install "tensorflow==2.21.0"')
    assert (found["seglearn"].state, found["seglearn"].text) == ("missing", "is not installed")


def test_harmcu_is_not_installed(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", absent)
    monkeypatch.setattr(metadata, "metadata", absent)
    assert computer.findings()["harmcu"].state == "missing"


def test_another_python(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "metadata", lambda _: {"Requires-Python": "<3"})
    assert computer.findings()["Python"].state == "missing"


def test_arduino_cli_is_optional(computer: Computer) -> None:
    found = computer.findings()["arduino-cli"]
    assert found.state == "optional"
    assert "arduino-cli" in found.remedy


def test_what_arduino_cli_has(computer: Computer) -> None:
    core = {"id": "arduino:mbed_nano", "installed_version": "4.5.0", "latest_version": "9"}
    library = {"name": "Arduino_LSM9DS1", "version": "1.1.0"}
    computer.says(
        "arduino-cli",
        {
            "core list": json.dumps({"platforms": [core]}),
            "lib list": json.dumps({"installed_libraries": [{"library": library}]}),
        },
    )
    found = computer.findings()
    assert found["arduino-cli"].text == "arduino-cli  Version: 1.0.4"
    assert found["arduino:mbed_nano 4.5.0"].state == "ok"
    assert found["Arduino_LSM9DS1 1.1.1"].state == "optional"  # another version is there
    assert found["Arduino_LSM9DS1 1.1.1"].remedy == "arduino-cli lib install Arduino_LSM9DS1@1.1.1"


def test_an_arduino_cli_of_another_form(computer: Computer) -> None:
    computer.says("arduino-cli", {"core list": "[]", "lib list": "nonsense"})
    assert computer.findings()["arduino:mbed_nano 4.5.0"].state == "optional"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="groups and udev are Linux's")
def test_who_may_open_serial_ports(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert computer.findings()["serial ports"].state == "ok" or os.geteuid() != 0
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(doctor, "UDEV_FOLDERS", (tmp_path / "rules.d",))
    monkeypatch.setattr(doctor, "_serial_group", lambda: ("dialout", False))
    found = computer.findings()["serial ports"]
    assert found.state == "optional"
    assert "usermod -aG dialout" in found.remedy
    (tmp_path / "rules.d").mkdir()
    rules = tmp_path / "rules.d" / "60-arduino.rules"
    rules.write_text('SUBSYSTEMS=="usb", ATTRS{idVendor}=="2341", MODE:="0666"\n')
    assert str(rules) in computer.findings()["serial ports"].text
    rules.unlink()
    monkeypatch.setattr(doctor, "_serial_group", lambda: ("uucp", True))
    assert computer.findings()["serial ports"].text == "you are in the group uucp"


def test_boards_that_are_plugged_in(computer: Computer) -> None:
    assert computer.findings()["board"].state == "optional"
    port = ListPortInfo("/dev/ttyACM0")
    port.vid, port.pid, port.serial_number = 0x2341, 0x005A, "S"
    computer.ports.append(port)
    text = computer.findings()["board"].text
    assert text == "/dev/ttyACM0: nano33ble or nano33ble_rev2, in its bootloader"


def test_a_line_each_and_the_exit_code(computer: Computer) -> None:
    run = CliRunner().invoke(main, ["doctor"])
    assert run.exit_code == 0
    assert "harmcu demo" in run.output.splitlines()[-1]
    computer.lacks("qemu-system-arm")
    run = CliRunner().invoke(main, ["doctor"])
    assert run.exit_code == 1
    (line,) = [line for line in run.output.splitlines() if "qemu" in line]
    assert line.startswith("missing")
    assert "; " in line
    run = CliRunner().invoke(main, ["doctor", "--json"])
    document = json.loads(run.stdout)
    assert document["ready"] is False
    assert len(document["findings"]) == len(computer.findings())


def test_it_does_not_import_what_it_looks_for() -> None:
    code = "import sys; from host_tools import doctor; doctor.examine(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not {"tensorflow", "tf_keras", "tflite_micro", "sklearn"} & set(loaded)


def test_what_a_tool_says_of_itself_cannot_move_the_cursor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Console().finding("ok", "green", "cc", "\x1b[2Jv evil")
    assert capsys.readouterr().out.split() == ["ok", "cc", "?[2Jv", "evil"]
