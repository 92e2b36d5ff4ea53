"""Print the statements that create the monitoring role with the least privileges.

Run them with psql as a superuser: `pgvigil setup-sql | psql -d postgres`. They set no password;
use `\\password pgvigil` in psql, which keeps it out of the server's log.
"""

import argparse
import os
import sys

from alerts.raw_text import decode, is_raw
from monitor.commands._base import BadUsage
from monitor.postgres.role_sql import LONGEST, statements


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", default="pgvigil", help="its name (default pgvigil)")
    parser.add_argument(
        "--database",
        action="append",
        default=[],
        metavar="NAME",
        help="a database in which to grant privileges; may be repeated (default: all databases)",
    )
    parser.add_argument(
        "--keys-of",
        action="append",
        default=[],
        metavar="SCHEMA.TABLE",
        help="a table whose primary key may be read, to tell that its rows are locked in no order"
        " before they deadlock; with --database; may be repeated (default: no table)",
    )


def run(known: argparse.Namespace) -> int:
    size = len(os.fsencode(known.role))
    if not 1 <= size <= LONGEST or "\0" in known.role:
        raise BadUsage(f"the name of a role must have 1 to {LONGEST} bytes.")
    if is_raw(decode(os.fsencode(known.role))):
        raise BadUsage("the name of the role must be valid UTF-8.")
    databases = [decode(os.fsencode(name)) for name in known.database]
    tables = [decode(os.fsencode(name)) for name in known.keys_of]
    if tables and not databases:
        raise BadUsage("--keys-of needs the database of the table: --database NAME.")
    sys.stdout.write("\n".join(statements(known.role, databases, tables)) + "\n")
    return 0
