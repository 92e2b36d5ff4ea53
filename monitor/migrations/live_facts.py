"""Facts of the live server about the tables that a migration touches. Nothing of the file runs."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from alerts.cure import literal
from alerts.migrations.live import LiveServer, LiveTable, Observed, OldestHolder, Standby, Traffic
from alerts.migrations.lock_mode import LockMode
from alerts.migrations.statement import DATA, Name, Statement
from alerts.migrations.traced import Relation
from monitor.migrations.parsing import parsed
from monitor.migrations.script import Piece
from monitor.postgres.errors import QueryFailure
from monitor.postgres.session import Session

DEADLINE = 5.0
MOST_TEXTS = 2000
AT_A_TIME = 500
"""Tables whose sizes one query asks."""
SIZES = """
    select
        n.nspname::text as schema, c.relname::text as name, c.reltuples::float8 as rows,
        {main} as main, {toast} as toast, {indexes} as indexes,
        (select count(*) from pg_catalog.pg_index i where i.indrelid = c.oid) as n_indexes,
        coalesce(s.n_live_tup, 0)::float8 as live_rows
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join pg_catalog.pg_stat_all_tables s on s.relid = c.oid
    where (n.nspname, c.relname) in (values {wanted})
"""
EXACT = {
    "main": "pg_catalog.pg_relation_size(c.oid)",
    "toast": "coalesce(pg_catalog.pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)",
    "indexes": "pg_catalog.pg_indexes_size(c.oid)",
}
FROM_CATALOGUE = {
    "main": "c.relpages::bigint * 8192",
    "toast": """coalesce((
            select t.relpages::bigint * 8192 from pg_catalog.pg_class t
            where t.oid = c.reltoastrelid
        ), 0)""",
    "indexes": """coalesce((
            select sum(x.relpages)::bigint * 8192 from pg_catalog.pg_index i
            join pg_catalog.pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid
        ), 0)::bigint""",
}
"""Without any lock: where a table is locked, its size can't be asked."""
COUNTERS = """
    select
        schemaname::text as schema, relname::text as name,
        (coalesce(seq_scan, 0) + coalesce(idx_scan, 0))::float8 as scans,
        (n_tup_ins + n_tup_upd + n_tup_del)::float8 as written
    from pg_catalog.pg_stat_all_tables
    where (schemaname, relname) in (values {wanted})
"""
HIDDEN = "<insufficient privilege>"
"""In place of a statement of another role."""
HOLDERS = """
    select distinct on (n.nspname, c.relname, l.mode, coalesce(a.xact_start, p.prepared) is null)
        n.nspname::text as schema, c.relname::text as name, l.mode as mode, l.pid as pid,
        date_part('epoch', clock_timestamp() - coalesce(a.xact_start, p.prepared)) as seconds,
        coalesce(a.state, case when p.transaction is null then 'unknown' else 'prepared' end)
            as state
    from pg_catalog.pg_locks l
    join pg_catalog.pg_class c on c.oid = l.relation
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join pg_catalog.pg_stat_activity a on a.pid = l.pid
    left join pg_catalog.pg_prepared_xacts p
        on l.pid is null and l.virtualtransaction = '-1/' || p.transaction::text
    where l.locktype = 'relation' and l.granted
        and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        and l.pid is distinct from pg_catalog.pg_backend_pid()
        and (n.nspname, c.relname) in (values {wanted})
    order by
        n.nspname, c.relname, l.mode, coalesce(a.xact_start, p.prepared) is null,
        coalesce(a.xact_start, p.prepared)
"""
NULLS = """
    select
        schemaname::text as schema, tablename::text as name, attname::text as column,
        null_frac::float8 as nulls, coalesce(n_distinct, 0)::float8 as distinct_values,
        most_common_vals is not null as repeats
    from pg_catalog.pg_stats where (schemaname, tablename) in (values {wanted}) and not inherited
"""
KEYS = """
    select
        n.nspname::text as schema, c.relname::text as name, a.attname::text as column,
        a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) as is_whole
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
    where i.indisunique and i.indisvalid and i.indnkeyatts = 1 and i.indpred is null
        and (n.nspname, c.relname) in (values {wanted})
"""
"""Of indexes on an expression the first key is no attribute."""
TYPES = """
    select
        n.nspname::text as schema, c.relname::text as name, a.attname::text as column,
        t.typname::text || coalesce(
            substring(pg_catalog.format_type(a.atttypid, a.atttypmod) from '[(][-0-9,]+[)]'), ''
        ) as type
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type t on t.oid = a.atttypid
    where (n.nspname, c.relname) in (values {wanted})
"""
OLDEST = """
    select
        pid, date_part('epoch', clock_timestamp() - xact_start) as seconds,
        coalesce(state, '') as state
    from pg_catalog.pg_stat_activity
    where xact_start is not null and backend_xmin is not null
        and datname = current_database() and pid <> pg_catalog.pg_backend_pid()
        and backend_type = 'client backend'
    order by xact_start limit 1
"""
HIDDEN_SESSIONS = f"""
    select exists (
        select from pg_catalog.pg_stat_activity
        where query = '{HIDDEN}' and datname = current_database()
    ) as are_there
"""  # noqa: S608
STANDBYS = """
    select
        coalesce(application_name, '')::text as name, sync_state in ('sync', 'quorum') as is_sync,
        pg_catalog.pg_wal_lsn_diff(sent_lsn, replay_lsn)::float8 as behind
    from pg_catalog.pg_stat_replication where state in ('streaming', 'catchup')
"""
TIMEOUTS = """
    select setting from pg_catalog.pg_db_role_setting d
    cross join pg_catalog.unnest(d.setconfig) setting
    left join pg_catalog.pg_database b on b.oid = d.setdatabase
    left join pg_catalog.pg_roles r on r.oid = d.setrole
    where setting like 'lock_timeout=%'
        and (b.datname is null or b.datname = current_database())
        and (r.rolname is null or r.rolname = current_user)
"""
SLOTS = """
    select exists (select from pg_catalog.pg_replication_slots)
        and current_setting('max_slot_wal_keep_size') = '-1' as keep_all,
        (
            select setting::float8 from pg_catalog.pg_settings
            where name = 'max_standby_streaming_delay'
        ) as standby_delay
"""
STATEMENTS = """
    select
        s.queryid, s.calls::float8 as calls, s.total_exec_time::float8 / 1000 as seconds,
        (s.shared_blks_hit + s.shared_blks_read)::float8 as pages,
        left(s.query, 10000) as query
    from {schema}.pg_stat_statements s
    where s.dbid = (select oid from pg_catalog.pg_database where datname = current_database())
    order by s.calls desc limit {most}
"""
CALLS = """
    select s.queryid, sum(s.calls)::float8 as calls
    from {schema}.pg_stat_statements(false) s
    where s.dbid = (select oid from pg_catalog.pg_database where datname = current_database())
    group by s.queryid
"""
LEAST_PAGES = 500
"""Pages of a statement from which on its time says something about the pace of a scan."""
LARGE = f"""
    select n.nspname::text as schema, c.relname::text as name, c.relpages as pages
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm') and c.relpages >= {LEAST_PAGES}
    order by c.relpages desc limit 5000
"""  # noqa: S608
ROLES = "select rolname::text as name from pg_catalog.pg_roles where rolname !~ '^pg_'"
OF_SERVER = """
    select 'database' as what, datname::text as name from pg_catalog.pg_database
    union all select 'tablespace', spcname::text from pg_catalog.pg_tablespace
"""
ZONE = "select reset_val as zone from pg_catalog.pg_settings where name = 'TimeZone'"
"""Of a session of this role: our own is in UTC."""
MORE_WORK = (
    "limitCount",
    "sortClause",
    "distinctClause",
    "windowClause",
    "lockingClause",
    "withClause",
)
"""Parts of SELECT that take time beside the scan, or that end it early."""
WHOLE = (0.9, 1.15)
"""Pages of a call, as a share of the table's, at which a statement has read all of it once."""


