import json

import numpy as np
import pytest
from board_double import BoardDouble, Harmcu, Printer
from click.testing import CliRunner
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from host_tools import ports
from host_tools.cli import main
from host_tools.port import Port
from trainer.errors import HarmcuError


def plugged(device: str, identity: str | None, serial_number: str = "S") -> ListPortInfo:
    info = ListPortInfo(device)
    if identity is not None:
        info.vid, info.pid = (int(part, 16) for part in identity.split(":"))
        info.serial_number = serial_number
    return info


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> list[ListPortInfo]:
    """What is plugged in."""
    found: list[ListPortInfo] = []
    monkeypatch.setattr(list_ports, "comports", lambda: found)
    monkeypatch.setattr(ports, "ANSWER_SECONDS", 0.4)
    return found


def test_boards_are_told_by_their_usb_identity(plug: list[ListPortInfo]) -> None:
    plug += [
        plugged("/dev/ttyS0", None),
        plugged("/dev/ttyACM1", "2341:005a"),
        plugged("/dev/ttyACM0", "2341:805a"),
        plugged("/dev/ttyUSB0", "1a86:7523"),
    ]
    revisions = ("nano33ble", "nano33ble_rev2")
    assert ports.find() == [
        ports.Found("/dev/ttyACM0", revisions, False, "S"),
        ports.Found("/dev/ttyACM1", revisions, True, "S"),
    ]


def test_the_only_board_is_chosen(plug: list[ListPortInfo]) -> None:
    with pytest.raises(HarmcuError, match=r"no board is plugged in.*--port"):
        ports.choose(None)
    plug.append(plugged("/dev/ttyACM0", "2341:805a"))
    assert ports.choose(None) == "/dev/ttyACM0"
    assert ports.choose("socket://x:1") == "socket://x:1"
    plug.append(plugged("/dev/ttyACM7", "2341:805a"))
    with pytest.raises(HarmcuError, match=r"more than one.*ACM0 .*ACM7 .*--port"):
        ports.choose(None)


def test_boards_say_what_they_run(plug: list[ListPortInfo]) -> None:
    counts = np.zeros((1, 6), np.int16)
    with (
        BoardDouble(Harmcu(counts)) as ours,
        BoardDouble(Printer(["1,2,3"], 100.0)) as another,
    ):
        plug += [
            plugged(ours.port, "2341:805a"),
            plugged(another.port, "2341:805a"),
            plugged("/dev/ttyBOOT", "2341:005a"),
            plugged("/dev/ttyGONE", "2341:805a"),
        ]
        answers = {answer.port: answer for answer in ports.answers()}
        assert len(answers) == 4
        document = answers[ours.port].document()
        assert (document["board"], document["engine"]) == ("nano33ble", "aot")
        assert (document["model_sha256"], document["sensor"]) == ("ab" * 32, "LSM9DS1")
        assert "runs no harmcu sketch" in answers[another.port].silence
        assert "bootloader" in answers["/dev/ttyBOOT"].silence
        assert "no such port" in answers["/dev/ttyGONE"].silence
        first, second, *_ = ports.answers(["x://y", ours.port])
        assert (first.port, second.port) == ("x://y", ours.port)


def test_a_named_port_that_does_not_answer_is_a_failure(plug: list[ListPortInfo]) -> None:
    del plug
    with BoardDouble(Harmcu(np.zeros((1, 6), np.int16))) as double:
        good = CliRunner().invoke(main, ["ports", "--port", double.port])
        both = ["ports", "--json", "--port", double.port, "--port", "/dev/ttyGONE"]
        result = CliRunner().invoke(main, both)
    assert good.exit_code == 0
    assert result.exit_code == 1
    assert "no harmcu board answers at /dev/ttyGONE" in result.stderr
    assert len(json.loads(result.stdout)["ports"]) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("socket://nope", "write socket://127.0.0.1:PORT"),
        ("socket://127.0.0.1:99999", "a port from 1 to 65535"),
        ("socket://127.0.0.1:abc", "write socket://127.0.0.1:PORT"),
        ("socket://127.0.0.1:0", "write socket://127.0.0.1:PORT"),
        ("socket://:80", "write socket://127.0.0.1:PORT"),
        ("socket://127.0.0.1:1", "nobody listens there"),
        ("/dev/null", "is no serial port"),
        ("/", "is no serial port"),
    ],
)
def test_a_wrong_name_of_a_port_is_explained(name: str, said: str) -> None:
    with pytest.raises(HarmcuError, match=said):
        Port(name)
