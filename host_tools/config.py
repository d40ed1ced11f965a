"""``harmcu.toml``: what a user's commands have in common, in one file; flags go on top.

A table a command (``[train]``, ``[data.inspect]``) holds values for its options and arguments, by
their names on the command line. What stands above all tables is for every command that has such an
option. Relative paths start from the file's folder.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from trainer.errors import HarmcuError
from trainer.folder import is_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "harmcu.toml"

Words = tuple[str, ...]
"""A command as it is typed: ("data", "inspect")."""


def find(folder: Path) -> Path | None:
    """Return the harmcu.toml of a folder, or of the nearest one around it, or None.

    Raises:
        HarmcuError: it belongs to somebody else, whose flags for the compiler would run programs;
            or it is a link to nothing.
    """
    for place in (folder, *folder.parents):
        if (place / FILE).is_symlink() and not (place / FILE).exists():
            raise HarmcuError(f"{place / FILE}: is a link to nothing; remove it, or make it whole")
        if is_file(place / FILE):
            _check_owner(place / FILE, folder)
            return place / FILE
    return None


def _check_owner(path: Path, folder: Path) -> None:
    """Let nobody leave a file in a folder that many share, above the one that a user works in."""
    if sys.platform != "win32" and path.stat().st_uid not in (
        0,
        os.geteuid(),
        folder.stat().st_uid,
    ):
        raise HarmcuError(
            f"{path}: belongs to another user, and what it says can run programs; work in a folder "
            "outside of that one"
        )


def is_from_file(name: str) -> bool:
    """Tell whether a parameter of the running command has its value from a harmcu.toml alone.

    Such a value gives way where a flag of the command line excludes it.
    """
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.DEFAULT_MAP


def default_map(path: Path, root: click.Group) -> dict[str, Any]:
    """Return what a configuration file gives to the commands, as click's ``default_map``.

    Args:
        path: the file.
        root: the group of all commands.

    Raises:
        HarmcuError: the file cannot be read, is no TOML, or names a command, an option or a value
            that there is not; the message names the line.
    """
    try:
        text = path.read_text("utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise HarmcuError(f"{path}: {error.strerror}; check its permissions") from None
    except UnicodeDecodeError as error:
        raise HarmcuError(f"{path}: cannot be read ({error}); save it as UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        # A number of 5,000 digits and 5,000 brackets have errors of their own.
        raise HarmcuError(f"{path}: {error!s:.200}; https://toml.io shows the form") from None
    commands = dict(_commands(root, ()))
    file = _File(path, text)
    shared = {key: value for key, value in document.items() if not isinstance(value, dict)}
    every_name = {name for command in commands.values() for name in _parameters(command)}
    for key in shared:
        file.expect((), key, every_name, "no command has an option")
    tables = dict(_tables(document, commands, file))
    found: dict[str, Any] = {}
    for words, command in commands.items():
        *groups, last = words
        place = found
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = file.values(command, words, shared, tables.get(words, {}))
    return found


def _commands(group: click.Group, above: Words) -> Iterator[tuple[Words, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*above, name))
        else:
            yield (*above, name), command


def _parameters(command: click.Command) -> dict[str, click.Parameter]:
    """Return a command's parameters by the names that a file may give them."""
    return {_name(p): p for p in command.params if not getattr(p, "is_eager", False)}


def _name(parameter: click.Parameter) -> str:
    """Return "model-rate" for --model-rate, and "bundle" for the argument BUNDLE."""
    if isinstance(parameter, click.Argument):
        return str(parameter.name)
    return max(parameter.opts, key=len).lstrip("-")


def _tables(
    document: dict[str, Any], commands: Collection[Words], file: _File, above: Words = ()
) -> Iterator[tuple[Words, dict[str, Any]]]:
    """Give the table of every command that has one, and refuse those of no command."""
    for key, value in document.items():
        words = (*above, key)
        if not isinstance(value, dict):
            if above:
                file.refuse_in_group(above, key)
            continue
        if words in commands:
            yield words, value
            continue
        known = {other[len(above)] for other in commands if other[: len(above)] == above}
        file.expect(words, None, known, "no command is called")
        yield from _tables(value, commands, file, words)


def _fits(value: Any, parameter: click.Parameter) -> bool:
    """Tell whether a value is of a parameter's type: click rounds 1.9 to 1, and takes true for 1.

    A name may be a number: ``subject = 7``.
    """
    if getattr(parameter, "is_flag", False):
        return isinstance(value, bool)
    if isinstance(parameter.type, click.types.IntParamType):
        return type(value) is int
    if isinstance(parameter.type, click.types.FloatParamType):
        return type(value) is int or (type(value) is float and math.isfinite(value))
    if isinstance(value, str):
        return "\0" not in value
    return type(value) in (int, float) and not isinstance(parameter.type, click.Path)


class _File:
    """A file and its text, to find the line of what is wrong."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def values(
        self, command: click.Command, words: Words, shared: dict[str, Any], own: dict[str, Any]
    ) -> dict[str, Any]:
        """Return a command's values by the names of its parameters, checked."""
        parameters = _parameters(command)
        found = {}
        for key in own:
            self.expect(words, key, set(parameters), f"harmcu {' '.join(words)} has no option")
        for key, value in {**shared, **own}.items():
            if key in parameters:
                table = words if key in own else ()
                found[str(parameters[key].name)] = self._value(
                    table, key, value, command, parameters[key]
                )
        return found

    def expect(self, table: Words, key: str | None, known: Collection[str], what: str) -> None:
        """Refuse a table's name, or a key in a table, that is not among the known ones."""
        name = key if key is not None else table[-1]
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            self._refuse(table, key, f"{what} {name!r:.60}; {hint}")

    def refuse_in_group(self, group: Words, key: str) -> NoReturn:
        """Refuse an option of a group of commands, which nobody would read."""
        name = ".".join(group)
        self._refuse(
            group, key, f"{name} is a group of commands; put {key!r:.60} into [{name}.COMMAND]"
        )

    def _value(
        self, table: Words, key: str, value: Any, command: click.Command, parameter: click.Parameter
    ) -> Any:
        if isinstance(value, dict):
            self._refuse(table, key, f"{key} is a table here; give it a value")
        is_list = getattr(parameter, "multiple", False)
        values = value if isinstance(value, list) and is_list else [value]
        if not all(_fits(each, parameter) for each in values):
            self._refuse(table, key, f"{key}: {value!r:.60} is no value for it; see --help")
        if isinstance(parameter.type, click.Path):
            values = [str(self._path.parent / each) for each in values]
        value = values if is_list else values[0]
        try:
            parameter.process_value(click.Context(command, resilient_parsing=False), value)
        except click.BadParameter as error:
            self._refuse(table, key, f"{key}: {error.message} Mend the value.")
        return value

    def _refuse(self, table: Words, key: str | None, why: str) -> NoReturn:
        raise HarmcuError(f"{self._path}:{self._line(table, key)}: {why}")

    def _line(self, table: Words, key: str | None) -> int:
        """Return the number of the line where a table begins, or of a key in it."""
        here: Words = ()
        for number, line in enumerate(self._lines, start=1):
            header = re.match(r"\s*\[([^\[\]]+)\]", line)
            if header:
                here = tuple(word.strip(" \t\"'") for word in header[1].split("."))
                if key is None and here[: len(table)] == table:
                    return number
            elif key is not None and here == table:
                given = re.match(r"\s*(?:\"([^\"]*)\"|'([^']*)'|([\w-]+))\s*=", line)
                if given and key in given.groups():
                    return number
        return 1
