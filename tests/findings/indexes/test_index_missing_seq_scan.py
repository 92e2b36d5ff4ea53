"""index_missing_seq_scan: scans that go on all the time, told from dumps, reports and loads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.indexes._foreign_key import ForeignKey
from alerts.findings.indexes._table_scans import Look as Counters
from alerts.findings.indexes._table_scans import Looks
from alerts.findings.indexes.index_missing_seq_scan import cure, finding
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.unindexed_foreign_keys import UnindexedForeignKey, unindexed_foreign_keys
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import Look, look, supplied, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import seen
from tests.fixtures.until import until

MIB = 1024**2
TABLE: UserTable = filled(
    UserTable,
    datname="shop",
    relid=10,
    schemaname="public",
    relname="orders",
    relkind="r",
    relpages=12_800,
    reltuples=1e6,
    n_live_tup=1_000_000,
    seq_scan=0,
    seq_tup_read=0,
    idx_tup_fetch=0,
    table_size_bytes=100 * MIB,
)
MINUTES = range(0, 66, 5)


def table(
    minute: float, scans: float, rows: float = 1e6, by_index: float = 0, **more: Any
) -> UserTable:
    """The table after that number of minutes; scans and rows by index are those of a minute."""
    done = int(scans * minute)
    read: dict[str, Any] = {"seq_scan": done, "seq_tup_read": int(done * rows)}
    return replace(TABLE, **read, idx_tup_fetch=int(by_index * minute), **more)


def watched(*looks: tuple[float, list[UserTable]]) -> Verdict:
    recorder, verdict = Recorder(wants=finding.history), None
    for minute, rows in looks:
        snapshot = Look(seen().node, 60.0 * minute, recorder=recorder)
        verdict = verdict_of(finding, supplied(snapshot, user_tables, rows))
    assert verdict
    return verdict


def after(**steady: Any) -> Verdict:
    return watched(*((minute, [table(minute, **steady)]) for minute in MINUTES))


def test_steady_scans_are_found() -> None:
    [subject] = after(scans=10).subjects
    evidence = subject.evidence
    assert evidence.severity is Severity.info
    assert "scanned sequentially 600 times within 1 h: 166,667 rows per second" in evidence.message
    assert after(scans=60).subjects[0].evidence.severity is Severity.warning


@pytest.mark.parametrize(
    "steady",
    [
        {"scans": 5},
        {"scans": 0.5, "rows": 1e8},
        {"scans": 100, "rows": 9_000},
        {"scans": 10, "by_index": 1.1e7},
        {"scans": 10, "table_size_bytes": 7 * MIB},
        {"scans": 10, "reltuples": 9_000, "n_live_tup": 9_000},
        {"scans": 10, "relpages": 100},
    ],
)
def test_what_is_not_quite_one(steady: dict[str, Any]) -> None:
    assert after(**steady).state is State.healthy


def test_scans_that_have_ended_are_none() -> None:
    looks = [(minute, [table(min(minute, 55), scans=20)]) for minute in range(0, 85, 5)]
    assert watched(*looks[:10]).state is State.learning
    assert watched(*looks[:13]).state is State.ill
    assert watched(*looks).state is State.healthy


def test_it_learns_until_the_hour_is_full_and_anew_after_a_reset() -> None:
    learning = watched(*((minute, [table(minute, scans=20)]) for minute in range(0, 35, 5)))
    assert (learning.state, learning.unjudged[0].until) == (State.learning, 3600.0)
    looks = [(minute, [table(minute, scans=20)]) for minute in MINUTES]
    reset = [
        (minute + 61, [replace(table(minute, scans=20), stats_reset=7.0)]) for minute in (1, 6)
    ]
    assert watched(*looks, *reset).state is State.learning


def test_partitions_are_one_table() -> None:
    of: dict[str, Any] = {"root_relid": 9, "root_schemaname": "public", "root_relname": "events"}
    looks = [
        (m, [table(m, scans=5, **of), table(m, scans=5, relid=11, relname="other", **of)])
        for m in MINUTES
    ]
    [subject] = watched(*looks).subjects
    assert subject.evidence.subject == "public.events"


def test_a_table_that_is_not_scanned_takes_one_look() -> None:
    looks = Looks(None, (Counters(0, 1, 1, 1),))
    for at in range(30, 7200, 30):
        looks = looks.after(Counters(at, 1, 1, at), None, 3600)
    assert len(looks.looks) == 1
    for at in range(7200, 14400, 30):
        looks = looks.after(Counters(at, at, at, at), None, 3600)
    assert len(looks.looks) <= 15


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={user_tables: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


ITEMS = """
    CREATE TABLE products (id int PRIMARY KEY);
    CREATE TABLE items (id int PRIMARY KEY, product int REFERENCES products, note text);
    INSERT INTO products SELECT generate_series(1, 1000);
    INSERT INTO items SELECT i, 1 + i % 1000, repeat('x', 100) FROM generate_series(1, 12000) i;
    ANALYZE;
