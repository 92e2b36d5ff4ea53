"""A table has grown far more within a day than on any day before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, identifier, regclass, remark
from alerts.history.samples import DAY
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.runway.rate import Rate
from alerts.runway.size_trends import TABLE_SIZES, table_key
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, Share, bytes_text
from collectors._base import Role
from collectors._columns import where
from collectors.user_tables import UserTable, user_tables

NO_FILE = "growth over days is not remembered without a state file"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    times: Annotated[float, Slack(0.8)] = 5.0
    """How many times its highest day before it must have grown."""
    least_bytes: Bytes = 1024**3
    """Growth of the day from which it is reported."""
    least_share: Share = 0.1
    """Share of its size by which it must have grown."""
    observed: Annotated[Duration, FIXED] = timedelta(days=7)
    """Time that must have been observed: what happens once a week is no anomaly."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    trends = snapshot.of(TABLE_SIZES)
    known = {key: trend.rate for key, trend in trends.items() if trend.rate}
    if trends and not known:
        first = min(trend.first for trend in trends.values())
        remembered = all(trend.has_file for trend in trends.values())
        reason = "growth of tables is not known yet" if remembered else NO_FILE
        yield Unjudged(reason, until=first + limits.observed.total_seconds() + DAY)
    odd = {key for key, rate in known.items() if is_odd(rate, trends[key].newest.value, limits)}
    if odd:
        for table in named(snapshot, odd):
            yield evidence(table, known[table_key(table.datname, table.relid)])


def is_odd(rate: Rate, size: float, limits: Limits) -> bool:
    grown, usual = rate.last_day * DAY, max(0.0, rate.highest_before * DAY)
    enough = grown >= max(limits.least_bytes, limits.least_share * size)
    seen = rate.span >= limits.observed.total_seconds()
    return seen and enough and grown >= limits.times * usual


def named(snapshot: Snapshot, keys: set[str]) -> Iterator[UserTable]:
    rows = snapshot.rows(user_tables)
    wanted = {int(key.rpartition(".")[2]) for key in keys}
    for table in where(rows, "relid", wanted):
        if table_key(table.datname, table.relid) in keys:
            yield table


def evidence(table: UserTable, rate: Rate) -> Evidence:
    name, grown = identifier(table.schemaname, table.relname), rate.last_day * DAY
    usual = max(0.0, rate.highest_before * DAY)
    before = f"at most {bytes_text(usual)}" if usual else "nothing"
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=grown,
        message=(
            f"{name} has grown by {bytes_text(grown)} within a day, and {before} a day before that;"
            f" it has {bytes_text(table.total_bytes)} now."
        ),
        facts={
            "grown_bytes": grown,
            "highest_day_before_bytes": usual,
            "size_bytes": table.total_bytes,
            "observed_seconds": rate.span,
            "dead_rows": table.n_dead_tup,
        },
        cure=(
            remark(
                "Find out what wrote it: a load, a backfill, or updates that VACUUM can't keep up"
            ),
            remark(
                "with. Many dead rows mean the last one: see table_bloat and xmin_horizon_held."
            ),
        ),
        check=(
            "SELECT n_tup_ins, n_tup_upd, n_tup_del, n_live_tup, n_dead_tup, last_autovacuum"
            " FROM pg_catalog.pg_stat_user_tables"
            f" WHERE {equals('relid', regclass(table.schemaname, table.relname))};"
        ),
        object=name,
        database=table.datname,
    )


finding = Finding(
    title="Unusual growth of a table",
    severities=(Severity.info,),
    reads=(user_tables,),
    history=(TABLE_SIZES,),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    on=Role.primary,
    kind=FindingKind.review,
)
