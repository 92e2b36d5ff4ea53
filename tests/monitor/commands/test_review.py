"""`pgvigil review` in CI: against a real server, only what is new fails."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from monitor.views.unfinished import AGAIN
from tests.fixtures.daemon import PATIENT
from tests.fixtures.postgres import Database

TRIES = 5
"""On a machine that is busy with other tests a look may end before all is asked."""

MADE = (
    "create table {name} (amount money); insert into {name} select 1 from generate_series(1, 200)"
)


async def reviewed(database: Database, *arguments: str) -> tuple[int | None, str]:
    for _ in range(TRIES):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "monitor", "review", "--dsn", database.monitor_dsn),
            *("--set", f"databases.include={database.name}", *arguments),
            env={**os.environ, **PATIENT},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        if AGAIN.encode() not in said and b'"unfinished": [\n' not in said:
            break
    return process.returncode, said.decode()


@pytest.mark.versions(18)
async def test_a_new_point_fails(database: Database, tmp_path: Path) -> None:
    """The baseline takes what is there; a second table of the same kind is new."""
    baseline = str(tmp_path / "baseline.json")
    await database.execute(MADE.format(name="old"))
    status, said = await reviewed(database, "--write-baseline", baseline)
    assert status == 0
    assert "public.old.amount is money" in said
    await database.execute(MADE.format(name="fresh"))
    status, said = await reviewed(database, "--baseline", baseline, "--format", "json")
    new = [point["subject"] for point in json.loads(said)["points"] if point["new"]]
    assert (status, [name for name in new if "old" in name]) == (1, [])
    assert "public.fresh.amount" in new
    await database.execute("drop table fresh")
    status, said = await reviewed(database, "--baseline", baseline)
    assert (status, said.splitlines()[0][:11]) == (0, "Nothing new")
