"""Print the alert rules for Prometheus, or the recording rules."""

import argparse
import os
import sys

from alerts.prometheus.recordings import recordings_text
from alerts.prometheus.rulebook import RUNBOOK_BASE
from monitor.generate.files import rules_page


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runbook-base",
        metavar="URL",
        default=os.environ.get("PGVIGIL_RUNBOOK_BASE", RUNBOOK_BASE),
        help="where alerts send people; a finding's name is added to it (default %(default)s,"
        " or PGVIGIL_RUNBOOK_BASE)",
    )
    parser.add_argument(
        "--recording",
        action="store_true",
        help="print the recording rules for fleets instead; the alerts do without them",
    )


def run(known: argparse.Namespace) -> int:
    sys.stdout.write(recordings_text() if known.recording else rules_page(known.runbook_base))
    return 0
