"""The host's side of the wire against the real firmware, as a native process."""

import contextlib
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from board_double import BoardDouble, Damage, Harmcu, Relay
from made_up_bundle import AWKWARD_LABELS
from programs import build_for

from host_tools import device, emulator
from host_tools.build import Program, build
from host_tools.device import Device
from host_tools.link import Link
from host_tools.protocol import Line, LineReader, encode
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.recording import Counts

COUNTS: Counts = np.random.default_rng(5).integers(-9000, 9000, (400, 6)).astype(np.int16)


def test_a_board_says_what_it_is(host_program: Program, shared_bundle: Bundle) -> None:
    with emulator.serve(host_program) as served, Link(served.url) as link:
        board = Device(link)
        status = board.expect_model(shared_bundle.spec.provenance.model_sha256)
        assert (status.board, status.engine, status.model) == ("host", "aot", "made_up")
        assert board.labels() == AWKWARD_LABELS
        assert (link.damaged, link.lost) == (0, 0)


def test_another_model_is_refused(host_program: Program) -> None:
    with (
        emulator.serve(host_program) as served,
        Link(served.url) as link,
        pytest.raises(HarmcuError, match="runs the model"),
    ):
        Device(link).expect_model("f" * 64)


def test_a_rate_that_the_firmware_lacks(host_program: Program) -> None:
    with (
        emulator.serve(host_program) as served,
        Link(served.url) as link,
        pytest.raises(HarmcuError, match="no resampler from 33 Hz"),
    ):
        Device(link).inject(COUNTS, 33_000)


def test_streams_do_not_touch_one_another(host_program: Program) -> None:
    with emulator.serve(host_program) as served, Link(served.url) as link:
        board = Device(link)
        first = board.inject(COUNTS, 50_000)
        board.inject(COUNTS[::-1], 119_000)
        again = board.inject(COUNTS, 50_000)
    assert first.traces == again.traces
    assert len(first.classifications) == (400 - 32) // 16 + 1
    for window, said in first.classifications.items():
        assert again.classifications[window].scores.tolist() == said.scores.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_cable_changes_nothing_in_silence(
    host_program: Program, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Every window that arrives is right, every damage is counted."""
    monkeypatch.setattr(device, "TIMEOUT", 0.6)
    monkeypatch.setattr(device, "TRIES", 6)
    with emulator.serve(host_program) as served, Link(served.url) as link:
        expected = Device(link).inject(COUNTS, 50_000)
    damage = Damage(every=1500, seed=seed)
    with (
        emulator.serve(host_program) as served,
        BoardDouble(Relay(served.url), damage) as double,
        Link(double.port) as link,
    ):
        found = Device(link).inject(COUNTS, 50_000)
        assert damage.done > 0
        assert len(found.classifications) > len(expected.classifications) / 2
        missing = set(expected.classifications) - set(found.classifications)
        assert not missing or link.damaged + link.lost > 0
    for window, said in found.classifications.items():
        assert said.scores.tolist() == expected.classifications[window].scores.tolist()
        assert said.label == expected.classifications[window].label


def test_a_silent_port_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Link(url) as link, pytest.raises(HarmcuError, match="no answer"):
            Device(link).status()


def _talk(server: socket.socket, lines: list[Line], pause: float) -> None:
    """Say these lines again and again, whatever the host says."""
    client, _ = server.accept()
    with contextlib.suppress(OSError):
        for sequence in range(1000):
            line = lines[sequence % len(lines)]
            client.sendall(encode(Line(line.type, sequence, line.fields)))
            time.sleep(pause)


def test_a_board_that_talks_but_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TIMEOUT", 0.6)
    decision = Line("CLS", 0, ("0", "0", "0", "1", "AAA=", "walk"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_talk, args=(server, [decision], 0.02), daemon=True).start()
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        start = time.monotonic()
        with Link(url) as link, pytest.raises(HarmcuError, match="no answer"):
            Device(link).status()
        assert time.monotonic() - start < 10


def test_a_board_that_answers_late_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer comes when the command was repeated already, and is of the first one."""
    monkeypatch.setattr(device, "TIMEOUT", 1.5)
    board = Harmcu(np.zeros((1, 6), np.int16))
    hear = board.hear

    def hear_late(data: bytes) -> bytes:
        time.sleep(0.7)
        return hear(data)

    monkeypatch.setattr(board, "hear", hear_late)
    with BoardDouble(board) as double, Link(double.port) as link:
        assert Device(link).status().board == "nano33ble"
        assert Device(link).labels() == ("walking", "running", "resting")


def test_a_second_host_of_an_emulated_board_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=5) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Link(url) as link, pytest.raises(HarmcuError, match=r"no answer.*one host at a time"):
            Device(link).status()


