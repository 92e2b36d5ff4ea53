"""A statement takes several times as long as it did, because it is executed in another way."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, identifier, remark
from alerts.history.keys import Key
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plans.cause import (
    ACCESS,
    INDEXES,
    ROLE_SETTINGS,
    SCANNED,
    SETTINGS,
    Cause,
    Why,
    cause_of,
)
from alerts.plans.change import SPILLED, Change, Nature
from alerts.plans.clues import words_of
from alerts.plans.history import StatementCosts
from alerts.snapshot import Snapshot
from alerts.statements.load import schemas
from alerts.statements.texts import STATEMENT_TEXTS
from alerts.units import duration_text, moment_text
from collectors._columns import where
from collectors.extensions import extensions
from collectors.index_layout import index_layout
from collectors.role_settings import role_settings
from collectors.settings import settings
from collectors.stat_statements import Statement, stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables

COSTS = StatementCosts()
NOTICEABLE = 1.1
"""Times as long as usual that a call must take in any case."""
BRIEF = 70
"""Characters of a statement in a sentence."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    times: Annotated[float, Slack(0.75)] = 2.0
    """Times as long as usual that a call takes."""
    times_spill: Annotated[float, Slack(0.9)] = 1.3
    """The same where it began to write temporary files, and no setting was changed then."""
    times_blocks: Annotated[float, Slack(0.75)] = 3.0
    """Times as many blocks (or as few) that a call needs, from which it is another plan."""
    min_load: Annotated[float, Slack(0.5)] = 0.01
    """Seconds, each second, that it takes in addition; cheaper statements don't matter."""
    windows: Annotated[int, FIXED] = 2
    """Windows in a row, of two minutes or of 20 calls if that takes longer; one may be chance."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(stat_statements)
    costs = snapshot.of(COSTS)
    if not costs.judged and costs.learning:
        yield Unjudged("statements are not watched for long enough yet", until=costs.known_at)
    dear = {key: change for key, change in costs.changes.items() if is_dear(change, limits)}
    if not dear:
        return
    texts, ids = snapshot.of(STATEMENT_TEXTS), {key[2] for key in dear}
    for row in where(rows, "query_id", ids):
        key = stat_statements.key_of(row)
        if change := dear.get(key):
            text = texts.known.get(row.query_id)
            words = words_of(text.query) if text and not text.is_cut else frozenset()
            nature = change.nature(limits.times_blocks)
            user, database = row.usename, row.datname or ""
            cause = cause_of(change, nature, user, database, words, snapshot)
            if cause and (cause.why is not Why.spill or change.times_slower >= limits.times_spill):
                yield evidence(key, row, change, cause, texts.shown(row.query_id), snapshot)


def is_dear(change: Change, limits: Limits) -> bool:
    """Whether it is much slower; time varies with all that runs beside it, blocks do not."""
    before, after = change.before, change.after
    if change.windows < limits.windows or change.load < limits.min_load:
        return False
    nature = change.nature(limits.times_blocks)
    if nature is Nature.spill:
        return change.times_slower >= NOTICEABLE
    if nature is Nature.plan:
        return change.times_slower >= limits.times
    return before.is_beyond("seconds", after, limits.times)


def evidence(
    key: Key, row: Statement, change: Change, cause: Cause, text: str | None, snapshot: Snapshot
) -> Evidence:
    before, after = change.before.call, change.after
    return Evidence(
        subject=f"query {row.query_id} of {row.usename}",
        severity=Severity.warning,
        value=change.times_slower,
        message=(
            f"Since {moment_text(change.since)}, {brief(row, text)} takes"
            f" {call_time(after.seconds)} a call (before: {call_time(before.seconds)}),"
            f" {after.blocks:,.0f} blocks (before: {before.blocks:,.0f}) for"
            f" {number(after.rows)} rows (before: {number(before.rows)}){spilled(change)}:"
            f" {cause.sentence}."
        ),
        facts={
            "query_id": str(row.query_id),
            "statement": text,
            "user": row.usename,
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
        check=check(row, snapshot),
        key="/".join(map(str, key)),
        database=row.datname,
    )


def brief(row: Statement, text: str | None) -> str:
    """Name the statement in a sentence."""
    if not text:
        return f"the statement with the query id {row.query_id}"
    return f"`{text}`" if len(text) <= BRIEF else f"`{text[:BRIEF].rstrip()} …`"


def spilled(change: Change) -> str:
    """Say how many blocks of temporary files it writes and reads, where that has changed."""
    before, after = change.before.call.temp_blocks, change.after.temp_blocks
    if after - before < SPILLED:
        return ""
    return f", and {after:,.0f} blocks of temporary files (before: {before:,.0f})"


def check(row: Statement, snapshot: Snapshot) -> str:
    """Return a query that shows what the server has counted; empty where it can't run."""
    schema = schemas(snapshot).get(row.datname or "")
    if schema is None:
        return ""
    return (
        "SELECT calls, mean_exec_time, rows, shared_blks_hit, shared_blks_read, query"
        f" FROM {identifier(schema, 'pg_stat_statements')}"
        f" WHERE {equals('queryid', row.query_id)} AND {equals('userid', row.userid)}"
        f" AND {equals('dbid', row.dbid)};"
    )


def call_time(seconds: float) -> str:
    return f"{1000 * seconds:.2g} ms" if seconds < 0.01 else duration_text(seconds)


def number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


finding = Finding(
    title="Statement became slower",
    severities=(Severity.warning,),
    reads=(stat_statements,),
    consults=(
        *(user_tables, user_indexes, index_layout, settings, role_settings),
        *(extensions, statement_texts),
    ),
    history=(COSTS, STATEMENT_TEXTS, ACCESS, SCANNED, INDEXES, SETTINGS, ROLE_SETTINGS),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    alerted_by=AlertedBy.database,
    because=("table_bloat", "xmin_horizon_held"),
)
