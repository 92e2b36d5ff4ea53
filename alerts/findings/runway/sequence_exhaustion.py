"""A sequence, or a key that is counted without one, is near its last value: inserts will fail."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import identifier, plain_ddl, remark
from alerts.limits import BaseLimits, Slack
from alerts.plural import plural
from alerts.runway.key_counters import counters, hidden, used_ratio
from alerts.runway.rate import Eta, eta
from alerts.runway.sequence_trends import GIVEN_OUT, key_of, may_end, wraps_in_peace
from alerts.runway.trends import Trend
from alerts.runway.widening import widen
from alerts.runway.wording import eta_text
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, share_text
from collectors._base import Role
from collectors.integer_keys import IntegerKey, integer_keys
from collectors.sequences import LARGEST, Sequence, sequences

WIDEST = (2**63 - 1, 2**63)
"""Limits of bigint."""
GRANTS = 5
"""Keys in one line whose grants are printed; the others are named by the next look."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    used: Share = 0.75
    """Used share; a quarter is left to widen the column in peace."""
    used_critical: Share = 0.9
    """Used share from which it is critical."""
    left: Annotated[Duration, Slack(1.2)] = timedelta(days=180)
    """Time left at the slowest pace of the last weeks: to widen a key takes months of planning."""
    left_critical: Annotated[Duration, Slack(1.2)] = timedelta(days=60)
    """Time left from which it is critical."""
    least_used: Share = 0.6
    """Used share below which a forecast alone is never critical."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    trends = snapshot.of(GIVEN_OUT)
    unread: list[Sequence] = []
    for row in snapshot.rows(sequences):
        if row.used_ratio is None:
            if may_end(row):
                unread.append(row)
        elif not wraps_in_peace(row):
            left = eta_of(row, trends)
            if (severity := severity_of(row, left, limits)) is not None:
                yield evidence(row, severity, left)
    yield from unjudged(unread)
    keys = snapshot.rows(integer_keys)
    for key in counters(keys, limits.used):
        yield evidence_of_key(key, limits)
    yield from unknown_keys(hidden(keys))


def eta_of(row: Sequence, trends: Mapping[str, Trend]) -> Eta | None:
    trend = trends.get(key_of(row))
    if trend is None or trend.rate is None or row.last_value is None:
        return None
    return eta(abs(row.last_possible - row.last_value), trend.rate)


def severity_of(row: Sequence, left: Eta | None, limits: Limits) -> Severity | None:
    used = row.used_ratio or 0.0
    if used >= limits.used_critical:
        return Severity.critical
    if left and left.within(limits.left_critical.total_seconds()) and used >= limits.least_used:
        return Severity.critical
    soon = left is not None and left.within(limits.left.total_seconds())
    return Severity.warning if soon or used >= limits.used else None


def unjudged(rows: list[Sequence]) -> Iterator[Unjudged]:
    """Yield what can't be read, one line for each database and reason."""
    by_database = attrgetter("datname", "may_read")
    for (datname, may_read), group in groupby(sorted(rows, key=by_database), by_database):
        count = len(list(group))
        if may_read:
            why = "locked at the moment, or beyond the number that is read before 18"
        else:
            why = "pgvigil may not SELECT from them (pgvigil doctor prints the GRANT)"
        yield Unjudged(
            f"{plural(count, 'sequence')}: {why}", datname, subject="sequences", count=count
        )


def evidence(row: Sequence, severity: Severity, left: Eta | None) -> Evidence:
    name, used = identifier(row.schemaname, row.sequencename), row.used_ratio or 0.0
    return Evidence(
        subject=name,
        severity=severity,
        value=used,
        message=(
            f"The sequence {name}{feeds(row)} has used {share_text(used)} of its values;"
            f" {row.remaining or 0:,} are left{eta_text(left)}. {when(row)} {what_fails(row)}."
        ),
        facts={
            "last_value": row.last_value,
            "last_possible_value": row.last_possible,
            "remaining_values": row.remaining,
            "column": row.column_name,
            "column_type": row.column_type,
            "columns": row.columns,
            "earliest_end_seconds": left.early if left else None,
            "latest_end_seconds": left.late if left else None,
        },
        cure=cure(row),
        check=f"SELECT last_value, is_called FROM {name};",
        object=name,
        database=row.datname,
    )


def feeds(row: Sequence) -> str:
    if row.relname is None or row.table_schemaname is None:
        return ""
    table = identifier(row.table_schemaname, row.relname)
    more = f" and {plural(row.columns - 1, 'other column')}" if row.columns > 1 else ""
    return f" of {table}.{identifier(row.column_name or '')} ({row.column_type}){more}"


