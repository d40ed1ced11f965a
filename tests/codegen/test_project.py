import json
from pathlib import Path

import pytest

from codegen import boards, project
from trainer.bundle import Bundle
from trainer.errors import HarmcuError


@pytest.fixture
def made(made_up: Bundle, tmp_path: Path) -> project.Project:
    return project.write(tmp_path / "project", files_of(made_up))


def files_of(bundle: Bundle, engine: str = "aot") -> dict[str, str]:
    return project.generate(bundle, boards.load("mps2_an386"), engine)


def test_what_was_written_is_read(made: project.Project, made_up: Bundle) -> None:
    assert project.read(made.path) == made
    assert made.manifest.model_sha256 == made_up.spec.provenance.model_sha256
    assert "aot/model_aot.c" in made.manifest.sources
    assert not any(source.startswith("tflm/") for source in made.manifest.sources)


def test_only_the_kernels_that_are_needed(made: project.Project) -> None:
    kernels = {f for f in made.manifest.sources if f.startswith("src/kernels/")}
    assert "src/kernels/conv2d.c" in kernels
    assert "src/kernels/depthwise_conv2d.c" not in kernels


def test_generated_c_refuses_another_runtime(made: project.Project) -> None:
    for name in ("aot/model_aot.c", "model/model_config.h", "tflm/tflm_engine.cpp"):
        assert f"HARMCU_RUNTIME_VERSION != {made.manifest.runtime_version}" in (
            made.path / name
        ).read_text("utf-8"), name


def test_generated_c_is_formatted(made: project.Project) -> None:
    """By the repository's own rules, as if written by hand."""
    import subprocess
    import sys

    style = Path(__file__).parents[2] / ".clang-format"
    for name in ("model/model_config.h", "aot/model_aot.c", "aot/model_aot.h"):
        clang_format = Path(sys.executable).with_name("clang-format")
        check = [clang_format, "--dry-run", "--Werror", f"--style=file:{style}"]
        subprocess.run([*check, made.path / name], check=True)


@pytest.mark.parametrize("part", ["project.json", "src/window.c", "model/model_config.c"])
def test_a_flipped_bit_is_refused_and_named(made: project.Project, part: str) -> None:
    file = made.path / part
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)
    with pytest.raises(HarmcuError, match=part.split("/")[-1].replace(".", r"\.")):
        project.read(made.path)


def test_another_version_is_refused(made: project.Project) -> None:
    file = made.path / project.MANIFEST
    file.write_text(project.signed({**json.loads(file.read_text()), "schema": 99}))
    with pytest.raises(HarmcuError, match="of another version"):
        project.read(made.path)


def sign(made: project.Project, **changes: object) -> None:
    """Makes a project.json that was changed by hand look untouched."""
    file = made.path / project.MANIFEST
    document = json.loads(file.read_text()) | changes
    del document["digest"]
    file.write_text(project.signed(document))


@pytest.mark.parametrize(
    "name", ["../outside.c", "/etc/passwd", "a/../../b.c", "-fplugin=x.c", "a\0b.c", "a//b.c", ""]
)
def test_a_path_that_leaves_the_project_is_refused(made: project.Project, name: str) -> None:
    files = {**made.manifest.files, name: "0" * 64}
    sign(made, files=files, sources=sorted(name for name in files if name.endswith(".c")))
    with pytest.raises(HarmcuError, match=r"project\.json.*leaves the project"):
        project.read(made.path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x; rm"),
        ("name", None),
        ("board", "../host"),
        ("board", ["host"]),
        ("engine", "fast"),
        ("sketch", "../outside"),
        ("sketch", "sketch"),
        ("runtime_version", "1"),
        ("model_sha256", "0"),
        ("tflm", {"bytes": 1}),
        ("aot", {}),
        ("aot", "macs"),
        ("sources", "src/window.c"),
        ("sources", []),
        ("sources", ["src/window.c"]),
        ("sources", [None]),
        ("files", ["src/window.c"]),
        ("files", {"src/window.c": None}),
        ("files", {"src/window.c": "\ud800"}),
        ("more", 1),
    ],
)
def test_a_manifest_is_checked_and_not_believed(
    made: project.Project, field: str, value: object
) -> None:
    if value == {"src/window.c": "\ud800"}:
        text = (made.path / project.MANIFEST).read_text()
        (made.path / project.MANIFEST).write_text(text.replace('"name": "', '"name": "\\ud800', 1))
    else:
        sign(made, **{field: value})
    with pytest.raises(HarmcuError, match=r"project\.json|no board is called"):
        project.read(made.path)


def test_what_the_user_keeps_outside_is_not_drawn_in(made_up: Bundle, tmp_path: Path) -> None:
    """Generating again keeps a changed .ino: only that of the sketch."""
    files = project.generate(made_up, boards.load("nano33ble"), "aot", "watch")
    made = project.write(tmp_path / "watch", files)
    (tmp_path / "secret.ino").write_text("secret")
    outside = {**made.manifest.files, "../secret.ino": "0" * 64}
    sign(made, sketch="../secret", files=outside)
    with pytest.raises(HarmcuError, match=r"sketch is missing or damaged"):
        project.write(tmp_path / "watch", files)


