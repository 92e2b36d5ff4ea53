"""Findings about the cost of statements on a real server: ill, found, done as advised, gone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.queries import (
    parallel_workers_starved,
    query_jit_overhead,
    query_planning_heavy,
    query_slow,
    query_temp_spill,
    query_wal_heavy,
)
from alerts.history.recorder import Recorder
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors.extensions import extensions
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database

ASKED = (settings, extensions, stat_statements, statement_texts)
SPILLS = "select count(*) from (select n from unsorted order by n offset 1) s"
WRITES = "update unsorted set n = n + 1 where n < 2000"
SLEEPS = "select pg_sleep(0.06)"
JOINED = " join ".join(f"pg_class c{n} using (oid)" for n in range(1, 10))
PLANS = f"select 1 from pg_class c0 join {JOINED} where oid = 0"
WORKERS = "select sum(n) from unsorted"
EXPECTED: dict[AnyFinding, str] = {
    query_slow.finding: SLEEPS.replace("0.06", "$1"),
    query_temp_spill.finding: SPILLS.replace("offset 1", "offset $1"),
    query_wal_heavy.finding: WRITES.replace("+ 1", "+ $1").replace("2000", "$2"),
    query_planning_heavy.finding: PLANS.replace("select 1", "select $1").replace("= 0", "= $2"),
}
SMALL = {
    "min_bytes": 100_000,
    "min_calls": 3,
    "min_plans": 3,
    "min_planned": 3,
    "min_share": 0.005,
    "min_sessions": 0.0,
    "mean": timedelta(milliseconds=50),
}
"""A test can't keep a server busy for an hour."""


def limits(of: BaseLimits) -> BaseLimits:
    return replace(of, **{name: value for name, value in SMALL.items() if hasattr(of, name)})


def judged(snapshot: Snapshot) -> dict[str, Verdict]:
    findings = (*EXPECTED, query_jit_overhead.finding, parallel_workers_starved.finding)
    return {one.name: verdict_of(one, snapshot, limits=limits(one.limits)) for one in findings}


async def test_found_and_gone(database: Database, version: int) -> None:
    """Each names its statement; where it is done as advised it is well an hour later."""
    await database.execute(
        "create extension pg_stat_statements; create table unsorted (n int) with"
        " (parallel_workers = 4); insert into unsorted select random() * 100000 from"
        " generate_series(1, 60000); analyze unsorted"
    )
    recorder = Recorder(
        wants=[want for one in (*EXPECTED, query_slow.finding) for want in one.history]
    )

    async def seen(at: float) -> dict[str, Verdict]:
        async with watching(dsn=database.monitor_dsn) as monitor:
            return judged(await look(monitor, *ASKED, at=at, recorder=recorder))

    assert {one.state for one in (await seen(0)).values()} == {State.learning}
    ill = await database.session(
        **{
            "work_mem": "64kB",
            "max_parallel_workers_per_gather": "0",
            # All orders of a join are tried: that takes longer than a turn on a busy machine.
            "join_collapse_limit": "10",
            "pg_stat_statements.track_planning": "on",
        }
    )
    for statement in 4 * (SPILLS, WRITES, SLEEPS, PLANS):
        await ill.execute(statement)  # not prepared: planned each time
    found = await seen(3600)
    for finding, text in EXPECTED.items():
        told = {one.evidence.facts["statement"] for one in found[finding.name].subjects}
        assert text in told, finding.name
    jit = State.unknown if version < 15 else State.healthy
    workers = State.unknown if version < 18 else State.healthy
    assert found["query_jit_overhead"].state is jit
    assert found["parallel_workers_starved"].state is workers
    # More memory; nothing else is executed any more.
    well = await database.session(work_mem="64MB")
    for _ in range(4):
        await well.execute(SPILLS)
    gone = await seen(7200)
    for finding, text in EXPECTED.items():
        told = {one.evidence.facts["statement"] for one in gone[finding.name].subjects}
        assert text not in told, finding.name


@pytest.mark.versions(18)
async def test_workers_that_are_not_there(database: Database) -> None:
    """Plans ask for them, and none may be started."""
    await database.execute(
        "create extension pg_stat_statements; create table unsorted (n int) with"
        " (parallel_workers = 4); insert into unsorted select generate_series(1, 1000);"
        " analyze unsorted"
    )
    finding = parallel_workers_starved.finding
    recorder = Recorder(wants=finding.history)
    for setting in ("parallel_setup_cost = 0", "parallel_tuple_cost = 0"):
        await database.fetch(f"set {setting}")

    async def act(at: float, workers: int) -> Verdict:
        await database.fetch(f"set max_parallel_workers = {workers}")
        for _ in range(4):
            await database.fetch(WORKERS)
        async with watching(dsn=database.monitor_dsn) as monitor:
            snapshot = await look(monitor, *ASKED, at=at, recorder=recorder)
        return verdict_of(finding, snapshot, limits=limits(finding.limits))

    await act(0, 0)
    assert (await act(3600, 0)).state is State.ill
    assert (await act(7200, 8)).state is State.healthy