def when(row: Sequence) -> str:
    return "Now" if row.remaining == 0 else "Then"


def what_fails(row: Sequence) -> str:
    if is_limited_by_column(row):
        return f"every insert fails: {row.column_type} is out of range"
    return "every insert that takes a value from it fails"


def is_limited_by_column(row: Sequence) -> bool:
    limit = row.max_value if row.increment > 0 else row.min_value
    return row.last_possible != limit or is_full_type(row)


def is_full_type(row: Sequence) -> bool:
    """Whether its own limit is just that of its column's type, so that both must be widened."""
    return abs(row.last_possible) in (
        LARGEST.get(row.column_type or "", 0),
        LARGEST.get(row.column_type or "", 0) + 1,
    )


def cure(row: Sequence) -> tuple[str, ...]:
    """Widen the sequence where that is enough, else tell the steps that widen its column."""
    name = identifier(row.schemaname, row.sequencename)
    if is_limited_by_column(row) and row.relname and row.table_schemaname and row.column_name:
        table = identifier(row.table_schemaname, row.relname)
        return widen(table, row.table_schemaname, row.column_name, name)
    if abs(row.last_possible) in (2**15 - 1, 2**15, 2**31 - 1, 2**31):
        return (
            remark("Its columns are wide enough, only the sequence itself is not:"),
            *plain_ddl(f"ALTER SEQUENCE {name} AS bigint;"),
        )
    if abs(row.last_possible) in WIDEST:
        return (
            remark("No type is wider than bigint, and counting does not get there."),
            remark("1. Find what has set it so high: setval, a restore, a large increment."),
            remark("2. Look which values its columns really hold, and which range is free."),
            remark(f"3. Let it go on there: ALTER SEQUENCE {name} RESTART WITH …;"),
        )
    return (
        remark(
            f"Its limit {row.last_possible} was chosen. If it may be raised, such as after a look"
        ),
        remark("at what prints or stores these numbers elsewhere, raise it with ALTER SEQUENCE."),
    )


def evidence_of_key(row: IntegerKey, limits: Limits) -> Evidence:
    table, used = identifier(row.schemaname, row.relname), used_ratio(row)
    name, largest = f"{table}.{identifier(row.attname)}", row.largest or 0
    return Evidence(
        subject=name,
        severity=Severity.critical if used >= limits.used_critical else Severity.warning,
        value=used,
        message=(
            f"The key {name} ({row.column_type}), which no sequence fills, has used"
            f" {share_text(used)} of its values: at the last ANALYZE it held {largest:,}, and"
            f" {LARGEST[row.column_type] - largest:,} were left. Then every insert fails:"
            f" {row.column_type} is out of range."
        ),
        facts={
            "largest_known_value": largest,
            "last_possible_value": LARGEST[row.column_type],
            "column": row.attname,
            "column_type": row.column_type,
            "last_analyze": row.last_analyze,
        },
        cure=widen(table, row.schemaname, row.attname, None),
        check=f"SELECT pg_catalog.max({identifier(row.attname)}) FROM {table};",
        object=table,
        database=row.datname,
    )


def unknown_keys(rows: Iterable[IntegerKey]) -> Iterator[Unjudged]:
    """Yield keys of large tables of which no value is known, one line for each reason."""
    by_database = attrgetter("datname", "may_read")
    for (datname, may_read), group in groupby(sorted(rows, key=by_database), by_database):
        keys = list(group)
        count = plural(len(keys), "integer key")
        first = identifier(keys[0].schemaname, keys[0].relname)
        if may_read:
            why = f"without statistics of its values, such as that of {first} (ANALYZE makes them)"
        else:
            why = "pgvigil may not read what ANALYZE knows of its values"
        yield Unjudged(
            f"{count} without a sequence, in a large table: {why}",
            datname,
            subject="integer keys",
            grant=None if may_read else " ".join(map(grant, keys[:GRANTS])),
            count=len(keys),
        )


def grant(row: IntegerKey) -> str:
    table, column = identifier(row.schemaname, row.relname), identifier(row.attname)
    return f"GRANT SELECT ({column}) ON {table} TO {identifier(row.role)};"


finding = Finding(
    title="Sequence nearly exhausted",
    severities=(Severity.warning, Severity.critical),
    reads=(sequences, integer_keys),
    history=(GIVEN_OUT,),
    limits=Limits(),
    judge=judge,
    unit="ratio",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
