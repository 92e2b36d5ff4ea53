"""Hours of the week: what a daemon learns for migrations, and the best hour."""

import calendar
import json
from dataclasses import replace

import pytest

from alerts.history.memory import Memory, Namespace
from alerts.migrations.advice import Level
from alerts.migrations.best_hour import hour_choice
from alerts.migrations.hours import Hours
from alerts.migrations.index_paces import INDEX_PACES
from alerts.migrations.live import LiveServer, Observed, Standby
from alerts.migrations.longest_transactions import LONGEST_TRANSACTIONS
from alerts.migrations.space import space_advice, why_unknown
from alerts.migrations.table_traffic import TABLE_TRAFFIC, Table
from alerts.migrations.traced import Relation
from alerts.migrations.week_facts import (
    Free,
    TableWeek,
    WeekFacts,
    as_json,
    of_json,
    remembered_facts,
)
from collectors._base import Answer
from collectors.activity import activity
from collectors.index_builds import IndexBuild, index_builds
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import filled
from tests.fixtures.session_rows import sessions

MONDAY = float(calendar.timegm((2026, 11, 23, 0, 0, 0)))
HOUR = 3600.0
SPACE = Namespace("c", "db", "")
ORDERS = Relation("public", "orders")
GB = 1 << 30
LIVE = LiveServer("db", 180_000, standbys=(Standby("db2", 2 * GB, True),))


@pytest.mark.parametrize("value", [0.0, 0.002, 0.7, 3.0, 86_400.0, 5e6])
def test_an_hour_is_kept_to_a_twentieth(value: float) -> None:
    hours = Hours()
    hours.put(167, value)
    again = Hours.unpack(hours.pack())
    assert again
    assert again.at(167) == pytest.approx(value, rel=0.052)
    assert again.at(0) is None
    assert Hours.unpack("no") is Hours.unpack(None) is None


def test_the_longest_transaction_of_each_hour() -> None:
    """Over restarts, and what was long once is forgotten over weeks."""
    memory = Memory()
    recorder = LONGEST_TRANSACTIONS.recorder(memory, SPACE)

    def look(at: float, *seconds: float | None) -> None:
        rows = [row for n in seconds for row in sessions(1, xact_seconds=n)]
        recorder.learn(activity, Answer(tuple(rows), at))

    look(MONDAY + 10, 5.0, None, 600.0)
    assert recorder.view(0.0) == {}
    look(MONDAY + HOUR, 2.0)
    again = LONGEST_TRANSACTIONS.recorder(memory, SPACE).view(0.0)["shop"]
    assert again.at(0) == pytest.approx(600.0, rel=0.06)
    assert again.at(1) is None
    look(MONDAY + 2 * HOUR)
    assert recorder.view(0.0)["shop"].at(1) == pytest.approx(2.0, rel=0.06)
    look(MONDAY + 3 * HOUR)
    assert recorder.view(0.0)["shop"].at(2) == 0.0
    look(MONDAY + 168 * HOUR, 1.0)
    look(MONDAY + 169 * HOUR)
    assert recorder.view(0.0)["shop"].at(0) == pytest.approx(300.0, rel=0.06)


def test_the_traffic_of_each_hour() -> None:
    """Rates between answers; a reset, a long gap and quiet tables teach nothing wrong."""
    memory = Memory()
    recorder = TABLE_TRAFFIC.recorder(memory, SPACE)

    def look(at: float, scans: int, written: int, epoch: float = 1.0) -> None:
        row = filled(
            UserTable,
            datname="shop",
            schemaname="public",
            relname="orders",
            stats_reset=epoch,
            seq_scan=scans,
            idx_scan=0,
            n_tup_ins=written,
            n_tup_upd=0,
            n_tup_del=0,
        )
        recorder.learn(user_tables, Answer((row,), at))

    look(MONDAY, 0, 0)
    look(MONDAY + 600, 6000, 1200)
    look(MONDAY + 1200, 0, 0, epoch=2.0)
    look(MONDAY + HOUR, 10, 10, epoch=2.0)
    look(MONDAY + 2 * HOUR, 99, 99, epoch=2.0)
    found = TABLE_TRAFFIC.recorder(memory, SPACE).view(0.0)[Table("shop", "public", "orders")]
    assert found.scans.at(0) == pytest.approx(10.0, rel=0.06)
    assert found.written.at(0) == pytest.approx(2.0, rel=0.06)
    assert found.scans.at(1) is None
    facts = remembered_facts(memory, "c", "db", "shop", (), "none")
    assert of_json(json.loads(json.dumps(as_json(facts)))).tables.keys() == {ORDERS}
    assert remembered_facts(memory, "c", "db", "other", (), "none").tables == {}


