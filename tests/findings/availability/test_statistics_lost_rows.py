"""statistics_lost by rows made by hand: resets, upgrades, and what needs no ANALYZE."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Evidence, State
from alerts.findings.availability.statistics_lost import finding
from alerts.snapshot import Snapshot
from alerts.starts import STARTS, Start, StartKind, StartLog
from collectors._base import Absence
from collectors.databases import Database, databases
from collectors.server import Server, server
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen

MIB = 1024**2
NUMBERS = dict.fromkeys(
    ("relpages", "n_tup_ins", "n_live_tup", "seq_scan", "seq_tup_read", "index_size_bytes"), 0
)


def table(name: str, **given: Any) -> UserTable:
    facts: dict[str, Any] = {"datname": "shop", "schemaname": "s", "relname": name, "relkind": "r"}
    facts |= {"reltuples": 10.0, "relpersistence": "p", **NUMBERS}
    made: UserTable = filled(UserTable, **facts | given)
    return made


def scene(*tables: UserTable, version: int = 180000, log: StartLog | None = None) -> Snapshot:
    snapshot = seen((user_tables, tables), (server, (filled(Server),)))
    known = log or StartLog((), AT)
    node = replace(snapshot.node, version=version)
    return replace(snapshot, node=node, histories={STARTS: known})


def found(snapshot: Snapshot) -> list[Evidence]:
    return [subject.evidence for subject in verdict_of(finding, snapshot).subjects]


BIG = table("big", table_size_bytes=200 * MIB)
CRASHED = StartLog((Start(AT - 600, StartKind.backend_crash),), AT)


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (BIG, State.ill),
        (replace(BIG, last_autoanalyze=AT - 300), State.healthy),
        (replace(BIG, last_analyze=AT - 900), State.ill),
        (replace(BIG, table_size_bytes=90 * MIB), State.healthy),
        (replace(BIG, relkind="p"), State.healthy),
    ],
)
def test_after_a_crash_large_tables_need_analyze(one: UserTable, state: State) -> None:
    assert verdict_of(finding, scene(one, log=CRASHED)).state is state


@pytest.mark.parametrize(
    "start",
    [
        Start(AT - 600, StartKind.restart),
        Start(AT - 600, StartKind.unclean, standby=True),
        Start(AT - 90000, StartKind.unclean),
    ],
)
def test_a_clean_restart_loses_nothing(start: Start) -> None:
    """After a day there are new counts."""
    assert found(scene(BIG, log=StartLog((start,), AT))) == []


def test_a_reset_by_hand_is_told_since_15() -> None:
    """Before that the stamp may be that of the first use."""
    rows = (filled(Database, datname="shop", stats_reset=AT - 60),)
    for version, told in ((180000, ["reset"]), (140000, [])):
        snapshot = scene(BIG, version=version)
        reset = seen((databases, rows)).answers[databases]
        snapshot = replace(snapshot, answers={**snapshot.answers, databases: reset})
        assert [one.facts["lost_by"] for one in found(snapshot)] == told


OLD = table("old", reltuples=-1.0, seq_scan=3, seq_tup_read=900_000)


def test_rows_from_before_an_upgrade_have_no_planner_statistics() -> None:
    """Scans read what was never inserted while the counters ran."""
    [lost] = found(scene(OLD, version=170000))
    assert (lost.facts["lost_by"], lost.facts["tables"]) == ("upgrade", "s.old")
    assert "ANALYZE (SKIP_LOCKED) s.old;" in lost.cure


@pytest.mark.parametrize(
    "tables",
    [
        (replace(OLD, n_tup_ins=300_000),),
        (replace(OLD, reltuples=300_000.0),),
        (OLD, replace(OLD, reltuples=1.0), replace(OLD, reltuples=2.0)),
        (replace(OLD, seq_tup_read=90_000),),
    ],
)
def test_not_quite_an_upgrade(tables: tuple[UserTable, ...]) -> None:
    """A load that was not analysed yet, one table among many, a small one."""
    assert found(scene(*tables, version=170000)) == []


def test_18_keeps_planner_statistics() -> None:
    assert found(scene(OLD)) == []


def test_an_unlogged_table_that_was_filled_again_is_well() -> None:
    cache = replace(BIG, relpersistence="u")
    assert len(found(scene(cache, log=CRASHED))) == 1
    assert found(scene(replace(cache, n_tup_ins=1), log=CRASHED)) == []
    assert found(scene(replace(cache, reltuples=0.0), log=CRASHED)) == []


def test_a_reset_of_another_table_is_none() -> None:
    """It moves the stamp of the database, but this table keeps its counters and its ANALYZE."""
    rows = (filled(Database, datname="shop", stats_reset=AT - 60),)
    snapshot = scene(replace(BIG, last_analyze=AT - 900))
    reset = seen((databases, rows)).answers[databases]
    assert found(replace(snapshot, answers={**snapshot.answers, databases: reset})) == []


def test_a_later_reset_does_not_empty_a_table() -> None:
    """The reset took the counters; the crash before it emptied the table."""
    cache = replace(BIG, relpersistence="u", relname="cache")
    crashed = scene(BIG, cache, log=CRASHED)
    rows = (filled(Database, datname="shop", stats_reset=AT - 60),)
    reset = seen((databases, rows)).answers[databases]
    snapshot = replace(crashed, answers={**crashed.answers, databases: reset})
    [first], [then] = found(crashed), found(snapshot)
    assert "through a crash at" in first.message
    assert "may be empty now" in first.message
    assert "through a reset at" in then.message
    assert "1 unlogged table may be empty since a crash at" in then.message


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={user_tables: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
