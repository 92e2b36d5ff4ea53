"""Print the statements that make the monitoring role, with the least rights it needs.

Run them with psql as a superuser: `pgvigil setup-sql | psql -d postgres`. They set no password;
`\\password pgvigil` in psql does, and nobody reads it in a log.
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
        help="a database to grant in; may be repeated; by default all that there are",
    )


def run(known: argparse.Namespace) -> int:
    if not known.role or len(known.role.encode()) > LONGEST or "\0" in known.role:
        raise BadUsage(f"a role's name has 1 to {LONGEST} bytes.")
    sys.stdout.write("\n".join(statements(known.role, known.database)) + "\n")
    return 0
