"""lock_fastpath_exhausted: more relations than slots, only if sessions wait for the lock table."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.locks.lock_fastpath_exhausted import Limits, finding
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import activity
from collectors.lock_table import LockHolder, lock_table
from collectors.settings import settings
from tests.fixtures.lock_rows import filled, scene, session
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql

QUIET = Limits(overflowed=0.0, waiting=0.0)
TABLES = """
    create table parts (id int, v int) partition by range (id);
    do $$ begin for n in 0..119 loop
        execute format('create table parts_%s partition of parts for values from (%s) to (%s)',
            n, n, n + 1);
    end loop; end $$;
"""


def busy(over: int, waiting: int, active: int = 20) -> Snapshot:
    people = [session(n) for n in range(1, active - waiting + 1)]
    people += [
        session(100 + n, wait_event_type="LWLock", wait_event="LockManager") for n in range(waiting)
    ]
    rows: list[Any] = [filled(LockHolder, pid=n + 1, locks=20, overflowed=4) for n in range(over)]
    return scene(people, (), (lock_table, rows))


@pytest.mark.parametrize(
    ("over", "waiting", "state"),
    [
        (4, 1, State.ill),
        (3, 1, State.healthy),
        (20, 0, State.healthy),
    ],
)
def test_limits(over: int, waiting: int, state: State) -> None:
    """A fifth of the sessions, of whom some wait: the shared table alone is no harm."""
    assert verdict_of(finding, busy(over, waiting)).state is state


def test_without_an_answer_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = replace(busy(1, 1), answers={}, absent={lock_table: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


async def test_story_of_queries_that_prune_nothing(
    database: Database, paste: Psql, version: int
) -> None:
    """Who reads one partition fits into its slots; who reads a hundred and twenty does not."""
    await database.execute(TABLES)
    readers = [await database.session(application_name="report") for _ in range(3)]

    async def judged() -> Verdict:
        async with watching(dsn=database.monitor_dsn) as connection:
            snapshot = await look(connection, activity, lock_table, settings)
        # Our own sessions are idle in transaction; somebody has to be active for a share of it.
        busy = [replace(s, state="active") for s in snapshot.rows(activity) if not s.is_self]
        answers = {**snapshot.answers, activity: replace(snapshot.answer(activity), rows=busy)}
        return verdict_of(finding, replace(snapshot, answers=answers), limits=QUIET)

    for reader in readers:
        await reader.execute("begin; select from parts where id = 7")
    assert (await judged()).state is State.healthy
    for reader in readers:
        await reader.execute("select from parts")
    [subject] = (await judged()).subjects
    assert subject.evidence.value == 3
    assert subject.evidence.facts["worst_application"] == "report"
    assert subject.evidence.facts["worst_statement"] == "select from parts"
    advice = " ".join(subject.evidence.cure)
    assert ("max_locks_per_transaction = 128" in advice) is (version >= 18)
    await paste(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    for reader in readers:
        await reader.execute("commit")
    assert (await judged()).state is State.healthy
