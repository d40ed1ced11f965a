"""The host's side of the wire against the real firmware, as a native process."""

import socket
import threading

import numpy as np
import pytest
from damaging_proxy import DamagingProxy
from made_up_bundle import AWKWARD_LABELS

from host_tools import device, emulator
from host_tools.build import Program
from host_tools.device import Device
from host_tools.link import Link
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.recording import Counts

COUNTS: Counts = np.random.default_rng(5).integers(-9000, 9000, (400, 6)).astype(np.int16)


def test_a_board_says_what_it_is(host_program: Program, shared_bundle: Bundle) -> None:
    with emulator.serve(host_program) as url, Link(url) as link:
        board = Device(link)
        status = board.expect_model(shared_bundle.spec.provenance.model_sha256)
        assert (status.board, status.engine, status.model) == ("host", "aot", "made_up")
        assert board.labels() == AWKWARD_LABELS
        assert (link.damaged, link.lost) == (0, 0)


def test_another_model_is_refused(host_program: Program) -> None:
    with (
        emulator.serve(host_program) as url,
        Link(url) as link,
        pytest.raises(HarmcuError, match="runs the model"),
    ):
        Device(link).expect_model("f" * 64)


def test_a_rate_that_the_firmware_lacks(host_program: Program) -> None:
    with (
        emulator.serve(host_program) as url,
        Link(url) as link,
        pytest.raises(HarmcuError, match="no resampler from 33 Hz"),
    ):
        Device(link).inject(COUNTS, 33_000)


def test_streams_do_not_touch_one_another(host_program: Program) -> None:
    with emulator.serve(host_program) as url, Link(url) as link:
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
    with emulator.serve(host_program) as url, Link(url) as link:
        expected = Device(link).inject(COUNTS, 50_000)
    with (
        emulator.serve(host_program) as url,
        DamagingProxy(url, every=1500, seed=seed) as proxy,
        Link(proxy.url) as link,
    ):
        found = Device(link).inject(COUNTS, 50_000)
        assert proxy.damaged > 0
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
        ("socket://127.0.0.1:1", "nobody listens"),
        ("nonsense://x", "cannot be opened"),
    ],
)
def test_a_port_that_cannot_be_opened(port: str, reason: str) -> None:
    with pytest.raises(HarmcuError, match=reason):
        Link(port)


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
