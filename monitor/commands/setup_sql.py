"""Print the statements that create the monitoring role with the least privileges.

Run them with psql as a superuser: `pgvigil setup-sql | psql -d postgres`. They set no password;
use `\\password pgvigil` in psql, which keeps it out of the server's log. With `--plans` they create
the separate login that reads plans (docs/plans.md), with `--server-log` the function by which the
server's log is read where its folder is not mounted (docs/logs.md).
"""

import argparse
import os
import sys

from alerts.raw_text import decode, is_raw
from monitor.commands._base import BadUsage
from monitor.postgres import plans_role_sql, server_log_sql
from monitor.postgres.role_sql import LONGEST, statements

ROLE = "pgvigil"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", help="its name (default pgvigil; with --plans pgvigil_plans)")
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
    parser.add_argument(
        "--plans",
        action="store_true",
        help="create the login for plans instead: SELECT on tables, and nothing that writes",
    )
    parser.add_argument(
        "--server-log",
        action="store_true",
        help="create a function that returns parts of the server's log files instead, in the"
        " database to which psql is connected",
    )
    parser.add_argument(
        "--schema",
        action="append",
        default=[],
        metavar="NAME",
        help="with --plans: a schema whose tables it may read; may be repeated (default: all)",
    )


def run(known: argparse.Namespace) -> int:
    role = known.role if known.role is not None else plans_role_sql.ROLE if known.plans else ROLE
    size = len(os.fsencode(role))
    if not 1 <= size <= LONGEST or "\0" in role:
        raise BadUsage(f"the name of a role must have 1 to {LONGEST} bytes.")
    if is_raw(decode(os.fsencode(role))):
        raise BadUsage("the name of the role must be valid UTF-8.")
    if known.schema and not known.plans:
        raise BadUsage("--schema belongs to --plans: no other role reads tables.")
    databases, schemas, tables = (
        [decode(os.fsencode(name)) for name in names]
        for names in (known.database, known.schema, known.keys_of)
    )
    if tables and known.plans:
        raise BadUsage("--keys-of belongs to the monitoring role, not to --plans.")
    if known.server_log and (known.plans or tables or databases):
        raise BadUsage("--server-log goes with --role only: it is for the database of psql.")
    if tables and not databases:
        raise BadUsage("--keys-of needs the database of the table: --database NAME.")
    if any(map(is_raw, schemas)):
        raise BadUsage("the name of a schema must be valid UTF-8.")
    if known.server_log:
        lines = server_log_sql.statements(role)
    elif known.plans:
        lines = plans_role_sql.statements(role, databases, schemas)
    else:
        lines = statements(role, databases, tables)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
