"""query_regression: another plan is told from other parameters, waiting and growth."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.queries.query_regression import COSTS, finding
from alerts.history.recorder import Recorder
from alerts.plans.followed import FIRST
from collectors._base import Absence, Answer
from collectors.stat_statements import stat_statements
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen
from tests.fixtures.statement_costs import INDEX, Server
from tests.fixtures.statement_rows import statement

DEAR: dict[str, Any] = {"seconds": 0.02, "shared_blocks_hit": 1000.0}
SCANNED = {"seq_scan": 1, "seq_tup_read": 100_000, "heap_blocks_hit": 1000}
BY_INDEX = {"idx_scan": 1, "idx_tup_fetch": 900, "heap_blocks_hit": 1000}
APART = {"idx_scan": 1, "idx_tup_fetch": 1, "heap_blocks_hit": 1000}
LOOPED = {"idx_scan": 250, "idx_tup_fetch": 250, "heap_blocks_hit": 1000}


Reads = Mapping[str, float] | None


def cause(
    server: Server,
    steps: int = 3,
    reads: Reads = None,
    scans: Mapping[int, float] | None = None,
    **cost: Any,
) -> object:
    """What made it dearer, after three windows at this cost; None where it is healthy."""
    verdict = server.pass_by(steps, reads=reads, scans=scans, **cost)
    return verdict.subjects[0].evidence.facts["cause"] if verdict.subjects else None


@pytest.fixture
def server() -> Server:
    watched = Server(finding)
    assert watched.pass_by(15).state is State.healthy
    return watched


def test_it_learns_first() -> None:
    watched = Server(finding)
    verdict = watched.pass_by(5)
    assert verdict.state is State.learning
    assert cause(watched, reads=SCANNED, **DEAR) is None


def test_a_sequential_scan_is_told_with_both_numbers(server: Server) -> None:
    assert server.pass_by(1, reads=SCANNED, **DEAR).state is State.healthy, "one may be chance"
    [subject] = server.pass_by(2, reads=SCANNED, **DEAR).subjects
    message = subject.evidence.message
    assert message.startswith(
        "Since 2023-11-13 00:30 UTC, the statement with the query id 1 takes 20 ms a call (before:"
        " 0.2 ms), 1,000 blocks (before: 4) for 1 rows (before: 1): "
    )
    assert message.endswith("public.orders is scanned sequentially.")
    assert server.pass_by(1).state is State.healthy, "it was cured"


def test_it_stays_until_it_is_cured_or_a_day_is_over(server: Server) -> None:
    assert cause(server, 600, SCANNED, **DEAR) == "sequential scan"
    assert cause(server, 150, SCANNED, **DEAR) is None


@pytest.mark.parametrize("calls", [0, 0.5])
def test_what_is_executed_no_more_costs_nothing(server: Server, calls: float) -> None:
    """As where the application sends another text: that ends it within an hour. If it comes again
    as it was, it is told again."""
    spills: dict[str, Any] = {"temp_blocks_written": 400, "seconds": 0.02}
    assert cause(server, **spills) == "spill"
    assert server.pass_by(29, calls=0).state is State.ill, "it may be a pause"
    assert server.pass_by(3, calls=calls).state is State.healthy
    assert server.pass_by(300, calls=calls).state is State.healthy
    assert cause(server, 4, **spills) == "spill"


def test_a_dropped_index_is_named(server: Server) -> None:
    server.indexes = ()
    assert cause(server, reads=SCANNED, **DEAR) == "index dropped"
    server.indexes = ({**INDEX, "indexrelid": 9},)
    assert cause(server) is None


def test_an_invalid_index_is_reindexed(server: Server) -> None:
    server.indexes = ({**INDEX, "is_valid": False},)
    [subject] = server.pass_by(3, reads=SCANNED, **DEAR).subjects
    assert subject.evidence.facts["cause"] == "index invalid"
    assert "REINDEX INDEX CONCURRENTLY public.orders_customer;" in subject.evidence.cure


def test_a_rebuilt_index_is_none(server: Server) -> None:
    server.indexes = ({**INDEX, "indexrelid": 9},)
    assert cause(server, reads=SCANNED, **DEAR) == "sequential scan"


def test_stale_statistics_are_analysed(server: Server) -> None:
    server.table = {"n_mod_since_analyze": 50_000}
    [subject] = server.pass_by(3, reads=LOOPED, **DEAR).subjects
    assert subject.evidence.facts["cause"] == "stale statistics"
    assert "ANALYZE (SKIP_LOCKED) public.orders;" in subject.evidence.cure


def test_a_nested_loop_is_told_by_its_index_scans(server: Server) -> None:
    assert cause(server, reads=LOOPED, **DEAR) == "index scans"


def test_dead_rows_are_told_by_blocks_alone(server: Server) -> None:
    server.table = {"n_dead_tup": 90_000}
    [subject] = server.pass_by(3, reads=APART, **DEAR).subjects
    assert subject.evidence.facts["cause"] == "more blocks for the same rows"
    assert "VACUUM (SKIP_LOCKED) public.orders;" in subject.evidence.cure


def test_a_setting_is_named_and_set_back(server: Server) -> None:
    server.work_mem = "64"
    [subject] = server.pass_by(3, seconds=0.02, temp_blocks_written=500).subjects
    assert subject.evidence.facts["cause"] == "setting changed"
    assert "work_mem was changed from 4 MiB to 64 KiB" in subject.evidence.message
    assert any("SET work_mem = 4096;" in line for line in subject.evidence.cure)


def test_a_setting_and_a_spill_prove_each_other(server: Server) -> None:
    """Then it need be only noticeably slower."""
    server.work_mem = "64"
    slower: dict[str, Any] = {"temp_blocks_written": 500, "calls": 50_000}
    assert cause(server, seconds=0.00021, **slower) is None
    assert cause(server, seconds=0.00024, **slower) == "setting changed"


def test_a_spill_without_a_change_of_settings(server: Server) -> None:
    assert cause(server, seconds=0.02, temp_blocks_written=500) == "spill"


def test_a_spill_need_not_be_twice_as_slow(server: Server) -> None:
    """The server may hold the temporary files in memory; that they are written is no chance."""
    assert cause(server, seconds=0.00024, temp_blocks_written=500, calls=50_000) is None
    [subject] = server.pass_by(3, seconds=0.0003, temp_blocks_written=500, calls=20_000).subjects
    assert subject.evidence.facts["cause"] == "spill"
    assert "and 500 blocks of temporary files (before: 0)" in subject.evidence.message


def test_compiling_and_lost_workers_are_told() -> None:
    watched = Server(finding)
    watched.pass_by(15, workers_launched=2, jit_seconds=0)
    assert cause(watched, seconds=0.05, workers_launched=2, jit_seconds=0.049) == (
        "compiled just in time"
    )
    watched.pass_by(15, workers_launched=2, jit_seconds=0)
    assert cause(watched, seconds=0.05) == "fewer parallel workers"


@pytest.mark.parametrize(
    ("reads", "cost"),
    [
        (BY_INDEX, {**DEAR, "rows": 900}),  # other parameters
        (BY_INDEX, DEAR),  # the same of a statement that always returns one row
        (None, {"seconds": 0.02}),  # a lock, or a busy CPU
        (None, {"seconds": 0.02, "block_read_seconds": 0.0199}),  # a cold cache
        (SCANNED, {**DEAR, "seconds": 0.0003}),  # not slower
        (None, DEAR),  # of tables that are not seen, for one row: parameters or plan
        (SCANNED, {**DEAR, "seconds": 0.0008}),  # too little in all
    ],
)
def test_what_is_not_quite_one(server: Server, reads: Reads, cost: dict[str, Any]) -> None:
    assert cause(server, reads=reads, **cost) is None


def test_more_rows_in_the_table_are_growth(server: Server) -> None:
    server.table = {"n_live_tup": 500_000}
    assert cause(server, reads={**BY_INDEX, "idx_scan": 1}, **DEAR) is None


def test_growth_does_not_explain_far_more_blocks() -> None:
    """A load of nearly as many rows again, and a LIMIT that reads all of them."""
    server = Server(finding)
    server.pass_by(15, rows=5)
    server.table = {"n_live_tup": 180_000, "n_mod_since_analyze": 80_000}
    reads = {"idx_scan": 1, "idx_tup_fetch": 80_000, "heap_blocks_hit": 803}
    dear = {**DEAR, "shared_blocks_hit": 803}
    assert cause(server, reads=reads, **dear, rows=5) == "stale statistics"


def test_growth_is_what_analyze_has_counted(server: Server) -> None:
    """A session that loads a table and analyses it at once reports its rows afterwards."""
    server.table = {"n_live_tup": 200_000, "reltuples": 100_000.0, "last_analyze": server.at + 60}
    dear, apart = {**DEAR, "shared_blocks_hit": 20.0}, {**APART, "heap_blocks_hit": 20}
    assert cause(server, reads=apart, **dear) == "more blocks for the same rows"
    server.table = {"n_live_tup": 200_000, "reltuples": 200_000.0, "last_analyze": server.at + 60}
    assert cause(server, reads=apart, **dear) is None


def test_a_rewrite_is_told_by_the_file(server: Server) -> None:
    server.table = {"relfilenode": 71, "n_mod_since_analyze": 100_000}
    [subject] = server.pass_by(2, reads=APART, **DEAR).subjects
    assert subject.evidence.facts["cause"] == "table rewritten"
    assert "VACUUM (SKIP_LOCKED) public.orders;" in subject.evidence.cure


def test_a_plan_may_change_while_it_waits(server: Server) -> None:
    """It began to wait long before the index was dropped; that is what is near the other plan."""
    assert cause(server, 10, seconds=0.02) is None
    server.indexes = ()
    assert server.pass_by(1, reads=SCANNED, **DEAR).state is State.healthy
    [subject] = server.pass_by(1, reads=SCANNED, **DEAR).subjects
    assert subject.evidence.facts["cause"] == "index dropped"
    assert "Since 2023-11-13 00:50 UTC" in subject.evidence.message
    assert cause(server, 2, seconds=0.02) is None, "it only waits again"


def test_a_rewrite_at_another_time_is_not_the_cause(server: Server) -> None:
    server.table = {"relfilenode": 71}
    server.pass_by(60)
    assert cause(server, reads=APART, **DEAR) == "more blocks for the same rows"


WALKED = {**INDEX, "indexrelid": 9, "indexrelname": "orders_pkey", "definition": 2}


def test_another_index_is_told_though_a_limit_returns_the_same_rows() -> None:
    watched = Server(finding, indexes=(INDEX, WALKED))
    watched.pass_by(15, rows=10)
    [subject] = watched.pass_by(3, reads=BY_INDEX, scans={9: 1}, **DEAR, rows=10).subjects
    assert subject.evidence.facts["cause"] == "another index"
    assert subject.evidence.message.endswith(
        "public.orders is read by the index orders_pkey instead of orders_customer."
    )
    assert watched.pass_by(1, rows=10).state is State.healthy


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({8: 1, 9: 1}, {8: 1, 9: 2}),  # more scans of one, as many of the other
        ({8: 50, 9: 50}, {8: 49, 9: 51}),  # others scan it, too: chance
        ({8: 3, 9: 1}, {8: 1, 9: 9}),  # not for each other
    ],
)
def test_other_scans_of_indexes_are_no_other_index(
    before: Mapping[int, float], after: Mapping[int, float]
) -> None:
    watched = Server(finding, indexes=(INDEX, WALKED))
    watched.pass_by(15, rows=10, scans=before)
    assert cause(watched, reads=BY_INDEX, scans=after, **DEAR, rows=10) is None


def test_what_varies_anyway_is_none() -> None:
    watched = Server(finding)
    for step in range(30):
        assert cause(watched, 1, SCANNED, **(DEAR if step % 3 == 0 else {})) is None


def test_what_comes_each_night_is_learned() -> None:
    """A report from one to two o'clock; a restart of the daemon in between loses nothing."""
    watched = Server(finding, wobble=0.1)
    watched.pass_by(30, rows=5)
    assert cause(watched, 30, SCANNED, **DEAR, rows=5) == "sequential scan"
    assert cause(watched, 22 * 30, rows=5) is None
    watched.restart()
    assert cause(watched, 30, rows=5) is None
    assert cause(watched, 28, SCANNED, **DEAR, rows=5) is None
    assert cause(watched, 10, SCANNED, **DEAR, rows=5) == "unknown", "it goes on"


