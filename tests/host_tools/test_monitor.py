import csv
import dataclasses
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from board_double import BoardDouble, Damage, Harmcu

from host_tools import emulator, monitor, monitor_screen, ports
from host_tools.build import Program
from host_tools.decision_log import DecisionLog
from host_tools.link import Link
from host_tools.monitor import Decided, Monitor, decision_line, watch
from host_tools.ports import Found
from host_tools.protocol import Classification, Line, Status
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.golden import traces

STATUS = Status(1, "b", "aot", "m", "0" * 64, 25_000_000, "classify", 0)
COUNTS = np.zeros((1, 6), np.int16)


def test_a_decision_is_a_line() -> None:
    decision = Classification(3, 1, 121, 50_000, np.zeros(2, np.int8), "walking")
    line = decision_line(Decided(12.34, decision), STATUS)
    assert line.split() == ["12.3", "s", "walking", "0.97", "#" * 19, "2.00", "ms"]
    slow = Classification(3, 1, 121, 250_000_000, np.zeros(2, np.int8), "walking")
    assert decision_line(Decided(12.34, slow), STATUS).endswith(" 10000.00 ms")


def test_an_unknown_is_said_to_be_one() -> None:
    decision = Classification(3, -1, -20, 50_000, np.zeros(2, np.int8), "")
    assert "(unknown)" in decision_line(Decided(1.0, decision), STATUS)


def test_a_label_cannot_move_the_cursor() -> None:
    decision = Classification(3, 0, 121, 50_000, np.zeros(2, np.int8), "\x1b[2Jwalk")
    assert "\x1b" not in decision_line(Decided(1.0, decision), STATUS)


def test_live(host_program: Program, shared_bundle: Bundle) -> None:
    """The board's IMU plays a recording; what is shown is what the evaluation says of it."""
    trace = next(t for t in traces(shared_bundle.golden) if t.rate_millihertz == 119_000)
    shown: list[Decided] = []
    warned: list[str] = []
    digest = shared_bundle.spec.provenance.model_sha256
    with (
        emulator.serve(host_program, trace.counts, 119_000) as board,
        Link(board.url) as link,
    ):
        watched = Monitor(link, digest)
        watch(watched, shown.append, warned.append, seconds=3.0)
        assert watched.imu.sensor == "replay"
    assert "host, engine aot, model made_up" in watched.identity
    assert watched.decisions == len(shown) >= 3
    assert (link.damaged, link.lost) == (0, 0)
    for decided, index in zip(shown, trace.decisions, strict=False):
        expected = shared_bundle.spec.labels[index] if index >= 0 else ""
        assert decided.said.name == expected


def watched_for(board: Harmcu, seconds: float, damage: Damage | None = None) -> list[str]:
    """Return what a monitor warns of."""
    warned: list[str] = []
    with BoardDouble(board) as double, Link(double.port) as link:
        watched = Monitor(link)
        double._damage = damage
        watch(watched, lambda _: None, warned.append, seconds)
    return warned


def test_trouble_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "SILENCE", 0.1)
    assert watched_for(Harmcu(COUNTS), 0.5) == [
        "no decision for 0 s; does the board have a working IMU?"
    ]
    assert watched_for(Harmcu(COUNTS, state="absent"), 0.3) == [monitor.STATES["absent"]]


def test_what_is_lost_on_the_way_is_said() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 300, decision_seconds=0.002)
    (*_, last) = watched_for(board, 0.8, Damage(every=300))
    assert "lines lost and" in last
    assert not last.startswith("0 lines lost and 0 damaged")


def test_a_board_that_restarts_is_told_to_classify_again() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 10_000)
    with BoardDouble(board) as double, Link(double.port) as link:
        watched = Monitor(link)
        board.interject(board.reset_in_mid_line())
        decisions = sum(len(watched.step(0.1)) for _ in range(10))
        assert decisions > 0
        assert [line.fields for line in board.heard[-1:]] == [("classify",)]


def test_a_board_that_is_flashed_while_its_link_stays_open_is_another() -> None:
    """A UART and a socket do not close when the board begins anew."""
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 10_000)
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        assert watched.step(0.1)
        board.sha256, board.labels = "cd" * 32, ("sitting", "jumping", "lying")
        board.interject(board.reset_in_mid_line())
        with pytest.raises(HarmcuError, match="runs the model cdcdcdcdcdcd"):
            watch(watched, lambda _: None, lambda _: None, 2.0)


