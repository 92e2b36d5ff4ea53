"""row_hotspot: a queue for one row, which is no queue for a table or for many rows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.locks.row_hotspot import Limits, finding
from alerts.snapshot import Snapshot
from alerts.verdicts.tracker import VerdictTracker
from collectors._base import Absence
from collectors.locks import locks
from tests.fixtures.lock_rows import NOW, lock, scene, session
from tests.fixtures.lock_stage import Stage, judged
from tests.fixtures.one_look import verdict_of
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import later

ROW: dict[str, Any] = {
    "relation": 4,
    "schemaname": "public",
    "relname": "stock",
    "page": 0,
    "line_pointer": 7,
}


def queue(length: int) -> Snapshot:
    """Sessions that want one row: the first waits for its owner, the others for the first."""
    held = [lock(1, "transactionid", transactionid=1), lock(100, "tuple", **ROW)]
    held.append(lock(100, "transactionid", 3.0, mode="ShareLock", transactionid=1))
    held += [lock(100 + n, "tuple", 3.0 - n / 100, **ROW) for n in range(1, length)]
    people = [session(1), *(session(100 + n, query="update stock") for n in range(length))]
    return scene(people, held)


@pytest.mark.parametrize(("length", "state"), [(4, State.healthy), (5, State.ill)])
def test_limit(length: int, state: State) -> None:
    """Five, with the one who waits for the owner."""
    verdict = verdict_of(finding, queue(length))
    assert verdict.state is state
    if state is State.ill:
        [subject] = verdict.subjects
        assert (subject.evidence.value, subject.evidence.object) == (5, "public.stock")
        assert subject.evidence.facts["row"] == "public.stock ctid (0,7)"
        assert subject.evidence.facts["has_it_pid"] == 1


def test_one_look_is_not_enough_for_the_daemon() -> None:
    """Three seconds in a row: a rush that is over at once is nobody's business."""
    book, snapshot = VerdictTracker(), queue(9)
    assert not verdict_of(finding, snapshot, book).subjects
    assert not verdict_of(finding, replace(snapshot, at=NOW + 3), book).subjects, "the same look"
    assert verdict_of(finding, later(snapshot, 3), book).subjects


def test_without_locks_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = replace(queue(9), answers={}, absent={locks: Absence("a timeout")})
    assert verdict_of(finding, blind).state is State.unknown


async def test_story_of_a_counter(stage: Stage, paste: Psql, database: Database) -> None:
    """Six sessions want one row; once its owner is through, the queue dissolves."""
    owner = await stage.holds("update orders set v = 1 where id = 3")
    for _ in range(6):
        await stage.waits("update orders set v = v + 1 where id = 3")
    verdict = await stage.until_ill(finding, Limits())
    [subject] = verdict.subjects
    assert subject.evidence.value == 6
    assert subject.evidence.facts["row"] == "public.orders ctid (0,3)"
    assert subject.evidence.facts["statement_1"] == "update orders set v = v + ? where id = ?"
    await paste(database.dsn, "\n".join(subject.evidence.cure))
    assert await paste(database.dsn, subject.evidence.check) == "3|0\n"
    await owner.execute("commit")
    await stage.all_done()
    assert (await judged(database, finding)).state is State.healthy


async def test_many_who_wait_for_a_table_are_no_hotspot(stage: Stage, database: Database) -> None:
    """Nor are those who wait for rows of their own."""
    await stage.holds("lock table orders")
    for _ in range(6):
        await stage.waits("select from orders")
    assert (await judged(database, finding)).state is State.healthy
    assert finding.hold == timedelta(seconds=3)
