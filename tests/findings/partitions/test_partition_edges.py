"""Partition findings at the edges of their limits and words, by hand-made rows."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Evidence, Severity, State
from alerts.findings.partitions.partition_count_high import finding as count_high
from alerts.findings.partitions.partition_default_filling import finding as default_filling
from alerts.findings.partitions.partition_future_missing import finding as future_missing
from alerts.findings.partitions.partition_index_missing import finding as index_missing
from alerts.findings.partitions.partition_maintenance_stale import finding as maintenance_stale
from alerts.findings.partitions.partition_parent_stale_stats import finding as stale_stats
from alerts.findings.partitions.partition_pruning_missing import finding as pruning_missing
from alerts.findings.partitions.partition_retention_overdue import finding as retention_overdue
from alerts.findings.partitions.table_huge import finding as table_huge
from alerts.history.samples import Sample
from alerts.limits import BaseLimits
from alerts.partitions.activity import PARTITION_ACTIVITY, Activity
from alerts.partitions.bound import range_of
from alerts.partitions.creation import for_values
from alerts.runway.rate import Rate
from alerts.runway.size_trends import TABLE_SIZES
from alerts.runway.trends import Trend
from collectors.incomplete_indexes import IncompleteIndex, incomplete_indexes
from collectors.partitions import Partition
from collectors.partman_tables import PartmanTable, partman_tables
from collectors.sequences import Sequence, sequences
from collectors.settings import settings
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import UserTable, user_tables
from tests.findings.partitions.rows import PARENT, days, part, scene, table
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.wal_rows import given

DAY = 86400.0
LOCKS = {
    "max_locks_per_transaction": 64.0,
    "max_connections": 100.0,
    "max_prepared_transactions": 0.0,
}


def told(
    finding: AnyFinding, rows: list[Partition], limits: BaseLimits | None = None, **more: Any
) -> list[Evidence]:
    verdict = verdict_of(finding, scene(rows, **more), limits=limits)
    return [subject.evidence for subject in verdict.subjects]


def default(**known: Any) -> Partition:
    return part(9, "", "", bound="DEFAULT", **known)


def below(parent: int, *relids: int, **known: Any) -> list[Partition]:
    """Partitions of a partition."""
    return [replace(part(n, "", "", **known), parent_relid=parent) for n in relids]


def test_partitions_of_partitions_are_counted_at_the_top() -> None:
    limits = replace(count_high.limits, leaves=3)
    inner = part(1, "2023-11-01", "2023-11-02", relkind="p")
    rows = table(inner, *below(1, 11, 12, 13))
    [top] = told(count_high, rows, limits)
    assert (top.subject, top.value) == ("public.events", 3)
    assert top.facts["lock_slots"] is None
    assert "such locks" not in top.message


@pytest.mark.parametrize(
    ("known", "slots"),
    [
        (LOCKS, 6400),
        ({**LOCKS, "max_prepared_transactions": 10.0}, 7040),
        ({name: value for name, value in LOCKS.items() if name != "max_connections"}, None),
        ({name: value for name, value in LOCKS.items() if "locks" not in name}, None),
    ],
)
def test_the_lock_table_is_told_where_it_is_known(
    known: dict[str, float], slots: int | None
) -> None:
    limits = replace(count_high.limits, leaves=2)
    [one] = told(count_high, table(*days(1, 3)), limits, also=[(settings, given(**known))])
    assert one.facts["lock_slots"] == slots
    assert (f"about {slots:,} such locks" in one.message) is (slots is not None) if slots else True


def test_rows_in_default_up_to_the_limits() -> None:
    """At least one sibling, and one row by the counters or by the last vacuum."""
    assert told(default_filling, table(*days(12, 13), default(), default_relid=9))
    one_row = default(n_live_tup=1, n_tup_ins=0)
    assert told(default_filling, table(*days(12, 13), one_row, default_relid=9))
    more = replace(default_filling.limits, rows=11)
    assert not told(default_filling, table(*days(12, 13), default(), default_relid=9), more)
    by_counter = default(n_live_tup=0, n_tup_ins=5, reltuples=10.0)
    assert not told(default_filling, table(*days(12, 13), by_counter, default_relid=9))
    never_inserted = default(n_live_tup=5, n_tup_ins=0, reltuples=0.0)
    assert told(default_filling, table(*days(12, 13), never_inserted, default_relid=9))


def moved(*parts: Partition, **known: Any) -> str:
    dated = [replace(row, relname=f"events_{11 + row.relid}") for row in days(12, 14)]
    rows = table(*dated, *(parts or [default()]), default_relid=9, **known)
    [one] = told(default_filling, rows)
    return "\n".join(one.cure)


MOVES = [
    "BEGIN;",
    "SET LOCAL lock_timeout = '2s';",
    "LOCK TABLE public.events_9 IN SHARE ROW EXCLUSIVE MODE;",
    "CREATE TABLE public.events_14 (LIKE public.events INCLUDING ALL EXCLUDING IDENTITY);",
    "ALTER TABLE public.events_14 OWNER TO shop;",
    "ALTER TABLE public.events ATTACH PARTITION public.events_14"
    " FOR VALUES FROM ('2023-11-14') TO ('2023-11-15');",
    "COMMIT;",
]


def test_moving_is_one_transaction_with_a_timeout() -> None:
    lines = moved().split("\n")
    assert [line for line in lines if line in MOVES][: len(MOVES)] == MOVES
    [delete] = [line for line in lines if "DELETE FROM public.events_9" in line][:1]
    assert "INSERT INTO public.events_14 SELECT * FROM moved;" in delete


def test_what_is_moved_by_hand() -> None:
    """Many rows, a DEFAULT that is partitioned or foreign, a sibling that is, a number's key."""
    assert "BEGIN;" in moved(default(n_live_tup=100_000))
    assert "BEGIN;" not in moved(default(n_live_tup=100_001))
    assert "BEGIN;" not in moved(default(relkind="p"))
    assert "BEGIN;" not in moved(default(relkind="f"))
    before = part(7, "2023-11-11", "2023-11-12", relname="events_11")
    assert "BEGIN;" in moved(default(), before)
    assert "BEGIN;" not in moved(default(), replace(before, relkind="p"))
    assert "BEGIN;" not in moved(key_type="text")
    numbers = [
        part(n, str(n * 10), str(n * 10 + 10), relname=f"events_{n}", n_tup_ins=10) for n in (1, 2)
    ]
    rows = table(*numbers, default(), default_relid=9, key_column="id", key_type="bigint")
    for activity in (None, Activity(3600.0, 2, 0, 0, 3600), Activity(3600.0, 2, 0, 0, 0)):
        [one] = told(default_filling, rows, activity=activity, also=feeding(35))
        assert all(line.startswith("--") for line in one.cure), activity