def test_a_decision_by_another_name_is_another_model_s() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 10_000)
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        board.labels = ("sitting", "jumping", "lying")
        with pytest.raises(HarmcuError, match="calls label 0 'sitting', and it was 'walking'"):
            watch(watched, lambda _: None, lambda _: None, 2.0)


@pytest.mark.parametrize("sha256", ["ab" * 32, "cd" * 32])
def test_a_board_whose_first_line_after_a_reset_was_lost_is_asked(
    monkeypatch: pytest.MonkeyPatch, sha256: str
) -> None:
    """Nobody hears that it waits in its mode ``live`` since then."""
    monkeypatch.setattr(monitor, "ASKED_SECONDS", 0.3)
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 10_000, decision_seconds=0.05)
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        watch(watched, lambda _: None, lambda _: None, 0.3)
        board.restart()
        board.sha256 = sha256
        if sha256 == "cd" * 32:
            with pytest.raises(HarmcuError, match="runs the model cdcdcdcdcdcd"):
                watch(watched, lambda _: None, lambda _: None, watched.seconds + 5.0)
            return
        before = watched.decisions
        warned: list[str] = []
        watch(watched, lambda _: None, warned.append, watched.seconds + 3.0)
        assert watched.decisions > before
        assert warned[-1] == "the board began anew"
        assert watched.trouble == ""


def test_a_board_that_hangs_is_asked_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "ASKED_SECONDS", 0.3)
    board = Harmcu(COUNTS, decisions=[(0, 100)])
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        heard: list[bytes] = []
        monkeypatch.setattr(board, "hear", lambda data: heard.append(data) or b"")
        steps = 0
        while watched.seconds < 2.0:
            watched.step(0.02)
            steps += 1
        assert steps > 40
        assert 3 <= len(heard) <= 6


def test_a_reset_is_said() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 10_000)
    warned: list[str] = []
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        board.interject(board.reset_in_mid_line())
        watch(watched, lambda _: None, warned.append, 1.0)
        assert "the board began anew" in warned
        assert watched.decisions > 0


def test_no_stale_decision_is_shown() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 20)
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        while watched.decisions < 20:
            watched.step(0.1)
        shown = monitor_screen.draw(watched, (80, 24), True).plain
        assert "0.89" in shown
        begun = time.monotonic()
        while not watched.trouble and time.monotonic() - begun < 5.0:
            watched.step(0.1)
        # Decisions came every 10 ms, and the last one was heard a second ago.
        assert "no decision for 1 s" in watched.trouble
        shown = monitor_screen.draw(watched, (80, 24), True).plain
        assert "0.89" not in shown
        assert "WARNING: no decision for 1 s" in shown


def watch_replugged(
    board: Harmcu,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: Callable[[], None],
    chip: str = "CHIP",
) -> tuple[Monitor, list[str], list[str]]:
    """Pull the board out after some decisions and plug it in under another name."""
    monkeypatch.setattr(monitor, "LOOKED_SECONDS", 0.05)
    monkeypatch.setattr(ports, "ANSWER_SECONDS", 0.4)
    warned: list[str] = []
    with BoardDouble(board) as double:
        names = [double.port]
        monkeypatch.setattr(ports, "find", lambda: [Found(names[-1], ("nano33ble",), False, chip)])
        # Whoever opens the old name finds it taken.
        link = Link(double.port)
        taken = os.open(double.port, os.O_RDWR | os.O_NOCTTY)

        def warn(text: str) -> None:
            warned.append(text)
            if "is gone" in text:
                change()
                board.restart()
                double.replug()
                names.append(double.port)

        def pull() -> bool:
            if watched.decisions == 5 and not watched.is_gone and len(names) == 1:
                watched.link.lost, watched.link.damaged = 3, 2
                double.unplug()
            return watched.decisions >= 10 and len(names) > 1

        with Monitor(link) as watched, DecisionLog(tmp_path / "log.csv", watched.labels) as log:
            watch(watched, lambda _: None, warn, 10.0, pull, log.write)
        os.close(taken)
    return watched, warned, names


