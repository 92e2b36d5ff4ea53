"""backend_memory: what an idle session keeps, read from the processes of a real server."""

from dataclasses import replace
from pathlib import Path

import pytest

from alerts._base import State
from alerts.findings.settings.backend_memory import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import activity
from collectors.backend_memory import BackendMemory, backend_memory
from monitor.postgres.backend_memory import MemoryReader
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, supplied, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import IDLE, seen
from tests.fixtures.until import until

MB = 1 << 20
LIMITS = replace(finding.limits, size=40 * MB, idle=finding.limits.idle * 0)


@pytest.mark.parametrize(
    ("size", "state", "seconds", "expected"),
    [
        (512 * MB, "idle", 300.0, State.ill),
        (512 * MB - 1, "idle", 300.0, State.healthy),
        (512 * MB, "idle", 299.0, State.healthy),
        (512 * MB, "active", 300.0, State.healthy),
        (512 * MB, None, None, State.healthy),
    ],
)
def test_limits(size: int, state: str | None, seconds: float | None, expected: State) -> None:
    about = {"pid": 7, "backend_start_text": "2026-01-01 00:00:00+00", "application_name": ""}
    told = {"state": state, "state_seconds": seconds, "rss_anon_bytes": size}
    row = filled(BackendMemory, backend_seconds=900.0, **about, **told)
    assert verdict_of(finding, seen((backend_memory, [row]))).state is expected


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={backend_memory: Absence("the server runs elsewhere")})
    assert verdict_of(finding, blind).state is State.unknown


def test_other_processes_are_left_out(tmp_path: Path) -> None:
    """A pid of another host's server may be that of anything here."""
    texts = {
        100: "Name:\tpostgres\nRssAnon:\t    20 kB\n",
        101: "Name:\tbash\nRssAnon:\t    30 kB\n",
        102: "Name:\tpostgres\nVmSize:\t 1 kB\n",
        103: "Name:\tpostgres\nRssAnon:\t    40 kB\n",
    }
    for pid, text in texts.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "status").write_text(text)
    sessions = [replace(IDLE, pid=pid) for pid in (*texts, 104)]
    found = MemoryReader(tmp_path).read(sessions)
    assert [(row.pid, row.rss_anon_bytes) for row in found] == [(103, 40960), (100, 20480)]


@pytest.mark.versions(14, 18)
async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """A prepared statement of many megabytes is memory of its session; the cure ends that alone."""
    session, other = await database.session(), await database.session()
    reader = MemoryReader()

    async def judged() -> Verdict:
        async with watching(dsn=database.monitor_dsn) as connection:
            snapshot = await look(connection, activity)
        of_ours = [row for row in snapshot.rows(activity) if row.datname == database.name]
        told = supplied(snapshot, backend_memory, reader.read(of_ours))
        return verdict_of(finding, told, limits=LIMITS)

    assert (await judged()).state is State.healthy
    await session.execute(f"prepare large as select '{'x' * 30 * MB}'")
    pid = session.get_server_pid()
    [subject] = (await judged()).subjects
    assert subject.evidence.subject.startswith(f"pid {pid} ")
    await psql(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))

    async def gone() -> bool:
        return (await judged()).state is State.healthy

    await until(gone, "the session has ended")
    assert await other.fetchval("select 1") == 1
