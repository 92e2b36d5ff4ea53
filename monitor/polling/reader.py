"""Reader: asks the query of one collector on one session and returns its rows as a `Reading`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from alerts.cure import identifier
from alerts.history.recorder import LARGE
from collectors._base import ALL, Absence, AnyAnswer, AnyCollector, Role, Scope, Tables
from collectors._columns import Columns, block
from monitor.background import in_background, run_by_size
from monitor.clock import Clock
from monitor.polling.oid_ranges import OidRanges
from monitor.polling.texts import Records, readable
from monitor.postgres.errors import QueryFailure
from monitor.postgres.first_question import Identity
from monitor.postgres.privileges import Privileges
from monitor.postgres.session import Session
from monitor.reading import Cost, ReadFailure, Reading

OTHER_ENCODING = ("22021", "22P05")
"""pg_stat_statements converts all its texts, or fails."""
WITH_VALUES = ("22", "23", "P0")
"""Classes of errors whose messages quote values."""


LOCK_WAIT = 100
"""Milliseconds, as in all our sessions."""


@dataclass(frozen=True, slots=True)
class Place:
    """Place where a collector is asked: a session, its privileges, and the role of the server."""

    session: Session
    privileges: Privileges | None = None
    """None: not probed yet, so nothing is held back."""
    role: Role | None = None
    tables: frozenset[int] | None = None
    """The tables asked about, by OID; None: all of them."""
    wanted: Sequence[int] = ()
    """The numbers of the rows to ask for, where a query names them."""
    newest: Mapping[AnyCollector, AnyAnswer] = field(default_factory=dict)
    """What was answered there last; a gate reads it."""

    def database_of(self, collector: AnyCollector) -> str | None:
        """The database that the rows belong to; None where they belong to the whole server."""
        is_per_database = collector.scope is Scope.database
        return self.session.identity.database if is_per_database else None


@dataclass(slots=True)
class Reader:
    """The source of all collectors that have a query."""

    clock: Clock
    ranges: OidRanges = field(default_factory=OidRanges)

    async def read(self, collector: AnyCollector, place: Place, deadline: float) -> Reading:
        """Ask a collector. Raises ReadFailure, past the deadline (seconds) with a lost session."""
        if collector.gate and collector.gate.is_shut(place.newest):
            return Reading((), self.clock.now())
        if collector.extension:
            await know_extension(collector, collector.extension, place.session, deadline)
        if collector.databases and not is_asked_in(place.session.identity.database, collector):
            return Reading((), self.clock.now())
        missing = absence(collector, place)
        if missing:
            return Reading((), self.clock.now(), missing=missing)
        if collector.asks_by_number and not place.wanted:
            return Reading((), self.clock.now())
        if collector.bulk and place.tables is None:
            rows, cost = await self._columns(collector, place.session, deadline)
        else:
            query = query_of(collector, place.session, place.tables or ALL, place.wanted)
            records, cost = await self._fetch(collector, place.session, query, deadline)
            rows = await self._kept(collector, records)
        return Reading(rows, self.clock.now(), cost, cold=place.session.is_new_to(collector))

    async def _kept(self, collector: AnyCollector, records: Records) -> Sequence[Any]:
        """Return the rows as objects, or as columns where there may be too many."""
        if collector.packed and len(records) > LARGE:
            return Columns(collector.row, [await in_background(block, collector.row, records)])
        return [collector.row(**record) for record in records]

    async def _columns(
        self, collector: AnyCollector, session: Session, deadline: float
    ) -> tuple[Sequence[Any], Cost]:
        """Ask about one range of tables after the other."""
        blocks, costs = [], list[Cost]()
        for tables in await self.ranges.of(collector, session, deadline, self.clock.now()):
            query = query_of(collector, session, tables)
            records, cost = await self._fetch(collector, session, query, deadline)
            costs.append(cost)
            blocks.append(await run_by_size(records, block, collector.row, records))
        rows = Columns(collector.row, blocks)
        self.ranges.learn(collector, session, len(rows))
        return rows, sum(costs[1:], costs[0])

    async def _fetch(
        self, collector: AnyCollector, session: Session, query: str, deadline: float
    ) -> tuple[Records, Cost]:
        limits = limits_of(collector, deadline)
        try:
            fetched, cost = await session.ask(query, deadline, apart=collector.own, limits=limits)
        except QueryFailure as failure:
            failure.message = told(failure, collector)
            raise
        return readable(fetched, query, collector, session), cost


def limits_of(collector: AnyCollector, deadline: float) -> tuple[int, int] | None:
    """Return how many milliseconds an own check may wait for a lock, and run, if it says so."""
    own = collector.timeout
    return (LOCK_WAIT, round(own * 1000)) if own is not None and own < deadline else None


def told(failure: QueryFailure, collector: AnyCollector) -> str:
    """Return the message of a failure, which may quote a value that an own check has read."""
    state = failure.sqlstate or ""
    if state in OTHER_ENCODING and collector.extension:
        return (
            f"a text of another database has no form in the encoding of this one (SQLSTATE {state})"
        )
    if collector.own and state[:2] in WITH_VALUES:
        return f"a value that it reads does not fit (SQLSTATE {state})"
    return failure.message


async def know_extension(
    collector: AnyCollector, name: str, session: Session, deadline: float
) -> None:
    """Ask which extensions there are, if that is not known, or may have changed for this one."""
    if session.identity.extensions is None:
        await session.learn_extensions(deadline)
    elif without_extension(collector, name, session.identity) and session.may_have_others:
        try:
            await session.learn_extensions(deadline)
        except ReadFailure:  # a lock, perhaps: what was known holds
            if session.lost:
                raise


def is_asked_in(database: str, collector: AnyCollector) -> bool:
    """Whether an own check is meant for a database."""
    return any(fnmatchcase(database, pattern) for pattern in collector.databases)


def absence(collector: AnyCollector, place: Place) -> Absence | None:
    """Why this collector need not be asked there at all."""
    identity = place.session.identity
    if collector.on and place.role and collector.on is not place.role:
        return Absence(f"only a {collector.on} has it", expected=True)
    if collector.query(identity.version) is None:
        why = f"not on this version of PostgreSQL ({identity.version_text})"
        return Absence(why, expected=True)
    gap = (
        without_extension(collector, collector.extension, identity) if collector.extension else None
    )
    if gap:
        return gap
    return place.privileges.lacking(collector.needs) if place.privileges else None


def without_extension(collector: AnyCollector, name: str, identity: Identity) -> Absence | None:
    """Why the extension of a collector can't be used in this database."""
    installed = identity.extension(name)
    if installed is None:
        why = f"the extension {name} is not installed here"
        return Absence(why, setting=name, expected=True)
    where = f" in the database {identity.database}" if collector.scope is Scope.server else ""
    if not installed.is_reachable:
        role = identifier(identity.role)
        return Absence(
            f"the role has no USAGE on the schema {installed.schema} of the extension"
            f" {name}{where}",
            f"GRANT USAGE ON SCHEMA {installed.schema} TO {role};",
        )
    needed = collector.extension_version(identity.version)
    if needed and installed.is_older_than(needed):
        return Absence(
            f"the extension {name}{where} is of version {installed.version}, and {needed} comes"
            " with this server",
            f"ALTER EXTENSION {identifier(name)} UPDATE;",
        )
    return None


def query_of(
    collector: AnyCollector,
    session: Session,
    tables: Tables = ALL,
    wanted: Sequence[int] = (),
) -> str:
    """The query for that server, with the schema of its extension filled in."""
    query = collector.query(session.identity.version, tables, wanted)
    assert query is not None
    if collector.extension:
        installed = session.identity.extension(collector.extension)
        assert installed is not None
        query = query.replace("{schema}", installed.schema)
    return query
