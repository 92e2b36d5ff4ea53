"""query_jit_overhead on a server that compiles: found, its setting changed as printed, gone."""

import re
from dataclasses import replace

from alerts._base import State
from alerts.findings.queries.query_jit_overhead import finding
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors.extensions import extensions
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from tests.fixtures.debian import Debian, debian
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Psql, connected

__all__ = ["debian"]

ASKED = (settings, extensions, stat_statements, statement_texts)
ROLE = f"create extension pg_stat_statements; create role {MONITOR} login in role pg_monitor;"
ADVICE = re.compile(r"ALTER SYSTEM SET [^;]*;")
"""The owner of the file runs it."""
SUM = f"select {' + '.join(f'sum(n * {i})' for i in range(12))} from small where n % 7 < 3"


async def test_compiled_for_nothing(debian: Debian, psql: Psql) -> None:
    """A few rows, and an estimate above the limit; the printed limit is above the estimate."""
    server = debian(jit="on", jit_above_cost=20)
    await psql(
        server.dsn(),
        f"{ROLE} create table small as select generate_series(1, 3000) as n; analyze small",
    )
    recorder = Recorder(wants=finding.history)
    limits = replace(finding.limits, min_calls=3, min_sessions=0.0)

    async def judged(at: float) -> Verdict:
        async with connected(server.dsn()) as app:
            for _ in range(3):
                await app.execute(SUM)
        async with watching(dsn=server.dsn(user=MONITOR)) as monitor:
            snapshot = await look(monitor, *ASKED, at=at, recorder=recorder)
        return verdict_of(finding, snapshot, limits=limits)

    assert (await judged(0)).state is State.learning
    [subject] = (await judged(3600)).subjects
    assert str(subject.evidence.facts["statement"]).startswith("select sum(n * $1)")
    assert 0.3 <= subject.evidence.value <= 1
    [advice] = ADVICE.findall("\n".join(subject.evidence.cure))
    await psql(server.dsn(), f"{subject.evidence.check} {advice}")
    server.restart()
    await judged(7200)
    assert (await judged(10800)).state is State.healthy