@dataclass(slots=True)
class LiveFacts:
    """Questions to one database of the live server."""

    session: Session
    unread: list[str] = field(default_factory=list)
    """What could not be asked, and why."""
    hidden: bool = False
    """Whether pg_stat_statements hides those of other roles."""

    async def roles(self) -> list[str]:
        return [row["name"] for row in await self._rows(ROLES)]

    async def of_server(self) -> dict[str, frozenset[str]]:
        """Return the names of its databases and tablespaces."""
        found: dict[str, set[str]] = {"database": set(), "tablespace": set()}
        for row in await self._rows(OF_SERVER):
            found[row["what"]].add(row["name"])
        return {what: frozenset(names) for what, names in found.items() if names}

    async def zone(self) -> str | None:
        """Return the time zone of the role's sessions: in UTC timestamps need no rewrite."""
        return next((row["zone"] for row in await self._rows(ZONE)), None)

    async def of(self, name: str, relations: Sequence[Relation], seconds: float) -> LiveServer:
        """Ask everything about these relations, with two looks at what is running."""
        known = self.session.identity
        wanted = _values(relations)
        tables = await self._tables(wanted, await self._sizes(relations)) if relations else {}
        before = await self._counters(wanted) if relations else {}
        statements = await self._statements()
        calls = await self._calls() if statements else {}
        if relations:
            await asyncio.sleep(seconds)
            after = await self._counters(wanted)
            again = await self._calls() if statements else {}
            traffic = _traffic(before, after, seconds)
            if statements is not None and not self.hidden:
                counted = _counted(statements, calls, again, relations, seconds)
                traffic = {**traffic, **counted}
            tables = {r: _with(t, traffic.get(r)) for r, t in tables.items()}
        oldest = await self._rows(OLDEST)
        unseen = await self._rows(HIDDEN_SESSIONS)
        standbys = await self._rows(STANDBYS)
        keeps = await self._rows(SLOTS)
        return LiveServer(
            name,
            known.version,
            tables,
            tuple(Standby(r["name"], _whole(r["behind"]), r["is_sync"]) for r in standbys),
            _holder(oldest[0]) if oldest else None,
            _observed(statements or [], await self._large() if statements else {}),
            self._why_unobserved(statements),
            _texts(statements) if statements is not None else None,
            _timeout(await self._rows(TIMEOUTS)),
            slots_keep_all=bool(keeps and keeps[0]["keep_all"]),
            standby_delay=_seconds(keeps[0]["standby_delay"]) if keeps else None,
            texts_hidden=self.hidden,
            sessions_hidden=bool(unseen and unseen[0]["are_there"]),
        )

    async def _sizes(self, relations: Sequence[Relation]) -> list[Any]:
        """Ask some hundred at a time: sizes are asked of files, which is slow on a busy machine."""
        found = []
        for first in range(0, len(relations), AT_A_TIME):
            wanted = _values(relations[first : first + AT_A_TIME])
            sizes = await self._rows(SIZES.format(wanted=wanted, **EXACT), quietly=True)
            if not sizes:
                sizes = await self._rows(SIZES.format(wanted=wanted, **FROM_CATALOGUE))
            found += sizes
        return found

    async def _tables(self, wanted: str, sizes: Sequence[Any]) -> dict[Relation, LiveTable]:
        holders: dict[Relation, list[OldestHolder]] = defaultdict(list)
        hidden: dict[Relation, list[LockMode]] = defaultdict(list)
        for row in await self._rows(HOLDERS.format(wanted=wanted)):
            relation, mode = Relation(row["schema"], row["name"]), LockMode.of(row["mode"])
            if holder := _holder(row):
                holders[relation].append(replace(holder, mode=mode))
            else:
                hidden[relation].append(mode)
        nulls: dict[Relation, dict[str, float]] = defaultdict(dict)
        repeats: dict[Relation, dict[str, bool]] = defaultdict(dict)
        for row in await self._rows(NULLS.format(wanted=wanted)):
            relation = Relation(row["schema"], row["name"])
            nulls[relation][row["column"]] = row["nulls"]
            repeats[relation][row["column"]] = row["repeats"] and row["distinct_values"] != -1
        keys: dict[Relation, dict[str, bool]] = defaultdict(dict)
        for row in await self._rows(KEYS.format(wanted=wanted)):
            keys[Relation(row["schema"], row["name"])][row["column"]] = row["is_whole"]
        types: dict[Relation, dict[str, str]] = defaultdict(dict)
        for row in await self._rows(TYPES.format(wanted=wanted)):
            types[Relation(row["schema"], row["name"])][row["column"]] = row["type"]
        found = {}
        for row in sizes:
            relation = Relation(row["schema"], row["name"])
            rows = row["rows"] if row["rows"] >= 0 else (row["live_rows"] or None)
            found[relation] = LiveTable(
                relation,
                row["main"],
                row["toast"],
                row["indexes"],
                row["n_indexes"],
                0.0 if row["main"] == 0 else rows,
                None,
                tuple(holders[relation]),
                tuple(hidden[relation]),
                nulls[relation],
                repeats[relation],
                keys[relation],
                types[relation],
            )
        return found

    async def _counters(self, wanted: str) -> dict[Relation, tuple[float, float]]:
        rows = await self._rows(COUNTERS.format(wanted=wanted))
        return {Relation(r["schema"], r["name"]): (r["scans"], r["written"]) for r in rows}

    async def _statements(self) -> list[tuple[Statement, Any]] | None:
        """Return the statements of pg_stat_statements, parsed; None where it can't be read."""
        schema = self._schema()
        if schema is None:
            return None
        query = STATEMENTS.format(schema=schema, most=MOST_TEXTS)
        found = await self._rows(query, quietly=True)
        self.hidden = any(row["query"] == HIDDEN for row in found)
        rows = [row for row in found if row["queryid"] and row["query"] != HIDDEN]
        if not rows:
            return None
        trees = await asyncio.to_thread(parsed, [Piece(1, row["query"]) for row in rows])
        return list(zip(trees, rows, strict=True))

    async def _large(self) -> dict[Name, list[int]]:
        """Return the pages of each large table, by name with and without its schema."""
        found: dict[Name, list[int]] = defaultdict(list)
        for row in await self._rows(LARGE, quietly=True):
            found[Name(row["schema"], row["name"])].append(row["pages"])
            found[Name(None, row["name"])].append(row["pages"])
        return found

    async def _calls(self) -> dict[int, float]:
        rows = await self._rows(CALLS.format(schema=self._schema()))
        return {row["queryid"]: row["calls"] for row in rows}

    def _schema(self) -> str | None:
        found = self.session.identity.extension("pg_stat_statements")
        return found.schema if found else None

    def _why_unobserved(self, statements: object) -> str:
        if self._schema() is None:
            return "pg_stat_statements is not installed in this database"
        if statements is None:
            return "pg_stat_statements can't be read by this role"
        return "no scan or build of it is in pg_stat_statements"

    async def _rows(self, query: str, quietly: bool = False) -> list[Any]:
        try:
            return await self.session.fetch(query, DEADLINE)
        except QueryFailure as failure:
            if self.session.lost:
                raise
            if not quietly:
                self.unread.append(failure.message)
            return []


