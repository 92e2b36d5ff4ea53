"""Backups as the daemon sees them, by files of their tools: old, new, failed, never restored."""

import json
import os
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alerts._base import State
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR, Farm
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.programs import Program
from tests.fixtures.replication import execute
from tests.fixtures.until import until


def pgbackrest(finished: float) -> Any:
    backup = {"label": "F", "type": "full", "error": False, "timestamp": {"stop": int(finished)}}
    status = {"code": 0, "message": "ok"}
    return [{"name": "main", "db": [], "backup": [backup], "status": status}]


def barman(*statuses: str) -> Any:
    """Its list of backups, the last one first; one that failed has no end."""
    done = {"end_time_timestamp": str(int(time.time()))}
    backups = [
        {"backup_id": f"2026112{number}T020000", "backup_type": "full", "status": status}
        | (done if status == "DONE" else {})
        for number, status in enumerate(statuses)
    ]
    return {"shop": backups[::-1]}


@pytest.mark.versions(18)
async def test_story_of_backups(
    private_server: PrivateServers, watch: Watch, tmp_path: Path
) -> None:
    """What jobs write into the folder is judged within two rounds, and nothing else is read."""
    server = private_server(archive_mode="on", archive_command="false")
    watched = await watch(server.dsn(user=MONITOR), backup_reports=str(tmp_path))

    def told(tool: str, content: Any) -> None:
        (tmp_path / "new").write_text(json.dumps(content))
        os.replace(tmp_path / "new", tmp_path / f"{tool}.json")

    async def judged(finding: str, state: State) -> None:
        async def is_so() -> bool:
            verdict = watched.server.judging.verdicts.get(finding)
            return bool(verdict and verdict.state is state)

        await until(is_so, f"{finding} is {state}")

    told("pgbackrest", pgbackrest(time.time() - 100_000))
    await judged("backup_stale", State.ill)
    [subject] = watched.verdict("backup_stale").subjects
    assert "F of pgbackrest main" in subject.evidence.message
    told("pgbackrest", pgbackrest(time.time()))
    await judged("backup_stale", State.healthy)
    await judged("backup_failing", State.healthy)
    told("barman", barman("DONE", "FAILED"))
    await judged("backup_failing", State.ill)
    [subject] = watched.verdict("backup_failing").subjects
    assert subject.evidence.subject == "barman shop"
    assert "20261121T020000" in subject.evidence.message
    told("barman", barman("DONE", "FAILED", "DONE"))
    await judged("backup_failing", State.healthy)
    await judged("backup_unproved", State.ill)
    [subject] = watched.verdict("backup_unproved").subjects
    assert subject.evidence.subject == "restore test"
    [marker] = [line for line in subject.evidence.cure if "touch " in line]
    assert shlex.split(marker.rpartition("touch ")[2]) == [str(tmp_path / "restore-tested")]
    (tmp_path / "restore-tested").touch()
    await judged("backup_unproved", State.healthy)


@pytest.mark.versions(18)
async def test_wal_that_a_program_stores(
    private_server: PrivateServers,
    watch: Watch,
    tmp_path: Path,
    workplace: Path,
    farm: Farm,
    launch: Callable[..., Program],
) -> None:
    """Without an archive: the end of the backup is sure, and what is confirmed beyond is told."""
    server = private_server()
    made = "SELECT pg_create_physical_replication_slot('archive')"
    await execute(server, "CREATE TABLE t (a int)", made)
    where = f"--dbname={server.dsn()}", f"--directory={workplace}"
    launch([farm.wheel.program("pg_receivewal"), *where, "--slot=archive", "--no-sync"])
    old = {"backup_id": "1", "status": "DONE", "end_time_timestamp": str(time.time() - 100_000)}
    (tmp_path / "barman.json").write_text(json.dumps({"shop": [old]}))
    watched = await watch(server.dsn(user=MONITOR), backup_reports=str(tmp_path))
    said: list[str] = []

    async def is_told() -> bool:
        await execute(server, "INSERT INTO t VALUES (1)", "SELECT pg_switch_wal()")
        verdict = watched.server.judging.verdicts.get("backup_stale")
        said[:] = [one.evidence.message for one in verdict.subjects] if verdict else []
        return any("pg_receivewal stores by its slot archive up to 2" in text for text in said)

    await until(is_told, f"it is told: {said}")
