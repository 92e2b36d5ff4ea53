"""Show what autovacuum will do with a table, when, and why not sooner.

With `--set autovacuum_vacuum_scale_factor=0.02` also what it would do then. The forecast plays the
last day again, as the daemon recorded it in its state file, so name the same configuration (or
--set state_file=...); without it, the mean since the last vacuum is used.
"""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Mapping

from alerts.snapshot import Snapshot, Unknown
from alerts.vacuum.outlook import OPTIONS, named, outlook
from monitor import logs
from monitor.commands._base import BadUsage, server_argument, settings_flags, settings_of
from monitor.config.errors import ConfigurationError
from monitor.config.nearest import unknown_name
from monitor.look_once import snapshots
from monitor.reports.vacuum import vacuum_report
from monitor.views.wording import silence

NOT_KNOWN = 2
"""Exit status if the table was not found, or a server did not answer."""
VALUE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|on|off|true|false")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="orders, public.orders, shop.public.orders")
    server_argument(parser)
    settings_flags(parser)


def run(known: argparse.Namespace) -> int:
    wanted = options(known)
    settings = settings_of(known)
    logs.set_up("error", settings.log_format)
    try:
        found = asyncio.run(snapshots(settings, os.environ))
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None
    return show(found, known.table, wanted)


def options(known: argparse.Namespace) -> dict[str, str]:
    """Take the options of a table out of --set; the others are settings of pgvigil."""
    wanted: dict[str, str] = {}
    for text in list(known.assignments):
        name, equals, value = text.partition("=")
        name, value = name.strip().lower(), value.strip().lower()
        if not name.startswith("autovacuum_"):
            continue
        if name not in OPTIONS:
            raise BadUsage(unknown_name("option of a table", name, OPTIONS, ""))
        if not equals or not VALUE.fullmatch(value):
            raise BadUsage(f"{name} takes a number, or on or off, not {value!r}.")
        known.assignments.remove(text)
        wanted[name] = value
    return wanted


def show(
    servers: Mapping[str, tuple[Snapshot, str | None]], name: str, wanted: Mapping[str, str]
) -> int:
    """Print every table of that name; return the exit status."""
    parts, unanswered = [], False
    for server, (snapshot, reason) in servers.items():
        if reason:
            unanswered = True
            parts.append(f"{server} does not answer: {silence(snapshot, reason)}\n")
            continue
        try:
            parts += [
                vacuum_report(server, snapshot, outlook(snapshot, table, wanted))
                for table in named(snapshot, name)
            ]
        except Unknown as unknown:
            unanswered = True
            parts.append(f"{server}: {unknown.reason}\n")
    if not parts:
        raise BadUsage(f"there is no table {name!r} in the databases that are read.")
    sys.stdout.write("\n".join(parts))
    return NOT_KNOWN if unanswered else 0
