"""Trace of a file: each statement runs on the clone in a transaction of its own, and is watched.

A transaction of the file itself stays as it is: what its statements lock is held until its end.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import asyncpg

from alerts.cure import identifier
from alerts.migrations.documented import documented
from alerts.migrations.statement import DATA, SETTINGS, Name, Statement, parts
from alerts.migrations.traced import Block, Failure, Held, Traced
from monitor.migrations.collations import stand_in
from monitor.migrations.kept_settings import ENDS, ENDS_ABORTED, KeptSettings, chains
from monitor.migrations.progress import silent
from monitor.migrations.reach import about_database, cut_otherwise, is_of_session, reaches_beyond
from monitor.migrations.relations import ALL, FIRST_OF_USERS, TOUCHED, Relations, Seen
from monitor.migrations.scratch import Scratch
from monitor.migrations.set_config import settings_by_query
from monitor.postgres.server_messages import TOO_LARGE

EACH = 10.0
"""Seconds that a statement may take on a clone without rows."""
AT_ONCE = 50
"""Statements after which a signal is heard, whatever they are."""
TOTAL = 180.0
"""Seconds for the whole file."""
RECOVERS = 5.0
"""Seconds in which a server whose session has crashed lets us in again."""
PAUSE = 0.1
"""Seconds between two tries."""
REFUSED = "this is not SQL"
"""What aborts a transaction."""
FLUSH = "select pg_catalog.pg_stat_force_next_flush()"
FLUSHES = 15
"""Major version from which on it exists."""
SCANS = f"""
    select oid::bigint as oid, pg_catalog.pg_stat_get_xact_numscans(oid) as scans
    from pg_catalog.pg_class
    where oid >= {FIRST_OF_USERS} and pg_catalog.pg_stat_get_xact_numscans(oid) > 0
"""  # noqa: S608
TIMEOUT = "select extract(epoch from pg_catalog.current_setting('lock_timeout')::interval)::float8"
NAMED = """
    select pg_catalog.to_regclass(name)::oid::bigint as oid from pg_catalog.unnest($1::text[]) name
"""
MAY_NOT = "42501"
ABSENT = ("42P01", "42704", "42883", "42703", "3F000")
THERE = ("42P07", "42701", "42710", "42723", "42P06")
"""Objects that are there already."""
NO_OBJECT = "42704"
NO_FUNCTION = "42883"
BUILD_LACKS = "not supported by this build"
OF_A_SERVER = re.compile(r'(database|tablespace) "(.*)" does not exist')
SHOWN = 10
"""Names that are listed where one is wrong."""
NO_COLLATION = re.compile(r'collation "[^"]*" for encoding')
"""A collation of the system; the messages of our own server are in English."""
BY_ROWS = ("21", "22", "23", "P0")
"""Classes of errors that depend on rows, which the clone has none of."""
NOT_SEEN = "it commits by itself, so its locks can't be seen"
BAD_VALUE = "22023"
"""Of a setting or an option, mostly."""
LOST = "08"
"""Class of errors of the session itself: it was ended, or has returned more than is read."""
TIMED_OUT = ("25P03", "25P04")
"""Limits of a transaction's time: between statements it waits for us."""
INTERNAL = "XX"
"""Class of errors of the server itself, which another version may not have."""
FATAL = ("FATAL", "PANIC")
"""Severities of errors that end the session."""
BROKEN = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    UnicodeError,
)
"""What a session can fail with."""
NO_ZONE = (asyncpg.InvalidParameterValueError, asyncpg.CantChangeRuntimeParamError)
"""How a server refuses a time zone that it does not know."""
SETS_BY_CODE = "set_config"
ENDS_ITSELF = "2D000"
NEEDS_BLOCK = ("DeclareCursorStmt", "LockStmt")
"""Statements that fail outside of a transaction of the file, and would not in one of ours."""
RUNS_CODE = {
    "DoStmt": "a DO block may do more where there are rows, which the clone has none of",
    "CallStmt": "a procedure may do more where there are rows, which the clone has none of",
}


