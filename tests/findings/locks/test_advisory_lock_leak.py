"""advisory_lock_leak: locks of a session that does nothing, and has no transaction to end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.locks.advisory_lock_leak import Limits, finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.advisory_locks import AdvisoryHolder, advisory_locks
from tests.fixtures.lock_rows import filled, scene
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

SOON = Limits(idle=timedelta(0))


def holder(**given: Any) -> AdvisoryHolder:
    facts = {"pid": 1, "datname": "shop", "state": "idle", "in_transaction": False, "locks": 1}
    made: AdvisoryHolder = filled(
        AdvisoryHolder, **{**facts, "state_seconds": 900.0, "some_key": "42", **given}
    )
    return made


@pytest.mark.parametrize(
    ("given", "severity"),
    [
        ({"state_seconds": 599.0}, None),
        ({}, Severity.info),
        ({"locks": 10}, Severity.warning),
        ({"state": "active"}, None),
        ({"state": "idle in transaction", "in_transaction": True}, None),
    ],
)
def test_limits(given: dict[str, Any], severity: Severity | None) -> None:
    """One key is a leader election, many are a leak; a session must be idle, without a
    transaction."""
    snapshot = scene((), (), (advisory_locks, (holder(**given),)))
    assert verdict_of(finding, snapshot).severity is severity


def test_without_an_answer_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = replace(scene((), ()), answers={}, absent={advisory_locks: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


async def judged(database: Database) -> Verdict:
    async with watching(dsn=database.monitor_dsn) as connection:
        return verdict_of(finding, await look(connection, advisory_locks), limits=SOON)


async def test_story_of_a_forgotten_unlock(database: Database, paste: Psql) -> None:
    """Keys of both kinds are named as they were written; the cure frees them; gone."""
    session = await database.session(application_name="pooled 'app'")
    await session.execute("begin; select pg_advisory_xact_lock(5)")
    assert (await judged(database)).state is State.healthy
    await session.execute("commit")
    await session.execute("select pg_advisory_lock(-7)")
    other = await database.session()
    await other.execute("select pg_advisory_lock(3, 4), pg_advisory_lock_shared(9, 9)")

    async def both() -> Verdict | None:
        verdict = await judged(database)
        return verdict if len(verdict.subjects) == 2 else None

    verdict = await until(both, "both are idle")
    assert verdict
    found = {s.evidence.facts["some_key"]: s.evidence for s in verdict.subjects}
    assert set(found) == {"-7", "(3, 4)"}
    assert found["(3, 4)"].value == 2
    for evidence in found.values():
        await paste(database.dsn, "\n".join((evidence.check, *evidence.cure)))

    async def gone() -> bool:
        return (await judged(database)).state is State.healthy

    await until(gone, "the locks are free")
