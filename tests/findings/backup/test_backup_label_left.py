"""backup_label_left: an exclusive backup that never ends, and a file that nothing should write."""

import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.backup.backup_label_left import Limits, finding
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import AnyCollector
from collectors.exclusive_backup import ExclusiveBackup, exclusive_backup
from collectors.volumes import Volume, volumes
from monitor.demo.launcher import Postgres
from monitor.sources.volume_reader import NOT_MOUNTED, measured
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, supplied, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql
from tests.fixtures.replication import execute
from tests.fixtures.session_rows import AT, seen

HOUR = 3600.0
NOW = Limits(exclusive=timedelta(0), left=timedelta(0))
END = re.compile(r"SELECT pg_catalog\.pg_stop_backup\(\);")


def of(version: int, *answers: tuple[AnyCollector, Any]) -> Snapshot:
    snapshot = seen(*answers)
    return replace(snapshot, node=replace(snapshot.node, version=version))


@pytest.mark.parametrize(
    ("is_open", "hours", "state"),
    [(False, None, State.healthy), (True, 23.0, State.healthy), (True, 24.0, State.ill)],
)
def test_an_exclusive_backup(is_open: bool, hours: float | None, state: State) -> None:
    """One of a large server may take most of a day."""
    row = ExclusiveBackup(is_open, None if hours is None else hours * HOUR)
    assert verdict_of(finding, of(140000, (exclusive_backup, [row]))).state is state


def volume(has: bool | None, hours: float = 0.0) -> Volume:
    written = AT - hours * HOUR if has else None
    own = {"places": "data, wal", "path": "/data", "backup_label_written": written}
    row: Volume = filled(Volume, has_backup_label=has, **own)
    return row


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (volume(False), State.healthy),
        (volume(True, 0.5), State.healthy),
        (volume(True, 1), State.ill),
        (volume(None), State.unknown),
    ],
)
def test_a_file_of_a_server_that_runs(found: Volume, state: State) -> None:
    """A script may put it there for minutes; what can't be seen is unknown."""
    none = ExclusiveBackup(False, None)
    other = replace(volume(None), places="wal")
    snapshot = of(150000, (exclusive_backup, [none]), (volumes, [other, found]))
    verdict = verdict_of(finding, snapshot)
    assert verdict.state is state
    assert all(line.startswith("--") for s in verdict.subjects for line in s.evidence.cure)


def test_without_a_mount_it_is_not_configured() -> None:
    snapshot = of(180000, (exclusive_backup, [ExclusiveBackup(False, None)]))
    verdict = verdict_of(finding, replace(snapshot, absent={volumes: NOT_MOUNTED}))
    assert (verdict.state, verdict.is_unconfigured) == (State.unknown, True)


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers, psql: Psql, tmp_path: Path) -> None:
    """An exclusive backup is ended as printed; a file is moved out of the directory."""
    server = private_server()
    assert (await judged(server)).state is State.healthy
    label = server.data / "backup_label"
    if private_server.version < 15:
        await execute(server, "select pg_start_backup('nightly', true)")
    else:
        label.write_text("START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n")
    [subject] = (await judged(server)).subjects
    evidence = subject.evidence
    await psql(server.dsn(), "\n".join((evidence.check, *evidence.cure)))
    assert (await judged(server)).state is State.ill
    if private_server.version < 15:
        [end] = END.findall("\n".join(evidence.cure))
        await psql(server.dsn(), end)
    else:
        shutil.move(label, tmp_path)
    assert (await judged(server)).state is State.healthy


async def judged(server: Postgres) -> Verdict:
    async with watching(dsn=server.dsn("postgres", MONITOR)) as session:
        snapshot = await look(session, exclusive_backup)
    return verdict_of(finding, supplied(snapshot, volumes, measured(server.data)), limits=NOW)
