"""backfill_running and mass_delete_by_time: by rows made by hand, and on a real server."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.migrations import backfill_running
from alerts.findings.partitions import mass_delete_by_time
from alerts.history.recorder import Recorder
from alerts.limits import BaseLimits
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, AnyCollector
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import UserTable, user_tables
from tests.findings.queries.loads import did
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.statement_rows import statement

BACKFILL, DELETE = backfill_running.finding, mass_delete_by_time.finding
DAY = 86400.0
UPDATE = "update orders set total = $1 where id between $2 and $3"
OLD = "delete from events where created_at < $1"
BATCHES: dict[str, Any] = {"calls": 10, "rows": 1000, "wal_bytes": 900 * 1024, "seconds": 5.0}


def orders(**given: Any) -> UserTable:
    about = {"datname": "shop", "relid": 5, "schemaname": "public", "relname": "orders"}
    sizes = {"relkind": "r", "n_live_tup": 100_000, "n_dead_tup": 1000, "n_tup_del": 0}
    made: UserTable = filled(UserTable, **about | sizes | given)
    return made


def filling(
    *tables: UserTable, text: str = UPDATE, seconds: float = 900.0, **given: Any
) -> Verdict:
    row = statement(7, **BATCHES | given)
    known = [(user_tables, list(tables or [orders()]))]
    return verdict_of(BACKFILL, did(BACKFILL, row, texts={7: text}, seconds=seconds, also=known))


def test_a_backfill_at_its_limits() -> None:
    [subject] = filling().subjects
    told = subject.evidence
    assert told.severity is Severity.info
    assert told.subject == "public.orders, query 7"
    assert "1,000 rows within 15 min, about 1,000 of 100,000 so far" in told.message
    assert told.facts["rows_per_second"] == pytest.approx(1000 / 900, rel=0.01)
    assert told.facts["left_seconds"] == pytest.approx(99_000 * 0.9, rel=0.01)
    assert told.facts["wal_bytes_per_second"] == pytest.approx(1024, rel=0.01)


@pytest.mark.parametrize(
    "given",
    [
        {"calls": 9},
        {"rows": 999},  # per batch, and of the table
        {"text": "update orders set total = $1 where id = $2", "rows": 990},
        {"text": "insert into orders select $1"},
        {"text": "update other.orders set total = $1"},
        {"text": "update others set total = $1"},
    ],
    ids=str,
)
def test_what_is_no_backfill(given: dict[str, Any]) -> None:
    assert filling(**given).state is State.healthy


def test_tables_that_are_too_small_or_too_large_for_it() -> None:
    assert filling(orders(n_live_tup=99_999)).state is State.healthy
    assert filling(orders(n_live_tup=200_000)).state is State.ill
    assert filling(orders(n_live_tup=200_001)).state is State.healthy
    twins = [orders(), orders(relid=6, schemaname="b")]
    assert filling(*twins).state is State.healthy, "which of the two is not known"


def test_a_job_that_comes_back_is_no_backfill() -> None:
    """It has changed more rows than there are since the statistics were reset."""
    assert filling(rows=120_000).state is State.ill
    assert filling(rows=120_001).state is State.healthy


def test_dead_rows_that_vacuum_does_not_take() -> None:
    late = filling(orders(n_dead_tup=25_000))
    assert late.severity is Severity.warning
    assert "20 % of its rows are dead" in late.subjects[0].evidence.message
    assert filling(orders(n_dead_tup=24_999)).severity is Severity.info
    assert filling(rows=100_500).subjects[0].evidence.facts["left_seconds"] == 0


def test_a_quarter_of_an_hour_is_needed() -> None:
    assert filling(seconds=600.0).state is State.learning


GIB = 1024**3


def events(**given: Any) -> UserTable:
    sizes = {"relname": "events", "n_live_tup": 50_000_000, "n_tup_del": 2_000_000}
    more = {"table_size_bytes": GIB, "index_size_bytes": 0}
    return orders(**sizes | more | given)


def deleting(
    *tables: UserTable, text: str = OLD, limits: BaseLimits | None = None, **given: Any
) -> Verdict:
    about: dict[str, Any] = {"rows": 1_000_000, "stats_reset": AT - 10 * DAY}
    row = statement(7, **about | given)
    known = [(user_tables, list(tables or [events()]))]
    return verdict_of(DELETE, did(DELETE, row, texts={7: text}, also=known), limits=limits)


def test_a_mass_deletion_at_its_limits() -> None:
    [subject] = deleting().subjects
    told = subject.evidence
    assert told.value == 100_000
    assert told.facts["column"] == "created_at"
    assert "app deletes 100,000 rows a day from public.events (1 GiB) by created_at" in told.message
    assert "0.2 % of its rows" in told.message


@pytest.mark.parametrize(
    "given",
    [
        {"rows": 999_999},
        {"stats_reset": AT - 10.1 * DAY},
        {"text": "delete from events where id < $1"},
        {"text": "delete from b.events where created_at < $1"},
        {"text": "delete from event where created_at < $1"},
        {"stats_reset": None},
        {"datname": None},
    ],
    ids=str,
)
def test_what_is_no_mass_deletion(given: dict[str, Any]) -> None:
    assert deleting(**given).state is State.healthy


def test_few_rows_are_no_mass_however_small_the_table() -> None:
    """A table that is nearly emptied each day."""
    small = events(n_live_tup=200_000)
    assert deleting(small).state is State.ill
    assert deleting(small, rows=999_999).state is State.healthy


@pytest.mark.parametrize(
    "given",
    [
        {"n_live_tup": 50_000_001},
        {"n_tup_del": 2_000_001},
        {"table_size_bytes": GIB - 1},
        {"root_relid": 9},
        {"relkind": "p"},
        {"datname": "other"},
    ],
    ids=str,
)
def test_tables_of_which_it_is_not_told(given: dict[str, Any]) -> None:
    assert deleting(events(**given)).state is State.healthy


def test_an_empty_table_and_one_with_an_equal_name() -> None:
    assert deleting(events(n_live_tup=0)).state is State.ill
    twins = [events(), events(relid=6, schemaname="b")]
    assert deleting(*twins).state is State.healthy, "which of the two is not known"


def test_a_day_of_statistics_is_needed() -> None:
    """Since the reset, or since the statement was seen first."""
    assert deleting(stats_reset=AT - DAY).state is State.ill
    early = deleting(stats_reset=AT - DAY + 60)
    assert early.state is State.learning
    assert early.unjudged[0].until == AT + 60
    assert deleting(stats_since=AT - DAY + 60).state is State.learning


@pytest.mark.parametrize("finding", [BACKFILL, DELETE])
def test_without_an_answer_it_is_unknown(finding: AnyFinding) -> None:
    collectors: tuple[AnyCollector, ...] = (stat_statements, user_tables)
    for collector in collectors:
        blind = replace(seen(), absent={collector: Absence("refused")})
        assert verdict_of(finding, blind).state is State.unknown


TABLES = """
    create extension pg_stat_statements;
    create schema "S';";
    create table "S';"."or;ders" (id int primary key, total int, "creat'ed_at" timestamptz not null)
        with (autovacuum_enabled = off);
    insert into "S';"."or;ders" select n, null, timestamptz '2026-01-01' + n * interval '1 minute'
        from generate_series(1, 5000) n;
    analyze "S';"."or;ders";
