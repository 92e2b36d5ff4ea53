"""Findings about the load of a real server: reads, shares, evictions, and a standby at rest."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.queries import (
    pgss_evicting,
    query_load_top,
    query_shared_read,
    read_offload_candidate,
)
from alerts.history.recorder import Recorder
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors.extensions import extensions
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.stat_statements_info import stat_statements_info
from collectors.statement_texts import statement_texts
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected

pytestmark = pytest.mark.versions(14, 18)

ASKED = (settings, extensions, stat_statements, stat_statements_info, statement_texts)
ADVICE = re.compile(r"ALTER SYSTEM SET [^;]*;")
"""The owner of the file runs it, and then restarts the server."""
READS = "select count(*), pg_sleep(0.1) from big where n = 1"
SHOWN = "select count(*), pg_sleep($1) from big where n = $2"
"""It takes longer than our own queries, on a busy machine too."""
SMALL = {"min_bytes": 100_000, "min_sessions": 0.0, "evictions": 3.0}
"""A test can't keep a server busy for an hour."""
SCANT: dict[str, Any] = {"pg_stat_statements.max": "100"}
FILLED = (
    "create extension pg_stat_statements",
    "create table big (n int, filler text)",
    "insert into big select n, repeat('x', 400) from generate_series(1, 40000) n",
    "vacuum analyze big",
)


def limits(of: BaseLimits) -> BaseLimits:
    return replace(of, **{name: value for name, value in SMALL.items() if hasattr(of, name)})


async def run(server: Postgres, *statements: str) -> None:
    async with connected(server.dsn()) as session:
        for statement in statements:
            await session.execute(statement)


class Eye:
    """Looks at one server at said times, and judges by limits that a test can reach."""

    def __init__(self, server: Postgres, *findings: AnyFinding) -> None:
        self.server, self.findings = server, findings
        self.recorder = Recorder(wants=[want for one in findings for want in one.history])

    async def snapshot(self, at: float, *peers: Snapshot) -> Snapshot:
        async with watching(dsn=self.server.dsn("postgres", MONITOR)) as session:
            return await look(session, *ASKED, at=at, recorder=self.recorder, peers=peers)

    async def judged(self, at: float, *peers: Snapshot) -> dict[str, Verdict]:
        snapshot = await self.snapshot(at, *peers)
        return {
            one.name: verdict_of(one, snapshot, limits=limits(one.limits)) for one in self.findings
        }


def statements(verdict: Verdict) -> set[object]:
    return {one.evidence.facts["statement"] for one in verdict.subjects}


async def test_a_statement_that_reads_most(private_server: PrivateServers) -> None:
    """It is the largest share of the load and of all reads; with an index it is neither."""
    server = private_server()
    await run(server, *FILLED)
    server.restart()  # nothing is in shared buffers; a scan of a large table does not stay there
    eye = Eye(server, query_shared_read.finding, query_load_top.finding)
    assert {one.state for one in (await eye.judged(0)).values()} == {State.learning}
    await run(server, *(6 * [READS]))
    ill = await eye.judged(3600)
    assert {name: SHOWN in statements(one) for name, one in ill.items()} == {
        "query_shared_read": True,
        "query_load_top": True,
    }
    # As advised: an index with the column that is filtered.
    await run(server, "create index concurrently on big (n)", *(6 * [READS]), "select pg_sleep(2)")
    await eye.judged(7200)
    await run(server, *(6 * [READS]), "select pg_sleep(2)")
    gone = await eye.judged(10800)
    assert {name for name, one in gone.items() if SHOWN in statements(one)} == set()


async def test_statements_are_evicted(private_server: PrivateServers, psql: Psql) -> None:
    """Told with the form that fills it, and gone with the room that the printed cure gives."""
    server = private_server(**SCANT)
    await run(server, "create extension pg_stat_statements")
    eye = Eye(server, pgss_evicting.finding)
    lists = [f"select {', '.join(n * ['1'])}" for n in range(1, 300)]
    await eye.judged(0)
    await run(server, *lists[:20])
    assert (await eye.judged(3600))["pgss_evicting"].state is State.healthy
    await run(server, *lists)
    verdict = (await eye.judged(7200))["pgss_evicting"]
    [subject] = verdict.subjects
    assert verdict.state is State.ill
    assert subject.evidence.subject == "pg_stat_statements"
    assert str(subject.evidence.facts["form"]).startswith("select (…)")
    [advice] = ADVICE.findall("\n".join(subject.evidence.cure))
    await psql(server.dsn(), advice)
    server.restart()
    await eye.judged(10800)
    await run(server, *lists)
    assert (await eye.judged(14400))["pgss_evicting"].state is State.healthy


async def test_a_standby_at_rest(
    private_server: PrivateServers, standby: Callable[..., Postgres]
) -> None:
    """The primary reads alone; when the standby reads too, it is no candidate any more."""
    primary = private_server()
    await run(primary, *FILLED)
    second = standby(primary)
    above, below = Eye(primary, read_offload_candidate.finding), Eye(second)
    below.recorder = Recorder(wants=read_offload_candidate.finding.history)

    async def judged(at: float) -> Verdict:
        [verdict] = (await above.judged(at, await below.snapshot(at))).values()
        return verdict

    assert (await judged(0)).state is State.learning
    await run(primary, *(10 * [READS]))
    verdict = await judged(3600)
    assert verdict.state is State.ill
    assert len(verdict.subjects) == 1
    await run(primary, *(5 * [READS]))
    await run(second, *(5 * [READS]))
    assert (await judged(7200)).state is State.healthy