def _values(relations: Sequence[Relation]) -> str:
    return ", ".join(f"({literal(r.schema)}, {literal(r.name)})" for r in relations)


def _texts(statements: Iterable[tuple[Statement, Any]]) -> tuple[str, ...]:
    """Return what the application runs: DDL and the COPY of a dump name all columns, too."""
    return tuple(
        s.text
        for s, _ in statements
        if not s.node or (s.node in DATA and (s.node != "CopyStmt" or s.body.get("is_from")))
    )


def _with(table: LiveTable, traffic: Traffic | None) -> LiveTable:
    return replace(table, traffic=traffic)


def _holder(row: Any) -> OldestHolder | None:
    if row["seconds"] is None:
        return None
    return OldestHolder(row["pid"], row["seconds"], row["state"])


def _seconds(milliseconds: float | None) -> float | None:
    if milliseconds is None or milliseconds < 0:
        return milliseconds
    return milliseconds / 1000


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _traffic(
    before: dict[Relation, tuple[float, float]],
    after: dict[Relation, tuple[float, float]],
    seconds: float,
) -> dict[Relation, Traffic]:
    """Count scans and written rows: the nearest to statements without pg_stat_statements."""
    return {
        relation: Traffic(
            max(0.0, scans - before[relation][0]) / seconds,
            max(0.0, written - before[relation][1]) / seconds,
            counted=False,
        )
        for relation, (scans, written) in after.items()
        if relation in before
    }


