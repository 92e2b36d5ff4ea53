"""Real pg_partman 5 and pg_cron: maintenance that runs by itself, has stopped, and is cured."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts._base import Evidence, State
from alerts._catalogue import all_findings
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR, SETTINGS
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Psql, connected
from tests.fixtures.requirements import Missing, Tool
from tests.fixtures.until import until

LIBRARIES, SHARED = Path("/usr/lib/postgresql/15"), Path("/usr/share/postgresql/15")
CRON = LIBRARIES / "lib/pg_cron.so"
PARTMAN = Path("build/partman/usr/share/postgresql/17/extension").resolve()
NAMES = ("partition_maintenance_stale", "partition_retention_overdue", "partition_future_missing")
FINDINGS = {name: all_findings()[name] for name in NAMES}
SCHEMA = "partman"
MADE = f"""
    create role {MONITOR} login in role pg_monitor;
    create extension pg_cron;
    create schema {SCHEMA};
    create extension pg_partman schema {SCHEMA};
    create table public.events (id bigint, at timestamptz not null) partition by range (at);
    select {SCHEMA}.create_parent('public.events', 'at', '1 day', p_premake := 4,
        p_start_partition := (now() - interval '9 days')::date::text, p_default_table := false);
    insert into events select n, now() - n * interval '1 hour' from generate_series(0, 200) n;
    analyze events;
"""
GRANTS = f"""
    grant usage on schema {SCHEMA} to {MONITOR};
    grant select on {SCHEMA}.part_config to {MONITOR};
"""
BEFORE_THE_MINUTE = 51
"""Second of the minute at which the server believes to start: jobs begin with the minute."""


@pytest.fixture
def debian(missing: Missing, tool: Tool) -> Iterator[Postgres]:
    """Debian's PostgreSQL with pg_cron, in a tree of its own that has pg_partman 5 as well."""
    if not CRON.exists():
        missing.leave_out("pg_cron", "apt-get install postgresql-15-cron")
    if not (PARTMAN / "pg_partman.control").exists():
        missing.leave_out("pg_partman 5", ".ci/partman")
    [clock] = tool("faketime").parents[1].glob("lib/*/faketime/libfaketime.so.1")
    owner = Owner.unprivileged()
    tree = owner.scratch()
    server = Postgres(binaries(tree), owner.scratch(), owner)
    try:
        jobs = {"shared_preload_libraries": "pg_cron", "cron.use_background_workers": "on"}
        server.create({**SETTINGS, **jobs, "autovacuum": "off", "max_worker_processes": 16})
        ahead = (BEFORE_THE_MINUTE - time.time()) % 60
        server.prefix = ("/usr/bin/env", f"LD_PRELOAD={clock}", f"FAKETIME=+{ahead:.0f}s")
        server.start()
        yield server
    finally:
        server.remove()
        shutil.rmtree(tree)


def binaries(tree: Path) -> Binaries:
    """Copy what a server needs: its programs find the rest by their own place."""
    without = shutil.ignore_patterns("bitcode")
    shutil.copytree(LIBRARIES, tree / "lib/postgresql/15", ignore=without)
    shutil.copytree(SHARED, tree / "share/postgresql/15")
    for file in PARTMAN.iterdir():
        shutil.copy(file, tree / "share/postgresql/15/extension")
    tree.chmod(0o755)
    return Binaries.at(tree / "lib/postgresql/15/bin")


async def test_it_runs_by_cron_and_is_missed(debian: Postgres, psql: Psql) -> None:
    """Unknown without rights; each cure that is printed is run by the extension itself."""
    dsn = debian.dsn()
    recorder = Recorder(wants=[kind for one in FINDINGS.values() for kind in one.history])

    async def judged() -> dict[str, Verdict]:
        async with watching(dsn=debian.dsn(user=MONITOR)) as monitor:
            asked = {one for finding in FINDINGS.values() for one in finding.reads}
            ordered = sorted(asked, key=lambda one: one.name)
            seen = await look(monitor, *ordered, recorder=recorder)
        return {name: verdict_of(finding, seen) for name, finding in FINDINGS.items()}

    async def evidence(name: str) -> Evidence:
        [subject] = (await judged())[name].subjects
        return subject.evidence

    async def cure(name: str) -> None:
        told = await evidence(name)
        await psql(dsn, "\n".join((told.check, *told.cure)))
        verdict = (await judged())[name]
        assert verdict.state is State.healthy, verdict

    await psql(dsn, MADE)
    assert {(await judged())[name].state for name in NAMES[:2]} == {State.unknown}
    await psql(dsn, GRANTS)
    never = await evidence("partition_maintenance_stale")
    assert "has not run at all" in never.message
    call = f"call {SCHEMA}.run_maintenance_proc()".replace("'", "''")
    await psql(dsn, f"select cron.schedule('* * * * *', '{call}')")

    async def has_run() -> bool:
        return (await judged())["partition_maintenance_stale"].state is State.healthy

    await until(has_run, "pg_cron has run the maintenance", seconds=90)
    assert {one.state for one in (await judged()).values()} == {State.healthy}
    async with connected(dsn) as admin:
        await admin.execute("select cron.unschedule(jobid) from cron.job")
        config = f"update {SCHEMA}.part_config set "
        await admin.execute(f"{config} maintenance_last_run = now() - interval '2 days'")
    assert "for 2 d" in (await evidence("partition_maintenance_stale")).message
    await cure("partition_maintenance_stale")
    async with connected(dsn) as admin:
        await admin.execute(f"{config} retention = '3 days', retention_keep_table = false")
        kept = "select count(*) from pg_inherits where inhparent = 'events'::regclass"
        before = await admin.fetchval(kept)
        assert "keeps 3 days" in (await evidence("partition_retention_overdue")).message
        await cure("partition_retention_overdue")
        assert await admin.fetchval(kept) < before
