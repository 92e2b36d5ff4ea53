"""Reader of held rows: which rows, and which advisory locks, open transactions hold.

A row version that is visible and has the transaction of an open session as its xmax is held by
that. Small tables are read whole. Of larger ones only the rows that sessions wait for are read.

The xmax of a row that several transactions share is the id of a multixact, which says nothing
here: such a row is not seen. These ids are counted apart, and no column tells which of both an xmax
is. So transactions are left out whose id is also that of a multixact that may still be in a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from alerts.cure import identifier
from collectors.held_rows import HeldRow
from collectors.lock_keys import LockKey
from monitor.postgres.session import Session
from monitor.reading import Cost

SMALL_PAGES = 256
SMALL_ROWS = 20_000
MOST = 1_000
"""Rows of one exposure."""
LOCK_MS, STATEMENT_MS = 1, 50
"""Milliseconds: it never waits for a lock on the table, and never runs for long."""
OPEN = """
    with snapshot as materialized (
        select pid, virtualtransaction, locktype, mode, granted, relation, database,
            transactionid::text::int8 as xid
        from pg_catalog.pg_locks
        where locktype in ('transactionid', 'relation') and granted and pid is not null
    )
    select xid, pid, virtualtransaction,
        virtualtransaction in (
            select virtualtransaction from snapshot
            where locktype = 'relation'
                and mode <> 'AccessShareLock'
                and relation = any ('{{{referencing}}}'::oid[])
                and database = (
                    select oid from pg_catalog.pg_database where datname = current_database()
                )
        ) as is_weak
    from snapshot
    where locktype = 'transactionid'
        and mode = 'ExclusiveLock'
        and not pg_catalog.mxid_age(xid::text::pg_catalog.xid) between 1 and (
            select max(pg_catalog.mxid_age(datminmxid)) from pg_catalog.pg_database
        )
"""
HELD = """
    select xmax::text::int8 as xid, ctid, {key} as key
    from only {table}
    where {held} ctid = any ('{{{ctids}}}'::tid[])
    limit {most}
"""
ADVISORY = """
    select d.datname::text as datname, l.pid, l.virtualtransaction,
        format('%s %s %s', l.classid, l.objid, l.objsubid) as key
    from pg_catalog.pg_locks l
    join pg_catalog.pg_database d on d.oid = l.database
    where l.locktype = 'advisory'
        and l.granted
        and l.mode = 'ExclusiveLock'
        and l.pid is not null
    limit {most}
"""
Ctid = tuple[int, int]


@dataclass(slots=True)
class HeldRows:
    """Rows that transactions hold, as they were read, with the cost of reading."""

    rows: list[HeldRow] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)


async def read_held(
    session: Session, table: LockKey, awaited: Sequence[Ctid], exposure: int, deadline: float
) -> HeldRows:
    """Read what is held now. Raises QueryFailure, where the table is locked for example."""
    holders = OPEN.format(referencing=",".join(map(str, table.referencing)))
    records, cost = await session.ask(holders, deadline)
    found = HeldRows(costs=[cost])
    by_xid = {one["xid"]: one for one in records}
    if by_xid:
        query = _query(table, awaited, sorted(by_xid))
        records, cost = await session.ask(
            query, deadline, apart=True, limits=(LOCK_MS, STATEMENT_MS)
        )
        found.costs.append(cost)
        found.rows += _rows(table, exposure, records, by_xid)
    return found


async def read_advisory(session: Session, exposure: int, deadline: float) -> HeldRows:
    """Read who holds which advisory locks now. Raises QueryFailure."""
    records, cost = await session.ask(ADVISORY.format(most=MOST), deadline)
    rows = [
        HeldRow(
            one["datname"],
            None,
            exposure,
            one["pid"],
            one["virtualtransaction"],
            None,
            None,
            one["key"],
        )
        for one in records
    ]
    return HeldRows(rows, [cost])


def is_small(table: LockKey) -> bool:
    """Whether all of it may be read."""
    return table.relpages <= SMALL_PAGES and table.rows <= SMALL_ROWS


def _query(table: LockKey, awaited: Sequence[Ctid], xids: Sequence[int]) -> str:
    parts = [
        f"{identifier(name)}::pg_catalog.text"
        if is_number
        else f"pg_catalog.quote_literal({identifier(name)}::pg_catalog.text)"
        for name, is_number in zip(table.columns, table.numbers, strict=True)
    ]
    held = f"xmax = any ('{{{','.join(map(str, xids))}}}'::xid[]) or" if is_small(table) else ""
    return HELD.format(
        key=f"pg_catalog.concat_ws(', ', {', '.join(parts)})",
        table=identifier(table.schemaname, table.relname),
        held=held,
        ctids=",".join(f'"({page},{line})"' for page, line in awaited),
        most=MOST,
    )


def _rows(
    table: LockKey,
    exposure: int,
    records: Sequence[asyncpg.Record],
    by_xid: Mapping[int, asyncpg.Record],
) -> list[HeldRow]:
    column = table.columns[0] if list(table.numbers) == [True] else None
    return [
        HeldRow(
            table.datname,
            table.relid,
            exposure,
            holder["pid"],
            holder["virtualtransaction"],
            record["ctid"][0],
            record["ctid"][1],
            record["key"],
            holder["is_weak"],
            column,
        )
        for record in records
        if (holder := by_xid.get(record["xid"]))
    ]
