"""The benchmark of breadth: what it copies, and what it calls met."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from alerts._catalogue import all_findings
from bench.breadth.copies import COLLECTORS, FINDINGS, OF_FAST, chosen_findings, grow, reads_fast
from bench.breadth.inside import Breadth, of_server
from bench.breadth.table import rows, table
from collectors._catalogue import all_collectors

MIB = 1024**2
GOOD = Breadth(
    findings=171,
    collectors=87,
    start_seconds=1.0,
    start_resident=50 * MIB,
    idle_resident=60 * MIB,
    idle_peak=64 * MIB,
    parser_resident=16 * MIB,
    cpu_seconds=0.5,
    judge_seconds=0.0005,
    own_lines=700,
    ill=0,
    rules_bytes=250_000,
)
BAD = replace(
    GOOD, idle_peak=64 * MIB + 1, judge_seconds=0.00051, own_lines=701, rules_bytes=250_001
)
COUNTED = """
from alerts._catalogue import all_findings
from collectors._catalogue import all_collectors
from monitor.config.model import settings_type

found = all_findings().values()
names = [m.name for c in all_collectors().values() for m in c.metrics]
assert len(names) == len(set(names)), "two collectors share a metric"
settings_type()
reviews = sum(one.is_review for one in found)
print(len(found), len(all_collectors()), reviews, len({one.runbook for one in found}))
"""


def verdicts(now: Breadth, broad: Breadth) -> list[str]:
    return [row[-1] for row in rows(now, broad) if row[-1]]


def test_each_budget_is_missed_just_beyond_its_limit() -> None:
    """The budget is that of the broad tree; it says where today's keeps it."""
    assert verdicts(GOOD, GOOD) == ["met"] * 5
    missed = [row[0] for row in rows(BAD, BAD) if row[-1] == "**missed**"]
    today = [row[0] for row in rows(GOOD, BAD) if "missed" in row[-1]]
    assert len(missed) == 5
    assert missed == today
    assert "met today, **missed** with the copies" in table(GOOD, BAD)
    assert "**missed**" not in table(BAD, GOOD)


def test_at_most_ten_of_the_copies_read_a_fast_collector() -> None:
    """The others are judged rarely, as most findings are."""
    chosen = list(chosen_findings(all_findings().values()))
    assert len(chosen) == FINDINGS
    assert sum(map(reads_fast, chosen)) == OF_FAST


def test_the_grown_tree_is_a_catalogue_like_ours(tmp_path: Path) -> None:
    """Every copy is discovered under its own name, and half of those of findings are reviews."""
    said = subprocess.run(
        [sys.executable, "-c", COUNTED],
        cwd=grow(tmp_path),
        check=True,
        capture_output=True,
        text=True,
    )
    findings, collectors, reviews, runbooks = map(int, said.stdout.split())
    assert findings == len(all_findings()) + FINDINGS
    assert collectors == len(all_collectors()) + COLLECTORS
    before = sum(one.is_review for one in all_findings().values())
    assert reviews >= before + FINDINGS // 2
    assert runbooks == len(all_findings())


def test_only_lines_about_the_server_itself_are_counted() -> None:
    """Not those of PostgreSQL's views, of the daemon, or of comments."""
    page = b"""# HELP pgvigil_up Whether it answers.
pgvigil_up{server="shop"} 1
pgvigil_finding_state{server="shop",finding="deadlocks",state="healthy"} 1
pgvigil_finding_state{server="pgvigil@shop",finding="starved",state="healthy"} 1
pgvigil_state_file_ok 1
pg_up{server="shop"} 1
"""
    assert len(of_server(page)) == 2