def _counted(
    statements: Iterable[tuple[Statement, Any]],
    before: dict[int, float],
    after: dict[int, float],
    relations: Sequence[Relation],
    seconds: float,
) -> dict[Relation, Traffic]:
    """Count the statements that name each table."""
    by_name = defaultdict(list)
    for relation in relations:
        by_name[relation.name].append(relation)
    reads: dict[Relation, float] = defaultdict(float)
    writes: dict[Relation, float] = defaultdict(float)
    for statement, row in statements:
        done = max(0.0, after.get(row["queryid"], 0.0) - before.get(row["queryid"], 0.0))
        if not done:
            continue
        of = writes if statement.node != "SelectStmt" else reads
        for name in statement.tables:
            for relation in _meant(name, by_name):
                of[relation] += done / seconds
    return {r: Traffic(reads[r], writes[r], counted=True) for r in relations}


def _meant(name: Name, by_name: dict[str, list[Relation]]) -> list[Relation]:
    found = by_name.get(name.name, [])
    return [r for r in found if name.schema in (None, r.schema)]


def _observed(
    statements: Iterable[tuple[Statement, Any]], large: Mapping[Name, list[int]]
) -> tuple[Observed, ...]:
    """Return the scans and builds whose time is known."""
    found = []
    for statement, row in statements:
        calls, pages, seconds = row["calls"], row["pages"], row["seconds"]
        if not calls or pages / calls < LEAST_PAGES or seconds / calls < 0.005:
            continue
        if work := _work(statement, pages / calls, large):
            found.append(Observed(work, pages / calls, seconds / calls))
    return tuple(found)


