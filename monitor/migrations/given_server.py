"""Server that the user names for the clone (`--scratch DSN`): a database that is dropped again.

Others may use that server, so the file runs as a role that can reach nothing but its own database:
no superuser, no programs, no files, no network, no other role and no other database. What the role
may do is asked and tried first. What acts beyond a database is never run.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from alerts.cure import identifier
from monitor.address import Address
from monitor.migrations.guard import drop_database, guarded
from monitor.migrations.scratch import END, LARGEST, PACE, Connection, Scratch
from monitor.postgres.errors import ConnectFailure, connecting, negotiating
from monitor.postgres.first_question import Identity
from monitor.postgres.guarded_protocol import guarding

PREFIX = "pgvigil_clone_"
DEADLINE = 15.0
OLDEST = 140000
SESSION = {
    "application_name": "pgvigil migrate-check",
    "client_encoding": "UTF8",
    "default_transaction_read_only": "off",
    "lock_timeout": "0",
    "search_path": '"$user", public',
    "statement_timeout": "0",
}
"""What the role's own settings would else decide."""
ENVIRONMENT = ("HOME", "PGPASSFILE", "PGSERVICEFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY")
"""Not those that name a server: they mean the live one."""
STRONG = """
    pg_execute_server_program pg_read_server_files pg_write_server_files pg_create_subscription
    pg_signal_backend pg_signal_autovacuum_worker pg_checkpoint rds_superuser rds_replication
    cloudsqlsuperuser azure_pg_admin alloydbsuperuser neon_superuser supabase_admin
"""
"""Roles whose members reach further than a database."""
WHO = f"""
    select
        current_setting('server_version_num')::int4                         as version,
        pg_catalog.pg_is_in_recovery()                                      as in_recovery,
        current_setting('track_counts')::bool                               as counts,
        pg_catalog.pg_postmaster_start_time()::text                         as started,
        current_user::text                                                  as role,
        session_user = current_user                                         as is_itself,
        r.rolsuper as is_super, r.rolcreatedb as creates, r.rolcreaterole as makes_roles,
        r.rolreplication as replicates,
        array(
            select o.rolname::text from pg_catalog.pg_roles o
            where o.oid <> r.oid and pg_catalog.pg_has_role(r.oid, o.oid, 'MEMBER')
                and (o.rolsuper or o.rolcreaterole or o.rolreplication or o.rolname = any (
                    string_to_array('{" ".join(STRONG.split())}', ' ')))
        )                                                                   as strong,
        array(
            select d.datname::text from pg_catalog.pg_database d
            where pg_catalog.pg_has_role(r.oid, d.datdba, 'MEMBER') order by 1
        )                                                                   as owned,
        array(select rolname::text from pg_catalog.pg_roles)                as roles
    from pg_catalog.pg_roles r where r.rolname = current_user
"""  # noqa: S608
REACHES = """
    select p.oid::regprocedure::text as name from pg_catalog.pg_proc p
    where p.proname in (
        'pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import',
        'lo_export', 'pg_reload_conf', 'pg_rotate_logfile', 'pg_switch_wal', 'pg_promote',
        'pg_file_write', 'dblink', 'dblink_connect'
    ) and pg_catalog.has_function_privilege(p.oid, 'EXECUTE') limit 1
"""
BROKEN = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What a session can fail with."""
NETWORK = ("dblink", "postgres_fdw", "file_fdw", "plpython3u", "plperlu")
"""Extensions that no ordinary role can create; where it can, the server is not a usual one."""
SIZE = "select pg_catalog.pg_database_size($1::oid)"
HOW = "CREATE ROLE pgvigil_scratch LOGIN CREATEDB PASSWORD '...'"


class ScratchRefused(Exception):
    """The server can't be used for the clone; the message is one sentence."""


@dataclass(slots=True)
class Given(Scratch):
    """A database of our own on a server that others may use."""

    address: Address = field(default_factory=Address)
    database: str = ""
    oid: int = 0
    guardian: "Connection[asyncpg.Record]" = None  # type: ignore[assignment]
    """Session in another database; it was there before anything of the file ran."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Of what uses that session."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing more runs there: a query of ours is ended by no cancellation, after which
    its session would be of no use for a while."""
    left: tuple[str, ...] = ()
    """Databases that an earlier check could not drop."""

    @property
    def running(self) -> bool:
        return not self.outgrown

    async def connect(self, **settings: str) -> "Connection[asyncpg.Record]":
        return await _connect(self.address, self.database, **settings)

    async def connect_superuser(self) -> "Connection[asyncpg.Record] | None":
        return None

    async def end_sessions(self) -> None:
        async with self.turn:
            await (await self._guardian()).fetch(END, self.database)

    async def watch_size(self) -> None:
        while not (self.outgrown or self.over.is_set()):
            with suppress(*BROKEN):
                async with self.turn:
                    guardian = await self._guardian()
                    if await guardian.fetchval(SIZE, self.oid) > LARGEST:
                        self.outgrown = True
                        await guardian.fetch(END, self.database)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), PACE)

    async def _guardian(self) -> "Connection[asyncpg.Record]":
        """Return our own session; a file may have ended it, as it has the same role."""
        if self.guardian.is_closed():
            self.guardian = await _connect(self.address, None)
        return self.guardian

    async def drop(self) -> None:
        """Drop the database. Raises PostgresError, InterfaceError or OSError."""
        async with self.turn:
            try:
                await drop_database(await self._guardian(), self.oid)
            except BROKEN:
                self.guardian.terminate()
                await drop_database(await self._guardian(), self.oid)


