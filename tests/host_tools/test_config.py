"""harmcu.toml: what it gives to commands, and how it is refused."""

import os
import sys
from pathlib import Path

import click
import pytest

from host_tools import config
from trainer.errors import HarmcuError


@click.group()
def root() -> None:
    """Stand for harmcu."""


@root.command()
@click.option("--data", type=click.Path(path_type=Path))
@click.option("--model-rate", type=float)
@click.option("--seed", type=click.IntRange(0))
@click.option("--engine", type=click.Choice(["aot", "tflm"]))
@click.option("--plain", is_flag=True)
def train(**_: object) -> None:
    """Stand for a command."""


@root.group()
def data() -> None:
    """Stand for a group."""


@data.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--engine", default="aot")
def inspect(path: Path, engine: str) -> None:
    """Stand for a command in a group."""
    click.echo(f"{path} {engine}")


def read(folder: Path, text: str) -> dict[str, object]:
    file = folder / config.FILE
    file.write_text(text, encoding="utf-8")
    return config.default_map(file, root)


def test_a_table_is_for_its_command_and_the_top_for_all(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        'engine = "tflm"\n[train]\nmodel-rate = 50\nplain = true\n[data.inspect]\npath="x"\n',
    )
    assert found == {
        "train": {"model_rate": 50, "plain": True, "engine": "tflm"},
        "data": {"inspect": {"engine": "tflm", "path": str(tmp_path / "x")}},
    }


def test_a_command_overrides_what_is_for_all(tmp_path: Path) -> None:
    found = read(tmp_path, 'engine = "tflm"\n[train]\nengine = "aot"\n')
    assert found["train"] == {"engine": "aot"}


def test_relative_paths_start_from_the_file_and_absolute_ones_stay(tmp_path: Path) -> None:
    elsewhere = (tmp_path / "elsewhere").as_posix()
    assert read(tmp_path, '[train]\ndata = "a b/é"')["train"] == {"data": str(tmp_path / "a b/é")}
    assert read(tmp_path, f'[train]\ndata = "{elsewhere}"')["train"] == {"data": elsewhere}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\n[trian]\nplain = true\n", 2, "did you mean train?"),
        ("[train]\nplain = true\n\nmodel_rate = 3\n", 4, "did you mean model-rate?"),
        ("[train]\nmodel-rate = 'fast'\n", 2, "'fast' is no value for it"),
        ("[train]\nengine = 'x'\n", 2, "is not one of 'aot', 'tflm'"),
        ("engin = 'aot'\n", 1, "did you mean engine?"),
        ("engine = 'x'\n", 1, "engine"),
        ("[train]\n[train.data]\nx = 1\n", 1, "data is a table here"),
        ("[data.inspect]\n[data]\nrate = 5\n", 3, "put 'rate' into [data.COMMAND]"),
        ("[data.inspekt]\npath = 'x'\n", 1, "did you mean inspect?"),
        ('[train]\n"plain " = true\n', 2, "did you mean plain?"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    with pytest.raises(HarmcuError) as refused:
        read(tmp_path, text)
    assert f"{config.FILE}:{line}: " in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "model-rate = true", "model-rate = inf", "model-rate = 1979-05-27", "model-rate = [50]",
        "seed = 1.9", "seed = true", 'seed = "1"', "plain = 1", "plain = [1]", "data = 5",
        "data = true", 'data = ["a"]', 'data = "a\\u0000b"', "engine = [1]", "engine = true",
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(tmp_path: Path, line: str) -> None:
    key = line.split()[0]
    with pytest.raises(HarmcuError, match=rf"harmcu\.toml:2: {key}: .+ is no value for it; see"):
        read(tmp_path, f"[train]\n{line}\n")


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 5000, "x = " + "{a=" * 3000, "seed = " + "9" * 5000]
)
def test_what_no_parser_takes_is_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(HarmcuError, match=r"harmcu\.toml: .+; https://toml\.io") as error:
        read(tmp_path, text)
    assert len(str(error.value)) < 500


def test_a_mark_at_the_beginning_is_no_text(tmp_path: Path) -> None:
    """Windows' editor writes one."""
    assert read(tmp_path, "\ufeffengine = 'tflm'\n")["train"] == {"engine": "tflm"}


def test_a_long_key_is_cut(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match="no command has an option") as error:
        read(tmp_path, "x" * 100_000 + " = 1")
    assert len(str(error.value)) < 500


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such owner")
@pytest.mark.parametrize(("owner", "is_taken"), [(1, False), (2, True), (3, True), (0, True)])
def test_a_file_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, is_taken: bool
) -> None:
    """User 2 works in a folder of user 3."""
    work = tmp_path / "work"
    work.mkdir()
    file = tmp_path / config.FILE
    file.write_text("")
    stat = Path.stat

    def owned(path: Path, **options: bool) -> os.stat_result:
        found = list(stat(path, **options))
        found[4] = {file: owner, work: 3}.get(path, found[4])
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", owned)
    monkeypatch.setattr(os, "geteuid", lambda: 2)
    if is_taken:
        assert config.find(work) == file
        return
    with pytest.raises(HarmcuError, match=r"harmcu\.toml: belongs to another user"):
        config.find(work)


def test_no_toml_and_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HarmcuError, match="line 2"):
        read(tmp_path, "\n= 3\n")
    (tmp_path / config.FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(HarmcuError, match="UTF-8"):
        config.default_map(tmp_path / config.FILE, root)


def test_the_nearest_file_around_a_folder_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / config.FILE).touch()
    assert config.find(inner) == tmp_path / config.FILE
    (inner / config.FILE).touch()
    assert config.find(inner) == inner / config.FILE


def test_a_flag_goes_on_top_of_the_file(tmp_path: Path) -> None:
    from click.testing import CliRunner

    values = read(tmp_path, '[data.inspect]\npath = "x"\nengine = "tflm"\n')
    run = CliRunner().invoke(root, ["data", "inspect"], default_map=values)
    assert run.output == f"{tmp_path / 'x'} tflm\n"
    run = CliRunner().invoke(root, ["data", "inspect", "y", "--engine", "z"], default_map=values)
    assert run.output == "y z\n"


def test_one_value_is_enough_for_an_option_that_takes_several(tmp_path: Path) -> None:
    @click.group()
    def group() -> None:
        pass

    @group.command()
    @click.option("--port", multiple=True)
    def ports(port: tuple[str, ...]) -> None:
        pass

    (tmp_path / config.FILE).write_text('port = "COM3"\n')
    assert config.default_map(tmp_path / config.FILE, group) == {"ports": {"port": ["COM3"]}}


def test_what_only_the_file_says_can_be_told() -> None:
    from click.testing import CliRunner

    @click.command()
    @click.option("--port")
    def monitor(port: str | None) -> None:
        click.echo(f"{port} {config.is_from_file('port')}")

    for arguments, said in (([], "x True\n"), (["--port", "y"], "y False\n")):
        run = CliRunner().invoke(monitor, arguments, default_map={"port": "x"})
        assert run.output == said
    assert CliRunner().invoke(monitor).output == "None False\n"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_nothing_is_not_overlooked(tmp_path: Path) -> None:
    (tmp_path / config.FILE).symlink_to("gone.toml")
    with pytest.raises(HarmcuError, match=r"harmcu\.toml: is a link to nothing"):
        config.find(tmp_path)
