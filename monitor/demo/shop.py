"""Database of the demo shop: roles, tables, rows, and deliberate problems."""

from collections.abc import Callable, Iterable
from importlib.resources import files

from monitor.demo.launcher import Postgres
from monitor.postgres import plans_role_sql
from monitor.postgres.role_sql import statements

DATABASE = "shop"
APP, REPORTING, MONITOR, PLANS = "app", "reporting", "pgvigil", "pgvigil_plans"
SLOTS = 40
# The rows are temporary, so durability is switched off.
SERVER_SETTINGS = {
    "max_connections": SLOTS,
    "reserved_connections": 2,
    "shared_buffers": "64MB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "256MB",
    "track_io_timing": "on",
    "shared_preload_libraries": "pg_stat_statements",
}
Tell = Callable[[str], None]
"""Reports progress to the user."""


def build(server: Postgres, problems: Iterable[str], tell: Tell) -> None:
    """Build the shop on an empty running server, with scripts that make problems.

    Raises LaunchError.
    """
    roles = (f"CREATE ROLE {role} LOGIN;" for role in (APP, REPORTING))
    run(server, "postgres", [*roles, f"CREATE DATABASE {DATABASE};"])
    for what, *scripts in (
        ("creating the tables of a shop", _sql("schema")),
        ("inserting customers, products and orders", _sql("rows")),
        ("adding problems", *problems, _sql("vacuum")),
    ):
        tell(what)
        run(server, DATABASE, scripts)
    tell(f"creating the roles {MONITOR} and {PLANS} with `pgvigil setup-sql`")
    run(server, "postgres", ["CREATE EXTENSION pg_stat_statements;"])
    run(server, "postgres", statements(MONITOR, ("postgres", DATABASE)))
    run(server, "postgres", plans_role_sql.statements(PLANS, (DATABASE,)))


def _sql(name: str) -> str:
    return files("monitor.demo").joinpath(f"sql/{name}.sql").read_text(encoding="utf-8")


def run(server: Postgres, database: str, script: Iterable[str]) -> None:
    """Run a script with psql, because it may contain psql commands. Raises LaunchError."""
    # In the server's folder, because its user may not be able to read our own files.
    file = server.folder / "script.sql"
    file.write_text("\n".join(script), encoding="utf-8")
    server.owner.take(file)
    psql = server.binaries.program("psql")
    quietly = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
    server.owner.run([psql, *quietly, f"--file={file}", server.dsn(database)])
    file.unlink()
