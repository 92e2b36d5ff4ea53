"""Look once, and report in the terminal; the exit status is that of a monitoring plugin.

0 nothing is wrong, 1 warning, 2 critical, 3 something could not be judged (or bad usage).
A single look has no time to wait whether something holds, and no memory of weeks: what needs
them is learning, unless the daemon's state file is named.
"""

import argparse

from monitor.commands._base import settings_flags
from monitor.commands._look import looked
from monitor.reports.report import report

WRONG = 3
"""Exit status for bad usage: a plugin that can't look doesn't know."""


def arguments(parser: argparse.ArgumentParser) -> None:
    settings_flags(parser)
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="default text"
    )


def run(known: argparse.Namespace) -> int:
    return report(looked(known), known.format)
