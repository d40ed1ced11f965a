"""Labels and subjects of any kind, from the file of a recording to the screen and back."""

import dataclasses
import io
import subprocess
import sys
import unicodedata
from contextlib import redirect_stdout
from pathlib import Path

import made_up_bundle
import numpy as np
import pytest
from made_up_bundle import made_up_model, made_up_recordings, made_up_spec
from programs import build_for

from host_tools import capture, emulator, monitor_screen
from host_tools.console import Console
from host_tools.device import Device
from host_tools.link import Link
from host_tools.monitor import Monitor, decision_line
from trainer import bundle, datasets, evaluator, golden, pipeline, recording_file
from trainer.bundle import Bundle
from trainer.errors import HarmcuError
from trainer.recording_file import Header, Writer
from trainer.spec import check_labels

ALLOWED = (
    "say \"hi\" 'there'",
    "back\\slash\\n %s %n %1$s",
    "/* */ // ??/ ??) \\",
    "../../etc/passwd",
    "<script>alert(1)</script>&amp;",
    "$GET,1,status*0000",
    "-rf",
    "=1+1;@SUM(A1)",
    "con",
    "größer 走 שלום",
    "[bold red]markup[/]",
    "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
    "x" * 48,
)
"""What a label may be; it must come back exactly, and do nothing on its way."""

REFUSED = {
    "": "empty",
    " walk": "padded",
    "walk\n": "padded",
    "walk\nrun": r"U\+000A",
    "\x1b[2Jwalk": r"U\+001B",
    "walk\x1b]0;title\x07": r"U\+001B",
    "a\x00b": r"U\+0000",
    "a\x9bb": r"U\+009B",
    "walk\u202etxt": r"U\+202E",
    "a\u2028b": r"U\+2028",
    "walk \ud800": r"U\+D800",
    "走" * 17: "longer than 48 bytes",
}


@pytest.mark.parametrize(("label", "why"), REFUSED.items(), ids=map(ascii, REFUSED))
def test_what_cannot_be_shown_is_refused_with_a_reason(
    label: str, why: str, tmp_path: Path
) -> None:
    with pytest.raises(HarmcuError, match=why) as error:
        check_labels(("walk", label))
    assert str(error.value).isprintable()
    if "longer" in why:
        return  # what is only too long is recorded, and named again before it trains
    with pytest.raises(HarmcuError, match=why):
        Writer(tmp_path / "a.rec", Header(label, "anna", "", ("ax",), 50_000))
    assert not (tmp_path / "a.rec").exists()


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (("é", unicodedata.normalize("NFD", "é")), "cannot be told apart"),
        (("walk",), "1 labels"),
        (tuple(map(str, range(10_000))), "10000 labels"),
    ],
)
def test_labels_that_are_no_classes_are_refused_before_training(
    labels: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    """With a short message, however many there are."""
    for number, label in enumerate(labels[:200]):
        header = Header(label, f"s{number % 4}", "", ("ax", "ay", "az"), 50_000)
        with Writer(tmp_path / f"s{number % 4}" / f"{number}.rec", header) as writer:
            writer.write(np.full((300, 3), number, np.int16))
    why = why if len(labels) < 200 else "200 labels"
    request = pipeline.TrainRequest("recordings", tmp_path / "bundle", data=tmp_path)
    with pytest.raises(HarmcuError, match=why) as error:
        pipeline.train(request)
    assert len(str(error.value)) < 300


def test_a_message_does_not_list_ten_thousand_names() -> None:
    from trainer.errors import UnknownNameError

    assert len(str(UnknownNameError("label", "x", [str(n) for n in range(10_000)]))) < 300


def test_labels_come_back_from_files_exactly(tmp_path: Path) -> None:
    for label in ALLOWED:
        path = recording_file.free_path(tmp_path, label, label)
        assert path.resolve().is_relative_to(tmp_path.resolve())
        assert path.name.split(".")[0].lower() not in {"con", "nul", ""}
        with Writer(path, Header(label, label, "", ("ax", "ay", "az"), 50_000)) as writer:
            writer.write(np.arange(600, dtype=np.int16).reshape(-1, 3))
            writer.relabel(label)
    found = datasets.load("recordings", tmp_path)
    assert {r.label for r in found.recordings} == {*ALLOWED}
    assert {r.subject for r in found.recordings} == {*ALLOWED}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of exactly these labels."""
    model = made_up_model(len(ALLOWED))
    spec = made_up_spec(model, ALLOWED)
    recordings = [
        dataclasses.replace(each, label=label)
        for each, label in zip(made_up_recordings(2), ALLOWED[4:6], strict=True)
    ]
    vectors = golden.make(spec, evaluator.load(model), recordings)
    metrics = {"tflm_arena_bytes": dataclasses.asdict(made_up_bundle.measure_arena(model))}
    metrics["tflm_arena_bytes"]["bytes"] = sum(metrics["tflm_arena_bytes"].values())
    path = tmp_path_factory.mktemp("labelled") / "bundle"
    return bundle.write(
        path, spec, model, metrics, vectors, np.zeros(0, np.uint64), "<title>r</title>"
    )


def test_labels_go_through_the_board_and_come_back(labelled: Bundle, tmp_path: Path) -> None:
    """Through spec.json, C, the compiler, the wire and the screen."""
    assert bundle.read(labelled.path).spec.labels == ALLOWED
    program = build_for("host", labelled, tmp_path / "project")
    counts = golden.traces(labelled.golden)[0].counts
    with emulator.serve(program, counts, 119_000) as served, Link(served.url) as link:
        assert Device(link).labels() == ALLOWED
        watched = Monitor(link, labelled.spec.provenance.model_sha256)
        while len(watched.decided) < 3:
            watched.step(0.5)
        assert {d.said.name for d in watched.decided} <= {*ALLOWED, ""}
        assert (link.damaged, link.lost) == (0, 0)
        for size in ((80, 60), (20, 8)):
            screen = monitor_screen.draw(watched, size, is_unicode=True).plain
            assert all(line.isprintable() for line in screen.split("\n"))
        assert "../../etc/passwd" in monitor_screen.draw(watched, (80, 60), True).plain
        assert decision_line(watched.decided[0], watched.status).isprintable()


def test_a_board_cannot_type_into_the_terminal() -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        console = Console()
        console.line("label \x1b[2J\x9b31m\u202ewalk[bold]\nsecond line")
        console.table({"\x1b]0;x\x07": "\x1b[8m"})
        console.grid(["a", "b"], [["\x1b[8m", "\r"]])
    text = said.getvalue()
    assert "walk[bold]\nsecond line" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_an_error_cannot_type_into_the_terminal(tmp_path: Path) -> None:
    named = "no\x1b[2J\x07such\u202ebundle"
    for arguments in (["inspect", named], ["train", "--dataset", named, "-o", str(tmp_path / "b")]):
        result = subprocess.run(
            [sys.executable, "-m", "host_tools", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert result.returncode in (1, 2)
        assert all(line.isprintable() for line in result.stderr.split("\n")), result.stderr


def test_a_typed_label_that_is_none_leaves_the_old_one() -> None:
    told: list[str] = []

    class Source:
        pass

    request = capture.Request("walk", "anna", Path("x"), None, None)
    recorded = capture.Capture(Source(), request, told.append)
    recorded.relabel("run\n")
    recorded.relabel("run")
    assert recorded.label == "run"
    assert any("padded with blanks" in line for line in told)
