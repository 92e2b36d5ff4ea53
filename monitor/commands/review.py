"""List what is worth reviewing: the most gain first, then the least effort; none of it pages.

In CI, accept what is there by --write-baseline FILE, commit the file, and run with --baseline FILE.
Exits with 0; with a baseline, 1 if there is something new or worse, or if a finding can't be judged
any more, or if a baseline is written of a look that was not finished in time; 2 if a server does
not answer.
"""

import argparse
import sys
from pathlib import Path

from monitor.commands._base import BadUsage, server_argument, settings_flags
from monitor.commands._look import looked
from monitor.reports.baseline import BadBaseline, compared, read, written
from monitor.reports.review import as_text
from monitor.reports.review_json import as_json
from monitor.reports.review_markdown import as_markdown
from monitor.views.unfinished import AGAIN, unfinished_reviews

NEW = 1
"""Exit status if there is something that the baseline does not know, or accepts unseen."""
UNREACHABLE = 2
"""Exit status if a server does not answer."""
FORMATS = {"text": as_text, "json": as_json, "markdown": as_markdown}


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)
    parser.add_argument("--format", choices=FORMATS, default="text", help="default text")
    baseline = parser.add_mutually_exclusive_group()
    baseline.add_argument(
        "--baseline", metavar="FILE", type=Path, help="list, and fail on, only what is not in it"
    )
    baseline.add_argument(
        "--write-baseline", metavar="FILE", type=Path, help="accept everything that is found now"
    )


def run(known: argparse.Namespace) -> int:
    try:
        baseline = read(known.baseline) if known.baseline else None
    except BadBaseline as wrong:
        raise BadUsage(str(wrong)) from None
    overview = looked(known)
    against = None if baseline is None else compared(overview, baseline)
    sys.stdout.write(FORMATS[known.format](overview, against))
    if any(not view.up for view in overview.servers):
        return UNREACHABLE
    if known.write_baseline:
        write(known.write_baseline, written(overview))
        if unfinished_reviews(overview):
            sys.stderr.write(
                f"pgvigil review: the baseline accepts what was not judged: {AGAIN}.\n"
            )
            return NEW
    return NEW if against is not None and (against.new or against.blind) else 0


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as failed:
        raise BadUsage(f"the baseline {path} can't be written: {failed.strerror}.") from None