def test_index_builds_that_were_seen() -> None:
    """One that ended soon after it was last seen counts; one that waited does not."""
    memory = Memory()
    recorder = INDEX_PACES.recorder(memory, SPACE)

    def look(at: float, *builds: tuple[int, float, float | None], read: int = 10_000) -> None:
        rows = [
            filled(
                IndexBuild,
                datname="shop",
                pid=pid,
                command="CREATE INDEX",
                blocks=10_000,
                blocks_done=read,
                running_seconds=seconds,
                waiting_seconds=waited,
            )
            for pid, seconds, waited in builds
        ]
        recorder.learn(index_builds, Answer(tuple(rows), at))

    look(MONDAY, (1, 20.0, None), (2, 20.0, 15.0), (3, 1.0, None))
    look(MONDAY + 10, (1, 30.0, None), (2, 30.0, None), (4, 2.0, None))
    look(MONDAY + 20, (4, 22.0, None))
    look(MONDAY + 30, (4, 0.5, None))
    look(MONDAY + 60, (5, 30.0, None), read=2000)  # it is cancelled then
    look(MONDAY + 65)
    assert INDEX_PACES.recorder(memory, SPACE).view(0.0) == (
        Observed("index build", 10_000, 35.0),
        Observed("index build", 10_000, 27.0),
    )


def week(longest: dict[int, float], traffic: dict[int, float]) -> WeekFacts:
    rates = tuple(traffic.get(hour) for hour in range(168))
    nothing = tuple(0.0 for _ in range(168))
    return WeekFacts(
        tuple(longest.get(hour) for hour in range(168)), {ORDERS: TableWeek(rates, nothing)}
    )


def test_the_best_hour_is_that_in_which_the_fewest_wait() -> None:
    """A short wait in a busy hour may be worse than a longer one at night."""
    facts = week({0: 60.0, 3: 20.0, 50: 1.0}, {0: 500.0, 3: 1.0, 50: 400.0})
    choice = hour_choice(facts, 0, [ORDERS], 2.0)
    assert choice
    assert (choice.now.longest, choice.now.traffic) == (60.0, 500.0)
    assert choice.best.name == "Monday 03:00 UTC"
    assert choice.hours_known == 3
    alike = hour_choice(week({0: 1.0, 3: 1.0, 50: 1.0}, {}), 3, [ORDERS], 2.0)
    assert alike
    assert alike.best.number == 3
    assert hour_choice(WeekFacts(), 0, [ORDERS], 2.0) is None
    other = hour_choice(facts, 9, [Relation("public", "quiet")], 2.0)
    assert other
    assert other.now.longest is None
    assert other.best.number == 50


@pytest.mark.parametrize(
    ("free", "level", "told"),
    [
        ((), Level.safe, "6 GiB more on disk, and writes about 4 GiB of WAL"),
        ((Free("data, wal", 100 * GB),), Level.safe, "100 GiB are free for data, wal"),
        ((Free("data, wal", 15 * GB),), Level.caution, "15 GiB are free"),
        ((Free("data, wal", 8 * GB),), Level.danger, "It does not fit: 8 GiB are free"),
        ((Free("data", 20 * GB), Free("wal", 3 * GB)), Level.danger, "3 GiB are free for wal"),
    ],
)
def test_free_space(free: tuple[Free, ...], level: Level, told: str) -> None:
    """Against what it needs for files and for WAL."""
    advice = space_advice(4 * GB, 6 * GB, LIVE, replace(WeekFacts(), free=free))
    assert advice
    assert advice.level is level
    assert (why_unknown(replace(WeekFacts(), free=free)) is None) is bool(free)
    assert told in advice.text
    assert "which db2 (synchronous: commits wait for it; 2 GiB behind now)" in advice.text
    assert space_advice(1000, 1000, LIVE, None) is None