@pytest.mark.parametrize("chip", ["CHIP", ""])
def test_a_board_that_comes_back_is_watched_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chip: str
) -> None:
    """An unplugged cable is what happens most: the port has another name afterwards.

    Without a serial number the old name is tried first.
    """
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 5, decision_seconds=0.02)

    def forget() -> None:
        board.decisions = [(1, 90)] * 5

    watched, warned, names = watch_replugged(board, monkeypatch, tmp_path, forget, chip)
    assert watched.decisions == 10
    assert names[0] != names[1]
    losses = "3 lines lost and 2 damaged"
    assert [text for text in warned if text != f"{losses} so far"] == [
        f"{names[0]} is gone; waiting for the board to come back",
        f"the board is back at {names[1]}",
    ]
    # What was lost before the cable was pulled stays counted.
    assert watched.losses == losses
    assert (watched.latency_ms, watched.worst_ms) == (pytest.approx(4.2), pytest.approx(4.2))
    assert len(warned) == 3
    rows = (tmp_path / "log.csv").read_text("utf-8").splitlines()
    assert [row.split(",")[3] for row in rows[1:]] == ["walking"] * 5 + ["running"] * 5


def test_a_board_that_comes_back_with_another_model_is_not_watched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 5, decision_seconds=0.02)

    def flash() -> None:
        board.sha256 = "cd" * 32

    with pytest.raises(HarmcuError, match=r"runs the model cdcdcdcdcdcd.*"):
        watch_replugged(board, monkeypatch, tmp_path, flash)


def test_samples_that_the_sensor_lost_are_said() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 1000)
    warned: list[str] = []
    with BoardDouble(board) as double, Link(double.port) as link:
        watched = Monitor(link)
        assert not watched.is_losing
        board.interject(board._line("IMU", "LSM9DS1", "ok", "119000", "119000", "900", "57", "1"))
        watch(watched, lambda _: None, warned.append, 0.4)
        assert watched.is_losing
        shown = monitor_screen.draw(watched, (80, 24), True).plain
    assert warned == ["0 lines lost and 0 damaged, 57 samples lost by the sensor so far"]
    assert "WARNING: the sensor lost samples; the next window begins after them" in shown


def test_samples_that_the_sensor_lost_stay_counted_when_the_board_begins_anew() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 1000, lost=frozenset(range(3)))
    board._next = 9
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        for expected in (3, 10, 15):
            if expected > 3:
                lost = str(expected if expected == 10 else 5)
                imu = board._line("IMU", "LSM9DS1", "ok", "119000", "0", "900", lost, "1")
                board.interject(imu)
            if expected == 10:
                watch(watched, lambda _: None, lambda _: None, watched.seconds + 0.2)
                board.lost = frozenset()
                board.interject(board.reset_in_mid_line())
            watch(watched, lambda _: None, lambda _: None, watched.seconds + 0.3)
            assert watched.samples_lost == expected
        assert watched.losses.endswith("15 samples lost by the sensor")


def test_a_sensor_at_another_rate_is_said_and_its_decisions_are_shown() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 1000)
    warned: list[str] = []
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        for rate in ("124900", "59500", "59600", "119000"):
            board.interject(board._line("IMU", "LSM9DS1", "ok", "119000", rate, "900", "0", "1"))
            watch(watched, lambda _: None, warned.append, watched.seconds + 0.2)
            shown = monitor_screen.draw(watched, (100, 24), True).plain
            assert ("WARNING: the sensor gives" in shown) == rate.startswith("59")
            assert "0.89" in shown
        board.interject(board._line("IMU", "LSM9DS1", "ok", "0", "59500", "900", "0", "1"))
        watch(watched, lambda _: None, warned.append, watched.seconds + 0.2)
        assert watched.doubt == ""  # it states none, and nothing can be said of it
    assert warned[0].startswith("the sensor gives 59.5 samples a second, not 119; unplug")


def test_an_engine_that_fails_is_said_until_it_decides_again() -> None:
    board = Harmcu(COUNTS)
    warned: list[str] = []
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        for reason in ("index", "engine"):
            board.interject(board._line("ERR", "0", reason, "3"))
        watch(watched, lambda _: None, warned.append, 0.3)
        assert warned == [monitor.ENGINE_FAILS]
        board.decisions = [(0, 100)] * 1000
        watch(watched, lambda _: None, warned.append, watched.seconds + 0.3)
        assert watched.trouble == ""


def test_a_reset_right_after_an_acknowledgement_is_seen() -> None:
    """Both are heard together, so that the board looks as if it obeyed."""

    class Resets(Harmcu):
        def _answer(self, line: Line) -> bytes:
            said = super()._answer(line)
            resets = [each.fields for each in self.heard].count(("classify",)) == 1
            return said + self.reset_in_mid_line() if resets else said

    board = Resets(COUNTS, decisions=[(0, 100)] * 5)
    with BoardDouble(board) as double, Link(double.port) as link:
        watched = Monitor(link)
        decisions = sum(len(watched.step(0.1)) for _ in range(10))
        assert decisions == 5


