"""A statement takes several times as long as it did, because it is executed in another way."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, identifier, remark
from alerts.history.keys import Key
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plans.cause import ACCESS, INDEXES, SETTINGS, Cause, cause_of
from alerts.plans.change import Change
from alerts.plans.history import StatementCosts
from alerts.snapshot import Snapshot
from alerts.units import duration_text, moment_text
from collectors.extensions import extensions
from collectors.index_layout import index_layout
from collectors.settings import settings
from collectors.stat_statements import Statement, stat_statements
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables

COSTS = StatementCosts()


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    times: Annotated[float, Slack(0.75)] = 2.0
    """Times as long as usual that a call takes."""
    times_blocks: Annotated[float, Slack(0.75)] = 3.0
    """Times as many blocks (or as few) that a call needs, from which it is another plan."""
    min_load: Annotated[float, Slack(0.5)] = 0.01
    """Seconds, each second, that it takes in addition; cheaper statements don't matter."""
    windows: Annotated[int, FIXED] = 2
    """Windows in a row, of two minutes or of 20 calls if that takes longer; one may be chance."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.answer(stat_statements)
    costs = snapshot.of(COSTS)
    if not costs.judged and costs.learning:
        yield Unjudged("statements are not watched for long enough yet", until=costs.known_at)
    dear = {key: change for key, change in costs.changes.items() if is_dear(change, limits)}
    for row in rows.rows if dear else ():
        key = stat_statements.key_of(row)
        if change := dear.get(key):
            cause = cause_of(
                change,
                change.nature(limits.times_blocks),
                row.datname or "",
                frozenset(),
                snapshot,
            )
            if cause:
                yield evidence(key, row, change, cause, extension_schema(snapshot))


def is_dear(change: Change, limits: Limits) -> bool:
    return (
        change.windows >= limits.windows
        and change.before.is_beyond("seconds", change.after, limits.times)
        and change.load >= limits.min_load
    )


def evidence(key: Key, row: Statement, change: Change, cause: Cause, schema: str) -> Evidence:
    before, after = change.before.call, change.after
    name = f"{row.query_id} of {row.usename} in {row.datname}"
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=change.times_slower,
        message=(
            f"The statement {name} takes {call_time(after.seconds)} a call instead of"
            f" {call_time(before.seconds)} since {moment_text(change.since)}, and"
            f" {after.blocks:,.0f} blocks instead of {before.blocks:,.0f}, for"
            f" {number(after.rows)} rows (before: {number(before.rows)}): {cause.sentence}."
        ),
        facts={
            "cause": cause.why.value,
            "seconds_before": before.seconds,
            "seconds_after": after.seconds,
            "blocks_before": round(before.blocks, 1),
            "blocks_after": round(after.blocks, 1),
            "rows_before": round(before.rows, 2),
            "rows_after": round(after.rows, 2),
            "temp_blocks_before": round(before.temp_blocks, 1),
            "temp_blocks_after": round(after.temp_blocks, 1),
            "calls_per_second": round(change.call_rate, 3),
            "additional_load": round(change.load, 4),
            "table": identifier(*cause.object) if cause.object else None,
        },
        cure=(remark(f"On the primary, in database {row.datname}."), *cause.cure),
        check=(
            "SELECT calls, mean_exec_time, rows, shared_blks_hit, shared_blks_read,"
            f" temp_blks_written FROM {identifier(schema)}.pg_stat_statements"
            f" WHERE {equals('queryid', row.query_id)};"
        ),
        key="/".join(map(str, key)),
        database=row.datname,
    )


def extension_schema(snapshot: Snapshot) -> str:
    """Return the schema of pg_stat_statements, as far as that is known."""
    known = snapshot.rows(extensions) if snapshot.has(extensions) else ()
    own = (row.schemaname for row in known if row.extname == "pg_stat_statements")
    return next(own, "public")


def call_time(seconds: float) -> str:
    return f"{1000 * seconds:.2g} ms" if seconds < 0.01 else duration_text(seconds)


def number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


finding = Finding(
    title="Statement became slower",
    severities=(Severity.warning,),
    reads=(stat_statements,),
    consults=(user_tables, user_indexes, index_layout, settings, extensions),
    history=(COSTS, ACCESS, INDEXES, SETTINGS),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    alerted_by=AlertedBy.database,
    because=("table_bloat",),
)
