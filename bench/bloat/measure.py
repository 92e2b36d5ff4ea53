"""One table: built, emptied in part, estimated as the monitor, measured, and rewritten."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import asyncpg

from alerts.bloat import Heap, HeapEstimate, estimate, heap_of
from alerts.bloat.btree import BTreeEstimate, estimate_btree
from alerts.bloat.btree_reading import btree_of
from alerts.bloat.refuted import index_entries_made, rows_made
from bench.bloat import usual
from bench.bloat.shapes import LEVELS, Index, Shape
from collectors._base import AnyCollector
from collectors.btree_layout import btree_layout
from collectors.column_statistics import column_statistics
from collectors.table_layout import table_layout
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

TABLE = "measured"
COUNTED_AT_ONCE = 15
"""Version since which a session can be told to report its counters."""
EXACT_TABLE = """
    select (dead_tuple_len + free_space)::float8 / nullif(table_len, 0) from pgstattuple($1)
"""
EXACT_INDEX = """
    select 1 - (1 + internal_pages + leaf_pages * avg_leaf_density / coalesce(
        (select option_value::int from pg_options_to_table(reloptions)
         where option_name = 'fillfactor'), 90)) / relpages
    from pgstatindex($1) cross join pg_class where oid = $1::regclass
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """The bloat of one table or index, as told by each, in shares of the file."""

    shape: Shape
    kind: str
    """`table`, or the kind of the index."""
    deleted: float
    truth: float
    found: HeapEstimate | BTreeEstimate | None
    obstacle: str
    exact: float | None
    """What pgstattuple or pgstatindex says, after reading the whole file."""
    usual: float | None

    @property
    def is_sure(self) -> bool:
        return self.found is not None and self.found.confidence == "high"

    @property
    def error(self) -> float | None:
        return None if self.found is None else self.found.bloat_share - self.freed

    @property
    def freed(self) -> float:
        """The share that a rewrite frees: none if it makes the file longer."""
        return max(0.0, self.truth)

    @property
    def is_inside(self) -> bool:
        """Whether the interval holds the truth, to half a point for whole pages."""
        found = self.found
        return found is not None and found.low - 0.005 <= self.freed <= found.high + 0.005


async def measured(
    admin: "Connection", monitor: "Connection", shape: Shape
) -> AsyncIterator[Measured]:
    """Build a shape at each level, and yield what was told of it and of its indexes."""
    for level in LEVELS:
        await build(admin, shape, level)
        told = [one async for one in estimates(admin, monitor, shape)]
        before = {name: await size(admin, name) for name, *_ in told}
        exact = {name: await exactly(admin, name) for name, *_ in told}
        by_usual = {name: await usually(admin, name) for name, *_ in told}
        await admin.execute(f"vacuum full {TABLE}")
        for name, kind, found in told:
            after = await size(admin, name)
            is_found = isinstance(found, (HeapEstimate, BTreeEstimate))
            yield Measured(
                shape,
                kind,
                level,
                1 - after / before[name],
                found if is_found else None,
                "" if is_found else found.reason,
                exact[name],
                by_usual[name],
            )
        await admin.execute(f"drop table {TABLE}")


async def build(admin: "Connection", shape: Shape, level: float) -> None:
    options = f"with (fillfactor = {shape.fillfactor}, autovacuum_enabled = off)"
    await admin.execute(f"create table {TABLE} ({', '.join(shape.columns)}) {options}")
    for n, index in enumerate(shape.indexes):
        await admin.execute(_create(n, index))
    await fill(admin, shape)
    if shape.is_refilled:
        await admin.execute(f"delete from {TABLE} where id % 4 = 1")
        await admin.execute(f"vacuum {TABLE}")
        await fill(admin, shape, "where i % 4 = 1")
    if not shape.is_counted:
        await report_counters(admin)
        await admin.execute(f"select pg_stat_reset_single_table_counters('{TABLE}'::regclass)")
    if shape.after:
        await admin.execute(shape.after.format(TABLE))
    chosen = f"id % 1000 < {round(level * 1000)}"
    if shape.clustered:
        chosen = f"id * 60 / {shape.rows} % 10 < {round(level * 10)}"
    await admin.execute(f"delete from {TABLE} where {chosen}")
    await admin.execute(f"set default_statistics_target = {shape.target}")
    await admin.execute(f"vacuum (analyze) {TABLE}")
    await report_counters(admin)


async def fill(admin: "Connection", shape: Shape, which: str = "") -> None:
    order = "order by random()" if shape.indexes else ""
    await admin.execute(
        f"insert into {TABLE} select {', '.join(shape.values)}"
        f" from (select i from generate_series(1, {shape.rows}) i {which} {order}) numbers"
    )


async def report_counters(admin: "Connection") -> None:
    if admin.get_server_version().major >= COUNTED_AT_ONCE:
        await admin.execute("select pg_stat_force_next_flush()")


def _create(n: int, index: Index) -> str:
    unique = "unique " if index.unique else ""
    return f"create {unique}index {TABLE}_{n} on {index.definition.format(TABLE)}"


async def estimates(
    admin: "Connection", monitor: "Connection", shape: Shape
) -> AsyncIterator[tuple[str, str, Any]]:
    """What the collectors' own queries and the model tell of the table and its indexes."""
    await monitor.execute(f"set default_statistics_target = {shape.target}")
    [layout] = await asked(monitor, table_layout) or [None]
    if layout is None:
        return  # so little is left that it is not judged
    statistics = {row.relid: row for row in await asked(monitor, column_statistics)}
    own = statistics.get(layout.relid)
    tables = {row.relid: row for row in await asked(monitor, user_tables)}
    heap = heap_of(layout, own, statistics_readable=True)
    yield TABLE, "table", estimate(_settled(heap, rows_made(tables[layout.relid])))
    indexes = {row.indexrelid: row for row in await asked(monitor, user_indexes)}
    for one in await asked(monitor, btree_layout):
        index = indexes[one.indexrelid]
        tree = btree_of(
            index,
            one,
            layout.reltuples,
            0,
            own,
            statistics.get(one.indexrelid),
            statistics_readable=True,
            entries_made=index_entries_made(tables[one.relid]),
        )
        number = int(index.indexrelname.rpartition("_")[2])
        yield index.indexrelname, shape.indexes[number].kind, estimate_btree(tree)


def _settled(heap: Heap, made: float | None) -> Heap:
    """The session reports its changes after its own ANALYZE; they were made before it."""
    return replace(heap, n_mod_since_analyze=0, n_dead_tup=0, rows_made=made)


async def asked(monitor: "Connection", collector: AnyCollector) -> list[Any]:
    query = collector.query(monitor.get_server_version().major * 10000)
    return [collector.row(**dict(record)) for record in await monitor.fetch(query or "")]


async def size(admin: "Connection", name: str) -> int:
    return int(await admin.fetchval("select pg_relation_size($1::text::regclass)", name))


async def exactly(admin: "Connection", name: str) -> float | None:
    query = EXACT_TABLE if name == TABLE else EXACT_INDEX
    share: float | None = await admin.fetchval(query, name)
    return share


async def usually(admin: "Connection", name: str) -> float | None:
    query = usual.TABLE if name == TABLE else usual.INDEX
    share: float | None = await admin.fetchval(query, name)
    return share