def feeding(last_value: int) -> list[Any]:
    about = {"datname": "shop", "table_schemaname": "public", "relname": "events"}
    row = filled(Sequence, **about, column_name="id", is_known=True, last_value=last_value)
    return [(sequences, [row])]


def test_the_check_names_the_key_where_there_is_one() -> None:
    [one] = told(default_filling, table(*days(12, 13), default(), default_relid=9))
    assert "pg_catalog.min(at)" in one.check
    [one] = told(default_filling, table(*days(12, 13), default(), default_relid=9, key_column=None))
    assert one.check == "SELECT pg_catalog.count(*) FROM public.events_9;"


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((12, 15), "end at 2023-11-15, in 1 h 47 min; from then on every insert fails"),
        ((12, 14), "has no partition for 2023-11-14 and later: every insert fails."),
    ],
)
def test_words_of_a_coming_and_a_past_end(ends: tuple[int, int], words: str) -> None:
    [one] = told(future_missing, table(*days(*ends)))
    assert words in one.message
    assert one.facts["default_partition"] is None
    rate = Activity(3600.0, 2, 0, 0, 7200)
    [one] = told(future_missing, table(*days(*ends)), activity=rate)
    assert "(2.0 rows are inserted a second)" in one.message


def test_words_with_default() -> None:
    """Rows that are in it already are moved first; without any, the partitions are printed."""
    named = [replace(row, relname=f"events_{11 + row.relid}") for row in days(12, 14)]
    [one] = told(future_missing, table(*named, default(), default_relid=9))
    assert "rows go to the DEFAULT partition public.events_9" in one.message
    assert one.facts["default_partition"] == "public.events_9"
    assert one.cure == ("-- Its rows are in DEFAULT already: see partition_default_filling.",)
    empty = default(n_tup_ins=0, n_live_tup=0, reltuples=0.0)
    [one] = told(future_missing, table(*named, empty, default_relid=9))
    assert any(line.startswith("CREATE TABLE") for line in one.cure)
    later = [replace(row, relname=f"events_{11 + row.relid}") for row in days(12, 15)]
    [one] = told(future_missing, table(*later, default(), default_relid=9))
    assert any(line.startswith("CREATE TABLE") for line in one.cure), "it has not ended yet"


