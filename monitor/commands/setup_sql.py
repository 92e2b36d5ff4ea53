"""Print the statements that create the monitoring role with the least privileges.

Run them with psql as a superuser: `pgvigil setup-sql | psql -d postgres`. They set no password;
use `\\password pgvigil` in psql, which keeps it out of the server's log.
"""

import argparse
import sys

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


def run(known: argparse.Namespace) -> int:
    if not known.role or len(known.role.encode()) > LONGEST or "\0" in known.role:
        raise BadUsage(f"the name of a role must have 1 to {LONGEST} bytes.")
    sys.stdout.write("\n".join(statements(known.role, known.database)) + "\n")
    return 0