@dataclass(frozen=True, slots=True)
class LiveNames:
    """Names on the live server, which decide how a failure on the clone is read."""

    major: int | None = None
    roles: frozenset[str] | None = None
    """None: they were not asked."""
    of_server: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Names of its databases and tablespaces, by these words; empty: they were not asked."""
    zone: str | None = None
    """Time zone of the sessions there, by which a change of type may rewrite."""


class OutOfTime(Exception):
    """A statement did not end in time, and its session was ended."""


async def connected(scratch: Scratch, live: LiveNames) -> "asyncpg.Connection[asyncpg.Record]":
    """Open a session of the file, in the time zone of the live server where the clone knows it."""
    if live.zone:
        with suppress(*NO_ZONE):
            return await scratch.connect(timezone=live.zone)
    return await scratch.connect()


@dataclass(slots=True)
class Tracer:
    """The file's session on the clone."""

    scratch: Scratch
    connection: "asyncpg.Connection[asyncpg.Record]"
    relations: Relations
    lacking: bool = False
    """Whether the clone is known to be incomplete."""
    live: LiveNames = field(default_factory=LiveNames)
    began: float = field(default_factory=time.monotonic)
    lock_timeout: float = 0.0
    block: int | None = None
    """Number of the transaction block of the file that is open."""
    blocks: int = 0
    aborted: int | None = None
    """Statement that failed in the open block."""
    filled: set[Name] = field(default_factory=set)
    """Tables that the last statements have inserted rows into: more rows do nothing else."""

    gap: Statement | None = None
    """The first one that did not run as it will on the live server."""
    hidden: Statement | None = None
    """The first one that may do more than the file shows: psql runs what it returns, or it can't
    be read."""
    kept: KeptSettings = field(default_factory=KeptSettings)
    lost: str | None = None
    """Why nothing more can be run."""
    made_roles: set[str] = field(default_factory=set)
    """By statements of the file, which the clone may not run."""
    made_beside: set[str] = field(default_factory=set)
    """Names of databases and tablespaces that the file makes, which the clone may not either."""

    @classmethod
    async def start(
        cls, scratch: Scratch, lacking: bool, live: LiveNames | None = None
    ) -> "Tracer":
        names = live or LiveNames()
        connection = await connected(scratch, names)
        relations = Relations.of(await connection.fetch(ALL))
        return cls(scratch, connection, relations, lacking, names)

    async def run(
        self, statements: Sequence[Statement], tell: Callable[[str], None] = silent
    ) -> list[Traced]:
        """Trace all of them; `tell` is told how far it is."""
        done: list[Traced] = []
        for statement in statements:
            if len(done) % AT_ONCE == 0:
                await asyncio.sleep(0)  # rows that are like the last ones ask nothing of the clone
            tell(f"tracing statement {len(done) + 1:,} of {len(statements):,}")
            traced = await self._guarded(statement)
            if self.gap is None and traced.unknown and not traced.by_rows:
                self.gap = statement
            if self.hidden is None and (statement.unread or statement.follows):
                self.hidden = statement
            done.append(replace(traced, lock_timeout=self.lock_timeout, block=self._block()))
            try:
                await self._note(statement)
            except BROKEN as wrong:
                self.connection.terminate()
                lost = f"after it the clone can't be asked: {wrong}"
                done[-1] = replace(done[-1], unknown=done[-1].unknown or lost)
                self.gap = self.gap or statement
        return done

    async def close(self) -> None:
        self.connection.terminate()

    def _block(self) -> Block | None:
        return Block(self.block) if self.block is not None else None

    async def _guarded(self, statement: Statement) -> Traced:
        self.made_beside.update(made_beside(statement))
        if statement.unread:
            return Traced(statement, unknown=statement.unread)
        if statement.node == "CopyStmt" and not statement.body.get("filename"):
            return Traced(statement)
        if is_of_session(statement):
            return Traced(statement, unknown=cut_otherwise(statement))
        if (about := about_database(statement)) is not None:
            return Traced(statement, unknown=about or None)
        self.made_roles.update(roles_made(statement))
        if self.scratch.beyond and (reason := reaches_beyond(statement)):
            return Traced(statement, unknown=reason)
        if self.scratch.outgrown:
            return Traced(statement, unknown="the clone was stopped: the file filled its disk")
        if time.monotonic() - self.began > TOTAL:
            return Traced(statement, unknown=f"the {TOTAL:.0f} s for tracing a file were up")
        await self._open(statement)
        if self.lost:
            return Traced(statement, unknown=self.lost)
        try:
            return await self._one(statement)
        except OutOfTime:
            why = f"it did not end within {EACH:.0f} s on the clone"
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError):
            why = "the clone's server ended its session"
        except BROKEN as wrong:
            # A setting of the file, perhaps, that code of it has made.
            why = f"after it the clone can't be asked: {wrong}"
        self.connection.terminate()
        return Traced(statement, unknown=why)

    async def _one(self, statement: Statement) -> Traced:
        if self.aborted is not None and statement.transaction not in ENDS_ABORTED:
            return Traced(statement, unknown=f"statement {self.aborted} fails in its transaction")
        if statement.transaction or statement.node in SETTINGS or settings_by_query(statement):
            return await self._plainly(statement)
        rows = inserts_rows(statement)
        if rows is None:
            self.filled.clear()
        elif rows in self.filled:
            return Traced(statement)
        traced = await self._watched(statement)
        if rows and not (traced.unknown or traced.failure):
            self.filled.add(rows)
        return traced

    async def _watched(self, statement: Statement) -> Traced:
        if self.connection.is_in_transaction():
            return await self._in_block(statement)
        if statement.is_alone:
            return await self._alone(statement)
        if statement.node in NEEDS_BLOCK:
            return await self._plainly(statement)
        return await self._in_own_transaction(statement)

    async def _plainly(self, statement: Statement) -> Traced:
        """Run settings and what begins or ends a transaction as it is."""
        if not self.connection.is_in_transaction():
            await self._flush()
        try:
            await self._execute(statement.text)
        except asyncpg.PostgresError as wrong:
            self._abort(statement, wrong)
            return self._failed(statement, wrong)
        self.kept.take(statement, aborted=self.aborted is not None)
        if statement.transaction:
            self.aborted = None
        return Traced(statement)

    async def _alone(self, statement: Statement) -> Traced:
        """Run what commits by itself; what it locks is known from the documentation."""
        known = documented(statement)
        oids = await self._named(statement)
        plain = await self._plainly(statement)
        if plain.failure or plain.unknown:
            return plain
        relations = self.relations
        tables = relations.tables({relations.table_of(oid) for oid in oids})
        relations.restore(await self.connection.fetch(ALL))
        if known is None:
            return replace(plain, unknown=NOT_SEEN)
        found = tuple(tables)
        return Traced(
            statement,
            tuple(Held(table, known.mode) for table in found),
            rewritten=found if known.rewrites else (),
            rebuilt=found if known.builds else (),
            scanned=found if known.scans else (),
            created=not found,
        )

    async def _named(self, statement: Statement) -> list[int]:
        """Return the oids of the relations that it names, as the search_path of the file says."""
        names = [identifier(*filter(None, name)) for name in statement.tables]
        rows = await self.connection.fetch(NAMED, names)
        return [row["oid"] for row in rows if row["oid"] is not None]

    async def _in_own_transaction(self, statement: Statement) -> Traced:
        await self._flush()
        await self.connection.execute("BEGIN")
        await self._begin()
        try:
            await self._execute(self._text(statement))
            seen = self.relations.learn(await self.connection.fetch(TOUCHED))
            await self._execute("COMMIT")
        except asyncpg.PostgresError as wrong:
            await self._roll_back()
            if wrong.sqlstate == ENDS_ITSELF:
                return await self._that_commits(statement)
            return self._failed(statement, wrong)
        return self._traced(statement, seen)

    async def _that_commits(self, statement: Statement) -> Traced:
        """Run code that ends transactions itself, so that its locks are not seen."""
        plain = await self._plainly(statement)
        self.relations.restore(await self.connection.fetch(ALL))
        if plain.failure:
            return plain
        return replace(plain, unknown=NOT_SEEN)

    async def _in_block(self, statement: Statement) -> Traced:
        try:
            await self._execute(self._text(statement))
            seen = self.relations.learn(await self.connection.fetch(TOUCHED))
        except asyncpg.PostgresError as wrong:
            self._abort(statement, wrong)
            return self._failed(statement, wrong)
        return self._traced(statement, seen)

    def _abort(self, statement: Statement, wrong: asyncpg.PostgresError) -> None:
        """Take note that the open transaction is aborted, unless its session has ended."""
        if self.connection.is_closed() or wrong.severity_en in FATAL:
            return
        if self.aborted is None and self.connection.is_in_transaction():
            self.aborted = statement.number

    def _traced(self, statement: Statement, seen: Seen) -> Traced:
        relations = self.relations
        changed = relations.tables(seen.changed)
        is_truncate = statement.node == "TruncateStmt"
        made = [oid for oid in seen.made if relations.kind(oid) == "i"]
        rebuilt = relations.indexed({*made, *seen.changed})
        scanned = {relations.table_of(oid) for oid in seen.scanned}
        locks, already = relations.held(seen), relations.already(statement.tables, seen)
        return Traced(
            statement,
            locks,
            already,
            rewritten=() if is_truncate else tuple(changed),
            rebuilt=() if is_truncate else tuple(rebuilt),
            scanned=() if is_truncate else tuple(relations.tables(scanned)),
            emptied=tuple(changed) if is_truncate else (),
            unknown=_code_that_runs(statement),
            created=not (locks or already),
        )

    def _failed(self, statement: Statement, wrong: asyncpg.PostgresError) -> Traced:
        """Tell apart what fails anywhere from what only the clone can't do."""
        state, told = str(wrong.sqlstate), str(wrong).splitlines()[0]
        if state == NO_OBJECT and (role := self._role_lacking(statement)):
            return Traced(statement, unknown=f"the clone's server has no role {role}")
        if lacks := OF_A_SERVER.fullmatch(told):
            return self._without(statement, state, told, *lacks.groups())
        if self.gap and state in (*ABSENT, *THERE):
            why = f"line {self.gap.line} may change that, and did not run as it will there"
            return Traced(statement, unknown=f"{told}, but {why}")
        if state == NO_FUNCTION and self.live.major not in (None, self.scratch.major):
            there = f"PostgreSQL {self.live.major} may have what {self.scratch.major} lacks"
            return Traced(statement, unknown=f"{there}: {told}")
        if state == TOO_LARGE:
            return Traced(statement, unknown=f"what it returns is not read to the end: {told}")
        if state.startswith((LOST, INTERNAL)) or state in TIMED_OUT:
            return Traced(statement, unknown=f"the clone may be the reason: {told}")
        if BUILD_LACKS in told or NO_COLLATION.search(told):
            return Traced(statement, unknown=f"the clone's server lacks it: {told}")
        if state == MAY_NOT:
            return Traced(statement, unknown=f"the clone may not do it: {told}")
        if self.lacking and state in ABSENT:
            return Traced(statement, unknown=f"the clone lacks it: {told}")
        if state.startswith("5") or statement.node == "CreateExtensionStmt":
            return Traced(statement, unknown=f"the clone can't do it: {told}")
        if state.startswith(BY_ROWS) and (state != BAD_VALUE or runs_on_rows(statement)):
            return Traced(
                statement, unknown=f"it fails on a clone without rows: {told}", by_rows=True
            )
        return Traced(statement, failure=Failure(state, told))

    def _without(self, statement: Statement, state: str, told: str, what: str, name: str) -> Traced:
        """Tell apart a database or tablespace that only the clone's server lacks."""
        there = self.live.of_server.get(what)
        if self.hidden:
            why = f"line {self.hidden.line} may make it, and did not run as it will there"
            return Traced(statement, unknown=f"{told}, but {why}")
        if there is None or name in there or name in self.made_beside:
            return Traced(statement, unknown=f"the clone is on a server of its own: {told}")
        names = ", ".join(sorted(there)[:SHOWN]) + (", ..." if len(there) > SHOWN else "")
        return Traced(statement, failure=Failure(state, f"{told} (there are: {names})"))

    def _role_lacking(self, statement: Statement) -> str | None:
        """Return a role that only the clone lacks, or may lack."""
        there = self.live.roles
        for role in roles_named(statement):
            if role not in self.scratch.roles and (
                there is None or role in there or role in self.made_roles
            ):
                return role
        return None

    async def _note(self, statement: Statement) -> None:
        """Follow what the statement did to the transaction and to the settings."""
        if self.connection.is_closed():
            if statement.transaction in ENDS:
                self.kept.take(statement, aborted=self.aborted is not None)
                self.aborted = None
                if not self.kept.block:
                    self._end_block()
            return
        inside = self.connection.is_in_transaction()
        if inside and self.block is None:
            self._open_block()
            await self._begin()
        elif inside and chains(statement):
            self._open_block()
            self.relations.restore(await self.connection.fetch(ALL))
            self.relations.begin(await self._scans())
        elif not inside and self.block is not None:
            self._end_block()
            self.relations.restore(await self.connection.fetch(ALL))
            await self._flush()
        sets = statement.node in SETTINGS or SETS_BY_CODE in statement.text.lower()
        if self.aborted is None and (sets or statement.transaction):
            self.lock_timeout = await self._asked_timeout()

    def _open_block(self) -> None:
        self.blocks += 1
        self.block = self.blocks

    def _end_block(self) -> None:
        self.block, self.aborted = None, None
        self.kept.end()

    async def _asked_timeout(self) -> float:
        value = await self.connection.fetchval(TIMEOUT)
        return float(value or 0.0)

    def _text(self, statement: Statement) -> str:
        """Return what runs on the clone: our own server lacks ICU."""
        return statement.text if self.scratch.beyond else stand_in(statement.text)

    async def _execute(self, sql: str) -> None:
        """Run it, and end the session if it takes too long; code can refuse to be cancelled."""
        running = asyncio.ensure_future(self.connection.execute(sql))
        try:
            done, _ = await asyncio.wait((running,), timeout=EACH)
        except asyncio.CancelledError:
            self.connection.terminate()
            await _ended(running)
            raise
        if done:
            await running
            return
        with suppress(*BROKEN):
            await self.scratch.end_sessions()
        self.connection.terminate()
        await _ended(running)
        raise OutOfTime

    async def _open(self, statement: Statement) -> None:
        """Have another session where the last one was ended, or take note why there is none."""
        began = time.monotonic()
        while self.lost is None and self.connection.is_closed():
            try:
                await self._again(statement)
            except (*BROKEN, OutOfTime) as wrong:
                self.connection.terminate()
                if time.monotonic() - began > RECOVERS or not self.scratch.running:
                    why = str(wrong) or type(wrong).__name__
                    self.lost = f"the clone can't be asked any more: {why}"
                    return
                await asyncio.sleep(PAUSE)

    async def _again(self, statement: Statement) -> None:
        """Open another session, with the settings of the last one and its open transaction."""
        self.filled.clear()
        self.connection = await connected(self.scratch, self.live)
        self.relations.restore(await self.connection.fetch(ALL))
        for text in tuple(self.kept.session):
            if not await self._made_again((text,)):
                del self.kept.session[text]
                self.gap = self.gap or statement
        if self.kept.block and not await self._made_again(one.text for one in self.kept.block):
            self.gap = self.gap or statement
            self.kept.forget_block()
            await self._roll_back()
            await self._made_again(one.text for one in self.kept.block)
        self.lock_timeout = await self._asked_timeout()
        if self.aborted is not None:
            await self._made_again((REFUSED,))
        elif self.kept.block:
            await self._begin()

    async def _made_again(self, texts: Iterable[str]) -> bool:
        """Run what has set up the last session; return whether all of it could be."""
        try:
            for text in texts:
                await self._execute(text)
        except asyncpg.PostgresError as wrong:
            if wrong.severity_en in FATAL or isinstance(wrong, asyncpg.PostgresConnectionError):
                raise
            return False
        return True

    async def _flush(self) -> None:
        """Have the counters of what ran before sent away, so that they begin at nothing."""
        if self.scratch.major >= FLUSHES:
            await self.connection.execute(FLUSH)

    async def _begin(self) -> None:
        """Take note of the counters at the beginning of a transaction."""
        if self.scratch.major >= FLUSHES:
            self.relations.begin()
            return
        self.relations.begin(await self._scans() if self.aborted is None else {})

    async def _scans(self) -> dict[int, int]:
        """Return how often each relation was scanned since its counters were sent away."""
        return {row["oid"]: row["scans"] for row in await self.connection.fetch(SCANS)}

    async def _roll_back(self) -> None:
        if self.connection.is_in_transaction():
            await self.connection.execute("ROLLBACK")