def test_words_of_an_estimate() -> None:
    numbers = [part(1, "0", "1000", n_tup_ins=10), part(2, "1000", "2000", n_tup_ins=10)]
    rows = table(*numbers, key_column="id", key_type="bigint")
    rate = Activity(3600.0, 2, 0, 0, 3600)
    [one] = told(future_missing, rows, activity=rate, also=feeding(1900))
    assert "end at 2000, in about 1 min 40 s (1.0 rows" in one.message
    [one] = told(future_missing, rows, activity=rate, also=feeding(1999))
    assert "in about 1 s" in one.message


def test_a_wider_step_ends_a_week_after_its_end() -> None:
    month = part(1, "2023-10-07", "2023-11-08")
    assert told(future_missing, table(month)), "six days ago, and a step of a month"
    assert not told(future_missing, table(part(1, "2023-10-06", "2023-11-07")))


def test_kinds_of_partitions_that_are_made_by_hand() -> None:
    rows = days(12, 15, relkind="f")
    [one] = told(future_missing, table(*rows))
    assert all(line.startswith("--") for line in one.cure)


def two_columns(low: str, high: str, relid: int = 1, **known: Any) -> Partition:
    made = part(relid, "", "", **known)
    return replace(made, bound=f"FOR VALUES FROM ({low}) TO ({high})", relname="events_2023_11_14")


@pytest.mark.parametrize(
    ("low", "high", "is_read"),
    [
        ("'2023-11-14', MINVALUE", "'2023-11-15', MINVALUE", True),
        ("MINVALUE, MINVALUE", "'2023-11-15', MINVALUE", True),
        ("'2023-11-14', 0", "'2023-11-15', MINVALUE", False),
        ("'2023-11-14', MINVALUE", "'2023-11-15', 5", False),
        ("'2023-11-14', MINVALUE", "'2023-11-15', MAXVALUE", False),
        ("'2023-11-14', MINVALUE", "MAXVALUE, MAXVALUE", False),  # it never ends
        ("'2023-11-14'", "'2023-11-15'", False),
    ],
)
def test_keys_of_several_columns(low: str, high: str, is_read: bool) -> None:
    """Only where each range is one of the first column alone."""
    found = told(future_missing, table(two_columns(low, high), key_columns=2))
    assert bool(found) is is_read


@pytest.mark.parametrize(
    "bound",
    [
        "FOR VALUES FROM ('2023-11-14', MINVALUE) TO ('2023-11-15', MINVALUE)",
        "FOR VALUES FROM (MINVALUE, MINVALUE) TO ('2023-11-15', MINVALUE)",
        "FOR VALUES FROM ('2023-11-14', MINVALUE) TO (MAXVALUE, MAXVALUE)",
    ],
)
def test_bounds_of_several_columns_are_written_as_they_are_read(bound: str) -> None:
    [parent] = table(key_columns=2)
    read = range_of(bound, "date", 2)
    assert read is not None
    assert for_values(parent, read) == bound


def test_one_range_that_is_split_further_leaves_all_unknown() -> None:
    rows = [
        two_columns("'2023-11-13', MINVALUE", "'2023-11-14', MINVALUE"),
        two_columns("'2023-11-14', MINVALUE", "'2023-11-14', 5", relid=2),
    ]
    assert not told(future_missing, table(*rows, key_columns=2))
    rows[1] = replace(rows[1], relid=9, bound="DEFAULT", n_tup_ins=0, n_live_tup=0, reltuples=0.0)
    assert told(future_missing, table(*rows, key_columns=2, default_relid=9))


def test_statistics_of_a_partition_that_is_partitioned_are_not_told() -> None:
    inner = part(1, "2023-11-01", "2023-11-02", relkind="p", reltuples=-1.0)
    rows = table(inner, *below(1, 11, 12, n_live_tup=10**6), reltuples=2e6)
    assert not told(stale_stats, rows)


def test_words_of_statistics() -> None:
    parts = days(12, 14, n_live_tup=10**6)
    [one] = told(stale_stats, table(*parts, reltuples=-1.0))
    assert "was never analysed as a whole" in one.message
    assert one.facts["rows_at_analyze"] is None
    [one] = told(stale_stats, table(*parts, reltuples=0.0))
    assert "had about 0 rows when" in one.message
    assert one.facts["rows_at_analyze"] == 0.0
    few = days(12, 14, n_live_tup=10, reltuples=10.0)
    assert not told(stale_stats, table(*few, reltuples=0.0)), "too few rows to matter"