"""
SEARCH = "SELECT count(*) FROM items WHERE product = 7;"
LIMITS = replace(finding.limits, min_rate=100, min_bytes=MIB, min_scans=10, warn_rate=1e9)


def statements(cure: Sequence[str]) -> list[str]:
    """The statements among the comments of the last step, as a reader takes them."""
    return [line.removeprefix("-- ") for line in cure if line.endswith(";")]


def test_a_foreign_key_is_a_candidate_and_no_more() -> None:
    """The counters of a table don't tell which of its columns the statements compare."""
    key: UnindexedForeignKey = filled(
        UnindexedForeignKey,
        datname="shop", schemaname="public", relname="orders", root_relid=None,
        attnames=["customer_id"], parent_schemaname="public", parent_relname="customers",
    )  # fmt: skip
    advice = list(cure("public.orders", [ForeignKey((key,))]))
    assert all(line.startswith("-- ") and not line.startswith("-- -- ") for line in advice)
    assert "It may be customer_id: this foreign key has no index." in "\n".join(advice)
    assert len([line for line in advice if "CREATE INDEX CONCURRENTLY IF NOT" in line]) == 1
    assert "It may be" not in "\n".join(cure("public.orders", []))


async def test_found_and_cured(database: Database, psql: Psql, paste: Psql) -> None:
    """Searches by a foreign key; after the cure they use its index."""
    await psql(database.dsn, ITEMS)
    loaded = "SELECT n_tup_ins >= 12000 FROM pg_stat_user_tables WHERE relname = 'items'"
    await until(lambda: database.fetchval(loaded), "the rows are counted")
    recorder, searched = Recorder(wants=finding.history), 0
    async with watching(dsn=database.monitor_dsn) as connection:

        async def verdict(minute: int) -> Verdict:
            both = user_tables, unindexed_foreign_keys
            snapshot = await look(connection, *both, at=60.0 * minute, recorder=recorder)
            return verdict_of(finding, snapshot, limits=LIMITS)

        async def search(index_scans: int = 0) -> None:
            await psql(database.dsn, SEARCH * 20)
            counted = """
                SELECT seq_scan >= $1 AND idx_scan >= $2
                FROM pg_stat_user_tables WHERE relname = 'items'
            """
            waited = "the searches are counted"
            await until(lambda: database.fetchval(counted, searched, index_scans), waited)

        for minute in (0, 20, 40, 60):
            ill = await verdict(minute)
            searched += 20
            await search()
        [subject] = ill.subjects
        assert subject.evidence.facts["foreign_keys_without_index"] == "product"
        evidence = subject.evidence
        assert "items|" in await paste(database.dsn, "\n".join((evidence.check, *evidence.cure)))
        # Nothing is built before the statement is known; then the steps that are printed work.
        built = "SELECT count(*) FROM pg_indexes WHERE tablename = 'items'"
        assert await database.fetchval(built) == 1
        await paste(database.dsn, "\n".join(statements(evidence.cure)))
        assert await database.fetchval(built) == 2
        await verdict(80)
        await search(index_scans=20)
        assert (await verdict(100)).state is State.healthy