async def _ended(running: "asyncio.Future[str]") -> None:
    """Wait until a statement whose session was ended has failed."""
    await asyncio.wait((running,), timeout=EACH)
    if running.done():
        running.exception()


def runs_on_rows(statement: Statement) -> bool:
    """Whether rows may decide what it does."""
    return statement.node in DATA or statement.node in RUNS_CODE


def roles_named(statement: Statement) -> Iterator[str]:
    """Yield the roles that the statement names."""
    for found in parts(statement.tree, "RoleSpec"):
        if name := found.get("rolename"):
            yield name


def roles_made(statement: Statement) -> Iterator[str]:
    """Yield the role that the statement makes."""
    if statement.node == "CreateRoleStmt" and (name := statement.body.get("role")):
        yield name


def made_beside(statement: Statement) -> Iterator[str]:
    """Yield the name of the database or tablespace that the statement makes, or renames to."""
    names = {"CreateTableSpaceStmt": "tablespacename", "CreatedbStmt": "dbname"}
    word = names.get(statement.node, "newname" if statement.node == "RenameStmt" else "")
    if name := statement.body.get(word):
        yield name


def inserts_rows(statement: Statement) -> Name | None:
    """Return the table of INSERT ... VALUES without functions and queries; None for others."""
    values = statement.body.get("selectStmt", {}).get("SelectStmt", {}).get("valuesLists")
    if statement.node != "InsertStmt" or not values:
        return None
    calls = any(True for name in ("FuncCall", "SubLink") for _ in parts(statement.tree, name))
    return None if calls else statement.tables[0]


def _code_that_runs(statement: Statement) -> str | None:
    """Return why the trace of code is not complete."""
    if statement.follows:
        return f"psql runs what it returns (\\{statement.follows}), which the clone can't know"
    if statement.node in RUNS_CODE:
        return RUNS_CODE[statement.node]
    return None
