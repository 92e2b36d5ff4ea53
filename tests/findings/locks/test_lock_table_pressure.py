"""lock_table_pressure: how full the shared lock table is, and whose locks they are."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.locks.lock_table_pressure import Limits, finding
from alerts.locks.table_size import SLOTS, capacity
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.lock_table import LockHolder, lock_table
from collectors.settings import Setting, settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import filled, scene
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until


def setting(name: str, value: str | None) -> Setting:
    made: Setting = filled(Setting, name=name, setting=value, vartype="integer")
    return made


def table(locks: int, each: str | None = "10") -> Snapshot:
    """A lock table of ten times a hundred, and the launcher's ten."""
    known = [setting(name, "25") for name in SLOTS]
    known += [setting("max_locks_per_transaction", each), setting("autovacuum_max_workers", "0")]
    row: Any = filled(LockHolder, pid=1, usename="dump", locks=locks, overflowed=0)
    return scene((), (), (lock_table, (row,)), (settings, known))


@pytest.mark.parametrize(
    ("locks", "severity"),
    [(504, None), (505, Severity.warning), (808, Severity.critical)],
)
def test_limits(locks: int, severity: Severity | None) -> None:
    """Half of the room, and four fifths of it."""
    assert capacity(table(1).answer(settings).by("name")) == 1010
    assert verdict_of(finding, table(locks)).severity is severity


@pytest.mark.parametrize(("application", "is_safe"), [("web", True), ("pg_dump", False)])
def test_a_backup_is_not_ended_in_passing(application: str, is_safe: bool) -> None:
    """Ended, its copy would be incomplete: the statement is a comment."""
    full = table(900)
    [row] = full.rows(lock_table)
    named = replace(row, application_name=application)
    snapshot = scene((), (), (lock_table, (named,)), (settings, full.rows(settings)))
    [subject] = verdict_of(finding, snapshot).subjects
    cure = subject.evidence.cure
    assert "pg_terminate_backend" in "\n".join(cure)
    assert any(line.startswith("SELECT") for line in cure) is is_safe


def test_a_hidden_setting_leaves_it_unknown() -> None:
    """Without the size nothing is said of how full it is."""
    assert verdict_of(finding, table(900, each=None)).state is State.unknown


def test_without_an_answer_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = replace(table(1), answers={}, absent={lock_table: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


async def test_story_of_a_transaction_that_locks_everything(
    private_server: PrivateServers, psql: Psql
) -> None:
    """A dump of all tables fills half of it; the cure ends that session; gone."""
    server = private_server(max_locks_per_transaction=10, max_connections=10)

    async def judged() -> Verdict:
        async with watching(dsn=server.dsn(user=MONITOR)) as connection:
            snapshot = await look(connection, lock_table, settings)
        return verdict_of(finding, snapshot, limits=Limits())

    async with connected(server.dsn()) as admin:
        await admin.execute(
            "do $$ begin for n in 1..400 loop execute format('create table t%s ()', n);"
            " if n % 20 = 0 then commit; end if; end loop; end $$"
        )
    assert (await judged()).state is State.healthy
    async with connected(server.dsn(), application_name="dump") as dump:
        await dump.execute("begin")
        for number in range(1, 401):
            await dump.execute(f"lock table t{number} in access share mode")
        verdict = await judged()
        assert verdict.state is State.ill
        [subject] = verdict.subjects
        assert subject.evidence.facts["largest_application"] == "dump"
        assert int(subject.evidence.facts["largest_locks"] or 0) > 300
        await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))

        async def gone() -> bool:
            return (await judged()).state is State.healthy

        await until(gone, "the locks are gone")
