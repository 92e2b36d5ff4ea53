"""Every search of a GIN index reads its whole pending list, so a long list makes all slow."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, plain_ddl, regclass, remark
from alerts.findings.indexes._drop import place
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text
from collectors._base import Role
from collectors._columns import where
from collectors.gin_pending_lists import GinPendingList, gin_pending_lists
from collectors.index_layout import IndexLayout, index_layout
from collectors.settings import settings

LOADED = 10_000
"""Inserted rows from which a table is not empty, even if it was never analysed."""
INSTALL = "CREATE EXTENSION IF NOT EXISTS pgstattuple;"
DEFAULT = 4 * 1024**2
"""PostgreSQL's own gin_pending_list_limit."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_bytes: Bytes = 8 * 1024**2
    """Size of the list. By default it is emptied at 4 MB, which a search reads in milliseconds."""
    warn_bytes: Bytes = 64 * 1024**2
    """Size from which it is a warning."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    lists = snapshot.rows(gin_pending_lists) if snapshot.has(gin_pending_lists) else ()
    known = {(one.datname, one.indexrelid) for one in lists}
    for one in lists:
        if one.pending_bytes >= limits.min_bytes:
            yield evidence(one, snapshot, limits)
    for index in where(snapshot.rows(index_layout), "amname", {"gin"}):
        if (index.datname, index.indexrelid) not in known and may_be_long(index, limits):
            yield unread(index, snapshot)


def may_be_long(index: IndexLayout, limits: Limits) -> bool:
    """The list is a part of the index, whose size is not known before the first ANALYZE."""
    is_loaded = index.table_rows < 0 and index.n_tup_ins >= LOADED
    return index.is_valid and (index.size_bytes >= limits.min_bytes or is_loaded)


def unread(index: IndexLayout, snapshot: Snapshot) -> Unjudged:
    name = identifier(index.schemaname, index.indexrelname)
    why, grant = "pgstattuple is not installed there, or the index is locked", INSTALL
    if absence := snapshot.absent.get(gin_pending_lists):
        why, grant = absence.reason, absence.grant or (INSTALL if absence.expected else "")
    return Unjudged(f"its pending list is not read: {why}", index.datname, name, grant or None)


def evidence(one: GinPendingList, snapshot: Snapshot, limits: Limits) -> Evidence:
    name = identifier(one.schemaname, one.indexrelname)
    table = identifier(one.schemaname, one.relname)
    severe = one.pending_bytes >= limits.warn_bytes
    return Evidence(
        subject=name,
        severity=Severity.warning if severe else Severity.info,
        value=one.pending_bytes,
        message=(
            f"{plural(one.pending_rows, 'new row waits', 'new rows wait')} in the pending list of"
            f" {name} on {table}: every search of it reads {bytes_text(one.pending_bytes)} first."
        ),
        facts={
            "table": table,
            "pending_bytes": one.pending_bytes,
            "pending_rows": one.pending_rows,
            "own_limit_bytes": one.own_limit_bytes,
        },
        cure=(place(one.datname), *cure(one, snapshot)),
        check=(
            "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(oid)), reloptions"
            " FROM pg_catalog.pg_class"
            f" WHERE oid OPERATOR(pg_catalog.=) {regclass(one.schemaname, one.indexrelname)};"
        ),
        object=name,
        database=one.datname,
    )


def cure(one: GinPendingList, snapshot: Snapshot) -> Iterator[str]:
    path = one.schemaname, one.indexrelname
    yield remark("This sorts the list into the index, and blocks neither reads nor writes:")
    yield "SET statement_timeout = 0;"
    yield f"SELECT pg_catalog.gin_clean_pending_list({regclass(*path)});"
    if one.own_limit_bytes is None:
        yield remark("So that it stays short, set its limit back to 4 MB, if it is higher:")
        yield from change(snapshot, "gin_pending_list_limit", "'4MB'")
    elif one.own_limit_bytes > DEFAULT:
        yield remark("So that it stays short, use the limit of the server, not its own one of")
        yield remark(f"{bytes_text(one.own_limit_bytes)}:")
        yield from plain_ddl(f"ALTER INDEX {identifier(*path)} RESET (gin_pending_list_limit);")


finding = Finding(
    title="Long pending list of a GIN index",
    severities=(Severity.info, Severity.warning),
    reads=(index_layout,),
    consults=(gin_pending_lists, settings),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
