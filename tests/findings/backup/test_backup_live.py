"""Backups as the daemon sees them: no folder, no report, an old backup, a new one."""

import json
import os
import time
from pathlib import Path

import pytest

from alerts._base import State
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.until import until


def told(finished: float) -> str:
    backup = {"label": "F", "type": "full", "error": False, "timestamp": {"stop": int(finished)}}
    status = {"code": 0, "message": "ok"}
    return json.dumps([{"name": "main", "db": [], "backup": [backup], "status": status}])


@pytest.mark.versions(18)
async def test_story_of_backups(
    private_server: PrivateServers, watch: Watch, tmp_path: Path
) -> None:
    """What a job writes into the folder is judged within two rounds, and nothing else is read."""
    server = private_server()
    watched = await watch(server.dsn(user=MONITOR), backup_reports=str(tmp_path))

    async def state() -> State | None:
        verdict = watched.server.judging.verdicts.get("backup_stale")
        return verdict.state if verdict else None

    async def ill() -> bool:
        return await state() is State.ill

    async def well() -> bool:
        return await state() is State.healthy

    report = tmp_path / "pgbackrest.json"
    report.write_text(told(time.time() - 100_000))
    await until(ill, "the old backup is found")
    [subject] = watched.verdict("backup_stale").subjects
    assert "F of pgbackrest main" in subject.evidence.message
    later = tmp_path / "new"
    later.write_text(told(time.time()))
    os.replace(later, report)
    await until(well, "the new backup is seen")
