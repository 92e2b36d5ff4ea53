"""Check once and print a report; the exit status is that of a monitoring plugin.

0 healthy, 1 warning, 2 critical, 3 something could not be judged (or bad usage).
A single check can't wait to see whether a condition holds, and has no history. Findings that
need history are learning, unless the settings name the daemon's state file.
"""

import argparse

from monitor.commands._base import settings_flags
from monitor.commands._look import looked
from monitor.reports.report import report

WRONG = 3
"""Exit status for bad usage: for a monitoring plugin, 3 means unknown."""


def arguments(parser: argparse.ArgumentParser) -> None:
    settings_flags(parser)
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="default text"
    )


def run(known: argparse.Namespace) -> int:
    return report(looked(known), known.format)
