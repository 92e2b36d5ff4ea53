"""Check once and print a report; the exit status is that of a monitoring plugin.

0 healthy, 1 warning, 2 critical, 3 something could not be judged (or bad usage).
A single check can't wait to see whether a condition holds, and has no history. Findings that
need history are learning, unless the settings name the daemon's state file.
"""

import argparse

from alerts._base import Severity
from alerts._catalogue import all_findings
from monitor.commands._base import BadUsage, server_argument, settings_flags
from monitor.commands._look import looked
from monitor.config.nearest import unknown_name
from monitor.reports.report import report
from monitor.views.narrowing import narrowed

WRONG = 3
"""Exit status for bad usage: for a monitoring plugin, 3 means unknown."""


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)
    parser.add_argument(
        "--finding",
        metavar="NAME",
        action="append",
        default=[],
        help="report this finding only; may be repeated",
    )
    parser.add_argument(
        "--severity",
        choices=[severity.value for severity in Severity],
        help="leave out what is milder",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="default text"
    )
    how.add_argument("--quiet", action="store_true", help="print the first line only")


def run(known: argparse.Namespace) -> int:
    for name in known.finding:
        if name not in all_findings():
            hint = "`pgvigil explain` lists them."
            raise BadUsage(unknown_name("finding", name, all_findings(), hint))
    severity = Severity(known.severity) if known.severity else None
    seen = narrowed(looked(known), known.finding, severity)
    return report(seen, "line" if known.quiet else known.format)
