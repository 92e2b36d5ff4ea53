"""database_size_growth and table_size_anomaly: sizes of a real database, over days of our clock."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.runway import database_size_growth, table_size_anomaly
from alerts.history.kind import AnyHistory
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.history.samples import DAY, Sample
from alerts.runway.rate import Rate
from alerts.runway.size_trends import DATABASE_SIZES, TABLE_SIZES, table_key
from alerts.runway.trends import Trend
from alerts.verdicts.verdict import Verdict
from collectors.database_sizes import DatabaseSize, database_sizes
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import AT, seen

GIB = 1024**3


def steady(size: float, rate: Rate | None) -> Trend:
    return Trend(AT - 20 * DAY, Sample(AT, size), (), rate)


def grown(low: float, high: float, days: float = 14) -> Rate:
    """GiB a day."""
    return Rate(low * GIB / DAY, low * GIB / DAY, high * GIB / DAY, days * DAY)


def database(size: float, rate: Rate | None) -> Verdict:
    known = seen((database_sizes, [DatabaseSize("shop", round(size * GIB))]))
    views: Mapping[AnyHistory, Any] = {DATABASE_SIZES: {"shop": steady(size, rate)}}
    return verdict_of(database_size_growth.finding, known.with_histories(views))


@pytest.mark.parametrize(
    ("size", "rate", "state"),
    [
        (100, grown(1, 2), State.ill),
        (130, grown(1, 2), State.healthy),  # doubles in 130 days
        (10, grown(0.3, 9), State.healthy),  # less than 10 GiB a month
        (10, grown(0, 9), State.healthy),  # some days only
        (100, grown(1, 2, days=5), State.learning),
        (100, None, State.learning),
    ],
)
def test_a_database_that_doubles_soon(size: float, rate: Rate | None, state: State) -> None:
    """By its slowest pace, and after a week."""
    assert database(size, rate).state is state


def table(today: float, before: float, size: float, days: float = 14) -> Verdict:
    row = filled(
        UserTable,
        datname="shop",
        relid=7,
        schemaname="public",
        relname="events",
        table_size_bytes=round(size * GIB),
        index_size_bytes=0,
        n_dead_tup=0,
    )
    rate = replace(grown(0, 9, days), last_day=today * GIB / DAY, highest_before=before * GIB / DAY)
    known = seen((user_tables, [row]))
    views: Mapping[AnyHistory, Any] = {
        TABLE_SIZES: {table_key("shop", 7): steady(size * GIB, rate)}
    }
    return verdict_of(table_size_anomaly.finding, known.with_histories(views))


@pytest.mark.parametrize(
    ("today", "before", "size", "days", "state"),
    [
        (5, 1, 20, 14, State.ill),
        (5, 1.1, 20, 14, State.healthy),  # once a week it is nearly as much
        (0.9, 0, 2, 14, State.healthy),  # less than 1 GiB
        (5, 0, 60, 14, State.healthy),  # a twelfth of its size
        (5, 1, 20, 6, State.healthy),
        (5, -3, 20, 14, State.ill),
    ],
)
def test_a_table_that_grew_as_never_before(
    today: float, before: float, size: float, days: float, state: State
) -> None:
    assert table(today, before, size, days).state is state


@pytest.mark.versions(14, 18)
async def test_found_and_gone(database: Database, psql: Psql) -> None:
    """A megabyte a day for nine days, then ten times as much; the clock alone is ours."""
    memory = Memory()
    memory.samples.read_file = lambda *_: ()
    findings = database_size_growth.finding, table_size_anomaly.finding
    recorder = Recorder([kind for one in findings for kind in one.history], memory)
    fast = database_size_growth.Limits(doubles=timedelta(days=365), month_bytes=1 << 20)
    odd = table_size_anomaly.Limits(least_bytes=1 << 20)
    limits = dict(zip(findings, (fast, odd), strict=True))
    await database.execute(
        "create table log (note text); alter table log alter note set storage plain"
    )

    async def after(day: int, megabytes: int) -> list[Verdict]:
        await database.execute(
            "insert into log select repeat('x', 980) from generate_series(1, 1024 * $1::int)",
            megabytes,
        )
        await database.execute("analyze log")
        async with watching(dsn=database.monitor_dsn) as connection:
            known = await look(
                connection, database_sizes, user_tables, at=AT + day * DAY, recorder=recorder
            )
        return [verdict_of(one, known, limits=limits[one]) for one in findings]

    for day in range(10):
        size, anomaly = await after(day, 1)
    assert anomaly.state is State.healthy
    [subject] = [s for s in size.subjects if s.evidence.database == database.name]
    assert "most of it public.log" in subject.evidence.message
    await psql(database.dsn, subject.evidence.check)
    await after(10, 12)
    _, anomaly = await after(11, 0)
    [odd_one] = anomaly.subjects
    assert odd_one.evidence.subject == "public.log"
    await psql(database.dsn, odd_one.evidence.check)
    _, anomaly = await after(12, 0)
    assert anomaly.state is State.healthy
