"""List what findings propose to review: worth knowing when there is time, and no alert."""

import argparse
import sys

from monitor.commands._base import server_argument, settings_flags
from monitor.commands._look import looked
from monitor.reports.review import review


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)


def run(known: argparse.Namespace) -> int:
    sys.stdout.write(review(looked(known)))
    return 0