"""
FILL = 'update "S\';"."or;ders" set total = 0 where id > {0} and id <= {0} + 200'
DROPS = """delete from "S';"."or;ders" where "creat'ed_at" < '2026-01-02'"""
PARTITIONED = """
    alter table "S';"."or;ders" add check ("creat'ed_at" < '2027-01-01');
    create table "S';".new (like "S';"."or;ders") partition by range ("creat'ed_at");
    alter table "S';".new attach partition "S';"."or;ders" for values from (minvalue)
        to ('2027-01-01');
"""
SMALL: dict[AnyFinding, BaseLimits] = {
    BACKFILL: backfill_running.Limits(min_rows=1000, share=0.1),
    DELETE: mass_delete_by_time.Limits(daily_rows=0, size=0, watched=timedelta(0), daily_share=0.0),
}


async def test_found_and_gone(database: Database, psql: Psql) -> None:
    """Whatever the table is called; one ends by itself, the other by the steps that are told."""
    await database.execute(TABLES)
    recorder = Recorder(wants=[*BACKFILL.history, *DELETE.history])
    loop: dict[str, float] = {"at": 1_900_000_000.0}

    async def told(later: float) -> dict[str, list[Any]]:
        loop["at"] += later
        asked = (stat_statements, statement_texts, user_tables)
        async with watching(dsn=database.monitor_dsn) as monitor:
            snapshot = await look(monitor, *asked, at=loop["at"], recorder=recorder)
        return {
            one.name: [s.evidence for s in verdict_of(one, snapshot, limits=SMALL[one]).subjects]
            for one in (BACKFILL, DELETE)
        }

    assert not any((await told(0)).values())
    session = await database.session()
    for first in range(0, 4000, 200):
        await session.execute(FILL.format(first))
    await session.execute(DROPS)
    await database.report(session)
    found = await told(900)
    name = '"S\';"."or;ders"'
    [filling] = found["backfill_running"]
    assert filling.object == name
    assert filling.facts["rows_done"] == 4000
    [deleting] = found["mass_delete_by_time"]
    assert deleting.object == name
    assert deleting.facts["column"] == '"creat\'ed_at"'
    for one in (filling, deleting):
        await psql(database.dsn, "\n".join((one.check, *one.cure)))
    await database.execute(PARTITIONED)
    gone = await told(3600)
    assert not any(gone.values())
