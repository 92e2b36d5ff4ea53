"""Print the query of a collector for a server version."""

import argparse
import sys
from textwrap import dedent

from collectors._base import Collector
from collectors._catalogue import all_collectors
from monitor.commands._base import BadUsage
from monitor.config.nearest import unknown_name

NEWEST = 18
OLDEST = 14
PATH = "SET search_path = pg_catalog, pg_temp;\n"
"""The search_path of pgvigil's sessions, so that no object of a user replaces a catalogue's."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collector", nargs="?", help="its name; without it, all are listed")
    parser.add_argument(
        "--server",
        type=int,
        default=NEWEST,
        metavar="VERSION",
        help=f"major version, {OLDEST} or later (default {NEWEST})",
    )


def run(known: argparse.Namespace) -> int:
    collectors = {name: c for name, c in all_collectors().items() if c.sql}
    if known.collector is None:
        sys.stdout.write("".join(f"{_line(c)}\n" for c in collectors.values()))
        return 0
    if known.collector not in collectors:
        hint = "`pgvigil sql` lists them."
        raise BadUsage(unknown_name("collector", known.collector, collectors, hint))
    query = collectors[known.collector].query(known.server * 10_000)
    if query is None:
        raise BadUsage(f"{known.collector} has no query for PostgreSQL {known.server}.")
    sys.stdout.write(PATH)
    sys.stdout.write(dedent(query).strip() + ";\n")
    return 0


def _line(collector: Collector[object]) -> str:
    where = "per database" if collector.scope == "database" else "per server"
    return f"{collector.name:20}  {collector.lane:6}  {where}"
