"""A published table has no identity for its rows: each UPDATE and DELETE on it fails."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import identifier, plain_ddl, regclass, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.published_tables import PublishedTable, published_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: there is an identity or not."""


WHY = {
    "d": "it has no primary key, or a DEFERRABLE one",
    "i": "the index of its identity is gone or invalid",
    "n": "its identity is set to NOTHING",
}


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(published_tables):
        yield evidence(row)


def evidence(row: PublishedTable) -> Evidence:
    table = identifier(row.schemaname, row.relname)
    fails = " and ".join(
        word for word, on in (("UPDATE", row.for_update), ("DELETE", row.for_delete)) if on
    )
    return Evidence(
        subject=f"{row.schemaname}.{row.relname}",
        severity=Severity.warning,
        value=1,
        message=(
            f"{table} is published by {row.pubname}, but its rows can't be identified, because"
            f" {WHY.get(row.identity, 'it has no identity')}: each {fails} on it fails."
        ),
        facts={
            "publication": row.pubname,
            "replica_identity": row.identity,
            "usable_index": row.candidate,
        },
        cure=(
            *plain_ddl(f"ALTER TABLE {table} REPLICA IDENTITY {_identity(row)};"),
            *_cheaper(row),
        ),
        check=(
            "SELECT relreplident FROM pg_catalog.pg_class WHERE"
            f" oid OPERATOR(pg_catalog.=) {regclass(row.schemaname, row.relname)};"
        ),
        object=table,
        database=row.datname,
    )


def _identity(row: PublishedTable) -> str:
    return f"USING INDEX {identifier(row.candidate)}" if row.candidate else "FULL"


def _cheaper(row: PublishedTable) -> tuple[str, ...]:
    if row.candidate:
        return ()
    return (
        remark("FULL writes whole old rows to WAL, and subscribers may search the whole table for"),
        remark("each of them. A primary key is better: add one, then go back to it:"),
        remark(f"ALTER TABLE {identifier(row.schemaname, row.relname)} REPLICA IDENTITY DEFAULT;"),
    )


finding = Finding(
    title="Published table without replica identity",
    severities=(Severity.warning,),
    reads=(published_tables,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
