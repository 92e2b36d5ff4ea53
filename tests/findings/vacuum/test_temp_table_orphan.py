"""temp_table_orphan: what a crashed session has left behind, and nothing of one that is there."""

import os
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from alerts._base import State
from alerts.findings.vacuum.temp_table_orphan import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.temp_schemas import TempSchema, temp_schemas
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.session_rows import seen
from tests.fixtures.until import until

OLD = TempSchema("shop", "pg_temp_3", 2, "t", 8192, 10_000_000, False)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, State.ill),
        ({"in_use": True}, State.healthy),
        ({"xid_age": 9_999_999}, State.healthy),
        ({"xid_age": None, "bytes": 200 * 1024**2}, State.ill),
        ({"in_use": None}, State.unknown),
        ({"in_use": None, "xid_age": 5}, State.healthy),
    ],
)
def test_only_old_ones_without_a_session(change: dict[str, Any], state: State) -> None:
    snapshot = seen((temp_schemas, (replace(OLD, **change),)))
    assert verdict_of(finding, snapshot).state is state


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={temp_schemas: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(14, 16, 17, 18)
async def test_a_session_that_crashed(private_server: PrivateServers, psql: Psql) -> None:
    """Found after the crash, not before; dropped by the name that is printed."""
    server = private_server(autovacuum="off")  # whose workers drop what a crash leaves
    limits = replace(finding.limits, transactions=0, least_bytes=0)

    async def judged() -> Verdict:
        async with watching(dsn=server.dsn(user=MONITOR)) as session:
            return verdict_of(finding, await look(session, temp_schemas), limits=limits)

    async def answers() -> bool:
        try:
            async with connected(server.dsn()):
                return True
        except (asyncpg.PostgresError, OSError):
            return False

    async with connected(server.dsn()) as victim, connected(server.dsn()) as other:
        old = victim.get_server_version().major < 16
        told = State.unknown if old else State.healthy
        await victim.execute("CREATE TEMP TABLE left_behind AS SELECT 1 AS i")
        assert (await judged()).state is told
        os.kill(await victim.fetchval("SELECT pg_backend_pid()"), 9)

        async def ended() -> bool:
            return other.is_closed()

        await until(ended, "all sessions have ended")
    await until(answers, "the server has recovered")
    async with AsyncExitStack() as stack:
        for _ in range(5):  # so that our own session does not get the slot of the victim
            await stack.enter_async_context(connected(server.dsn("template1")))
        verdict = await judged()
        if old:
            assert verdict.state is State.unknown
            return
        [subject] = verdict.subjects
        table = f"{subject.evidence.subject}.left_behind"
        assert table in subject.evidence.cure[-1]
        await psql(server.dsn(), f"{subject.evidence.check} DROP TABLE {table};")
        assert (await judged()).state is State.healthy
