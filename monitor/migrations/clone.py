"""Empty clone of the live schema in the throw-away server."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from monitor.migrations import collations, extensions
from monitor.migrations.scratch import Scratch
from monitor.migrations.script import pieces

AT_ONCE = 200
"""Statements that are sent together; if one fails, each of them is sent alone."""
UNPOPULATED = """
    select pg_catalog.format('%I.%I', schemaname, matviewname) as name
    from pg_catalog.pg_matviews where not ispopulated
"""
NO_SUCH_SETTING = "42704"
SHAPELESS = re.compile(
    r"(?:--[^\n]*\n|\s)*(?:GRANT\b|REVOKE\b|COMMENT\s+ON\s+EXTENSION\b|ALTER DEFAULT PRIVILEGES\b"
    r"|ALTER\b.*\bOWNER TO\s+\S+\s*\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""Statements about roles, and what only the owner of an extension may say of it: the clone lacks
the roles of the live server, and no lock depends on either."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Outcome of loading the schema's script."""

    statements: int
    lacking: tuple[str, ...]
    """One line for each statement that failed."""


async def load(scratch: Scratch, script: str, file: str = "") -> Loaded:
    """Run the schema's script: as its owner, extensions as superuser where there is one.

    `file` is what will run there: it may name collations of the system, too.
    """
    owner = await scratch.connect()
    admin = await scratch.connect_superuser()
    try:
        statements = statements_of(script)
        if admin:
            await _together(admin, collations.of_system(script, file))
            statements = list(map(collations.stand_in, statements))
        loaded = await _run(owner, admin or owner, statements)
        await _populate(owner)
        return loaded
    finally:
        await owner.close()
        if admin:
            await admin.close()


def statements_of(script: str) -> list[str]:
    """Return the statements that shape the schema."""
    texts = (piece.text for piece in pieces(script) if not piece.is_psql)
    return [text for text in texts if not SHAPELESS.match(text)]


async def _populate(owner: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Refresh the materialized views: they come without data, and refuse CONCURRENTLY so."""
    for row in await owner.fetch(UNPOPULATED):
        with suppress(asyncpg.PostgresError):
            await owner.execute(f"REFRESH MATERIALIZED VIEW {row['name']}")


async def _run(
    owner: "asyncpg.Connection[asyncpg.Record]",
    admin: "asyncpg.Connection[asyncpg.Record]",
    statements: list[str],
) -> Loaded:
    lacking: list[str] = []
    waiting: list[str] = []

    async def flush() -> None:
        lacking.extend(await _together(owner, waiting))
        waiting.clear()

    for statement in statements:
        if (instead := extensions.created(statement)) is not None:
            await flush()
            sql, why_not = instead
            if why_not:
                lacking.append(why_not)
            elif sql:
                lacking.extend(await _together(admin, (sql,)))
            continue
        waiting.append(statement)
        if len(waiting) >= AT_ONCE:
            await flush()
    await flush()
    return Loaded(len(statements), tuple(lacking))


async def _together(
    connection: "asyncpg.Connection[asyncpg.Record]", statements: Iterable[str]
) -> list[str]:
    """Run statements in one go, or one by one if that fails; return what failed."""
    statements = list(statements)
    if not statements:
        return []
    try:
        await connection.execute(";\n".join(statements))
    except asyncpg.PostgresError as wrong:
        if len(statements) == 1:
            if wrong.sqlstate == NO_SUCH_SETTING and statements[0].startswith("SET "):
                return []  # pg_dump is newer than the server
            said = str(wrong).partition("\n")[0]
            return [f"{' '.join(statements[0].split())[:80]}: {said}"]
        return [line for one in statements for line in await _together(connection, (one,))]
    return []
