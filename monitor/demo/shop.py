"""Builds the shop on a new server: roles, tables, rows, and what is deliberately wrong with it."""

from collections.abc import Callable, Iterable
from importlib.resources import files

from monitor.demo.launcher import Postgres
from monitor.postgres.role_sql import statements

DATABASE = "shop"
APP, REPORTING, MONITOR = "app", "reporting", "pgvigil"
SLOTS = 40
# Nobody needs these rows tomorrow, so nothing is made sure of on disk.
SERVER_SETTINGS = {
    "max_connections": SLOTS,
    "reserved_connections": 2,
    "shared_buffers": "64MB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "256MB",
    "track_io_timing": "on",
}
Tell = Callable[[str], None]
"""Says what happens now to whoever waits for it."""


def build(server: Postgres, tell: Tell) -> None:
    """On a server that runs and is empty. Raises LaunchError."""
    roles = (f"CREATE ROLE {role} LOGIN;" for role in (APP, REPORTING))
    run(server, "postgres", [*roles, f"CREATE DATABASE {DATABASE};"])
    for chapter, what in (
        ("schema", "making the tables of a shop"),
        ("rows", "filling them with customers, products and orders"),
        ("ills", "planting illnesses"),
    ):
        tell(what)
        run(server, DATABASE, [files("monitor.demo").joinpath(f"sql/{chapter}.sql").read_text()])
    tell(f"making the role {MONITOR} with what `pgvigil setup-sql` prints")
    run(server, "postgres", statements(MONITOR, ("postgres", DATABASE)))


def run(server: Postgres, database: str, script: Iterable[str]) -> None:
    """By psql, for a script may hold its commands. Raises LaunchError with its last words."""
    # The file lies where the server's user may read, which the program's own files may not be.
    file = server.folder / "script.sql"
    file.write_text("\n".join(script), encoding="utf-8")
    server.owner.take(file)
    psql = server.binaries.program("psql")
    quietly = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
    server.owner.run([psql, *quietly, f"--file={file}", server.dsn(database)])
    file.unlink()
