"""Settings that cost something at run time, on a real server, cured by what is printed."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts._base import AnyFinding, Evidence, State
from alerts.findings.security.security_hba_trust import finding as hba_trust
from alerts.findings.settings.config_autovacuum_weak import finding as autovacuum_weak
from alerts.findings.settings.config_file_errors import finding as file_errors
from alerts.findings.settings.config_shared_buffers import finding as shared_buffers
from alerts.findings.settings.config_work_mem import finding as work_mem
from alerts.history.recorder import Recorder
from alerts.limits import BaseLimits
from alerts.verdicts.verdict import Verdict
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, PrivateServers, Psql, connected
from tests.fixtures.until import until

ADVICE = re.compile(r"(ALTER SYSTEM SET .*?;) then")
SORT = "select count(*) from (select n::text from generate_series(1, 20000) n order by 1) s"
LIMITS: dict[AnyFinding, BaseLimits] = {
    work_mem: replace(work_mem.limits, written=100_000, files=3),
    shared_buffers: replace(shared_buffers.limits, read=1, share=0.0, size=16 << 20),
}


class Watch:
    """A server whose counters are looked at an hour apart."""

    def __init__(self, dsn: str, *findings: AnyFinding) -> None:
        self.dsn, self.findings, self.at = dsn, findings, 1_800_000_000.0
        self.recorder = Recorder(tuple(kind for one in findings for kind in one.history))

    async def look(self, seconds: float = 0.0) -> dict[AnyFinding, Verdict]:
        self.at += seconds
        asked = dict.fromkeys(one for finding in self.findings for one in finding.reads)
        async with watching(dsn=self.dsn) as connection:
            seen = await look(connection, *asked, at=self.at, recorder=self.recorder)
        return {one: verdict_of(one, seen, limits=LIMITS.get(one)) for one in self.findings}

    async def until(self, finding: AnyFinding, state: State) -> Verdict:
        async def reached() -> Verdict | None:
            verdict = (await self.look())[finding]
            return verdict if verdict.state is state else None

        found = await until(reached, f"{finding.name} is {state}")
        assert found
        return found


def advice(one: Evidence) -> str:
    found = ADVICE.search(" ".join(one.cure))
    assert found
    return found[1]


@pytest.mark.versions(14, 18)
async def test_memory(private_server: PrivateServers) -> None:
    """Sorts that spill no longer do after what is advised; shared_buffers is another after a
    restart."""
    server = private_server(shared_buffers="16MB", work_mem="64kB")
    watch = Watch(server.dsn("postgres", MONITOR), work_mem, shared_buffers)
    assert (await watch.look())[work_mem].state is State.learning

    async def spill() -> None:
        async with connected(server.dsn()) as admin:
            for _ in range(4):
                await admin.execute(SORT)
            await admin.execute("select count(*) from pg_proc")

    await spill()
    watch.at += 3600
    [spilled] = (await watch.until(work_mem, State.ill)).subjects
    assert spilled.evidence.value > 1_000_000
    [small] = (await watch.until(shared_buffers, State.ill)).subjects
    async with connected(server.dsn()) as admin:
        await admin.execute(advice(spilled.evidence))
        await admin.execute(advice(small.evidence))
        assert small.evidence.facts["shared_buffers_bytes"] == 16 << 20
    await asyncio.to_thread(server.restart)
    await watch.look(7200)

    async def cured() -> bool:
        await spill()
        verdicts = await watch.look(3600)
        return all(verdicts[one].state is State.healthy for one in (work_mem, shared_buffers))

    # Until 14 the first looks after a restart may still count what was written before it.
    await until(cured, "the same sorts have room")


@pytest.mark.versions(14, 18)
async def test_files(private_server: PrivateServers) -> None:
    """Unknown without the right, which shows passwords; then the lines are told."""
    server = private_server()
    watch = Watch(server.dsn("postgres", MONITOR), file_errors, hba_trust)
    verdicts = await watch.look()
    assert {one.state for one in verdicts.values()} == {State.unknown}
    async with connected(server.dsn()) as admin:
        for name in ("pg_hba_file_rules", "pg_show_all_file_settings"):
            await admin.execute(f"grant execute on function {name}() to pgvigil_monitor")
    verdicts = await watch.look()
    assert {one.state for one in verdicts.values()} == {State.healthy}

    undo = spoiled(server.data)
    verdicts = await watch.look()
    first, second = sorted(verdicts[hba_trust].subjects, key=lambda one: one.evidence.subject)
    assert "p;q from 10.0.0.0 to all" in first.evidence.message
    assert "password in clear" in second.evidence.message
    [wrong] = verdicts[file_errors].subjects
    assert wrong.evidence.facts["name"] == "wrok_mem"
    undo()
    verdicts = await watch.look()
    assert {one.state for one in verdicts.values()} == {State.healthy}


def spoiled(data: Path) -> Callable[[], None]:
    """Add lines to the files of a server; what is returned takes them out again."""
    lines = {
        "pg_hba.conf": (
            'host all "p;q" 10.0.0.0/8 trust\nhost all all 10.0.0.0/8 password\n'
            "host all all 127.0.0.1/32 trust\nhostssl all all 10.0.0.0/8 password\n"
            "hostssl all all 10.0.0.0/8 trust clientcert=verify-ca\n"
        ),
        "postgresql.conf": "wrok_mem = 4MB\n",
    }
    before = {name: (data / name).read_text() for name in lines}
    for name, more in lines.items():
        (data / name).write_text(f"{before[name]}\n{more}")

    def undo() -> None:
        for name, text in before.items():
            (data / name).write_text(text)

    return undo


async def test_autovacuum_of_large_tables(database: Database, psql: Psql) -> None:
    """A scale factor of its own, as printed, and the table is no longer told."""
    limits: Any = replace(autovacuum_weak.limits, rows=1000, dead=100)
    LIMITS[autovacuum_weak] = limits
    watch = Watch(database.monitor_dsn, autovacuum_weak)
    await database.execute(
        'create table "l;t" as select n from generate_series(1, 1000) n; analyze "l;t";'
        ' alter table "l;t" set (autovacuum_vacuum_scale_factor = 0.2);'
        ' alter table "l;t" reset (autovacuum_vacuum_scale_factor)'
    )
    await database.execute('delete from "l;t" where n <= 150')
    [found] = (await watch.until(autovacuum_weak, State.ill)).subjects
    assert found.evidence.value == 150
    await psql(database.dsn, "\n".join((found.evidence.check, *found.evidence.cure)))
    assert (await watch.look())[autovacuum_weak].state is State.healthy
