"""Measurement of one watcher: its cost on the server, its own cost, and that of scrapes."""

import asyncio
import time
from dataclasses import dataclass

from bench.default_paces import at_default_paces
from bench.processes import cpu_seconds, family_cpu_seconds, resident_bytes
from bench.scenarios import Scenario, crowd, loaded, session
from bench.stalls import worst, worst_own
from bench.watchers import Watcher
from monitor.demo.launcher import Postgres

INTERVAL = 15.0
"""Seconds between two scrapes; Prometheus's common interval."""
MANY, AT_MOST = 50, 8.0
"""Number of consecutive scrapes, or seconds of scraping, for the percentiles."""
RESET = "select pg_stat_statements_reset(oid) from pg_roles where rolname = $1"
BOOKS = """
    select
        query                                                               as query,
        sum(calls)::float8                                                  as queries,
        sum(total_exec_time + total_plan_time) / 1000                       as seconds
    from pg_stat_statements join pg_roles on pg_roles.oid = userid where rolname = $1
    group by query
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurement of one watcher on one server. Rates are per minute, times in seconds."""

    watcher: str
    server_seconds: float
    """Planning and execution time, from pg_stat_statements."""
    server_cpu_seconds: float
    """CPU time of all processes of the server, including connecting and its own housekeeping."""
    queries: float
    scrape_p50: float
    scrape_p99: float
    series: int
    page_bytes: int
    resident: int
    resident_peak: int
    cpu_seconds: float
    stalls: tuple[int, int, int] | None = None
    """The longest in milliseconds, how many above 20, and how many looks."""
    own_milliseconds: int | None = None
    """The longest by the CPU time of the loop's own thread, whatever else the machine did."""
    usual_seconds: float | None = None
    """Server time at the default paces, computed; None where they were measured."""


async def measure(
    server: Postgres, scenario: Scenario, watcher: Watcher, warm_up: float, seconds: float
) -> Measured:
    """Measure for `seconds` after a warm-up; the sessions of the scenario are opened first."""
    sessions, load = crowd(server, scenario.sessions), loaded(server, scenario)
    async with sessions, load, session(server) as admin:
        await asyncio.to_thread(_scraped_for, watcher, warm_up)
        await admin.execute(RESET, watcher.role)
        if watcher.stalls:
            watcher.stalls.unlink(missing_ok=True)
        start = time.monotonic()
        own, whole = cpu_seconds(watcher.process.pid), family_cpu_seconds(server.pid)
        await asyncio.to_thread(_scraped_for, watcher, seconds)
        minutes = (time.monotonic() - start) / 60
        own, whole = cpu_seconds(watcher.process.pid) - own, family_cpu_seconds(server.pid) - whole
        books = await admin.fetch(BOOKS, watcher.role)
        stalls = worst(watcher.stalls) if watcher.stalls else None
        own_stalls = worst_own(watcher.stalls) if watcher.stalls else None
        times = await asyncio.to_thread(_scrapes, watcher)
    spent = {row["query"]: row["seconds"] for row in books}
    _, page = watcher.page()
    resident, peak = resident_bytes(watcher.process.pid)
    return Measured(
        watcher.name,
        sum(row["seconds"] for row in books) / minutes,
        whole / minutes,
        sum(row["queries"] for row in books) / minutes,
        *(percentile(times, 0.5), percentile(times, 0.99)),
        *(series(page), len(page), resident, peak),
        own / minutes,
        stalls,
        own_stalls[0] if own_stalls else None,
        at_default_paces(spent, scenario.flags) / minutes if scenario.flags else None,
    )


def series(page: bytes) -> int:
    return sum(1 for line in page.splitlines() if line and not line.startswith(b"#"))


def percentile(times: list[float], share: float) -> float:
    """Return the percentile of the times for this share."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def _scraped_for(watcher: Watcher, seconds: float) -> None:
    """Scrape like Prometheus: at a fixed interval, independent of the duration."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        began = time.monotonic()
        watcher.page()
        pause = INTERVAL - (time.monotonic() - began)
        time.sleep(max(0.0, min(pause, left)))


def _scrapes(watcher: Watcher) -> list[float]:
    times: list[float] = []
    end = time.monotonic() + AT_MOST
    while len(times) < MANY and (time.monotonic() < end or not times):
        times.append(watcher.page()[0])
    return times
