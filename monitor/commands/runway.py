"""Show every wall of a server: how much is used, how fast, when it is reached, which comes first.

Paces come from the daemon's state file, so name the same configuration (or --set state_file=…).
Without it the shares alone are known. A pace needs three days of history, and a forecast looks
ahead at most five times as far as was observed.
"""

import argparse
import asyncio
import json
import os
import sys

from monitor import logs
from monitor.commands._base import BadUsage, server_argument, settings_flags, settings_of
from monitor.config.errors import ConfigurationError
from monitor.look_once import snapshots
from monitor.reports.runway import as_json, as_text

NOT_KNOWN = 2
"""Exit status if a server did not answer."""


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)
    parser.add_argument(
        "--writes",
        metavar="TIMES",
        type=times,
        default=10.0,
        help="what if there were this multiple of the present writes; default 10",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default text")


def times(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1e6:
        raise ValueError
    return number


def run(known: argparse.Namespace) -> int:
    settings = settings_of(known)
    logs.set_up("error", settings.log_format)
    try:
        found = asyncio.run(snapshots(settings, os.environ))
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None
    if known.format == "json":
        sys.stdout.write(json.dumps(as_json(found, known.writes), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(found, known.writes))
    return NOT_KNOWN if any(reason for _, reason in found.values()) else 0
