"""Print the alert rules for Prometheus."""

import argparse
import sys

from alerts.rulebook import RUNBOOK_BASE
from monitor.generated import rules_page


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runbook-base",
        metavar="URL",
        help="where alerts send people; a finding's name is added to it",
    )


def run(known: argparse.Namespace) -> int:
    sys.stdout.write(rules_page(known.runbook_base or RUNBOOK_BASE))
    return 0
