"""Table of breadth: two trees side by side with their budgets, printed and kept as BREADTH.md."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.breadth.inside import IDLE, SESSIONS, Breadth
from bench.report import machine, markdown, time_text

PAGE = Path(__file__).parents[1] / "BREADTH.md"
MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement and its budget."""

    what: str
    value: Callable[[Breadth], float]
    text: Callable[[float], str]
    allowed: str = ""
    limit: float | None = None
    """None: no budget."""


def whole(value: float) -> str:
    return f"{value:,.0f}"


def mib(value: float) -> str:
    return f"{value / MIB:.1f} MiB"


def kilobytes(value: float) -> str:
    return f"{value / 1000:,.0f} kB"


ROWS = (
    Row("findings", lambda b: b.findings, whole),
    Row("collectors", lambda b: b.collectors, whole),
    Row("CPU time to start", lambda b: b.start_seconds, time_text),
    Row("resident memory before any server", lambda b: b.start_resident, mib),
    Row("resident memory, idle server, peak", lambda b: b.idle_peak, mib, "64 MiB", 64 * MIB),
    Row(
        "the same with a SQL parser loaded",
        lambda b: b.idle_peak + b.parser_resident,
        *(mib, "80 MiB", 80 * MIB),
    ),
    Row("own CPU time a minute, idle server", lambda b: b.cpu_seconds, time_text),
    Row(
        "judging when only `activity` is fresh, median",
        lambda b: b.judge_seconds,
        *(time_text, "0.5 ms", 0.0005),
    ),
    Row("own lines on the page, idle server", lambda b: b.own_lines, whole, "700", 700),
    Row("findings that are ill there", lambda b: b.ill, whole),
    Row("rules file", lambda b: b.rules_bytes, kilobytes, "250 kB", 250_000),
)


def rows(now: Breadth, broad: Breadth) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield each measurement of both trees; the budget is that of the broad one."""
    for row in ROWS:
        before, found = row.value(now), row.value(broad)
        verdict = "" if row.limit is None else judged(before, found, row.limit)
        yield row.what, row.text(before), row.text(found), row.allowed, verdict


def judged(before: float, found: float, limit: float) -> str:
    """Say where a budget is kept."""
    if found <= limit:
        return "met"
    return "met today, **missed** with the copies" if before <= limit else "**missed**"


def table(now: Breadth, broad: Breadth) -> str:
    columns = ("", "today", "with the copies", "budget", "")
    return markdown(columns, rows(now, broad))


def page(now: Breadth, broad: Breadth, load: float) -> str:
    """Return the page of results."""
    return "\n".join(
        [
            "# Measured at breadth\n",
            f"Made by `make bench ARGS=breadth` on {datetime.now(UTC):%Y-%m-%d}: {machine()},"
            f" load average {load:.1f}. Beside today's sources, the same with copies of real"
            " findings and collectors under new names; every second copy of a finding is a"
            " review. The budgets were set for 171 findings. Each watches an idle PostgreSQL 18"
            f" for {IDLE * 4 / 3:.0f} s; judging is"
            f" measured beside {SESSIONS} sessions. Times are CPU time.\n",
            table(now, broad),
        ]
    )


def write(now: Breadth, broad: Breadth) -> None:
    PAGE.write_text(page(now, broad, os.getloadavg()[1]))
