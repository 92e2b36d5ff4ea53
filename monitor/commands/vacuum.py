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
from types import MappingProxyType

from alerts.snapshot import Snapshot, Unknown
from alerts.vacuum.outlook import OPTIONS, named, outlook
from collectors.databases import databases
from monitor import logs
from monitor.commands._base import BadUsage, server_argument, settings_flags, settings_of
from monitor.config.errors import ConfigurationError
from monitor.config.nearest import unknown_name
from monitor.config.watch_plan import plans
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
        addresses = {plan.name: plan.target.address for plan in plans(settings, os.environ)}
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None
    written = {name: address.named_database() for name, address in addresses.items()}
    return show(found, known.table, wanted, written)


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
    servers: Mapping[str, tuple[Snapshot, str | None]],
    name: str,
    wanted: Mapping[str, str],
    written: Mapping[str, str | None] = MappingProxyType({}),
) -> int:
    """Print every table of that name; return the exit status.

    `written`: the database that the address of a server names.
    """
    parts, unanswered = [], False
    for server, (snapshot, reason) in servers.items():
        if reason:
            unanswered = True
            parts.append(f"{server} does not answer: {silence(snapshot, reason)}\n")
            continue
        if is_absent(snapshot, database := written.get(server)):
            unanswered = True
            parts.append(f"{server}: there is no database {database!r}, which its address names\n")
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


def is_absent(snapshot: Snapshot, database: str | None) -> bool:
    """Whether the server is known to have no database of that name."""
    if database is None or not snapshot.has(databases):
        return False
    return all(row.datname != database for row in snapshot.rows(databases))
