"""Trace of a file: each statement runs on the clone in a transaction of its own, and is watched.

A transaction of the file itself stays as it is: what its statements lock is held until its end.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import asyncpg

from alerts.cure import identifier
from alerts.migrations.documented import documented
from alerts.migrations.set_config import settings_by_query
from alerts.migrations.statement import SETTINGS, Name, Statement, parts
from alerts.migrations.traced import Held, Traced
from monitor.migrations.clone_session import BROKEN, EACH, FLUSHES, CloneSession, OutOfTime
from monitor.migrations.collations import stand_in
from monitor.migrations.failures import RUNS_CODE, FailureReader
from monitor.migrations.file_transaction import FileTransaction
from monitor.migrations.kept_settings import ENDS, chains
from monitor.migrations.live_names import LiveNames
from monitor.migrations.new_columns import new_columns
from monitor.migrations.progress import silent
from monitor.migrations.reach import about_database, cut_otherwise, is_of_session, reaches_beyond
from monitor.migrations.relations import Relations, Seen
from monitor.migrations.scratch import Scratch

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
NOT_SEEN = "it commits by itself, so its locks can't be seen"
SETS_BY_CODE = "set_config"
ENDS_ITSELF = "2D000"
NEEDS_BLOCK = ("DeclareCursorStmt", "LockStmt")
"""Statements that fail outside of a transaction of the file, and would not in one of ours."""
RUNS = ("FuncCall", "SubLink")
"""Parts of an INSERT by which it may do more than others."""
Filled = tuple[Name, tuple[str, ...]]
"""A table and the columns that are named."""


@dataclass(slots=True)
class Tracer:
    """One file on the clone, statement by statement."""

    scratch: Scratch
    session: CloneSession
    relations: Relations
    failures: FailureReader
    transaction: FileTransaction = field(default_factory=FileTransaction)
    began: float = field(default_factory=time.monotonic)
    lock_timeout: float = 0.0
    filled: set[Filled] = field(default_factory=set)
    """What the last statements have inserted rows into: more rows do nothing else."""
    lost: str | None = None
    """Why nothing more can be run."""

    @classmethod
    async def start(
        cls, scratch: Scratch, lacking: bool, live: LiveNames | None = None
    ) -> "Tracer":
        """Open the file's session; `lacking`: whether the clone is known to be incomplete."""
        names = live or LiveNames()
        session = await CloneSession.open(scratch, names.zone)
        relations = Relations.of(await session.relations())
        return cls(scratch, session, relations, FailureReader(scratch, names, lacking))

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
            self.failures.learn(traced)
            timeout, block = self.lock_timeout, self.transaction.block
            done.append(replace(traced, lock_timeout=timeout, block=block))
            try:
                await self._note(statement)
            except BROKEN as wrong:
                self.session.end()
                lost = f"after it the clone can't be asked: {wrong}"
                done[-1] = replace(done[-1], unknown=done[-1].unknown or lost)
                self.failures.note_gap(statement)
        return done

    def close(self) -> None:
        self.session.end()

    async def _guarded(self, statement: Statement) -> Traced:
        self.failures.expect(statement)
        if statement.unread:
            return Traced(statement, unknown=statement.unread)
        if statement.node == "CopyStmt" and not statement.body.get("filename"):
            return Traced(statement)
        if is_of_session(statement):
            return Traced(statement, unknown=cut_otherwise(statement))
        if (about := about_database(statement)) is not None:
            return Traced(statement, unknown=about or None)
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
        self.session.end()
        return Traced(statement, unknown=why)

    async def _one(self, statement: Statement) -> Traced:
        if self.transaction.refuses(statement):
            failed = self.transaction.aborted
            return Traced(statement, unknown=f"statement {failed} fails in its transaction")
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
        if self.session.in_transaction:
            return await self._in_block(statement)
        if statement.is_alone:
            return await self._alone(statement)
        if statement.node in NEEDS_BLOCK:
            return await self._plainly(statement)
        return await self._in_own_transaction(statement)

    async def _plainly(self, statement: Statement) -> Traced:
        """Run settings and what begins or ends a transaction as it is."""
        if not self.session.in_transaction:
            await self.session.flush()
        try:
            await self.session.execute(statement.text)
        except asyncpg.PostgresError as wrong:
            if self.session.aborted_by(wrong):
                self.transaction.abort(statement)
            return self.failures.read(statement, wrong)
        self.transaction.take(statement)
        return Traced(statement)

    async def _alone(self, statement: Statement) -> Traced:
        """Run what commits by itself; what it locks is known from the documentation."""
        known = documented(statement)
        names = [identifier(*filter(None, name)) for name in statement.tables]
        oids = await self.session.named(names)
        plain = await self._plainly(statement)
        if plain.failure or plain.unknown:
            return plain
        relations = self.relations
        tables = relations.tables({relations.table_of(oid) for oid in oids})
        relations.restore(await self.session.relations())
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

    async def _in_own_transaction(self, statement: Statement) -> Traced:
        await self.session.flush()
        await self.session.execute("BEGIN")
        await self._begin()
        try:
            await self.session.execute(on_clone(statement, self.scratch))
            seen = self.relations.learn(await self.session.touched())
            new = await new_columns(self.session.connection, statement)
            await self.session.execute("COMMIT")
        except asyncpg.PostgresError as wrong:
            await self.session.roll_back()
            if wrong.sqlstate == ENDS_ITSELF:
                return await self._that_commits(statement)
            return self.failures.read(statement, wrong)
        found = effects(statement, self.relations, seen)
        return replace(found, filled=new.filled, refused=new.refused)

    async def _that_commits(self, statement: Statement) -> Traced:
        """Run code that ends transactions itself, so that its locks are not seen."""
        plain = await self._plainly(statement)
        self.relations.restore(await self.session.relations())
        if plain.failure:
            return plain
        return replace(plain, unknown=NOT_SEEN)

    async def _in_block(self, statement: Statement) -> Traced:
        try:
            await self.session.execute(on_clone(statement, self.scratch))
            seen = self.relations.learn(await self.session.touched())
            new = await new_columns(self.session.connection, statement)
        except asyncpg.PostgresError as wrong:
            if self.session.aborted_by(wrong):
                self.transaction.abort(statement)
            return self.failures.read(statement, wrong)
        found = effects(statement, self.relations, seen)
        return replace(found, filled=new.filled, refused=new.refused)

    async def _note(self, statement: Statement) -> None:
        """Follow what the statement did to the transaction and to the settings."""
        if self.session.ended:
            if statement.transaction in ENDS:
                self.transaction.take(statement)
                if not self.transaction.kept.block:
                    self.transaction.end()
            return
        inside = self.session.in_transaction
        if inside and self.transaction.block is None:
            self.transaction.begin()
            await self._begin()
        elif inside and chains(statement):
            self.transaction.begin()
            self.relations.restore(await self.session.relations())
            self.relations.begin(await self.session.scans())
        elif not inside and self.transaction.block is not None:
            self.transaction.end()
            self.relations.restore(await self.session.relations())
            await self.session.flush()
        sets = statement.node in SETTINGS or SETS_BY_CODE in statement.text.lower()
        if self.transaction.aborted is None and (sets or statement.transaction):
            self.lock_timeout = await self.session.lock_timeout()

    async def _open(self, statement: Statement) -> None:
        """Have another session where the last one was ended, or take note why there is none."""
        began = time.monotonic()
        while self.lost is None and self.session.ended:
            try:
                await self._again(statement)
            except (*BROKEN, OutOfTime) as wrong:
                self.session.end()
                if time.monotonic() - began > RECOVERS or not self.scratch.running:
                    why = str(wrong) or type(wrong).__name__
                    self.lost = f"the clone can't be asked any more: {why}"
                    return
                await asyncio.sleep(PAUSE)

    async def _again(self, statement: Statement) -> None:
        """Open another session, with the settings of the last one and its open transaction."""
        session, kept = self.session, self.transaction.kept
        self.filled.clear()
        await session.open_again()
        self.relations.restore(await session.relations())
        for text in tuple(kept.session):
            if not await session.execute_all((text,)):
                del kept.session[text]
                self.failures.note_gap(statement)
        if kept.block and not await session.execute_all(one.text for one in kept.block):
            self.failures.note_gap(statement)
            kept.forget_block()
            await session.roll_back()
            await session.execute_all(one.text for one in kept.block)
        self.lock_timeout = await session.lock_timeout()
        if self.transaction.aborted is not None:
            await session.execute_all((REFUSED,))
        elif kept.block:
            await self._begin()

    async def _begin(self) -> None:
        """Take note of the counters at the beginning of a transaction."""
        is_new = self.scratch.major >= FLUSHES or self.transaction.aborted is not None
        self.relations.begin({} if is_new else await self.session.scans())


def on_clone(statement: Statement, scratch: Scratch) -> str:
    """Return what runs on the clone: our own server lacks ICU."""
    return statement.text if scratch.beyond else stand_in(statement.text)


def effects(statement: Statement, relations: Relations, seen: Seen) -> Traced:
    """Tell what the transaction has touched by the names of the live server."""
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


def inserts_rows(statement: Statement) -> Filled | None:
    """Return the target of INSERT ... VALUES without functions and queries; None for others."""
    body = statement.body
    values = body.get("selectStmt", {}).get("SelectStmt", {}).get("valuesLists")
    if statement.node != "InsertStmt" or not values:
        return None
    if body.get("onConflictClause") or any(
        True for one in RUNS for _ in parts(statement.tree, one)
    ):
        return None
    columns = tuple(str(one["ResTarget"].get("name")) for one in body.get("cols", ()))
    return statement.tables[0], columns


def _code_that_runs(statement: Statement) -> str | None:
    """Return why the trace of code is not complete."""
    if statement.follows:
        return f"psql runs what it returns (\\{statement.follows}), which the clone can't know"
    if statement.node in RUNS_CODE:
        return RUNS_CODE[statement.node]
    return None
