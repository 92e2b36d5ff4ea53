"""Findings about what statements cost, by rows made by hand: ill, not quite, unknown."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.queries import (
    parallel_workers_starved,
    query_jit_overhead,
    query_planning_heavy,
    query_shared_read,
    query_slow,
    query_temp_spill,
    query_wal_heavy,
)
from alerts.verdicts.verdict import Verdict
from collectors.settings import settings
from tests.findings.queries.loads import did
from tests.findings.settings.setting_rows import setting
from tests.fixtures.one_look import verdict_of
from tests.fixtures.statement_rows import statement

SLOW, SPILL = query_slow.finding, query_temp_spill.finding
READ, WAL = query_shared_read.finding, query_wal_heavy.finding
PLANS, JIT = query_planning_heavy.finding, query_jit_overhead.finding
WORKERS = parallel_workers_starved.finding
SELECT = "select * from orders where state = $1"
GIB = 131_072
"""Blocks."""
ROWS: dict[AnyFinding, dict[str, Any]] = {
    SLOW: {"calls": 1000, "seconds": 300.0, "square_seconds": 1000.0},
    SPILL: {"calls": 100, "seconds": 300.0, "temp_blocks_written": 2 * GIB},
    READ: {"calls": 100, "seconds": 300.0, "shared_blocks_read": 50 * GIB},
    WAL: {"calls": 100, "seconds": 300.0, "wal_bytes": 8 << 30, "wal_fpi": 700_000},
    PLANS: {"calls": 5000, "seconds": 50.0, "plans": 5000, "plan_seconds": 200.0},
    JIT: {"calls": 100, "seconds": 300.0, "jit_seconds": 200.0, "jit_functions": 900},
    WORKERS: {"calls": 300, "seconds": 300.0, "workers_planned": 600, "workers_launched": 300},
}
"""A statement that is ill by each of them, beside one with 1000 seconds."""
OTHER: dict[str, Any] = {
    "calls": 10_000,
    "seconds": 1000.0,
    "shared_blocks_read": 10 * GIB,
    "wal_bytes": 1 << 30,
    "jit_seconds": 0.0,
    "workers_planned": 0,
    "workers_launched": 0,
}
NOT_QUITE: list[tuple[AnyFinding, dict[str, Any]]] = [
    (SLOW, {"seconds": 90.0}),  # short each time
    (SLOW, {"calls": 40}),  # a report
    (SLOW, {"seconds": 150.0, "nested_seconds": 149.0, "nested_calls": 999}),  # in a function
    (SPILL, {"temp_blocks_written": GIB // 2}),
    (SPILL, {"calls": 3}),
    (SPILL, {"seconds": 2.0}),  # of no weight
    (READ, {"shared_blocks_read": 20 * GIB}),  # not much
    (READ, {"shared_blocks_read": 40 * GIB, "calls": 2}),
    (WAL, {"wal_bytes": 2 << 30}),
    (WAL, {"calls": 3}),
    (WAL, {"wal_bytes": 5 << 30, "other": {"wal_bytes": 20 << 30, "calls": 1}}),  # not most
    (PLANS, {"seconds": 400.0}),  # executing takes longer
    (PLANS, {"plan_seconds": 60.0}),  # not much of an hour
    (PLANS, {"plans": 500}),
    (JIT, {"jit_seconds": 60.0}),
    (JIT, {"calls": 9}),
    (JIT, {"seconds": 80.0, "jit_seconds": 60.0}),  # not much of an hour
    (WORKERS, {"workers_launched": 550}),
    (WORKERS, {"workers_planned": 100, "workers_launched": 0}),
]


LIMITS = {"max_parallel_workers": "8"}


def judged(
    finding: AnyFinding, text: str = SELECT, limits: dict[str, str] = LIMITS, **given: Any
) -> Verdict:
    other = statement(8, **{**OTHER, **given.pop("other", {})})
    rows = [statement(7, **{**ROWS[finding], **given}), other]
    also = [(settings, [setting(*one, vartype="integer") for one in limits.items()])]
    return verdict_of(finding, did(finding, *rows, texts={7: text, 8: "begin"}, also=also))


@pytest.mark.parametrize("finding", ROWS, ids=lambda finding: finding.name)
def test_it_is_found(finding: AnyFinding) -> None:
    """One statement, with its text and a cure."""
    [subject] = judged(finding).subjects
    evidence = subject.evidence
    if finding is not WORKERS:
        assert evidence.subject == "query 7 of app"
        assert evidence.facts["statement"] == SELECT
    assert evidence.cure


@pytest.mark.parametrize(
    ("finding", "given"), NOT_QUITE, ids=lambda given: getattr(given, "name", None)
)
def test_what_is_not_quite_ill(finding: AnyFinding, given: dict[str, Any]) -> None:
    assert judged(finding, **given).state is State.healthy


@pytest.mark.parametrize("finding", [SLOW, SPILL, READ, WAL], ids=lambda finding: finding.name)
@pytest.mark.parametrize("text", ["copy orders from stdin", "create index on orders (state)"])
def test_loads_and_maintenance_are_no_queries(finding: AnyFinding, text: str) -> None:
    assert judged(finding, text).state is State.healthy


def test_who_reads_less_than_another() -> None:
    """Much, but not most."""
    rows = [statement(n, 100, seconds=50.0, shared_blocks_read=40 * GIB) for n in range(4)]
    assert verdict_of(READ, did(READ, *rows)).state is State.healthy


@pytest.mark.parametrize("finding", [JIT, WORKERS], ids=lambda finding: finding.name)
def test_what_the_version_does_not_count_is_unknown(finding: AnyFinding) -> None:
    none = dict.fromkeys(("jit_seconds", "jit_functions", "workers_planned", "workers_launched"))
    rows = statement(7, **{**ROWS[finding], **none})
    assert verdict_of(finding, did(finding, rows)).state is State.unknown


def test_planning_that_is_not_timed_is_unknown() -> None:
    assert judged(PLANS, plan_seconds=0.0).state is State.unknown


def test_planning_that_is_timed_and_takes_no_time() -> None:
    rows = statement(7, **{**ROWS[PLANS], "plan_seconds": 0.0})
    also = [(settings, [setting("pg_stat_statements.track_planning", "on")])]
    snapshot = did(PLANS, rows, texts={7: SELECT}, also=also)
    assert verdict_of(PLANS, snapshot).state is State.healthy


def test_how_slow_it_is() -> None:
    """A second and a fifth of the load is a warning."""
    [subject] = judged(SLOW).subjects
    assert (subject.evidence.severity, subject.evidence.value) == (Severity.info, 0.3)
    [subject] = judged(SLOW, calls=250, seconds=400.0).subjects
    assert subject.evidence.severity is Severity.warning


def test_what_makes_the_wal() -> None:
    """Whole pages, or the rows themselves."""
    [subject] = judged(WAL).subjects
    assert "whole pages" in subject.evidence.cure[0]
    [subject] = judged(WAL, "update orders set state = $1", wal_fpi=100).subjects
    assert "IS DISTINCT FROM" in subject.evidence.cure[0]


def test_workers_of_an_old_limit() -> None:
    """The limit is doubled, in the form of its owner."""
    [subject] = judged(WORKERS).subjects
    assert "max_parallel_workers = 16" in " ".join(subject.evidence.cure)


def test_workers_that_are_all_parallel_already() -> None:
    """More of them need more processes; a limit beyond those changes nothing."""
    whole = {"max_parallel_workers": "8", "max_worker_processes": "8"}
    [subject] = judged(WORKERS, limits=whole).subjects
    cure = " ".join(subject.evidence.cure)
    assert "max_worker_processes = 16" in cure
    assert "SET max_parallel_workers " not in cure
    [subject] = judged(WORKERS, limits=whole | {"max_worker_processes": "12"}).subjects
    assert "max_parallel_workers = 12" in " ".join(subject.evidence.cure)


@pytest.mark.parametrize(
    ("above", "printed"), [("100000", "jit_above_cost = 1000000;"), ("-1", "for its role")]
)
def test_compiling_by_a_limit_of_the_server_or_of_a_role(above: str, printed: str) -> None:
    """-1 compiles nothing: ten times that is no limit, and a larger one would begin it."""
    [subject] = judged(JIT, limits={"jit_above_cost": above}).subjects
    cure = " ".join(subject.evidence.cure)
    assert printed in cure
    assert ("ALTER SYSTEM" in cure) == (above != "-1")


@pytest.mark.parametrize("text", ["SELECT(a) FROM t", "(select*from t)", "prepare p as\nselect 1"])
def test_queries_however_they_are_written(text: str) -> None:
    assert judged(SLOW, text).state is State.ill


def test_where_nothing_is_counted_nothing_is_known() -> None:
    """Not even our own: track is none, or compute_query_id is off."""
    assert verdict_of(SLOW, did(SLOW)).state is State.unknown
    idle = did(SLOW, statement(7, calls=1, seconds=0.001))
    assert verdict_of(SLOW, idle).state is State.healthy


@pytest.mark.parametrize("finding", [READ, WAL])
def test_limits_of_nothing_name_no_statement_that_did_nothing(finding: AnyFinding) -> None:
    """There is no share of nothing."""
    limits = replace(finding.limits, min_bytes=0, min_share=0.0, min_calls=0)
    idle = did(finding, statement(1, calls=100, seconds=1.0))
    assert verdict_of(finding, idle, limits=limits).state is State.healthy
