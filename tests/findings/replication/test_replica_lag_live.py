"""replica_lag on real servers: an archive, a delayed standby and a cascade."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts._base import Severity, State
from alerts.findings.replication.replica_lag import Limits, finding
from collectors.replication import replication
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import Farm
from tests.fixtures.one_look import verdict_of
from tests.fixtures.programs import Program
from tests.fixtures.replication import Pair, Watched, execute
from tests.fixtures.until import until

SOON = Limits(
    behind=timedelta(seconds=1),
    behind_critical=timedelta(minutes=5),
    backlog=0,
    trickle=timedelta(seconds=1),
)


@pytest.mark.versions(14, 18)
async def test_archive_delayed_standby_and_cascade(
    pair: Pair,
    standby: Callable[..., Postgres],
    launch: Callable[..., Program],
    farm: Farm,
    workplace: Path,
) -> None:
    """An archive is no standby, a delay is no lag, and a cascade is measured to the primary."""
    primary = pair.primary.server
    make_slot = "SELECT pg_create_physical_replication_slot('archive', true)"
    await execute(primary, make_slot, "INSERT INTO t SELECT generate_series(1, 200000)")
    delayed = Watched(standby(primary, recovery_min_apply_delay="1h", cluster_name="late"), "late")
    third = Watched(standby(pair.standby.server, cluster_name="db3"), "db3")
    await execute(third.server, "SELECT pg_wal_replay_pause()")
    where = f"--dbname={primary.dsn()}", f"--directory={workplace}"
    launch([farm.wheel.program("pg_receivewal"), *where, "--slot=archive", "--no-sync"])

    async def all_there() -> bool:
        await pair.look()
        assert pair.above
        names = {row.application_name for row in pair.above.rows(replication)}
        return names >= {"db2", "late", "pg_receivewal"}

    await until(all_there, "all receive")
    await execute(primary, "INSERT INTO t SELECT generate_series(1, 1000)")
    critical = replace(SOON, behind_critical=timedelta(seconds=1))

    async def behind() -> bool:
        await pair.look()
        verdict = pair.verdict(finding, "db1", critical)
        return [s.evidence.subject for s in verdict.subjects] == ["late"]

    await until(behind, "the primary sees the delayed one behind, and no other")
    verdict = pair.verdict(finding, "db1", critical)
    assert verdict.severity is Severity.info
    assert verdict.subjects[0].evidence.facts["slow_stage"] == "replay"
    above, below = pair.above, pair.below
    assert above
    assert below
    own = verdict_of(finding, await delayed.look(above), limits=SOON)
    assert (own.state, own.subjects) == (State.healthy, ())

    async def cascade_is_behind() -> bool:
        await pair.look()
        assert pair.above
        assert pair.below
        snapshot = await third.look(pair.above, pair.below)
        below = replace(pair.below, peers=(pair.above, snapshot))
        assert verdict_of(finding, below).state is not State.ill
        [*subjects] = verdict_of(finding, snapshot, limits=SOON).subjects
        return bool(subjects) and subjects[0].evidence.facts["against"] == "db1"

    await until(cascade_is_behind, "the third is behind the first")