def test_a_board_that_only_records() -> None:
    board = Harmcu(COUNTS, engine="none", model="", sha256="")
    with (
        BoardDouble(board) as double,
        Link(double.port) as link,
        pytest.raises(HarmcuError, match="only record"),
    ):
        Monitor(link)


def test_lines_for_people_are_not_shown() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 3)
    with BoardDouble(board) as double, Link(double.port) as link:
        watched = Monitor(link)
        board.interject(b"# walking 0.97\r\n" * 5)
        shown = [decided for _ in range(5) for decided in watched.step(0.05)]
        assert len(shown) == 3
        assert (link.damaged, link.lost) == (0, 0)


def test_a_board_that_never_pauses_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)])
    with BoardDouble(board) as double, Link(double.port) as link:
        watched = Monitor(link)
        said = Classification(0, 0, 0, 0, np.zeros(len(watched.labels), np.int8), "walking")
        monkeypatch.setattr(link, "receive", lambda *_: said)
        assert watched.step(0.1)
        assert watched.step(0.1)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_the_log_has_every_decision(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log{suffix}"
    labels = ("walking", 'say "hi", 2', "resting")
    board = Harmcu(COUNTS, labels=labels, decisions=[(1, 120), (-1, -5)])
    with BoardDouble(board) as double, Link(double.port) as link:
        watched = Monitor(link)
        with DecisionLog(path, watched.labels) as log:
            watch(watched, lambda _: None, lambda _: None, 0.4, log=log.write)
    if suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        scores = [row['score of say "hi", 2'] for row in rows]
    else:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        scores = [str(row["scores"]['say "hi", 2']) for row in rows]
    assert [row["label"] for row in rows] == ['say "hi", 2', ""]
    assert [int(row["score"]) for row in rows] == [120, -5]
    assert [float(row["latency_ms"]) for row in rows] == [4.2, 4.2]
    assert scores == ["120", "-100"]


def test_a_log_is_never_overwritten(tmp_path: Path) -> None:
    for name, said in (
        ("log.txt", "name a log .csv"),
        ("log.json", "name a log .csv, or .jsonl for JSON lines"),
        ("log.csv", "never overwritten"),
    ):
        (tmp_path / name).touch()
        with pytest.raises(HarmcuError, match=said):
            DecisionLog(tmp_path / name, ())


def test_scores_of_other_labels_are_refused() -> None:
    board = Harmcu(COUNTS, decisions=[(0, 100)] * 10)
    with BoardDouble(board) as double, Link(double.port) as link:
        watched = Monitor(link)
        board.labels = ("walking", "running", "resting", "another")
        with pytest.raises(HarmcuError, match="scores 4 labels and has 3"):
            watch(watched, lambda _: None, lambda _: None, 5.0)


def test_a_line_keeps_its_columns() -> None:
    for name, score, shown in (("walking", 121, "0.97 ###################  "), ("", -128, "0.00")):
        said = Classification(3, 0, score, 50_000, np.zeros(2, np.int8), name)
        line = decision_line(Decided(12.34, said), STATUS)
        start = f"   12.3 s  {name or '(unknown)':<24} "
        assert line.startswith(start + shown)
        assert len(line) == len(start) + 4 + 1 + 20 + 1 + len("  2.00 ms")


def test_a_log_rounds_to_thousandths(tmp_path: Path) -> None:
    board = Harmcu(COUNTS)
    with BoardDouble(board) as double, Link(double.port) as link, Monitor(link) as watched:
        said = Classification(3, 1, 121, 1234, np.array([1, 2, 3], np.int8), "running")
        for suffix in (".csv", ".jsonl"):
            with DecisionLog(tmp_path / f"log{suffix}", watched.labels) as log:
                log.write(1.23456, dataclasses.replace(said, ticks=1234), watched)
    row = (tmp_path / "log.csv").read_text().splitlines()[1].split(",")
    assert row[1:] == ["1.235", "3", "running", "121", "1.234", "0", "0", "0", "1", "2", "3"]
    document = json.loads((tmp_path / "log.jsonl").read_text())
    assert document["scores"] == {"walking": 1, "running": 2, "resting": 3}
    assert (document["seconds"], document["latency_ms"]) == (1.235, 1.234)
