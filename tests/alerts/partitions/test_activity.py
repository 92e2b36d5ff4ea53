"""What the partitions of a table have in common, learned from successive counters."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from alerts.findings.partitions.partition_pruning_missing import finding, is_ill
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
    assert learned((0, first), (60, later)) == Activity(60, 2, 20, 25, 15, 0)
    by_index = [replace(row, idx_scan=100) for row in later]
    assert learned((0, first), (60, later), (120, by_index)) == Activity(120, 2, 120, 125, 15, 100)


def test_a_new_partition_and_one_whose_counters_began_anew_do_not_count() -> None:
    first = [leaf(2), leaf(3, 100)]
    assert learned((0, first), (60, [leaf(2, 7), leaf(3, 0), leaf(5)])) == Activity(
        60, 1, 7, 7, 0, 7
    )
    reset = [leaf(2, 7, stats_reset=9.0), leaf(3, 107)]
    assert learned((0, first), (60, reset)) == Activity(60, 1, 7, 7, 0, 7)


def test_an_hour_is_kept() -> None:
    answers = [(n * 600.0, [leaf(2, n * 10), leaf(3, n * 10)]) for n in range(12)]
    assert learned(*answers) == Activity(3600, 2, 60, 60, 0, 60)
    assert learned(*answers, (7200.0, [])) is None


Scans = Callable[[Random, int], list[int]]
"""Of each partition, within a minute."""


def by_hash(per_minute: float, partitions: int) -> Scans:
    """Lookups by the key, each of one partition."""

    def scans(random: Random, minute: int) -> list[int]:
        found = [0] * partitions
        for _ in range(round(per_minute * partitions)):
            found[random.randrange(partitions)] += 1
        return found

    return scans


def of_all(per_minute: float, partitions: int, newest: int = 0) -> Scans:
    """Statements that are not pruned, and others of the newest partition."""

    def scans(random: Random, minute: int) -> list[int]:
        found = [int((minute + 1) * per_minute) - int(minute * per_minute)] * partitions
        found[-1] += newest
        return found

    return scans


def both(one: Scans, other: Scans) -> Scans:
    return lambda random, minute: [
        a + b for a, b in zip(one(random, minute), other(random, minute), strict=True)
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("scans", "expected"),
    [
        (by_hash(2, 8), False),
        (by_hash(30, 8), False),
        (by_hash(10, 32), False),
        (both(by_hash(30, 8), of_all(1, 8)), False),
        (of_all(1, 8), True),
        (of_all(20, 8, newest=40), True),
        (of_all(20, 64, newest=40), True),
        (both(by_hash(2, 8), of_all(20, 8, newest=20)), True),
    ],
    ids=["few", "hash", "many", "mostly", "all", "newest", "wide", "mixed"],
)
def test_an_even_spread_is_not_all_at_once(scans: Scans, expected: bool, seed: int) -> None:
    """After any number of minutes, a lookup by a hash is no statement that reads everything."""
    random, minutes = Random(seed), 60
    totals = [0] * len(scans(Random(0), 0))
    recorder = PARTITION_ACTIVITY.recorder(Memory(), Namespace("1", "db", "x"))
    verdicts = []
    for minute in range(minutes + 1):
        rows = [leaf(2 + n, count) for n, count in enumerate(totals)]
        recorder.learn(user_tables, Answer(rows, minute * 60.0))
        found = recorder.view(0.0).get(ROOT)
        verdicts.append(found is not None and is_ill(found, finding.limits))
        totals = [a + b for a, b in zip(totals, scans(random, minute), strict=True)]
    assert verdicts[-1] is expected
    if not expected:
        assert sum(verdicts) <= 3
