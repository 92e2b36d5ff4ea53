"""Print the alert rules for Prometheus."""

import argparse
import os
import sys

from alerts.rulebook import RUNBOOK_BASE
from monitor.generated import rules_page


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runbook-base",
        metavar="URL",
        default=os.environ.get("PGVIGIL_RUNBOOK_BASE", RUNBOOK_BASE),
        help="where alerts send people; a finding's name is added to it (default %(default)s,"
        " or PGVIGIL_RUNBOOK_BASE)",
    )


def run(known: argparse.Namespace) -> int:
    sys.stdout.write(rules_page(known.runbook_base))
    return 0