@asynccontextmanager
async def given_server(
    dsn: str, environ: Mapping[str, str], live: Identity | None, roles: Iterable[str]
) -> AsyncIterator[Given]:
    """Make a database on the server, and drop it afterwards. Raises ScratchRefused."""
    chosen = {name: environ[name] for name in ENVIRONMENT if name in environ}
    address = Address.of(dsn, chosen)
    guardian = await _reached(address)
    try:
        who = dict(await guardian.fetchrow(WHO) or {})
        if reason := why_not(who, live):
            raise ScratchRefused(f"--scratch can't be used: {reason}.")
        name = PREFIX + secrets.token_hex(8)
        try:
            await guardian.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"
                " LC_COLLATE 'C' LC_CTYPE 'C'"
            )
        except asyncpg.PostgresError as wrong:
            raise ScratchRefused(f"--scratch can't be used: no database: {wrong}.") from None
        oid = await guardian.fetchval(
            "select oid::int8 from pg_catalog.pg_database where datname = $1", name
        )
        known = frozenset(roles) & frozenset(who["roles"])
        given = Given(
            who["version"] // 10000,
            beyond=True,
            roles=known,
            address=address,
            database=name,
            oid=oid,
            guardian=guardian,
            left=tuple(one for one in who["owned"] if one.startswith(PREFIX)),
        )
        async with _dropped(given, dsn, chosen):
            await _try_out(given)
            yield given
    finally:
        guardian.terminate()


@asynccontextmanager
async def _dropped(given: Given, dsn: str, environ: Mapping[str, str]) -> AsyncIterator[None]:
    """Drop the database afterwards, also if we are killed; what is left is told."""
    with guarded({"dsn": dsn, "environ": environ, "database": given.oid}):
        watching = asyncio.create_task(given.watch_size())
        try:
            yield
        finally:
            given.over.set()
            await asyncio.wait((watching,), timeout=DEADLINE)
            try:
                await asyncio.shield(asyncio.wait_for(given.drop(), DEADLINE))
            except BROKEN as wrong:
                raise ScratchRefused(
                    f"the database {given.database} is left on the scratch server ({wrong}):"
                    f" DROP DATABASE {identifier(given.database)} WITH (FORCE)."
                ) from None
            finally:
                given.guardian.terminate()


async def _reached(address: Address) -> "Connection[asyncpg.Record]":
    try:
        with connecting():
            return await _connect(address, None)
    except ConnectFailure as failure:
        reason = failure.message.rstrip(".")
        raise ScratchRefused(f"--scratch can't be reached: {reason}.") from None


async def _connect(
    address: Address, database: str | None, **settings: str
) -> "Connection[asyncpg.Record]":
    target = address.target()
    with negotiating(target), guarding(target.auth_rule):
        arguments: dict[str, Any] = address.connect_arguments(database, SESSION | settings)
        return await asyncpg.connect(**arguments, timeout=DEADLINE, statement_cache_size=0)


def why_not(who: Mapping[str, Any], live: Identity | None) -> str | None:
    """Return why the server or the role must not be used, as a clause."""
    role, major = who["role"], who["version"] // 10000
    strong = [name for name in who["strong"] if name]
    others = [name for name in who["owned"] if not name.startswith(PREFIX)]
    if live and live.started == who["started"]:
        return "it is the live server, where nothing of the file may run"
    if live and live.version // 10000 != major:
        return f"it is PostgreSQL {major}, and the live server {live.version // 10000}"
    if who["version"] < OLDEST:
        return f"it is PostgreSQL {major}, and the oldest that is known here is 14"
    if who["in_recovery"]:
        return "it is a standby"
    if not who["counts"]:
        return "its track_counts is off, so scans can't be seen"
    if who["is_super"] or not who["is_itself"]:
        return f"{role} is a superuser, and the file is not trusted; {_role_of_its_own()}"
    if who["makes_roles"] or who["replicates"] or strong:
        why = f"a member of {strong[0]}" if strong else "allowed to make roles or to replicate"
        return f"{role} is {why}, and the file is not trusted; {_role_of_its_own()}"
    if others:
        return (
            f"{role} owns the database {others[0]}, which a file could harm; {_role_of_its_own()}"
        )
    if not who["creates"]:
        return f"{role} may not create a database; ALTER ROLE {identifier(role)} CREATEDB"
    return None


def _role_of_its_own() -> str:
    return f"take a role of its own: {HOW}"


async def _try_out(given: Given) -> None:
    """Try what must be impossible. Raises ScratchRefused."""
    session = await given.connect()
    try:
        if name := await session.fetchval(REACHES):
            raise ScratchRefused(f"--scratch can't be used: its role may call {name}.")
        for extension in NETWORK:
            await session.execute("BEGIN")
            try:
                await session.execute(f"CREATE EXTENSION {extension}")
            except asyncpg.PostgresError:
                continue
            finally:
                await session.execute("ROLLBACK")
            raise ScratchRefused(
                f"--scratch can't be used: its role may create the extension {extension},"
                " which reaches files or the network."
            )
    finally:
        session.terminate()


def left_behind(scratch: Scratch) -> str:
    """Return a sentence about databases that an earlier check has left, if there are any."""
    left = scratch.left if isinstance(scratch, Given) else ()
    if not left:
        return ""
    others = f" and {len(left) - 1} more" if len(left) > 1 else ""
    return (
        f"An earlier check has left the database {left[0]}{others} on the server of --scratch:"
        f" DROP DATABASE {identifier(left[0])} WITH (FORCE)"
    )
