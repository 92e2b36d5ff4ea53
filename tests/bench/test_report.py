"""The benchmark's arithmetic: a budget that is missed is never called met."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench.measuring import Measured, percentile, series
from bench.pages import PageTime
from bench.report import budgets, budgets_table, pages_table, table
from bench.stalls import TICK, Policy, worst, worst_own
from tests.fixtures.until import until

MIB = 1024**2
OURS = Measured("pgvigil", 0.1, 0.1, 100, 0.001, 0.002, 1000, MIB, 60 * MIB, 63 * MIB, 0.5)
PEER = replace(OURS, watcher="postgres_exporter 0.19.1", server_seconds=4.0)
PAGE = PageTime(1_000, MIB, 0.0019, 0.01)


def met(*found: Measured, name: str, pages: tuple[PageTime, ...] = ()) -> list[bool]:
    return [one[3] for one in budgets({name: found}, pages)]


def test_each_budget_is_missed_just_beyond_its_limit() -> None:
    """Half a percent of a core, a twentieth of the peer, megabytes, series, milliseconds."""
    assert met(OURS, PEER, name="tables") == [True, True]
    assert met(replace(OURS, server_seconds=0.31), PEER, name="tables") == [False, False]
    assert met(replace(OURS, server_seconds=0.21), PEER, name="tables") == [True, False]
    assert met(OURS, name="idle") == [True]
    assert met(replace(OURS, resident_peak=64 * MIB + 1), name="idle") == [False]
    large = replace(OURS, series=19_999, resident_peak=160 * MIB, stalls=(20, 0, 9))
    assert met(large, PEER, name="relations") == [True, True, True]
    worse = replace(large, series=20_000, resident_peak=161 * MIB, stalls=(21, 1, 9))
    assert met(worse, PEER, name="relations") == [False, False, False]
    slow = replace(OURS, server_seconds=0.6, stalls=(50, 3, 9))
    assert met(slow, name="statistics") == [True, True]
    worst_of_all = replace(slow, server_seconds=0.61, stalls=(51, 3, 9))
    assert met(worst_of_all, name="statistics") == [False, False]
    usual = replace(slow, server_seconds=1.2, usual_seconds=0.6)
    assert met(usual, name="statistics") == [True, True]
    assert met(replace(usual, usual_seconds=0.61), name="statistics") == [True, False]
    assert met(name="none", pages=(PAGE, replace(PAGE, p50=0.0021))) == [True, False]


def test_a_missed_budget_is_said_in_the_table() -> None:
    """So that nobody has to compare numbers."""
    runs = {"tables": [replace(OURS, server_seconds=0.31), PEER]}
    assert budgets_table(runs, []).count("**missed**") == 2
    assert "| pgvigil |" in table(runs)
    assert "1,000" in pages_table([PAGE])


def test_the_percentile_of_few_is_the_worst() -> None:
    """A p99 of ten scrapes is their slowest, never an average."""
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_only_samples_are_series() -> None:
    """Comments and empty lines are none."""
    assert series(b'# HELP a b\n# TYPE a gauge\na 1\na_b{x="#"} 2\n\n') == 2


def test_a_blocked_loop_is_seen_by_the_probe(tmp_path: Path) -> None:
    """A callback that keeps the loop busy is a stall of its length, give or take a look."""
    file = tmp_path / "stalls.json"
    loop = Policy(file).new_event_loop()

    async def live() -> None:
        await asyncio.sleep(10 * TICK)
        spin(0.08)
        await until(written, "the stall is written down")

    async def written() -> bool:
        return worst(file)[0] >= 60

    loop.run_until_complete(live())
    loop.close()
    _, above, looks = worst(file)
    assert 1 <= above < looks
    longest, above, own_looks = worst_own(file)
    assert longest >= 70
    assert 1 <= above < own_looks == looks


def spin(seconds: float) -> None:
    """Use that much CPU time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_an_unknown_scenario_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence and exit status 2, before anything is built."""
    from bench.__main__ import main

    monkeypatch.setattr("sys.argv", ["bench", "nonesuch"])
    with pytest.raises(SystemExit) as refused:
        main()
    assert refused.value.code == 2
