"""prepared_transaction_stale: an unfinished prepared transaction, by its own age."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts._base import Severity, State
from alerts.findings.locks.prepared_transaction_stale import Limits, finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.locks import locks
from collectors.prepared_transactions import PreparedTransaction, prepared_transactions
from tests.fixtures.lock_rows import filled, scene
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.printed_sql import chosen

SOON = Limits(prepared=timedelta(0))


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [(299.0, None), (300.0, Severity.warning), (3600.0, Severity.critical)],
)
def test_limits(seconds: float, severity: Severity | None) -> None:
    """Five minutes and an hour."""
    row = filled(
        PreparedTransaction,
        gid="a",
        owner="x",
        datname="shop",
        prepared=1.0,
        prepared_seconds=seconds,
        xid_age=1,
    )
    snapshot = scene((), (), (prepared_transactions, (row,)))
    assert verdict_of(finding, snapshot).severity is severity


def test_without_an_answer_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = replace(scene((), ()), answers={}, absent={prepared_transactions: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


async def judged(database: Database, limits: Limits) -> Verdict:
    async with watching(dsn=database.monitor_dsn) as connection:
        snapshot = await look(connection, prepared_transactions, locks)
    verdict = verdict_of(finding, snapshot, limits=limits)
    mine = tuple(s for s in verdict.subjects if s.evidence.database == database.name)
    return replace(verdict, subjects=mine)


async def test_story_of_a_forgotten_one(stage: Stage, paste: Psql, database: Database) -> None:
    """Found under its hostile name with who waits for it; rolled back by the steps; gone."""
    session = await stage.holds("update orders set v = 2 where id = 2")
    await session.execute("prepare transaction 'it''s  \"paid\"\n💥'")
    assert not (await judged(database, Limits())).subjects
    await stage.waits("delete from orders where id = 2")
    [subject] = (await judged(database, SOON)).subjects
    assert subject.evidence.facts["gid"] == 'it\'s  "paid"\n💥'
    assert subject.evidence.facts["waiting_sessions"] == 1
    assert "1 session waits for it" in subject.evidence.message
    cure = subject.evidence.cure
    assert all(line.startswith("--") for line in cure), "its other half may be committed elsewhere"
    await paste(database.dsn, subject.evidence.check + chosen(cure, "ROLLBACK"))
    await stage.all_done()
    assert not (await judged(database, SOON)).subjects