def test_what_is_usual_survives_a_restart_of_the_daemon(server: Server) -> None:
    server.pass_by(12 * 30)
    server.restart()
    assert cause(server, 4) is None
    server.indexes = ()
    assert cause(server, 3, SCANNED, **DEAR) == "index dropped"


def test_the_first_rows_of_a_larger_group_are_other_parameters() -> None:
    """A LIMIT returns as many rows for every parameter."""
    watched = Server(finding)
    watched.pass_by(15, rows=10)
    assert cause(watched, reads=BY_INDEX, **DEAR, rows=10) is None
    assert cause(watched, reads=LOOPED, **DEAR, rows=10) == "index scans"


def test_cheap_statements_are_followed_if_they_are_frequent() -> None:
    """Of a thousand, the dearest and the most frequent; the costs of others are not known."""
    recorder = Recorder(wants=finding.history)
    rows = [statement(n, calls=n, seconds=1.0 * (n < 400)) for n in range(1000)]
    recorder.record(stat_statements, Answer(rows, 0.0))
    recorder.catch_up()
    costs = recorder.view(COSTS, 0.0)
    assert costs is not None
    assert costs.learning == 2 * FIRST


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={stat_statements: Absence("not installed")})
    assert verdict_of(finding, blind).state is State.unknown