@pytest.mark.parametrize("what", ["src", "src/window.c", "project.json", "build"])
def test_a_link_is_refused(made: project.Project, tmp_path: Path, what: str) -> None:
    (made.path / "build").mkdir()
    (made.path / what).rename(tmp_path / "elsewhere")
    (made.path / what).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HarmcuError, match=f"{what}: a link"):
        project.read(made.path)


@pytest.mark.parametrize("name", ["include/sys", "src/none.c"])
def test_a_link_that_was_added_is_refused(made: project.Project, tmp_path: Path, name: str) -> None:
    """The compiler follows it to headers of others."""
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "config.h").write_text("#error evil")
    (made.path / name).symlink_to(tmp_path / "evil")
    with pytest.raises(HarmcuError, match=f"{name}: a link, which leaves the project; remove it"):
        project.read(made.path)


@pytest.mark.parametrize(
    "name", ["include/string.h", "src/kernels/evil.c", "board/more/x.ld", "src/evil.CPP"]
)
def test_c_that_was_not_generated_is_not_compiled(made: project.Project, name: str) -> None:
    """The compiler would take include/string.h for the system's."""
    (made.path / name).parent.mkdir(exist_ok=True)
    (made.path / name).write_text("")
    with pytest.raises(HarmcuError, match=f"{name}: harmcu did not write it"):
        project.read(made.path)


def test_every_byte_of_the_manifest_counts(made: project.Project) -> None:
    file = made.path / project.MANIFEST
    whole = file.read_bytes()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        file.write_bytes(damaged)
        with pytest.raises(HarmcuError, match=r"project\.json: .*generate the project again"):
            project.read(made.path)
    for length in range(0, len(whole), 301):
        file.write_bytes(whole[:length])
        with pytest.raises(HarmcuError, match=r"project\.json: .*generate the project again"):
            project.read(made.path)


def test_a_file_of_another_project_is_named(made: project.Project, made_up: Bundle) -> None:
    """As when two folders were copied over one another."""
    other = files_of(made_up, "tflm")
    other["model/model_config.c"] = other["model/model_config.c"].replace("-60", "-61")
    (made.path / "model/model_config.c").write_text(other["model/model_config.c"])
    with pytest.raises(HarmcuError, match=r"model_config\.c: changed since it was generated"):
        project.read(made.path)


def test_a_project_is_replaced_and_its_build_with_it(
    made: project.Project, made_up: Bundle
) -> None:
    (made.path / "build").mkdir()
    (made.path / "build" / "old.o").write_text("old")
    project.write(made.path, files_of(made_up, "tflm"))
    assert project.read(made.path).manifest.engine == "tflm"
    assert not (made.path / "build").exists()


def test_notes_of_the_user_are_kept(made: project.Project, made_up: Bundle) -> None:
    (made.path / "notes.txt").write_text("mine")
    with pytest.raises(HarmcuError, match=r"notes\.txt, which harmcu did not write"):
        project.write(made.path, files_of(made_up))
    assert (made.path / "notes.txt").read_text() == "mine"


def test_a_folder_called_build_is_the_users_where_no_project_stands(
    made_up: Bundle, tmp_path: Path
) -> None:
    precious = tmp_path / "mine" / "build" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("mine")
    with pytest.raises(HarmcuError, match=r"build/precious\.txt, which harmcu did not write"):
        project.write(tmp_path / "mine", files_of(made_up))
    assert precious.read_text() == "mine"


def test_an_unknown_engine_is_refused(made_up: Bundle) -> None:
    with pytest.raises(HarmcuError, match="aot, tflm"):
        files_of(made_up, "fast")


def test_every_board_loads() -> None:
    assert {"host", "mps2_an386"} <= set(boards.names())
    for name in boards.names():
        assert boards.load(name).sensor_rates_millihertz
    with pytest.raises(HarmcuError, match="no board is called 'uno'"):
        boards.load("uno")


@pytest.mark.parametrize(
    ("name", "sensor", "library"),
    [("nano33ble", "LSM9DS1", "LSM9DS1"), ("nano33ble_rev2", "BMI270", "BMI270_BMM150")],
)
def test_an_arduino_board_says_how_it_is_found_and_built(
    name: str, sensor: str, library: str
) -> None:
    board = boards.load(name)
    assert board.toolchain is None
    assert board.usb is not None
    assert board.arduino is not None
    assert "2341:805a" in board.usb.application
    assert board.usb.bootloader == ("2341:005a",)
    assert board.arduino.fqbn == "arduino:mbed_nano:nano33ble"
    assert board.arduino.sensor == sensor
    assert [lib.split("@")[0] for lib in board.arduino.libraries] == [f"Arduino_{library}"]
