import numpy as np

from host_tools import emulator
from host_tools.build import Program
from host_tools.link import Link
from host_tools.monitor import decision_line, watch
from host_tools.protocol import Classification, Status
from trainer.bundle import Bundle
from trainer.golden import traces

STATUS = Status(1, "b", "aot", "m", "0" * 64, 25_000_000, "classify", 0)


def test_a_decision_is_a_line() -> None:
    decision = Classification(3, 1, 121, 50_000, np.zeros(2, np.int8), "walking")
    line = decision_line(decision, STATUS, 12.34)
    assert line.split() == ["12.3", "s", "walking", "0.97", "#" * 19, "2.00", "ms"]


def test_an_unknown_is_said_to_be_one() -> None:
    decision = Classification(3, -1, -20, 50_000, np.zeros(2, np.int8), "")
    assert "(unknown)" in decision_line(decision, STATUS, 1.0)


def test_live(host_program: Program, shared_bundle: Bundle) -> None:
    """The board's IMU plays a recording; what is shown is what the evaluation says of it."""
    trace = next(t for t in traces(shared_bundle.golden) if t.rate_millihertz == 119_000)
    lines: list[str] = []
    digest = shared_bundle.spec.provenance.model_sha256
    with (
        emulator.serve(host_program, trace.counts, 119_000) as board,
        Link(board.url) as link,
    ):
        watched = watch(link, lines.append, digest, seconds=3.0)
    assert "host, engine aot, model made_up" in lines[0]
    assert watched.decisions == len(lines) - 1 >= 3
    assert (watched.damaged, watched.lost) == (0, 0)
    for line, index in zip(lines[1:], trace.decisions, strict=False):
        expected = shared_bundle.spec.labels[index] if index >= 0 else "(unknown)"
        assert expected in line
