"""An index whose build or removal did not end serves no query, and may still slow down writes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import concurrently, identifier, remark
from alerts.findings.indexes._drop import dropped, place, shown
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.invalid_indexes import InvalidIndex, invalid_indexes

LEFTOVER = re.compile(r"_cc(new|old)\d*\Z")
"""Ending of the names that REINDEX CONCURRENTLY gives to the index it builds or replaces."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: an index is valid or it is not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for index in snapshot.rows(invalid_indexes):
        if index.worker_pid is None:
            yield evidence(index)


def evidence(index: InvalidIndex) -> Evidence:
    name = identifier(index.schemaname, index.indexrelname)
    table = identifier(index.schemaname, index.relname)
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=1,
        message=(
            f"{name} on {table} is invalid: no query uses it, {upkeep(index)}. {reason(index)}"
        ),
        facts={
            "table": table,
            "unique": index.is_unique,
            "maintained": index.is_ready,
            "twin": index.twin,
        },
        cure=(place(index.datname), *cure(index)),
        check=shown(index.schemaname, index.indexrelname),
        object=name,
        database=index.datname,
    )


def upkeep(index: InvalidIndex) -> str:
    if not index.is_ready:
        return "and writes do not maintain it"
    also = ", and it already refuses duplicates" if index.is_unique else ""
    return f"but every write maintains it{also}"


def reason(index: InvalidIndex) -> str:
    if leftover := LEFTOVER.search(index.indexrelname):
        what = "new" if leftover[1] == "new" else "replaced"
        return f"It is the {what} index of a REINDEX CONCURRENTLY that did not end."
    if not index.is_live:
        return "Its DROP INDEX CONCURRENTLY did not end."
    if index.is_unique:
        return (
            "Its unique build did not end: usually rows have the same key, otherwise it was"
            " cancelled or met a deadlock."
        )
    return "Its concurrent build or removal did not end: it was cancelled, or met a deadlock."


def is_spare(index: InvalidIndex) -> bool:
    """Return True if this index is not wanted: another one does its work, or is meant to."""
    if index.backs_constraint:
        return False
    is_leftover = LEFTOVER.search(index.indexrelname) is not None
    return is_leftover or index.twin is not None or not index.is_live


def cure(index: InvalidIndex) -> tuple[str, ...]:
    path = index.schemaname, index.indexrelname
    if is_spare(index):
        twin = index.twin and identifier(index.schemaname, index.twin)
        return (*((remark(f"{twin} is valid and the same."),) if twin else ()), *dropped(*path))
    statement = f"REINDEX INDEX CONCURRENTLY {identifier(*path)};"
    clean_up = (
        f"also drop the invalid index whose name begins as {index.indexrelname} and ends in _ccnew."
    )
    if index.is_unique:
        return tuple(rebuilt_once_unique(index, statement, clean_up))
    return (
        remark("This rebuilds it; if it is not wanted, DROP INDEX CONCURRENTLY instead."),
        *concurrently(statement, clean_up),
    )


def rebuilt_once_unique(index: InvalidIndex, statement: str, clean_up: str) -> Iterator[str]:
    """Give steps: while rows have the same key, a rebuild fails and leaves one more invalid index.

    Which of those rows is wrong only their owner can tell.
    """
    if None in index.attnames or index.has_predicate:
        yield remark("1. Make sure that no two of the rows that it covers have the same key.")
    else:
        keys = ", ".join(identifier(name) for name in index.attnames if name)
        table = identifier(index.schemaname, index.relname)
        yield remark("1. Correct the rows that have the same key; this reads the whole table:")
        yield remark(
            f"SELECT {keys}, pg_catalog.count(*) FROM {table} GROUP BY {keys}"
            " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 LIMIT 10;"
        )
    yield remark("2. Only then rebuild it: it waits for every older transaction, and if such rows")
    yield remark("are left it fails, which leaves one more invalid index:")
    yield remark(f"SET lock_timeout = 0; SET statement_timeout = 0; {statement}")
    yield remark(f"If it failed: {clean_up}")
    yield remark("If it is not wanted, drop it by DROP INDEX CONCURRENTLY.")


finding = Finding(
    title="Invalid index",
    severities=(Severity.warning,),
    reads=(invalid_indexes,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
    hold=timedelta(seconds=10),
)
