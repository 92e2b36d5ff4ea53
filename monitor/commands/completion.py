"""Print the completion of commands, flags and names for a shell.

bash: pgvigil completion bash > ~/.local/share/bash-completion/completions/pgvigil
zsh:  pgvigil completion zsh > "${fpath[1]}/_pgvigil"
"""

import argparse
import sys

from alerts._catalogue import all_findings
from alerts.prometheus.rulebook import all_watchdogs
from collectors._catalogue import all_collectors

SHELLS = ("bash", "zsh")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS)


def run(known: argparse.Namespace) -> int:
    from shtab import complete

    sys.stdout.write(complete(with_names(known.root), known.shell).rstrip() + "\n")
    return 0


def with_names(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the names that may follow to the parser, which does without them for its messages."""
    from shtab import DIRECTORY, FILE

    paths: dict[str, object] = {"FILE": FILE, "FOLDER": DIRECTORY}
    findings = list(all_findings())
    names = {
        ("check", "finding"): findings,
        ("explain", "finding"): [*findings, *all_watchdogs()],
        ("sql", "collector"): [name for name, one in all_collectors().items() if one.sql],
    }
    [commands] = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for command, one in commands.choices.items():
        for action in one._actions:
            if choices := names.get((command, action.dest)):
                action.choices = choices
            elif isinstance(action.metavar, str) and action.metavar in paths:
                action.complete = paths[action.metavar]
    return parser