def test_scans_of_partitions_of_partitions_are_judged_at_the_top() -> None:
    inner = part(1, "2023-11-01", "2023-11-02", relkind="p")
    rows = table(inner, *below(1, *range(11, 19)))
    known = {
        ("shop", PARENT): Activity(3600, 8, 60, 120, 0),
        ("shop", 1): Activity(1, 8, 99, 99, 0),
    }
    snapshot = scene(rows).with_histories({PARTITION_ACTIVITY: known})
    [subject] = verdict_of(pruning_missing, snapshot).subjects
    assert subject.evidence.subject == "public.events"
    assert "50 % of what the busiest had" in subject.evidence.message
    assert "without a condition on at " in subject.evidence.message


def test_scans_are_counted_for_an_hour_first() -> None:
    [learning] = verdict_of(pruning_missing, scene(table(*days(1, 9)))).unjudged
    assert learning.until == AT + 3600
    keyless = table(*days(1, 9), key_column=None)
    busy = Activity(3600, 8, 60, 60, 0)
    [one] = told(pruning_missing, keyless, activity=busy)
    assert "without a condition on its key " in one.message
    few = scene(table(*days(1, 3)))
    assert verdict_of(pruning_missing, few).state is State.healthy


def owned(*relids: int) -> list[UserIndex]:
    return [filled(UserIndex, datname="shop", relid=n, definition=7, is_valid=True) for n in relids]


def test_a_partition_is_in_use_by_either_count() -> None:
    also = [(incomplete_indexes, []), (user_indexes, owned(1, 2, 3))]
    in_use: list[dict[str, Any]] = [
        {"n_live_tup": 1, "reltuples": 0},
        {"n_live_tup": 0, "reltuples": 1},
    ]
    for used in in_use:
        rows = [*days(12, 15), replace(days(12, 16)[3], **used)]
        assert told(index_missing, table(*rows), also=also), used
    idle: list[dict[str, Any]] = [{"n_live_tup": 0, "reltuples": -1}, {"relkind": "f"}]
    for unused in idle:
        rows = [*days(12, 15), replace(days(12, 16)[3], **unused)]
        assert not told(index_missing, table(*rows), also=also), unused
    assert not told(index_missing, table(*days(12, 16), key_type="text"), also=also)


def lacking(number: int = 1, **known: Any) -> IncompleteIndex:
    about: dict[str, Any] = {
        "datname": "shop",
        "indexrelid": 5,
        "schemaname": "public",
        "relname": "events",
        "indexrelname": "events_at",
        "amname": "btree",
        "is_unique": False,
        "partition_schemaname": "public",
        "partition_relname": f"events_{number}",
        "partition_relkind": "r",
        "partition_rows": 10.0,
        "plain_columns": ["at"],
    }
    row: IncompleteIndex = filled(IncompleteIndex, **about | known)
    return row


def incomplete(*rows: IncompleteIndex) -> list[Evidence]:
    return told(index_missing, table(), also=[(incomplete_indexes, rows), (user_indexes, [])])


def test_words_and_statements_of_incomplete_indexes() -> None:
    [one] = incomplete(lacking())
    assert "1 partition of it lacks an index" in one.message
    assert one.cure.count("SET lock_timeout = '2s';") == 1
    [one] = incomplete(lacking(is_unique=True), lacking(2))
    assert "2 partitions of it lack an index" in one.message
    assert any("CREATE UNIQUE INDEX CONCURRENTLY" in line for line in one.cure)
    [one] = incomplete(lacking(), lacking(2, plain_columns=None))
    assert all(line.startswith("--") for line in one.cure), "one definition is not simple"
    found = incomplete(*(lacking(n) for n in range(1, 31)))
    attached = [line for line in found[0].cure if "ATTACH PARTITION" in line]
    more = [line for line in found[0].cure if "Then the same for" in line]
    assert len(attached) < 30
    assert more == [f"-- Then the same for {30 - len(attached)} more; the next look has them."]
    exactly = incomplete(*(lacking(n) for n in range(1, len(attached) + 1)))
    assert not any("Then the same" in line for line in exactly[0].cure)


def test_a_long_name_keeps_its_end() -> None:
    [one] = incomplete(lacking(partition_relname="x" * 63))
    [built] = [line for line in one.cure if line.startswith("CREATE INDEX")]
    name = built.split()[3]
    assert len(name) == 63
    assert name.endswith("x_5_idx")


def kept(**known: Any) -> PartmanTable:
    about: dict[str, Any] = {
        "datname": "shop",
        "extension_schema": "partman",
        "extension_version": "5.2.4",
        "may_read": True,
        "parent_table": "public.events",
        "is_automatic": True,
        "maintenance_last_run": AT - 2 * DAY,
        "retention": "8 days",
        "retention_seconds": 8 * DAY,
    }
    row: PartmanTable = filled(PartmanTable, **about | known)
    return row


