"""The group of all commands: how failures are told, ``--verbose``, and shell completion."""

from __future__ import annotations

import errno
import io
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import click

from host_tools import completion
from host_tools.plain_text import say
from trainer.errors import HarmcuError, UnknownNameError
from trainer.printable import printable_lines

BUG = 70
"""Exit code of a failure that harmcu does not know: EX_SOFTWARE of BSD's sysexits.h."""

_VERBOSE = "harmcu.verbose"


class Commands(click.Group):
    """A group whose errors are one line: exit code 2 for usage, 1 for failure.

    Attributes:
        sections: the commands by heading, in the order in which the help lists them.
    """

    def __init__(
        self, *arguments: Any, sections: Mapping[str, Sequence[str]] | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.sections = sections or {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands in their sections."""
        if not self.sections:
            super().format_commands(ctx, formatter)
        for heading, names in self.sections.items():
            with formatter.section(heading):
                texts = [self.commands[name].get_short_help_str(200) for name in names]
                formatter.write_dl(list(zip(names, texts, strict=True)))

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, and give it --verbose."""
        _give_verbose(cmd)
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command and turn what goes wrong into a line; --verbose says where it happened."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _shown(error) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except UnknownNameError as error:
            raise click.UsageError(printable_lines(str(error)), ctx) from error
        except HarmcuError as error:
            _fail(ctx, str(error), 1)
        except KeyboardInterrupt:
            _fail(ctx, "interrupted", 130)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # nobody reads the output any more; click ends quietly
            _fail(ctx, _of_the_system(error), 1)
        except Exception as error:
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            _fail(ctx, f"unexpected {what}; please report it with what --verbose says", BUG)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Let SIGTERM end a command as tidily as Ctrl-C does: emulators are stopped."""
        for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            if hasattr(signal, name):
                number = getattr(signal, name)
                signal.signal(number, lambda got, _: sys.exit(128 + got))
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a label must not break a narrow output
                stream.reconfigure(errors="backslashreplace")
        # `python -m host_tools` and a script of another name are harmcu, too.
        options.setdefault("prog_name", "harmcu")
        completion.expect_call()
        try:
            return super().main(*arguments, **options)
        except OSError as error:  # of a help that cannot be written
            say(f"harmcu: {_of_the_system(error)}", err=True)
            sys.exit(1)


def _give_verbose(command: click.Command) -> None:
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _give_verbose(inner)
        return
    option = click.Option(
        ["--verbose"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember,
        help="On failure, show the traceback too.",
    )
    command.params.append(option)


def _remember(context: click.Context, _option: click.Parameter, is_verbose: bool) -> None:
    context.find_root().meta[_VERBOSE] = is_verbose


def _shown(error: click.UsageError) -> click.UsageError:
    """Return click's error without what a terminal would obey.

    Its subclasses repeat words as Python's literals; of superfluous ones, click says them raw.
    """
    if type(error) is not click.UsageError:
        return error
    return click.UsageError(printable_lines(error.message), error.ctx)


def _of_the_system(error: OSError) -> str:
    """Return what the system refused, for people."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}; check its permissions and the space on the disk"


def _fail(context: click.Context, text: str, code: int) -> None:
    """End a command with a line, and with the traceback of the exception where it was asked for."""
    if context.find_root().meta.get(_VERBOSE):
        say(traceback.format_exc().rstrip(), err=True)
    say(f"harmcu: {text}", err=True)
    context.exit(code)
