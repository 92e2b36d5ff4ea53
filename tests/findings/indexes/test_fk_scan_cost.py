"""fk_scan_cost: scans that deletes of parents cause, told from those that queries make."""

from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts.findings.indexes.fk_scan_cost import finding
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.unindexed_foreign_keys import UnindexedForeignKey, unindexed_foreign_keys
from tests.findings.indexes.foreign_keys import KEY
from tests.fixtures.one_look import Look, look, supplied, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import seen
from tests.fixtures.until import until

ROWS = 1_000_000
Grown = tuple[int, int, int]
"""Scans of the child, deletes and updates of the parent, within five minutes."""


def after(*steps: Grown, also: Grown | None = None, reset_at: int = -1) -> Verdict:
    """The verdict after these steps; `also` is a second key, with the growth of each step."""
    recorder, verdict = Recorder(wants=finding.history), None
    totals = [0, 0, 0]
    for number, step in enumerate([(0, 0, 0), *steps]):
        totals = [a + b for a, b in zip(totals, step, strict=True)]
        if number == reset_at:
            totals = [0, 0, 0]
        rows = [grown(KEY, totals, reset_at <= number)]
        if also:
            rows.append(grown(replace(KEY, constraint_oid=101, attnames=["other"]), totals, True))
            rows[1] = replace(
                rows[1], parent_deletes=also[1] * number, parent_updates=also[2] * number
            )
        snapshot = Look(seen().node, 300.0 * number, recorder=recorder)
        verdict = verdict_of(finding, supplied(snapshot, unindexed_foreign_keys, rows))
    assert verdict
    return verdict


def grown(row: UnindexedForeignKey, totals: list[int], same: bool) -> UnindexedForeignKey:
    scans, deletes, updates = totals
    return replace(
        row,
        seq_scan=scans,
        seq_tup_read=scans * ROWS,
        parent_deletes=deletes,
        parent_updates=updates,
        stats_reset=0.0 if same else -1.0,
    )


@pytest.mark.parametrize(
    ("steps", "scans"),
    [
        ([(50, 50, 0)] * 3, 150),
        ([(49, 60, 0)] * 3, 147),
        ([(500, 50, 0)] * 3, 150),
        ([(50, 0, 50)] * 3, 150),
        ([(60, 10, 50)] * 3, 180),
        ([(50, 50, 0), (0, 0, 0), (50, 50, 0), (50, 50, 0)], 150),
    ],
)
def test_scans_that_go_with_changes_of_the_parent_are_its_cost(
    steps: list[Grown], scans: int
) -> None:
    [subject] = after(*steps).subjects
    assert subject.evidence.facts["scans"] == scans
    assert subject.evidence.facts["rows_read"] == scans * ROWS
    assert subject.evidence.severity is Severity.warning


@pytest.mark.parametrize(
    "steps",
    [
        [(50, 50, 0)] * 2 + [(0, 0, 0)],
        [(500, 0, 0)] * 3,
        [(10, 50, 0)] * 3,
        [(50, 0, 500)] * 3,
        [(500, 0, 50)] * 3,
        [(50, 0, 50)] * 2 + [(0, 0, 50)],
        [(1, 1, 0)] * 3,
        [(3, 0, 3)] * 3,
    ],
)
def test_other_scans_are_none(steps: list[Grown]) -> None:
    assert after(*steps).subjects == ()


def test_two_keys_share_the_scans_of_their_table() -> None:
    verdict = after(*[(80, 50, 0)] * 3, also=(0, 30, 0))
    scans = {s.evidence.subject: s.evidence.facts["scans"] for s in verdict.subjects}
    assert scans == {"public.child (parent)": 150, "public.child (other)": 90}


def test_it_learns_until_there_were_enough_looks_and_anew_after_a_reset() -> None:
    assert after((50, 50, 0)).state is State.learning
    assert after(*[(50, 50, 0)] * 3, reset_at=3).state is State.learning
    assert after(*[(0, 0, 0)] * 3).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={unindexed_foreign_keys: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


SHOP = """
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
    INSERT INTO parent SELECT generate_series(1, 2000);
    INSERT INTO child SELECT i, 2000 FROM generate_series(1, 10000) i;
    ANALYZE;
"""
DELETE = "DELETE FROM parent WHERE id BETWEEN $1 AND $1 + 29"


async def test_found_and_cured(database: Database, psql: Psql, paste: Psql) -> None:
    await psql(database.dsn, SHOP)
    loaded = "SELECT pg_stat_get_live_tuples('child'::regclass) >= 10000"
    await until(lambda: database.fetchval(loaded), "the rows are counted")
    recorder, verdict = Recorder(wants=finding.history), None
    limits = replace(finding.limits, min_rate=900)
    async with watching(dsn=database.monitor_dsn) as connection:
        for number in range(4):
            snapshot = await look(
                connection, unindexed_foreign_keys, at=300.0 * number, recorder=recorder
            )
            verdict = verdict_of(finding, snapshot, limits=limits)
            await deleted(database, number)
        assert verdict
        [subject] = verdict.subjects
        assert subject.evidence.facts["scans"] == 90
        assert subject.evidence.facts["rows_read"] == 90 * 10_000
        evidence = subject.evidence
        assert "public.child|" in await paste(
            database.dsn, "\n".join((evidence.check, *evidence.cure))
        )
        healed = await look(connection, unindexed_foreign_keys, at=1200.0, recorder=recorder)
        assert verdict_of(finding, healed, limits=limits).state is State.healthy


async def deleted(database: Database, number: int) -> None:
    """Delete thirty parents, and see that this and its scans are counted."""
    await database.execute(DELETE, 1 + 30 * number)
    counted = """
        SELECT pg_stat_get_tuples_deleted('parent'::regclass) >= $1
            AND pg_stat_get_numscans('child'::regclass) >= $1
    """
    await until(lambda: database.fetchval(counted, 30 * (number + 1)), "the deletes are counted")
