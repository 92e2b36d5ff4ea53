"""Command line: each module in `commands/` is one command."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any

import monitor.commands
from collectors._catalogue import discover, names_in
from monitor.commands._base import USAGE, BadUsage
from monitor.config.nearest import unknown_name
from monitor.plain_file import reason
from monitor.version import VERSION

INTERRUPTED = 130
"""Exit status after Ctrl-C, as in shells."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of an output that takes no more."""
ABOUT_ALL = ("completion",)
DESCRIPTION = "Live health monitor for PostgreSQL: findings with evidence and a tested cure."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    commands = needed_commands(arguments)
    parser = parser_for(commands)
    if arguments and not arguments[0].startswith("-") and arguments[0] not in commands:
        hint = "`pgvigil --help` lists them."
        wrong = unknown_name("command", arguments[0], listed(commands), hint)
        print(f"pgvigil: {wrong}", file=sys.stderr)  # noqa: T201
        return USAGE
    known, rest = parser.parse_known_args(arguments)
    if known.command is None:
        parser.print_help()
        return USAGE
    if rest:
        known.parser.error(f"unrecognized arguments: {' '.join(rest)}{nearest_flag(known, rest)}")
    command = commands[known.command]
    try:
        status = int(command.run(known))
        sys.stdout.flush()
        return status
    except BadUsage as wrong:
        print(f"pgvigil {known.command}: {wrong}", file=sys.stderr)  # noqa: T201
        return getattr(command, "WRONG", USAGE)
    except BrokenPipeError:  # the reader closed the pipe
        discard_output()
        return 0
    except KeyboardInterrupt:
        discard_output()
        return INTERRUPTED
    except OSError as failed:
        if failed.errno not in FULL or failed.filename is not None:
            raise
        discard_output()
        sentence = f"the output can't be written: {reason(failed)}."
        print(f"pgvigil {known.command}: {sentence}", file=sys.stderr)  # noqa: T201
        return getattr(command, "WRONG", USAGE)


def discard_output() -> None:
    """Write what is left to nowhere. Without this, Python would report the failure at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def nearest_flag(known: argparse.Namespace, rest: Sequence[str]) -> str:
    """Return a hint for the first flag that is not known; it may be written as --flag=value."""
    flags = known.parser._option_string_actions
    wrong = (word.partition("=")[0] for word in rest if word.startswith("-"))
    near = next((near for flag in wrong for near in get_close_matches(flag, flags, 1)), None)
    return f". Did you mean {near}?" if near else ""


def needed_commands(arguments: Sequence[str]) -> dict[str, ModuleType]:
    """Return the command that is called, so that it does without the memory of the others; all of
    them where none is named, or where it is about all."""
    modules = {module.replace("_", "-"): module for module in names_in(monitor.commands)}
    module = modules.get(arguments[0]) if arguments else None
    if module is None or module in ABOUT_ALL:
        return all_commands()
    return {arguments[0]: import_module(f"{monitor.commands.__name__}.{module}")}


def all_commands() -> dict[str, ModuleType]:
    """Return the module of each command by its name."""
    return {name.replace("_", "-"): room for name, room in discover(monitor.commands).items()}


def listed(commands: dict[str, ModuleType]) -> dict[str, ModuleType]:
    """Return the commands that are not only for developers."""
    return {name: room for name, room in commands.items() if not hasattr(room, "FOR_DEVELOPERS")}


def parser_for(commands: dict[str, ModuleType]) -> argparse.ArgumentParser:
    """Build the parser with the name, help and arguments of every command."""
    parser = argparse.ArgumentParser(prog="pgvigil", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"pgvigil {VERSION}")
    several = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, room in commands.items():
        line = (room.__doc__ or "").strip().splitlines()[0]
        # A command without `help` is not listed.
        shown: dict[str, Any] = {} if hasattr(room, "FOR_DEVELOPERS") else {"help": line}
        one = several.add_parser(
            name,
            **shown,
            description=room.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if hasattr(room, "WRONG"):
            one.error = exits_with(one, room.WRONG)  # type: ignore[method-assign]
        one.set_defaults(parser=one, root=parser)
        room.arguments(one)
    return parser


def exits_with(parser: argparse.ArgumentParser, status: int):  # type: ignore[no-untyped-def]
    """Make the `error` method of a parser that exits with this status instead of 2."""

    def error(message: str) -> None:
        parser.print_usage(sys.stderr)
        parser.exit(status, f"{parser.prog}: {message}\n")

    return error
