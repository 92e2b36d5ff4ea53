"""temp_spill_live: the session that writes temporary files now, and not one that did."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from alerts._base import State
from alerts.findings.sessions.temp_spill_live import Limits, finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import activity
from collectors.temp_files import TempFiles, temp_files
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import IDLE, later, seen
from tests.fixtures.until import until

GIB = 1024**3
SORTING = replace(
    IDLE, pid=7, state="active", query="select * from o order by 'x'", query_seconds=50
)
FILES = [TempFiles("pg_default", 7, 3, 3 * GIB), TempFiles("fast", 7, 1, GIB)]


def test_the_files_of_all_tablespaces_count() -> None:
    verdict = verdict_of(finding, seen((temp_files, FILES), (activity, [SORTING])))
    [subject] = verdict.subjects
    assert "4 GiB of temporary files (4 files) for one statement" in subject.evidence.message
    assert subject.evidence.facts["statement"] == "select * from o order by ?"


@pytest.mark.parametrize(
    ("files", "traits"),
    [
        (FILES[:1], {}),
        ([replace(FILES[0], pid=8, size_bytes=9 * GIB)], {}),
        ([replace(FILES[0], pid=None, size_bytes=9 * GIB)], {}),
        (FILES, {"state": "idle"}),
        (FILES, {"query": "create index on o (x)"}),
    ],
    ids=["small", "another session", "no session", "over", "index"],
)
def test_what_is_no_spill(files: list[TempFiles], traits: dict[str, object]) -> None:
    session = replace(SORTING, **traits)  # type: ignore[arg-type]
    snapshot = seen((temp_files, files), (activity, [session]))
    assert verdict_of(finding, snapshot).state is State.healthy


def test_a_younger_statement_has_not_written_them() -> None:
    """The files were seen a minute ago, the statement began since."""
    snapshot = later(seen((activity, [SORTING])), 60.0)
    old = seen((temp_files, FILES)).answers
    both = replace(snapshot, answers={**snapshot.answers, **old})
    assert verdict_of(finding, both).state is State.healthy


def test_without_the_right_it_is_unknown() -> None:
    why = Absence("no right", "GRANT x;")
    verdict = verdict_of(finding, replace(seen((activity, [SORTING])), absent={temp_files: why}))
    assert (verdict.state, verdict.unjudged[0].grant) == (State.unknown, "GRANT x;")


async def test_found_and_cancelled(database: Database, psql: Psql) -> None:
    """A sort of little memory is found while it runs, and ends by the printed cure."""
    sorter = await database.session(work_mem="64kB")

    async def judged() -> Verdict:
        async with watching(dsn=database.monitor_dsn) as monitor:
            seen = await look(monitor, temp_files, activity)
        return verdict_of(finding, seen, limits=Limits(written=100_000))

    assert (await judged()).state is State.healthy
    sort = "select count(*) from (select i from generate_series(1, 60000) i order by i % 7, i) s, "
    work = asyncio.create_task(sorter.execute(sort + "generate_series(1, 100000000) j"))

    async def found() -> Verdict | None:
        verdict = await judged()
        return verdict if verdict.state is State.ill else None

    [subject] = (await until(found, "it spills")).subjects  # type: ignore[union-attr]
    assert subject.evidence.facts["pid"] == sorter.get_server_pid()
    await psql(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    with pytest.raises(asyncpg.QueryCanceledError):
        await work
    assert (await judged()).state is State.healthy
