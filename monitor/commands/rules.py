"""Print the alert rules for Prometheus, or the recording rules."""

import argparse
import os
import sys

from alerts.prometheus.recordings import recordings_text
from alerts.prometheus.rulebook import RUNBOOK_BASE
from monitor.commands._base import checks_flag, enrol_checks
from monitor.generate.files import rules_page


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runbook-base",
        metavar="URL",
        default=os.environ.get("PGVIGIL_RUNBOOK_BASE", RUNBOOK_BASE),
        help="base URL of runbook links; the finding's name is appended (default %(default)s,"
        " or PGVIGIL_RUNBOOK_BASE)",
    )
    checks_flag(parser)
    parser.add_argument(
        "--recording",
        action="store_true",
        help="print the optional recording rules for fleets instead",
    )


def run(known: argparse.Namespace) -> int:
    enrol_checks(known)
    sys.stdout.write(recordings_text() if known.recording else rules_page(known.runbook_base))
    return 0
