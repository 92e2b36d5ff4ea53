"""First question on a new connection: which server answers, as whom, and is it PostgreSQL itself?

Each part is asked so that nothing of it outlives the question: a pooler may answer, which gives the
server's session to another client afterwards.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg

from collectors.connection import Cause
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.session_settings import first_transaction, setting_all

# Functions alone, as a table may be locked; and qualified, as the search_path is not ours yet.
WHO = """
    select
        pg_catalog.pg_backend_pid()                                     as pid,
        pg_catalog.current_setting('server_version_num')::int           as version,
        pg_catalog.current_setting('server_version')                    as version_text,
        pg_catalog.pg_is_in_recovery()                                  as in_recovery,
        pg_catalog.pg_postmaster_start_time()::pg_catalog.text          as started,
        (
            select pg_catalog.date_part('epoch', pg_catalog.max(backend_start))
            from pg_catalog.pg_stat_get_activity(null)
            where backend_type operator(pg_catalog.=) 'checkpointer'
        )                                                               as checkpointer_started,
        current_user::pg_catalog.text                                   as role,
        pg_catalog.current_database()::pg_catalog.text                  as database,
        pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute')
                                                                        as may_identify
"""
SYSTEM = "(select system_identifier::pg_catalog.text from pg_catalog.pg_control_system())"
EXTENSIONS = """
    select coalesce(
        pg_catalog.json_object_agg(
            e.extname,
            pg_catalog.json_build_array(
                pg_catalog.quote_ident(n.nspname),
                e.extversion,
                pg_catalog.has_schema_privilege(n.oid, 'usage')
            )
        ),
        '{}'
    )::pg_catalog.text
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) e.extnamespace
"""


class InstalledExtension(NamedTuple):
    """An extension of a database."""

    schema: str
    """Quoted."""
    version: str
    is_reachable: bool
    """Whether our role has USAGE on its schema."""

    def is_older_than(self, version: str) -> bool:
        """Compare versions such as 1.9 and 1.11; what is no number counts as newer."""
        own, other = numbers_of(self.version), numbers_of(version)
        return own is not None and other is not None and own < other


def numbers_of(version: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity of the server that answers, and our role there."""

    pid: int
    version: int
    version_text: str
    in_recovery: bool
    started: str
    checkpointer_started: float | None
    """Unix seconds. A crash of one backend moves it, and no other time; None: not told."""
    system_identifier: str | None
    """None where our role may not read it."""
    role: str
    database: str
    extensions: str | None
    """JSON: the fields of InstalledExtension by name. None: not known yet."""

    def extension(self, name: str) -> InstalledExtension | None:
        """Return what is known of an extension; None if it is not installed in this database."""
        found = json.loads(self.extensions or "{}").get(name)
        return InstalledExtension(*found) if found else None

    @property
    def server(self) -> tuple[str | None, str]:
        """What two sessions to one server have in common; virtual addresses lie."""
        return self.system_identifier, self.started

    def is_same_server(self, other: "Identity") -> bool:
        """Whether both are of one server, as far as each role may tell."""
        ids = {self.system_identifier, other.system_identifier} - {None}
        return self.started == other.started and len(ids) < 2


async def who_answers(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, Any]:
    """Return the columns of WHO; its transaction stays open. Raises ConnectFailure if a pooler is
    in between."""
    await connection.execute(first_transaction(connection.get_server_version().major))
    told = await _asked(connection, WHO)
    if told["pid"] != connection.get_server_pid():
        await connection.execute("ROLLBACK")
        raise ConnectFailure(
            Cause.pooler, "a connection pooler answers here: connect to PostgreSQL itself"
        )
    return dict(told)


async def make_ours(
    connection: "asyncpg.Connection[asyncpg.Record]", statement_timeout: float, told: dict[str, Any]
) -> Identity:
    """Set what is ours for the session, once it is known who answers, and tell which server it is.

    Both in one statement of the same transaction, at whose end the settings hold.
    """
    system = SYSTEM if told.pop("may_identify") else "null::pg_catalog.text"
    settings = setting_all(statement_timeout, told["version"])
    record = await _asked(connection, f"select {system}, {settings}")
    return Identity(**told, system_identifier=record[0], extensions=None)


async def _asked(connection: "asyncpg.Connection[asyncpg.Record]", query: str) -> asyncpg.Record:
    # Without a name: a named statement would stay with the pooler's session.
    statement = await connection.prepare(query, name="")
    record = await statement.fetchrow()
    assert record is not None
    return record