def test_words_of_maintenance() -> None:
    def stale(**known: Any) -> Evidence:
        [subject] = verdict_of(maintenance_stale, seen((partman_tables, [kept(**known)]))).subjects
        return subject.evidence

    assert "for 2 d" in stale().message
    assert stale().value == 2 * DAY
    never = stale(maintenance_last_run=None)
    assert "at all, as far as it notes" in never.message
    assert never.value == 0.0
    first = seen((partman_tables, [kept(extension_version="5.1.0", maintenance_last_run=None)]))
    assert verdict_of(maintenance_stale, first).state is State.ill


def test_age_of_what_is_overdue() -> None:
    [one] = told(retention_overdue, table(*days(1, 16)), also=[(partman_tables, [kept()])])
    assert one.facts["oldest_age_seconds"] == pytest.approx(12 * DAY + 80_000, abs=5_000)
    assert "3 partitions of public.events should be gone" in one.message
    numbers = [part(1, "0", "1000")]
    rows = table(*numbers, key_column="id", key_type="bigint")
    assert not told(retention_overdue, rows, also=[(partman_tables, [kept()])])


def huge(**known: Any) -> tuple[UserTable, float]:
    about = {"datname": "shop", "relid": 1, "schemaname": "public", "relname": "log"}
    sizes = {"relkind": "r", "table_size_bytes": 60 << 30, "index_size_bytes": 40 << 30}
    row: UserTable = filled(UserTable, **about | sizes | {"reltuples": 9.0} | known)
    return row, (row.total_bytes / 1000) / DAY


def growing(**known: Any) -> list[Evidence]:
    row, speed = huge(**known)
    trend = Trend(AT - 9 * DAY, Sample(AT, row.total_bytes), (), Rate(speed, speed, speed, 9 * DAY))
    snapshot = seen((user_tables, [row])).with_histories({TABLE_SIZES: {"shop.1": trend}})
    return [subject.evidence for subject in verdict_of(table_huge, snapshot).subjects]


def test_a_huge_table_has_its_indexes_and_its_month() -> None:
    [one] = growing()
    assert one.facts["growth_per_month_bytes"] == pytest.approx((100 << 30) * 30 / 1000, rel=0.03)
    assert one.facts["rows"] == 9.0
    assert growing(reltuples=-1.0)[0].facts["rows"] is None
    assert growing(reltuples=0.0)[0].facts["rows"] == 0.0
    assert growing(table_size_bytes=None, index_size_bytes=100 << 30)
    row, _ = huge()
    learning = seen((user_tables, [row])).with_histories({TABLE_SIZES: {}})
    verdict = verdict_of(table_huge, learning)
    assert verdict.subjects == ()
    assert verdict.state in (State.unknown, State.learning)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("2023-11-14 16:13:20", "2023-11-15 04:13:20", Severity.warning),  # half a step is left
        ("2023-11-14 13:13:20", "2023-11-15 01:13:20", Severity.warning),  # just a quarter of it
        ("2023-11-14 13:13:19", "2023-11-15 01:13:19", Severity.critical),
        ("2023-11-14 22:13:20", "2023-11-15 10:13:20", None),  # just a step
        ("2023-11-14 22:13:19", "2023-11-15 10:13:19", Severity.warning),
        ("2023-11-13 22:13:20", "2023-11-14 10:13:20", Severity.critical),  # ended a step ago
        ("2023-11-13 22:13:19", "2023-11-14 10:13:19", None),
    ],
)
def test_steps_of_half_a_day_to_the_second(begin: str, end: str, expected: Severity | None) -> None:
    """It is 22:13:20; critical from a quarter of a step, quiet a step after the end."""
    found = told(future_missing, table(part(1, begin, end), key_type="timestamp without time zone"))
    assert [one.severity for one in found] == ([expected] if expected else [])


def test_inserts_are_watched_for_ten_minutes_first() -> None:
    numbers = [part(1, "0", "1000", n_tup_ins=10)]
    rows = table(*numbers, key_column="id", key_type="bigint")
    [learning] = verdict_of(future_missing, scene(rows, also=feeding(900))).unjudged
    assert learning.until == AT + 600


def test_words_of_the_cure_of_statistics() -> None:
    snapshot = scene(table(*days(12, 14, n_live_tup=10**6), reltuples=-1.0))
    for version, words in ((180000, "a sample of all"), (170000, "analyses each partition too")):
        node = replace(snapshot.node, version=version)
        [subject] = verdict_of(stale_stats, replace(snapshot, node=node)).subjects
        assert words in subject.evidence.cure[0]