def _work(statement: Statement, pages: float, large: Mapping[Name, list[int]]) -> str | None:
    """Return the kind of work of a statement that reads a whole table; None for others."""
    body = statement.body
    if statement.node == "IndexStmt":
        return None if body.get("concurrent") else "index build"
    if statement.node == "CopyStmt":
        return "scan" if not body.get("is_from") and body.get("relation") else None
    if statement.node != "SelectStmt" or len(statement.tables) != 1:
        return None
    if len(body.get("fromClause", ())) != 1 or "RangeVar" not in body["fromClause"][0]:
        return None
    if any(key in body for key in MORE_WORK):
        return None
    if "whereClause" not in body and "groupClause" not in body:
        return "scan"
    return "filtered scan" if _read_whole(pages, large.get(statement.tables[0], ())) else None


def _read_whole(pages: float, of_table: Iterable[int]) -> bool:
    """Whether it has read as many pages as the table has: an index would rarely do that."""
    low, high = WHOLE
    return any(low * size <= pages <= high * size for size in of_table)


def _timeout(rows: Iterable[Any]) -> float:
    """Return the lock_timeout of the role or database, in seconds."""
    for row in rows:
        written = row["setting"].partition("=")[2].strip()
        number = written.rstrip("abcdefghijklmnopqrstuvwxyz ")
        unit = {"": 0.001, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
        try:
            return float(number) * unit.get(written[len(number) :].strip(), 0.0)
        except ValueError:
            continue
    return 0.0
