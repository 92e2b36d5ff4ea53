"""Show how large a pooler's pools should be: expected waits by size, and what its ini file does.

It asks the console twice, and calculates from arrivals and service times between. How much service
times vary comes from pg_stat_statements of the server behind; without it, waits are a range.
"""

import argparse
import asyncio
import json
import os
import sys
from datetime import timedelta

from alerts.units import parse_duration
from monitor import logs
from monitor.commands._base import BadUsage, server_argument, settings_flags, settings_of
from monitor.config.errors import ConfigurationError
from monitor.look_once import look_at_poolers
from monitor.reports.pool import as_json, as_text

NOT_KNOWN = 2
"""Exit status if a pooler did not answer."""


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)
    parser.add_argument(
        "--seconds",
        metavar="SECONDS",
        type=float,
        default=10.0,
        help="time between the two looks; a longer time is more certain; default 10",
    )
    parser.add_argument(
        "--wait",
        metavar="TIME",
        type=duration,
        default=timedelta(milliseconds=5),
        help="the mean wait that you accept, such as 5ms; default 5ms",
    )
    parser.add_argument(
        "--cores", metavar="N", type=int, help="cores of the server behind, for an upper bound"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default text")


def duration(text: str) -> timedelta:
    return parse_duration(text)


def run(known: argparse.Namespace) -> int:
    settings = settings_of(known)
    if not settings.poolers:
        raise BadUsage("no pooler is configured: set poolers.NAME.dsn (docs/pooler.md).")
    if not 0 < known.seconds <= 3600:
        raise BadUsage("--seconds must be from 0 to 3600.")
    logs.set_up("error", settings.log_format)
    try:
        found = asyncio.run(look_at_poolers(settings, os.environ, known.seconds))
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None
    wished = known.wait.total_seconds()
    if known.format == "json":
        sys.stdout.write(json.dumps(as_json(found, wished, known.cores), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(found, wished, known.cores))
    return NOT_KNOWN if any(one.failure for one in found) else 0