def _pour(server: socket.socket) -> None:
    """Say what means nothing, without ever pausing for breath."""
    client, _ = server.accept()
    with contextlib.suppress(OSError):
        while True:
            client.sendall(b"1,2,3,4,5,6\n" * 2000)


def test_a_flood_of_something_else_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_pour, args=(server,), daemon=True).start()
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Link(url) as link, pytest.raises(HarmcuError, match="no answer"):
            Device(link).status()


@pytest.mark.parametrize("count", [3, 2**32 - 1])
def test_labels_that_were_lost_are_missed(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(device, "TIMEOUT", 0.6)
    lines = [Line("LBL", 0, ("0", str(count), "a")), Line("LBL", 0, ("1", str(count), "b"))]
    lines += [Line("ACK", 0, (str(number),)) for number in range(3)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_talk, args=(server, lines, 0.001), daemon=True).start()
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Link(url) as link, pytest.raises(HarmcuError, match="labels are lost"):
            Device(link).labels()


def _refuse(server: socket.socket, detail: str) -> None:
    """Acknowledge every command, but refuse all samples and wait for another one."""
    client, _ = server.accept()
    reader = LineReader()
    sequence = 0
    with contextlib.suppress(OSError):
        while heard := client.recv(4096):
            for line in reader.feed(heard):
                assert isinstance(line, Line)
                number = str(line.sequence)
                is_sample = line.type == "INJ"
                answer = ("ERR", (number, "index", detail)) if is_sample else ("ACK", (number,))
                client.sendall(encode(Line(answer[0], sequence, answer[1])))
                sequence += 1


@pytest.mark.parametrize("detail", ["0", "9999999"])
def test_a_board_that_refuses_every_sample_is_given_up(detail: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_refuse, args=(server, detail), daemon=True).start()
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        said = "took no sample for 0.6 s" if detail == "0" else r"refused \(index\)"
        with Link(url) as link, pytest.raises(HarmcuError, match=said):
            Device(link, timeout=0.6).inject(COUNTS, 50_000)


@pytest.mark.parametrize(
    ("sequences", "lost", "damaged"),
    [
        ([5, 6, 9], 2, 0),
        ([65533, 0], 2, 0),
        ([65535, 0, 1], 0, 0),
        ([5, 5, 6], 0, 1),
        ([5, 6, 5, 7], 0, 1),
        ([700, 702, 701, 703], 1, 1),
        ([30000, 30004, 30001, 30002, 30003, 30005], 3, 3),
        ([700, 702, 10, 11], 11, 0),
        ([65534, 0, 65535, 1], 1, 1),
        ([1, 2, 65535, 3], 0, 1),
        ([40, 44, 40, 41, 42, 43, 45], 3, 4),
        ([40, 44, 39, 40], 3 + 39, 0),
        ([30, 33, 31, 32], 2 + 31, 0),
    ],
)
def test_lost_and_repeated_lines_are_counted(sequences: list[int], lost: int, damaged: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Link(url) as link:
            client, _ = server.accept()
            for sequence in sequences:
                client.sendall(encode(Line("ACK", sequence, ("1",))))
            while link.receive(0.2) is not None:
                pass
            assert (link.lost, link.damaged) == (lost, damaged)


def test_damage_that_was_heard_before_is_no_answer() -> None:
    """Garbage on the line makes a board complain once for each piece, before it answers."""
    status = ("1", "host", "aot", "m", "0" * 64, "1000", "classify", "0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Link(url) as link:
            client, _ = server.accept()
            for number in range(3):
                client.sendall(encode(Line("ERR", number, ("0", "damaged", "1"))))

            def answer() -> None:
                reader = LineReader()
                (line,) = reader.feed(client.recv(4096))
                assert isinstance(line, Line)
                client.sendall(encode(Line("STA", 3, status)))
                client.sendall(encode(Line("ACK", 4, (str(line.sequence),))))

            thread = threading.Thread(target=answer)
            thread.start()
            assert Device(link, timeout=3.0).status().board == "host"
            thread.join()


def test_a_restart_is_no_loss() -> None:
    status = ("1", "host", "aot", "m", "0" * 64, "1000", "classify", "0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Link(url) as link:
            client, _ = server.accept()
            client.sendall(encode(Line("ACK", 700, ("1",))) + encode(Line("STA", 0, status)))
            while link.receive(0.2) is not None:
                pass
            assert (link.lost, link.damaged) == (0, 0)


def test_an_engine_that_fails_is_said_to(made_up: Bundle, tmp_path: Path) -> None:
    program = build_for("host", made_up, tmp_path / "project")
    source = program.project.path / "aot" / "model_aot.c"
    text = source.read_text()
    invoke = "    memcpy(scores, &arena"
    assert invoke in text
    source.write_text(text.replace(invoke, "    return false;\n" + invoke))
    with emulator.serve(build(program.project)) as served, Link(served.url) as link:
        assert not Device(link).inject(COUNTS, 50_000).classifications
    init = "bool harmcu_engine_init(void) {\n    return true;"
    assert init in text
    source.write_text(text.replace(init, init.replace("true", "false")))
    with (
        emulator.serve(build(program.project)) as served,
        Link(served.url) as link,
        pytest.raises(HarmcuError, match="engine cannot run the model"),
    ):
        Device(link).inject(COUNTS, 50_000)


def test_a_board_takes_one_host_after_the_other(host_program: Program) -> None:
    with emulator.serve(host_program) as served:
        for _ in range(3):
            with Link(served.url) as link:
                assert Device(link).status().board == "host"


def test_a_board_that_goes_away_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        with Link(url) as link, pytest.raises(HarmcuError, match="board is gone"):
            Device(link).status()


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        ("/dev/no-such-port", "no such port"),
        ("/dev/nolock-such-port", "no such port"),
        ("socket://127.0.0.1:1", "nobody listens"),
        ("socket://127.0.0.1", "write socket://127.0.0.1:PORT"),
        ("socket://192.0.2.1:80", "no address on this computer"),
        ("nonsense://x", "write socket://127.0.0.1:PORT"),
        ("hwgrep://(", "write socket://127.0.0.1:PORT"),
        ("socket://127.0.0.1:1?logging=debug", "write socket://127.0.0.1:PORT"),
    ],
)
def test_a_port_that_cannot_be_opened(port: str, reason: str) -> None:
    with pytest.raises(HarmcuError, match=reason):
        Link(port)


def test_a_url_that_would_empty_a_file_is_no_port(tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    diary.write_text("dear diary")
    with pytest.raises(HarmcuError, match="is no address"):
        Link(f"spy:///dev/null?file={diary}")
    assert diary.read_text() == "dear diary"


def test_a_busy_port() -> None:
    import os

    master, slave = os.openpty()
    try:
        name = os.ttyname(slave)
        with Link(name), pytest.raises(HarmcuError, match="busy"):
            Link(name)
    finally:
        os.close(master)
        os.close(slave)


def test_a_line_that_makes_no_sense_is_damaged() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Link(url) as link:
            client, _ = server.accept()
            for sequence, fields in enumerate([("1",), ("many",), ("1", "2"), ("2",)]):
                client.sendall(encode(Line("ACK", sequence, fields)))
            heard = [link.receive(0.2) for _ in range(3)]
            assert [message is None for message in heard] == [False, False, True]
            assert (link.lost, link.damaged) == (0, 2)


def test_progress_is_said_of_each_sample_once(host_program: Program) -> None:
    said: list[int] = []
    with emulator.serve(host_program) as served, Link(served.url) as link:
        Device(link).inject(COUNTS, 50_000, said.append)
    assert said[-1] == len(COUNTS)
    assert said == sorted(set(said))
