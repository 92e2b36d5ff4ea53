"""No statement names a column: it may be what a migration has left behind, or never used."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, regclass, remark
from alerts.history.unchanged import Unchanged
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.replication.nodes import ClusterNodes
from alerts.snapshot import Snapshot
from alerts.statements.names import StatementNames
from alerts.statements.texts import STATEMENT_TEXTS, KnownText
from alerts.units import Duration, Names, duration_text
from collectors._base import Role
from collectors._columns import column
from collectors.function_names import FunctionNames, function_names
from collectors.own_role import own_role
from collectors.replication import replication
from collectors.replication_slots import replication_slots
from collectors.role_settings import role_settings
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.stat_statements_info import stat_statements_info
from collectors.unreferenced_columns import UnreferencedColumns, unreferenced_columns
from collectors.wal_receiver import wal_receiver

EVICTIONS = Unchanged(stat_statements_info, "dealloc")
SHAPES = Unchanged(unreferenced_columns, "fingerprint", ("datname", "relid"))
NODES = ClusterNodes(timedelta(days=90))
OLD = 900.0
"""Maximum age of another server's statements, in seconds."""
TRACKING = {
    "pg_stat_statements.track": ("top", "all"),
    "pg_stat_statements.track_utility": ("on",),
    "compute_query_id": ("auto", "on", "regress"),
}
"""Settings, and the values with which every statement of clients is seen."""
OWN_CHECK = "pgvigil_row"
"""Name of the rows of a user's own check, as its statement has it."""
TOLD = 10
"""Columns that a message names."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = timedelta(days=35)
    """Time without a statement that names the column, on any server of the cluster. The default
    includes the end of a month."""
    forgotten: Annotated[Names, FIXED] = ()
    """Names of servers, standbys or slots that are no longer part of the cluster. Others are
    remembered for 90 days: what they read is unknown while they are not watched."""


class Blind(Exception):
    """Reason for statements of a server that can't be told yet, and when they will be."""

    def __init__(self, reason: str, until: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.until = reason, until


@dataclass(frozen=True, slots=True)
class Heard:
    """Names in the statements of one server."""

    server: str
    texts: Mapping[str, Sequence[StatementNames]]
    """By database."""
    lost: Counter[str]
    """Statements whose texts are cut off, or were not read."""


@dataclass(frozen=True, slots=True)
class Named:
    """Names in all statements of one database, on all servers."""

    by_table: Mapping[str, frozenset[str]]
    """Names in statements that name a table."""
    unclear: frozenset[str]
    """Tables of which a statement may use columns without naming them."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    tables = snapshot.rows(unreferenced_columns)
    if not tables:
        return
    functions = {row.datname: row for row in snapshot.rows(function_names)}
    try:
        hear_all(snapshot, limits)
        servers = [heard_on(server) for server in (snapshot, *snapshot.peers)]
        seconds = min(
            counted_seconds(server, limits.window) for server in (snapshot, *snapshot.peers)
        )
    except Blind as blind:
        yield Unjudged(blind.reason, until=blind.until)
        return
    by_database = defaultdict[str, list[UnreferencedColumns]](list)
    for row in tables:
        by_database[row.datname].append(row)
    for database, rows in by_database.items():
        texts = [text for heard in servers for text in heard.texts.get(database, ())]
        reason = lost_in(servers, database) or doubt_in(snapshot, texts, functions.get(database))
        if reason:
            yield Unjudged(reason, database, count=len(rows))
        else:
            yield from of_database(snapshot, rows, texts, functions[database], seconds, limits)


def hear_all(snapshot: Snapshot, limits: Limits) -> None:
    """Raise Blind where a server of the cluster may execute statements that are not seen."""
    silent = sorted(
        peer.node.server
        for peer in snapshot.peers
        if not peer.has(stat_statements) or snapshot.at - peer.answer(stat_statements).at > OLD
    )
    heard = frozenset(server.node.server for server in (snapshot, *snapshot.peers))
    missing = silent or snapshot.of(NODES).beyond(heard, limits.forgotten)
    if missing:
        raise Blind(f"statements on {', '.join(missing)} are not known")


def heard_on(server: Snapshot) -> Heard:
    """Return what each statement on a server names. Raises Blind where not all are tracked."""
    where = server.node.server
    known = server.answer(settings).by("name")
    for name, good in TRACKING.items():
        if name not in known or known[name].setting not in good:
            raise Blind(f"{name} on {where} leaves statements out")
    if any(row.name in TRACKING for row in server.rows(role_settings)):
        raise Blind(f"roles or databases on {where} change what pg_stat_statements tracks")
    texts, rows = server.of(STATEMENT_TEXTS).known, server.rows(stat_statements)
    found, lost = defaultdict[str, list[StatementNames]](list), Counter[str]()
    ours = frozenset(role.rolname for role in server.rows(own_role) if not role.is_superuser)
    columns = (column(rows, name) for name in ("datname", "usename", "query_id"))
    for database, user, query in zip(*columns, strict=True):
        text = texts.get(query)
        if user in ours and text is not None and not is_own_check(text):
            continue
        if text is None or text.names is None:
            lost[database or ""] += 1
        else:
            found[database or ""].append(text.names)
    return Heard(where, found, lost)


def is_own_check(text: KnownText) -> bool:
    """Whether a statement of pgvigil's role is a user's own; ours read catalogues only."""
    return text.names is not None and OWN_CHECK in text.names.words


def counted_seconds(server: Snapshot, window: timedelta) -> float:
    """Return for how long no statement was forgotten. Raises Blind where that is too short."""
    info, where = server.row(stat_statements_info), server.node.server
    least = window.total_seconds()
    counted = server.at - info.stats_reset if info.stats_reset and not info.dealloc else 0.0
    watched = server.of(EVICTIONS).get(())
    seconds = max(counted, watched.seconds if watched and watched.value == info.dealloc else 0.0)
    if seconds >= least:
        return seconds
    if info.dealloc:
        raise Blind(f"pg_stat_statements on {where} has evicted statements")
    raise Blind(
        f"statements on {where} were not counted for {duration_text(window)} yet",
        until=server.at - seconds + least,
    )


def lost_in(servers: Sequence[Heard], database: str) -> str | None:
    """Return whose texts are missing; None if all are known."""
    for heard in servers:
        if lost := heard.lost[database]:
            texts = plural(lost, "text") + (" is" if lost == 1 else " are")
            return f"{texts} cut off or not read of the statements on {heard.server}"
    return None


def doubt_in(
    snapshot: Snapshot, texts: Sequence[StatementNames], functions: FunctionNames | None
) -> str | None:
    """Return why statements may use any column of a database unseen; None if they can't."""
    if functions is None or functions.words is None:
        return "the bodies of functions are not known"
    if functions.opaque and is_top_only(snapshot):
        return f"what the function {functions.opaque} executes is not known"
    if any(text.is_hidden for text in texts):
        return "a statement hides the names that it uses"
    return None


def is_top_only(snapshot: Snapshot) -> bool:
    return snapshot.answer(settings).by("name")["pg_stat_statements.track"].setting != "all"


def of_database(
    snapshot: Snapshot,
    rows: Sequence[UnreferencedColumns],
    texts: Sequence[StatementNames],
    functions: FunctionNames,
    seconds: float,
    limits: Limits,
) -> Iterator[Outcome]:
    named = named_by(texts, {row.relname for row in rows})
    words, shapes = frozenset(functions.words or ()), snapshot.of(SHAPES)
    doubts: Counter[str] = Counter()
    for row in rows:
        table = named.by_table.get(row.relname)
        if table is None:
            continue  # no statement uses the table
        unnamed = [name for name in row.columns if name not in table and name.lower() not in words]
        if not unnamed:
            continue
        if doubt := doubt_about(row, named, words):
            doubts[doubt] += 1
            continue
        shape = shapes.get((row.datname, row.relid))
        unchanged = shape.seconds if shape and shape.value == row.fingerprint else 0.0
        if unchanged < limits.window.total_seconds():
            yield Unjudged(
                f"its columns were not watched for {duration_text(limits.window)} yet",
                row.datname,
                identifier(row.schemaname, row.relname),
                until=snapshot.at - unchanged + limits.window.total_seconds(),
            )
        else:
            yield evidence(row, unnamed, min(seconds, unchanged))
    for reason, count in doubts.items():
        yield Unjudged(reason, rows[0].datname, count=count)


def named_by(texts: Sequence[StatementNames], tables: set[str]) -> Named:
    found, unclear = defaultdict[str, set[str]](set), set[str]()
    for text in texts:
        for table in tables.intersection(text.words):
            found[table].update(text.words)
            if not text.is_clear_about(table):
                unclear.add(table)
    return Named({one: frozenset(names) for one, names in found.items()}, frozenset(unclear))


def doubt_about(row: UnreferencedColumns, named: Named, words: frozenset[str]) -> str | None:
    """Return why something may use its columns without naming them."""
    if row.relname in named.unclear:
        return "statements use tables as a whole, by SELECT *, COPY or in another way"
    if row.relname.lower() in words:
        return "functions name the tables, and their bodies are not read as statements"
    return row.doubt


def evidence(row: UnreferencedColumns, unnamed: Sequence[str], seconds: float) -> Evidence:
    table = identifier(row.schemaname, row.relname)
    names = [identifier(name) for name in unnamed]
    listed = ", ".join(names[:TOLD]) + (f" and {len(names) - TOLD} more" if names[TOLD:] else "")
    return Evidence(
        subject=table,
        severity=Severity.info,
        value=len(names),
        message=(
            f"{table} has {plural(len(names), 'column')} that no statement, function or other"
            f" object named within {duration_text(seconds)}: {listed}."
        ),
        facts={"columns": ", ".join(names), "watched_seconds": seconds},
        cure=(
            remark("1. Ask its owners: a report at the end of the year, an export by hand or"),
            remark("another application may need it. 2. If it is kept for a reason, write that"),
            remark("in a COMMENT on the table. 3. Else let the code forget it, in a release."),
            remark("4. Only then let a later migration take it away, and judge that file by"),
            remark("`pgvigil migrate-check` before: what was in the column does not come back."),
        ),
        check=(
            "SELECT attname, pg_catalog.format_type(atttypid, atttypmod)"
            " FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=)"
            f" {regclass(row.schemaname, row.relname)} AND attnum OPERATOR(pg_catalog.>) 0;"
        ),
        object=table,
        database=row.datname,
    )


finding = Finding(
    title="Column that nothing names",
    severities=(Severity.info,),
    reads=(
        unreferenced_columns,
        function_names,
        stat_statements,
        stat_statements_info,
        settings,
        role_settings,
        own_role,
        replication,
    ),
    consults=(replication_slots, wal_receiver),
    history=(STATEMENT_TEXTS, EVICTIONS, SHAPES, NODES),
    limits=Limits(),
    judge=judge,
    unit="columns",
    scope=Reach.cluster,
    on=Role.primary,
    kind=FindingKind.review,
)
