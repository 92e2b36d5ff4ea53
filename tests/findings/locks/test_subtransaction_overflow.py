"""subtransaction_overflow: more savepoints than fit, in a transaction that stays open."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.locks.subtransaction_overflow import Limits, finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import activity
from collectors.subtransactions import Nested, subtransactions
from tests.fixtures.lock_rows import filled, scene, session
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

SOON = Limits(lives=timedelta(0))
LOOP = """
    do $$ begin for n in 1..{count} loop
        begin insert into orders values (100 + n, n); exception when others then null; end;
    end loop; end $$
"""


def nested(**given: Any) -> Nested:
    facts = {"pid": 1, "datname": "shop", "subxact_count": 64, "subxact_overflowed": True}
    made: Nested = filled(Nested, **{**facts, "xact_seconds": 60.0, **given})
    return made


@pytest.mark.parametrize(
    ("given", "lookups", "severity"),
    [
        ({}, 0, Severity.warning),
        ({}, 2, Severity.critical),
        ({"xact_seconds": 9.0}, 2, None),
        ({"subxact_overflowed": False}, 2, None),
    ],
)
def test_limits(given: dict[str, Any], lookups: int, severity: Severity | None) -> None:
    """Critical once others are seen to pay for it; a short one is over before anybody does."""
    people = [session(1), *(session(10 + n) for n in range(9))]
    people += [session(100 + n, wait_event="SubtransSLRU") for n in range(lookups)]
    snapshot = scene(people, (), (subtransactions, (nested(**given),)))
    assert verdict_of(finding, snapshot).severity is severity


def test_before_16_it_is_not_applicable() -> None:
    """PostgreSQL does not tell: that is no health, and nothing that anyone could mend."""
    absence = Absence("not on this version of PostgreSQL (15.1)", expected=True)
    blind = replace(scene((), ()), answers={}, absent={subtransactions: absence})
    older = replace(blind, node=replace(blind.node, version=150001))
    assert verdict_of(finding, older).state is State.not_applicable
    newer = replace(blind, node=replace(blind.node, version=160000))
    assert verdict_of(finding, newer).state is State.unknown


@pytest.mark.versions(14, 16)
async def test_its_version_tells_whether_it_is_judged(database: Database) -> None:
    """Of a real server, as the daemon sees it."""
    async with watching(dsn=database.monitor_dsn) as connection:
        version = connection.get_server_version().major
    verdict = await judged(database)
    assert verdict.state is (State.healthy if version >= 16 else State.not_applicable)


async def judged(database: Database) -> Verdict:
    async with watching(dsn=database.monitor_dsn) as connection:
        snapshot = await look(connection, subtransactions, activity)
    return verdict_of(finding, snapshot, limits=SOON)


@pytest.mark.versions(16, 17, 18)
async def test_story_of_a_savepoint_for_each_row(
    stage: Stage, paste: Psql, database: Database
) -> None:
    """Sixty fit, a hundred don't; the cure ends that transaction; gone."""
    polite = await stage.holds(LOOP.format(count=60))
    assert (await judged(database)).state is State.healthy
    await polite.execute("rollback")
    await stage.holds(LOOP.format(count=100), application_name="import")

    async def ill() -> Verdict | None:
        verdict = await judged(database)
        return verdict if verdict.subjects else None

    verdict = await until(ill, "the overflow is seen")
    assert verdict
    [subject] = verdict.subjects
    assert subject.evidence.facts["application"] == "import"
    await paste(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))

    async def gone() -> bool:
        return (await judged(database)).state is State.healthy

    await until(gone, "the transaction is over")
