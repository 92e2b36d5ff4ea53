"""Own checks on a real server: asked, judged and guarded like ours."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts._base import State
from monitor.config.configuration import Configuration, configuration
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.daemon import Daemon
from monitor.own_checks.enrolment import enrol
from monitor.own_checks.folder import MOST_FILES
from tests.fixtures.daemon import QUICK, Watch
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

CHECKS = {
    "waiting": """/*
message: "{subject} has {value} orders that wait"
pace: normal
database: "{name}"
cure: "SELECT shop.requeue({subject});"
*/
-- A comment
SELECT place AS subject, count(*) AS value
FROM shop.waiting GROUP BY place -- no more
""",
    "absent": "/*\nmessage: a\ndatabase: '{name}'\n*/\nselect 1 as value from shop.nothing",
    "writes": "/*\nmessage: a\n*/\nwith d as (delete from pg_database returning 1) select 1 value",
    "creates": "/*\nmessage: a\n*/\nselect 1; drop table x",
    "escapes": "/*\nmessage: a\n*/\nselect 1) pgvigil_row) own;"
    " select * from (select * from (select 1",
    "loosens": """/*
message: a
*/
select set_config('default_transaction_read_only', 'off', false) as subject,
    set_config('statement_timeout', '0', false), set_config('search_path', 'public', false),
    pg_advisory_lock(42)::text""",
    "slow": "/*\nmessage: a\n*/\nselect 'x' as subject, pg_sleep(30)::text as slept",
    "letter": "/*\nmessage: a\ndatabase: nowhere\n*/\nselect 'x' as subject",
}
GUARDS = """
    select current_setting('default_transaction_read_only') as read_only,
        current_setting('statement_timeout') as timeout, current_setting('search_path') as path
"""


@pytest.fixture
def enrolled(database: Database, tmp_path: Path) -> Iterator[None]:
    for name, text in CHECKS.items():
        text = text.replace("{name}", database.name)
        (tmp_path / f"{name}.sql").write_text(text, encoding="utf-8")
    (tmp_path / "broken.sql").write_text("select", encoding="utf-8")
    enrol(tmp_path)
    yield
    enrol(None)


@pytest.mark.versions(14, 18)
async def test_found_and_cured(
    database: Database, psql: Psql, watch: Watch, enrolled: None
) -> None:
    """A healthy one beside broken, slow and writing ones, which are unknown by name."""
    await database.execute("create schema shop; create table shop.waiting (place text)")
    await database.execute("grant usage on schema shop to public")
    await database.execute("grant select on shop.waiting to public")
    await database.execute(
        "create function shop.requeue(text) returns void language sql as"
        " 'delete from shop.waiting where place = $1'"
    )
    watched = await watch(
        database.monitor_dsn,
        **{"databases.include": f"{database.name},postgres", "deadline": "1s"},
    )
    told = watched.server.judging.verdicts

    async def told_as(name: str, state: State, why: str = "") -> None:
        async def is_so() -> bool:
            verdict = told.get(f"check_{name}")
            return verdict is not None and verdict.state is state and why in verdict.reason

        await until(is_so, f"{name} is {state} {why}")

    await told_as("waiting", State.healthy)
    await database.execute("insert into shop.waiting values ('O''Hara'), ('O''Hara')")
    await told_as("waiting", State.ill)
    [subject] = told["check_waiting"].subjects
    assert subject.evidence.message == "O'Hara has 2 orders that wait"
    assert subject.evidence.database == database.name
    await psql(database.dsn, "\n".join(subject.evidence.cure))
    await told_as("waiting", State.healthy)
    for name, why in (
        ("absent", "does not exist"),
        ("writes", "must be at the top level"),
        ("creates", "syntax error"),
        ("escapes", "multiple commands"),
        ("slow", "statement timeout"),
        ("letter", "no watched database matches nowhere"),
        ("broken", "the check broken.sql can't be used"),
    ):
        await told_as(name, State.unknown, why)
    await told_as("loosens", State.ill)
    session = watched.server.sessions.any
    assert session
    [guards] = await session.fetch(GUARDS, 60)
    assert tuple(guards) == ("on", "1s", "pg_catalog, pg_temp")
    locks = "select count(*) from pg_locks where locktype = 'advisory'"
    assert (await session.fetch(locks, 60))[0][0] == 0
    assert watched.server.pacing.distress == 0


HELD = "/*\nmessage: '{subject}'\npace: normal\n*/\nselect 'x' as subject"
SHORT = "/*\nmessage: a\ntimeout: 200ms\n*/\nselect 'x' as subject, pg_sleep(30)::text as slept"


@pytest.mark.versions(18)
async def test_files_are_read_again(database: Database, tmp_path: Path) -> None:
    """New, changed, renamed and dropped files; a folder that can't be read changes nothing."""
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "first.sql").write_text(HELD, encoding="utf-8")
    flags = {"dsn": database.monitor_dsn, "server_name": "it", **QUICK, "checks": str(folder)}
    enrol(folder)

    def read() -> Configuration:
        return configuration(load(flags, {}, settings_type()), {})

    daemon = Daemon(read(), load=read)

    async def is_reloaded() -> bool:
        await daemon.reloading.reload()
        return daemon.reloading.ok

    async def told_as(name: str, state: State | None, why: str = "") -> None:
        async def is_so() -> bool:
            verdict = daemon.fleet.servers["it"].judging.verdicts.get(f"check_{name}")
            if verdict is None:
                return state is None
            return verdict.state is state and why in verdict.reason

        await until(is_so, f"{name} is {state} {why}")

    def page() -> list[str]:
        return b"".join(daemon.store.own.page(None)).decode().splitlines()

    async def told_on_page(line: str) -> None:
        """That of the first check; what has ended is told as ended, and not only left out."""

        async def is_there() -> bool:
            return any(one.startswith(line) and "check_first" in one for one in page())

        await until(is_there, line)

    try:
        daemon.schedule.start()
        await daemon.fleet.follow(daemon.configuration.servers)
        await told_as("first", State.ill)
        await told_on_page("pgvigil_incident{")
        kept = daemon.fleet.servers["it"]
        await daemon.reloading.reload()
        assert daemon.fleet.servers["it"] is kept, "nothing has changed"

        (folder / "first.sql").rename(folder / "renamed.sql")
        (folder / "short.sql").write_text(SHORT, encoding="utf-8")
        (folder / "broken.sql").write_text("select", encoding="utf-8")
        assert await is_reloaded()
        await told_as("first", None)
        await told_as("renamed", State.ill)
        await told_as("short", State.unknown, "statement timeout")
        await told_as("broken", State.unknown, "the check broken.sql can't be used")
        known = 'pgvigil_incidents_known{server="it",finding="check_first"} 1'
        await told_on_page(known)
        assert [one for one in page() if "check_first" in one] == [known]

        (folder / "broken.sql").write_text(HELD.replace("'x'", "null"), encoding="utf-8")
        (folder / "short.sql").unlink()
        await daemon.reloading.reload()
        await told_as("broken", State.unknown, "a row of the query has no subject")
        await told_as("short", None)

        for number in range(MOST_FILES):
            (folder / f"more{number}.sql").write_text(HELD, encoding="utf-8")
        kept = daemon.fleet.servers["it"]
        assert not await is_reloaded()
        assert daemon.fleet.servers["it"] is kept
        assert "check_renamed" in kept.judging.verdicts
    finally:
        enrol(None)
        daemon.schedule.stop()
        await daemon.fleet.close()
        await asyncio.sleep(0.05)
