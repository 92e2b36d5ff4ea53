"""database_unmonitored: databases from which nothing is read, each with its reason."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Evidence, State
from alerts.findings.availability.database_unmonitored import finding
from alerts.snapshot import Snapshot
from collectors._base import Absence, Answer
from collectors.databases import Database, databases
from collectors.user_tables import user_tables
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.until import until

GRANT = 'GRANT CONNECT ON DATABASE "Its shop" TO pgvigil;'


def database(**given: Any) -> Database:
    facts = {"datname": "shop", "connection_limit": -1, "allows_connections": True}
    made: Database = filled(Database, **facts | {"is_template": False} | given)
    return made


def scene(row: Database, missing: Absence | None = None) -> Snapshot:
    answer: Answer[Any] = Answer((), AT, {row.datname: missing} if missing else {})
    snapshot = seen((databases, (row,)))
    return replace(snapshot, answers={**snapshot.answers, user_tables: answer})


def found(snapshot: Snapshot) -> list[Evidence]:
    return [subject.evidence for subject in verdict_of(finding, snapshot).subjects]


@pytest.mark.parametrize(
    ("row", "missing", "reason"),
    [
        (database(), None, None),
        (database(), Absence("no right to connect", GRANT), "no right to connect"),
        (database(allows_connections=False), None, "it takes no sessions"),
        (database(allows_connections=False, is_template=True), None, None),
        (database(connection_limit=-2), None, "its DROP DATABASE was interrupted"),
    ],
)
def test_each_reason_has_its_cure(row: Database, missing: Absence | None, reason: str) -> None:
    told = found(scene(row, missing))
    assert [reason in one.message for one in told] == ([True] if reason else [])
    if missing:
        assert told[0].cure == (GRANT,)


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={databases: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(18)
async def test_found_by_the_daemon_and_cured(
    private_server: PrivateServers, watch: Watch, psql: Psql
) -> None:
    """Its own GRANT lets it in."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute('CREATE DATABASE "Its shop"')
        await admin.execute('REVOKE CONNECT ON DATABASE "Its shop" FROM PUBLIC')
    daemon = await watch(server.dsn(user=MONITOR))

    def now() -> list[Evidence]:
        return found(daemon.server.snapshot())

    async def is_found() -> bool:
        return [one.subject for one in now()] == ["Its shop"]

    async def is_gone() -> bool:
        return await daemon.is_up() and not now()

    await until(is_found, "it is found")
    [told] = now()
    await psql(server.dsn(), "\n".join((told.check, *told.cure)))
    await until(is_gone, "it is read")
