"""Upkeep of partitioned tables by hand-made rows: not quite ill, and unknown."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.partitions.partition_count_high import finding as count_high
from alerts.findings.partitions.partition_index_missing import finding as index_missing
from alerts.findings.partitions.partition_maintenance_stale import finding as maintenance_stale
from alerts.findings.partitions.partition_parent_stale_stats import finding as stale_stats
from alerts.findings.partitions.partition_pruning_missing import finding as pruning_missing
from alerts.findings.partitions.partition_retention_overdue import finding as retention_overdue
from alerts.findings.partitions.table_huge import finding as table_huge
from alerts.history.samples import Sample
from alerts.partitions.activity import Activity
from alerts.runway.rate import Rate
from alerts.runway.size_trends import TABLE_SIZES
from alerts.runway.trends import Trend
from collectors._base import Absence
from collectors.incomplete_indexes import IncompleteIndex, incomplete_indexes
from collectors.partitions import Partition, partitions
from collectors.partman_tables import PartmanTable, partman_tables
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import UserTable, user_tables
from tests.findings.partitions.rows import days, scene, table
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen

DAY = 86400.0
SHOP: dict[str, Any] = {"datname": "shop"}
EIGHT = days(1, 9)


def state(finding: AnyFinding, rows: list[Partition], **given: Any) -> State:
    return verdict_of(finding, scene(rows, **given)).state


@pytest.mark.parametrize(
    ("parts", "activity", "expected"),
    [
        (EIGHT, Activity(3600, 8, 60, 200, 0), State.ill),
        (EIGHT, Activity(3600, 8, 59, 190, 0), State.healthy),
        (EIGHT, Activity(3600, 8, 60, 201, 0), State.healthy),
        (EIGHT, Activity(3600, 7, 60, 60, 0), State.healthy),
        (EIGHT[:7], Activity(3600, 7, 60, 60, 0), State.healthy),
        (EIGHT, None, State.learning),
    ],
)
def test_pruning(parts: list[Partition], activity: Activity | None, expected: State) -> None:
    """Eight partitions, sixty scans of each, and a good share of those of the busiest."""
    assert state(pruning_missing, table(*parts), activity=activity) is expected


@pytest.mark.parametrize(
    ("rows", "analyzed", "expected"),
    [
        (50_000, -1.0, State.ill),
        (49_999, -1.0, State.healthy),
        (50_000, 49_999.0, State.ill),
        (50_000, 50_000.0, State.healthy),
    ],
)
def test_statistics_of_the_parent(rows: int, analyzed: float, expected: State) -> None:
    """A hundred thousand rows, and twice those that it had."""
    parts = days(12, 14, n_live_tup=rows, reltuples=float(rows))
    assert state(stale_stats, table(*parts, reltuples=analyzed)) is expected


def test_statistics_are_those_of_the_parent_alone_from_18_on() -> None:
    rows = table(*days(12, 14, n_live_tup=10**6), reltuples=-1.0)
    snapshot = scene(rows)
    for version, cure in ((180000, "ONLY public.events"), (170000, "public.events")):
        node = replace(snapshot.node, version=version)
        [subject] = verdict_of(stale_stats, replace(snapshot, node=node)).subjects
        assert subject.evidence.cure[1] == f"ANALYZE (SKIP_LOCKED) {cure};"


def test_number_of_partitions() -> None:
    many = [replace(EIGHT[0], relid=n) for n in range(2000, 3999)]
    own = table(*many)
    many.append(replace(EIGHT[0], relid=4000))
    assert state(count_high, own) is State.healthy
    assert state(count_high, table(*many)) is State.ill


def indexed(*relids: int, definition: int = 7, valid: bool = True) -> list[UserIndex]:
    about = {"datname": "shop", "definition": definition, "is_valid": valid}
    return [filled(UserIndex, relid=relid, **about) for relid in relids]


@pytest.mark.parametrize(
    ("indexes", "expected"),
    [
        (indexed(1, 2, 3), State.ill),
        (indexed(1, 2, 3, 4), State.healthy),
        (indexed(1, 2), State.healthy),
        (indexed(2, 3, 4), State.healthy),  # what is old may do without
        (indexed(1, 2, 3) + indexed(4, definition=8), State.ill),
        (indexed(1, 2, 3) + indexed(4, valid=False), State.ill),
        ([], State.healthy),
    ],
)
def test_the_newest_lacks_what_three_before_it_have(
    indexes: list[UserIndex], expected: State
) -> None:
    also = [(incomplete_indexes, []), (user_indexes, indexes)]
    assert state(index_missing, table(*days(12, 16)), also=also) is expected
    empty = [*days(12, 15), *[replace(one, n_live_tup=0, reltuples=0) for one in days(12, 16)[3:]]]
    assert state(index_missing, table(*empty), also=also) is State.healthy


def lacking(**given: Any) -> IncompleteIndex:
    about: dict[str, Any] = {
        "datname": "shop",
        "indexrelid": 5,
        "schemaname": "public",
        "relname": "events",
    }
    about |= {"indexrelname": "events_at", "amname": "btree", "is_unique": False}
    part: dict[str, Any] = {"partition_schemaname": "public", "partition_relname": "events_1"}
    part |= {"partition_relkind": "r", "partition_rows": 10.0}
    row: IncompleteIndex = filled(IncompleteIndex, **about | part | given)
    return row


@pytest.mark.parametrize(
    ("row", "statements"),
    [
        (lacking(plain_columns=["at"]), "CREATE INDEX CONCURRENTLY events_1_5_idx"),
        (lacking(existing_index="mine"), "ATTACH PARTITION public.mine;"),
        (lacking(plain_columns=["at"], partition_relkind="p"), None),
        (lacking(), None),
    ],
)
def test_an_incomplete_index_is_built_where_its_definition_is_known(
    row: IncompleteIndex, statements: str | None
) -> None:
    also: list[Any] = [(incomplete_indexes, [row]), (user_indexes, [])]
    [subject] = verdict_of(index_missing, scene(table(), also=also)).subjects
    cure = "\n".join(subject.evidence.cure)
    if statements:
        assert statements in cure
    else:
        assert all(line.startswith("--") for line in subject.evidence.cure)


def kept(**given: Any) -> PartmanTable:
    about: dict[str, Any] = {
        "datname": "shop",
        "extension_schema": "partman",
        "extension_version": "5.2.4",
    }
    config: dict[str, Any] = {
        "may_read": True,
        "parent_table": "public.events",
        "is_automatic": True,
    }
    run: dict[str, Any] = {
        "maintenance_last_run": AT,
        "retention": "30 days",
        "retention_seconds": 30 * DAY,
    }
    row: PartmanTable = filled(PartmanTable, **about | config | run | given)
    return row


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (kept(maintenance_last_run=AT - DAY), State.ill),
        (kept(maintenance_last_run=AT - DAY + 1), State.healthy),
        (kept(maintenance_last_run=None), State.ill),
        (kept(maintenance_last_run=None, is_automatic=False), State.healthy),
        (kept(may_read=False, is_automatic=None, parent_table=None), State.unknown),
        (kept(maintenance_last_run=None, extension_version="4.7.2"), State.unknown),
        (kept(maintenance_last_run=None, parent_table=None, is_automatic=None), State.healthy),
    ],
)
def test_maintenance(row: PartmanTable, expected: State) -> None:
    """Once a day; what may not be read, or is not noted, is unknown."""
    snapshot = seen((partman_tables, [row]))
    assert verdict_of(maintenance_stale, snapshot).state is expected


@pytest.mark.parametrize(
    ("row", "rows", "expected"),
    [
        (kept(retention_seconds=8 * DAY), table(*days(1, 16)), State.ill),
        (kept(retention_seconds=12 * DAY), table(*days(1, 16)), State.healthy),
        (kept(retention=None, retention_seconds=None), table(*days(1, 16)), State.healthy),
        (kept(retention_seconds=8 * DAY, parent_table="a.b"), table(*days(1, 16)), State.healthy),
        (kept(retention_seconds=8 * DAY), table(*days(1, 16), key_type="text"), State.healthy),
        (kept(retention_seconds=8 * DAY), table(*days(1, 16), key_columns=2), State.healthy),
        (kept(retention_seconds=8 * DAY), table(*days(1, 16), strategy="l"), State.healthy),
        (kept(may_read=False, parent_table=None), table(*days(1, 16)), State.unknown),
    ],
)
def test_retention(row: PartmanTable, rows: list[Partition], expected: State) -> None:
    """Two days beyond what pg_partman keeps; without it there is no retention to compare with."""
    assert state(retention_overdue, rows, also=[(partman_tables, [row])]) is expected


def grows(per_day: float | None, size: int = 100 << 30, **given: Any) -> State:
    about = {"datname": "shop", "relid": 1, "schemaname": "public", "relname": "log"}
    sizes = {"relkind": "r", "table_size_bytes": size, "index_size_bytes": 0, "reltuples": 9.0}
    row = filled(UserTable, **about | sizes | given)
    speed = None if per_day is None else per_day / DAY
    rate = None if speed is None else Rate(speed, speed, speed, 9 * DAY)
    trend = Trend(AT - 9 * DAY, Sample(AT, size), (), rate)
    snapshot = seen((user_tables, [row])).with_histories({TABLE_SIZES: {"shop.1": trend}})
    return verdict_of(table_huge, snapshot).state


def test_a_huge_table_grows() -> None:
    """A hundred gigabytes that double within three years; partitions and views are not told."""
    assert grows((100 << 30) / 1000) is State.ill
    assert grows((100 << 30) / 1100) is State.healthy
    assert grows(1 << 30, size=(100 << 30) - 1) is State.healthy
    assert grows(1 << 30, root_relid=7) is State.healthy
    assert grows(1 << 30, relkind="m") is State.healthy
    assert grows(0.0) is State.healthy
    assert grows(None) is State.learning


@pytest.mark.parametrize(
    "finding", [count_high, index_missing, maintenance_stale, pruning_missing, stale_stats]
)
def test_without_an_answer_it_is_unknown(finding: AnyFinding) -> None:
    absent = {one: Absence("refused") for one in (partitions, partman_tables)}
    blind = replace(scene(table()), absent=absent, answers={})
    assert verdict_of(finding, blind).state is State.unknown
