"""lock_wait_long: the waiter's own time, with the one who stands at the very front."""

from datetime import timedelta

import pytest

from alerts._base import Severity, State
from alerts.findings.locks.lock_wait_long import Limits, finding
from collectors._base import Absence
from collectors.locks import locks
from tests.fixtures.lock_rows import lock, scene, session
from tests.fixtures.lock_stage import Stage, judged
from tests.fixtures.one_look import verdict_of
from tests.fixtures.postgres import Database, Psql

SOON = Limits(waits=timedelta(milliseconds=200))


@pytest.mark.parametrize(
    ("locktype", "waited", "severity"),
    [
        ("transactionid", 14.9, None),
        ("transactionid", 15.0, Severity.warning),
        ("relation", 60.0, Severity.critical),
        ("advisory", 599.0, None),
        ("advisory", 9e5, Severity.warning),
        ("virtualxid", 9e5, None),
    ],
)
def test_limits(locktype: str, waited: float, severity: Severity | None) -> None:
    """Waits on purpose have a limit of their own, or none."""
    held = [lock(1, locktype, objid=1), lock(2, locktype, waited, objid=1)]
    verdict = verdict_of(finding, scene([session(1), session(2)], held))
    assert verdict.severity is severity


def test_three_hundred_waiters_are_judged() -> None:
    """The longest ten are subjects, and all others together one; all know who is at the front."""
    held = [lock(1, "relation", relation=9)]
    held += [lock(pid, "relation", 20.0 + pid, relation=9) for pid in range(100, 400)]
    people = [session(1, state="idle in transaction"), *(session(pid) for pid in range(100, 400))]
    verdict = verdict_of(finding, scene(people, held))
    evidence = [subject.evidence for subject in verdict.subjects]
    assert len(evidence) == 11
    assert {one.facts["root_pid"] for one in evidence} == {1}
    assert {one.facts["waiter_pid"] for one in evidence if "waiter_pid" in one.facts} == {
        *range(390, 400)
    }
    [others] = [one for one in evidence if "sessions" in one.facts]
    assert (others.facts["sessions"], others.value) == (290, 409.0)
    assert others.message.startswith("290 more sessions in shop have waited up to ")


def test_crowds_behind_different_ones_are_not_mixed() -> None:
    """Two causes, two cures."""
    held = [lock(pid, "relation", relation=pid) for pid in (1, 2)]
    held += [lock(pid, "relation", 20.0 + pid, relation=1 + pid % 2) for pid in range(100, 140)]
    people = [session(1), session(2), *(session(pid) for pid in range(100, 140))]
    verdict = verdict_of(finding, scene(people, held))
    crowds = [s.evidence for s in verdict.subjects if "sessions" in s.evidence.facts]
    assert {(one.facts["root_pid"], one.facts["sessions"]) for one in crowds} == {(1, 10), (2, 10)}


def test_nobody_is_in_none() -> None:
    """A session of no database, whose time is known."""
    held = [lock(1, "relation", relation=9), lock(2, "relation", 20.0, relation=9, datname=None)]
    people = [session(1), session(2, datname=None)]
    [subject] = verdict_of(finding, scene(people, held)).subjects
    assert "None" not in subject.evidence.message + subject.evidence.subject


def test_without_locks_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = scene([], [])
    del blind.answers[locks]  # type: ignore[attr-defined]
    blind.absent[locks] = Absence("a timeout")  # type: ignore[index]
    assert verdict_of(finding, blind).state is State.unknown


async def test_story_of_a_reader_behind_an_open_transaction(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """The cure ends the blocker, and the waiter continues."""
    await stage.holds("lock table orders", application_name="night 'job'")
    pid = await stage.waits("select from orders")
    verdict = await stage.until_ill(finding, SOON)
    [subject] = verdict.subjects
    facts = subject.evidence.facts
    assert (facts["waiter_pid"], facts["relation"]) == (pid, "public.orders")
    assert facts["waiter_statement"] == "select from orders"
    assert facts["root"] == "postgres (night 'job')"
    assert (facts["root_state"], facts["root_statement"]) == (
        "idle in transaction",
        "lock table orders",
    )
    await paste(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    await stage.all_done()
    assert (await judged(database, finding, SOON)).state is State.healthy


async def test_a_short_wait_is_no_illness(stage: Stage, database: Database) -> None:
    """By the real limits."""
    await stage.holds("lock table orders")
    await stage.waits("select from orders")
    assert (await judged(database, finding)).state is State.healthy
