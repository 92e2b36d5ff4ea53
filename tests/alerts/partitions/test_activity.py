"""What the partitions of a table have in common, learned from successive counters."""

from dataclasses import replace
from typing import Any

from alerts.history.memory import Memory, Namespace
from alerts.partitions.activity import PARTITION_ACTIVITY, Activity
from collectors._base import Answer
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import filled

ROOT = ("shop", 1)


def leaf(relid: int, scans: int = 0, inserted: int = 0, **given: Any) -> UserTable:
    about = {"datname": "shop", "relid": relid, "root_relid": 1, "relkind": "r", "idx_scan": 0}
    row: UserTable = filled(UserTable, **about | {"seq_scan": scans, "n_tup_ins": inserted} | given)
    return row


def learned(*answers: tuple[float, list[UserTable]]) -> Activity | None:
    recorder = PARTITION_ACTIVITY.recorder(Memory(), Namespace("1", "db", "x"))
    for at, rows in answers:
        recorder.learn(user_tables, Answer(rows, at))
    return recorder.view(0.0).get(ROOT)


def test_the_least_and_the_most_scanned_partition_count() -> None:
    first = [leaf(2), leaf(3), leaf(4, root_relid=None), leaf(1, relkind="p")]
    later = [leaf(2, 20, 5), leaf(3, 25, 10), leaf(4, 0, 9, root_relid=None), leaf(1, relkind="p")]
    assert learned((0, first)) is None
    assert learned((0, first), (60, later)) == Activity(60, 2, 20, 25, 15)
    by_index = [replace(row, idx_scan=100) for row in later]
    assert learned((0, first), (60, later), (120, by_index)) == Activity(120, 2, 120, 125, 15)


def test_a_new_partition_and_one_whose_counters_began_anew_do_not_count() -> None:
    first = [leaf(2), leaf(3, 100)]
    assert learned((0, first), (60, [leaf(2, 7), leaf(3, 0), leaf(5)])) == Activity(60, 1, 7, 7, 0)
    reset = [leaf(2, 7, stats_reset=9.0), leaf(3, 107)]
    assert learned((0, first), (60, reset)) == Activity(60, 1, 7, 7, 0)


def test_an_hour_is_kept() -> None:
    answers = [(n * 600.0, [leaf(2, n * 10), leaf(3, n * 10)]) for n in range(12)]
    assert learned(*answers) == Activity(3600, 2, 60, 60, 0)
    assert learned(*answers, (7200.0, [])) is None
