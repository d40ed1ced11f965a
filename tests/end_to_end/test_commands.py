"""Every command as a process, on a made-up bundle and the emulated Cortex-M4F."""

import dataclasses
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli import emulated, harmcu, harmcu_json
from made_up_bundle import sign, write_bundle
from random_models import OPERATORS

from trainer.bundle import TFLITE, Bundle
from trainer.recording_file import Header, Writer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(shared_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli") / "project"
    harmcu("generate", shared_bundle.path, "--board", "mps2_an386", "-o", out)
    return out


def test_boards() -> None:
    assert set(harmcu_json("boards")) >= {"host", "mps2_an386"}
    assert "Cortex-M4F" in harmcu("boards").stdout


def test_generate(shared_bundle: Bundle, tmp_path: Path) -> None:
    found = harmcu_json("generate", shared_bundle.path, "-o", tmp_path / "project")
    assert found["model_sha256"] == shared_bundle.spec.provenance.model_sha256
    assert found["tflm"]["operators"] == [
        "AddConv2D",
        "AddMean",
        "AddFullyConnected",
        "AddSoftmax",
    ]
    arena = found["tflm"]
    assert arena["bytes"] == arena["measured_bytes"] + arena["margin_bytes"]
    source = (tmp_path / "project" / "tflm" / "made_up_model_data.cpp").read_text()
    assert "alignas(16) const unsigned char g_made_up_model_data[]" in source
    assert _bytes_of(source) == shared_bundle.model


def test_generate_a_sketch_that_records(shared_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "recorder"
    found = harmcu_json("generate", "--capture-only", "--board", "nano33ble", "-o", out)
    assert (found["engine"], found["sketch"], found["model_sha256"]) == ("none", "recorder", "")
    assert (out / "recorder.ino").is_file()
    sketch = harmcu("generate", shared_bundle.path, "--board", "nano33ble_rev2", "-o", out).stdout
    assert "recorder.ino opens in the Arduino IDE" in re.sub(r"\s+", " ", sketch)


def test_generate_is_a_pure_function(shared_bundle: Bundle, tmp_path: Path) -> None:
    trees = []
    for seed, folder in (("1", "one"), ("2", "other place")):
        harmcu(
            "generate",
            shared_bundle.path,
            "-o",
            tmp_path / folder,
            environment={"PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        )
        files = sorted(f for f in (tmp_path / folder).rglob("*") if f.is_file())
        trees.append({f.relative_to(tmp_path / folder): f.read_bytes() for f in files})
    assert trees[0] == trees[1]


def test_build(project: Path) -> None:
    found = harmcu_json("build", project)
    assert Path(found["program"]).is_file()
    assert 0 < found["ram_bytes"] < 256 * 1024
    assert 0 < found["flash_bytes"] < 1024 * 1024


@pytest.mark.parametrize("how", [[], ["--bulk"]])
def test_verify_on_the_emulated_cortex_m4(
    shared_bundle: Bundle, project: Path, how: list[str]
) -> None:
    found = harmcu_json("verify", shared_bundle.path, "--project", project, *how)
    assert found["windows"] == found["equal"] > 50
    assert found["first_difference"] is None


def test_recordings_without_what_the_model_reads_verify_nothing(
    shared_bundle: Bundle, project: Path, tmp_path: Path
) -> None:
    """Zeros would be equal on both sides, and prove little."""
    header = Header("walking", "a", "none", ("ax", "ay", "az"), 50_000)
    with Writer(tmp_path / "a.rec", header) as writer:
        writer.write(np.ones((200, 3), np.int16))
    arguments = ("verify", shared_bundle.path, "--project", project, "--recordings", tmp_path)
    said = harmcu(*arguments, code=1).stderr
    assert "has no gx, gy, gz, which the model reads" in said


def test_emulate_and_monitor(shared_bundle: Bundle, project: Path) -> None:
    with emulated(project, "--replay", shared_bundle.path) as url:
        watched = harmcu(
            *("monitor", "--port", url, "--bundle", shared_bundle.path, "--seconds", "4")
        ).stdout
    assert re.search(r"[1-9]\d* decisions, 0 lines lost and 0 damaged", watched), watched


def test_emulate_and_verify_by_port(shared_bundle: Bundle, project: Path) -> None:
    """A board without an IMU hears its host, and hears the next one too."""
    with emulated(project) as url:
        for _ in range(2):
            found = harmcu_json("verify", shared_bundle.path, "--port", url)
            assert found["windows"] == found["equal"] > 50


def test_tflm_takes_what_aot_refuses(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", with_operator=OPERATORS.TANH)
    arguments = ("generate", bundle.path, "-o", tmp_path / "project")
    said = harmcu(*arguments, code=1).stderr
    assert said.count("\n") == 1
    assert "TANH" in said
    assert "--engine tflm" in said
    harmcu(*arguments, "--engine", "tflm")
    engine = (tmp_path / "project" / "tflm" / "tflm_engine.cpp").read_text()
    assert "AddTanh" in engine
    assert not (tmp_path / "project" / "aot").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("walk",), 2, "No such command"),
        (("generate",), 2, "Missing option"),
        (("generate", "-o", "x"), 2, "Name a BUNDLE, or say --capture-only"),
        (("generate", "nothing", "-o", "x"), 1, "nothing: no such bundle"),
        (
            ("generate", "nothing", "-o", "x", "--engine", "fast"),
            2,
            "unknown choice 'fast'; choose",
        ),
        (("build", "nothing"), 1, "nothing: no such project"),
        (("monitor", "--port", "/dev/nothing"), 1, "/dev/nothing: no such port"),
        (("monitor", "--port", "socket://127.0.0.1:1"), 1, "nobody listens"),
        (("verify", "nothing", "--port", "x", "--project", "y"), 2, "give either --port"),
        (("capture", "--label", "w", "--port", "/dev/nothing"), 1, "/dev/nothing: no such port"),
        (("capture", "--label", "w", "--seconds", "0"), 2, "0.0 is not in the range"),
        (("monitor", "--port", "/dev/nothing", "--log", "x.txt"), 1, "name a log .csv"),
        (("flash", "nothing"), 1, "nothing: no such project"),
        (("verify", "nothing", "--port", "x"), 1, "nothing: no such bundle"),
        (("train", "--dataset", "moon", "--out", "x"), 2, "unknown data set 'moon'; choose one of"),
        (("train", "--dataset", "uci-har", "--data", "gone.zip", "--out", "x"), 1, "gone.zip"),
        (("evaluate", "nothing"), 1, "nothing: no such bundle"),
        (("demo", "--board", "toaster"), 2, "unknown board 'toaster'; choose one of"),
        (("demo", "--seed", "-1"), 2, "-1 is not in the range"),
        (("data", "inspect", ""), 2, "the path is empty; for the folder you are in, write a dot"),
        (("generate", "", "-o", "x"), 2, "the path is empty"),
        (("verify", "x", "--recordings", ""), 2, "--recordings is empty"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], code: int, said: str) -> None:
    result = harmcu(*arguments, code=code)
    assert said in result.stderr
    assert result.stdout == ""
    if code == 1:
        assert result.stderr.count("\n") == 1
        assert re.match(r"harmcu: .+; .+\n", result.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("arguments", [["boards"], ["--help"], ["completion", "bash"]])
def test_an_output_that_is_full_is_said(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "host_tools", *arguments]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert ended.returncode == 1
    assert re.fullmatch(r"harmcu: No space left on device; .+\n", ended.stderr)


def test_no_word_of_a_command_line_reaches_the_terminal_raw() -> None:
    red = "\x1b[31m"
    for arguments in ([red], [f"--{red}"], ["boards", red], ["train", f"--{red}"]):
        said = harmcu(*arguments, code=2).stderr
        assert red not in said, arguments
        assert "[31m" in said, arguments


def test_a_damaged_model_that_is_signed_is_not_evaluated(made_up: Bundle) -> None:
    model = made_up.path / TFLITE
    model.write_bytes(model.read_bytes()[:-3000])
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    provenance = dataclasses.asdict(made_up.spec.provenance) | {"model_sha256": digest}
    sign(made_up.path, provenance=provenance)
    said = harmcu("evaluate", made_up.path, code=1).stderr
    assert re.fullmatch(r"harmcu: .*model\.tflite: .+; .+\n", said)


def test_an_unknown_board(shared_bundle: Bundle, tmp_path: Path) -> None:
    said = harmcu("generate", shared_bundle.path, "--board", "uno", "-o", tmp_path, code=2).stderr
    assert "uno" in said
    assert "mps2_an386" in said


def test_a_changed_project_is_refused(made_up: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "project"
    harmcu("generate", made_up.path, "-o", out)
    (out / "src" / "window.c").write_text("/* mine */\n")
    assert "window.c: changed" in harmcu("build", out, code=1).stderr
    assert "window.c: changed" in harmcu("generate", made_up.path, "-o", out, code=1).stderr
    assert (out / "src" / "window.c").read_text() == "/* mine */\n"


def test_a_folder_of_something_else_is_not_touched(made_up: Bundle, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    said = harmcu("generate", made_up.path, "-o", tmp_path / "mine", code=1).stderr
    assert "diary.txt, which harmcu did not write" in said
    assert [f.name for f in (tmp_path / "mine").iterdir()] == ["diary.txt"]


def _bytes_of(source: str) -> bytes:
    body = source[source.index("{") + 1 : source.index("}")]
    return bytes(int(number, 0) for number in re.findall(r"0x[0-9a-fA-F]+|\d+", body))
