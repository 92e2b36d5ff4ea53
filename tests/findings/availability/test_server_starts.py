"""server_crashed, server_restarted, statistics_lost: what a real server goes through, and loses."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from alerts._base import AnyFinding, Evidence, Severity, State
from alerts.findings.availability.server_crashed import finding as server_crashed
from alerts.findings.availability.server_restarted import finding as server_restarted
from alerts.findings.availability.statistics_lost import finding as statistics_lost
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.starts import STARTS
from alerts.verdicts.tracker import Timing, VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors.activity import activity
from collectors.databases import databases
from collectors.server import server as server_row
from collectors.user_tables import user_tables
from monitor.demo.launcher import Postgres
from tests.fixtures.daemon import Watch
from tests.fixtures.daemon import Watched as Daemon
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

LIMITS = {statistics_lost: replace(statistics_lost.limits, large=64 * 1024)}
TABLES = """
    CREATE TABLE orders AS SELECT i, 'a note'::text FROM generate_series(1, 20000) i;
    CREATE TABLE small AS SELECT 1;
    CREATE UNLOGGED TABLE "Its cache" AS SELECT i FROM generate_series(1, 1000) i;
    ANALYZE;
"""


@dataclass
class Watched:
    """One server over its starts, with one memory."""

    server: Postgres
    recorder: Recorder
    book: VerdictTracker

    async def judged(self, finding: AnyFinding) -> Verdict:
        async with watching(dsn=self.server.dsn(user=MONITOR)) as session:
            snapshot = await look(
                session, activity, server_row, databases, user_tables, recorder=self.recorder
            )
        return verdict_of(finding, snapshot, self.book, limits=LIMITS.get(finding))

    async def found(self, finding: AnyFinding) -> list[Evidence]:
        return [subject.evidence for subject in (await self.judged(finding)).subjects]

    async def answers(self) -> bool:
        try:
            async with connected(self.server.dsn()):
                return True
        except (asyncpg.PostgresError, OSError):
            return False

    async def kill_a_backend(self) -> None:
        """Send SIGKILL to a session of its own, and wait until the server has recovered."""
        async with connected(self.server.dsn()) as victim, connected(self.server.dsn()) as other:
            pid = await victim.fetchval("SELECT pg_backend_pid()")
            os.kill(pid, 9)
            await until(lambda: _ended(other), "all sessions have ended")
        await until(self.answers, "the server has recovered")


async def _ended(session: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return session.is_closed()


@pytest.fixture
def watched() -> Callable[[Postgres], Watched]:
    memory = Memory()
    return lambda server: Watched(
        server, Recorder((STARTS,), memory), VerdictTracker(memory, Timing(hold=False))
    )


@pytest.mark.versions(14, 18)
async def test_story_of_crashes(
    private_server: PrivateServers, watched: Callable[[Postgres], Watched], psql: Psql
) -> None:
    """A clean restart, the kill of a backend, an immediate stop, and one crash too many."""
    server = private_server()
    await psql(server.dsn(), TABLES)
    seen = watched(server)
    for finding in (server_crashed, server_restarted, statistics_lost):
        assert (await seen.judged(finding)).state is State.healthy

    server.restart()
    [restart] = await seen.found(server_restarted)
    assert restart.facts["clean"] is True
    assert await seen.found(server_crashed) == await seen.found(statistics_lost) == []

    await seen.kill_a_backend()
    [crash] = await seen.found(server_crashed)
    assert (crash.severity, crash.facts["kind"]) == (Severity.warning, "backend_crash")
    [lost] = await seen.found(statistics_lost)
    assert (lost.facts["tables"], lost.facts["unlogged_tables"]) == (
        "public.orders",
        'public."Its cache"',
    )
    await psql(server.dsn(), "\n".join((crash.check, *crash.cure, lost.check, *lost.cure)))

    async def only_the_cache() -> bool:
        found = await seen.found(statistics_lost)
        return [(one.value, one.facts["tables"]) for one in found] == [(1, "")]

    await until(only_the_cache, "orders is analysed")
    await psql(server.dsn(), 'INSERT INTO "Its cache" VALUES (1)')
    await until(lambda: _healthy(seen, statistics_lost), "the cache is filled again")

    server.restart("immediate")
    crashes = await seen.found(server_crashed)
    assert [one.facts["kind"] for one in crashes] == ["unclean", "backend_crash"]
    assert "stopped with 'immediate'" in crashes[0].message
    again = watched(server)
    await again.judged(server_crashed)
    await again.kill_a_backend()
    verdict = await again.judged(server_crashed)
    assert (verdict.severity, len(verdict.subjects)) == (Severity.critical, 3)
    assert len(await again.found(server_restarted)) == 1


async def _healthy(seen: Watched, finding: AnyFinding) -> bool:
    return (await seen.judged(finding)).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_story_of_a_promotion(
    private_server: PrivateServers,
    standby: Callable[..., Postgres],
    watched: Callable[[Postgres], Watched],
    psql: Psql,
) -> None:
    """A standby counts no dead rows, so what is promoted has to be analysed."""
    primary = private_server()
    await psql(primary.dsn(), TABLES)
    second = standby(primary)
    seen = watched(second)
    assert (await seen.judged(statistics_lost)).state is State.not_applicable
    second.promote()
    [lost] = await seen.found(statistics_lost)
    assert (lost.facts["lost_by"], lost.facts["tables"]) == ("promotion", "public.orders")
    assert lost.facts["unlogged_tables"] == 'public."Its cache"'
    assert await seen.found(server_crashed) == []
    statements = [line for line in lost.cure if not line.startswith("--")]
    await psql(second.dsn(), "\n".join((*statements, 'INSERT INTO "Its cache" VALUES (1)')))
    await until(lambda: _healthy(seen, statistics_lost), "it is analysed")


@pytest.mark.versions(18)
async def test_the_daemon_tells_the_kill_of_its_own_backend(
    private_server: PrivateServers, watch: Watch
) -> None:
    """It is the session that is killed, so it has to come back to tell."""
    server = private_server()
    daemon = await watch(server.dsn(user=MONITOR))
    await daemon.until_seen()
    session = daemon.server.sessions.any
    assert session is not None
    started = session.identity.checkpointer_started
    os.kill(session.identity.pid, 9)

    async def told() -> bool:
        return daemon.verdict("server_crashed").events == 1

    await until(told, "the crash is told")
    assert daemon.verdict("server_restarted").events == 0
    back = daemon.server.sessions.any
    assert back is not None
    assert started is not None
    assert (back.identity.checkpointer_started or 0) > started


@pytest.mark.versions(18)
async def test_the_daemon_tells_another_cluster(
    private_server: PrivateServers, watch: Watch, tmp_path: Path
) -> None:
    """The address moves: who answers now is told, and what was seen of the old one is over."""
    old, new = private_server(), private_server(fresh=True)
    at = tmp_path / "at"
    at.symlink_to(old.folder)
    daemon = await watch(old.dsn(user=MONITOR).replace(quote(str(old.folder), ""), str(at)))
    await daemon.until_seen()
    old.restart()
    await until(lambda: _events(daemon, 1), "the restart is told")
    old.stop()
    at.unlink()
    at.symlink_to(new.folder)

    async def moved() -> bool:
        found = daemon.verdict("server_restarted").subjects
        return [one.evidence.severity for one in found] == [Severity.warning]

    await until(moved, "the other cluster is told, and no restart of the old one")
    [told] = daemon.verdict("server_restarted").subjects
    ids = told.evidence.facts["system_identifier"], told.evidence.facts["system_identifier_before"]
    assert None not in ids
    assert all(f"{one}" in told.evidence.message for one in ids)
    assert ids[0] != ids[1]


async def _events(daemon: Daemon, number: int) -> bool:
    return daemon.verdict("server_restarted").events == number
