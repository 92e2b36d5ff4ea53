"""Report: the tables of results, printed and committed as RESULTS.md."""

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.measuring import Measured
from bench.pages import PageTime
from bench.scenarios import SCENARIOS

RESULTS = Path(__file__).with_name("RESULTS.md")
COLUMNS = (
    "server",
    "watcher",
    "server time/min",
    "server CPU/min",
    "queries/min",
    "scrape p50",
    "scrape p99",
    "series",
    "page",
    "RSS (peak)",
    "own CPU/min",
)
MIB = 1024**2
PAGE_BUDGETS = {1_000: 0.002, 10_000: 0.005, 100_000: 0.050}
STANDSTILL = {"statements": 50, "relations": 20, "statistics": 50}
"""Milliseconds for which the event loop may stand still."""
Runs = Mapping[str, Sequence[Measured]]
Budget = tuple[str, str, str, bool]
"""A budget: its name, the limit, the measured value, and whether it is met."""


def table(runs: Runs) -> str:
    """Return a Markdown table with a row for each watcher on each server."""
    rows = [_row(SCENARIOS[name].title, one) for name, of in runs.items() for one in of]
    return markdown(COLUMNS, rows)


def pages_table(pages: Iterable[PageTime]) -> str:
    rows = [
        (f"{p.series:,}", size(p.page_bytes), time_text(p.p50), time_text(p.p99)) for p in pages
    ]
    return markdown(("series", "page", "scrape p50", "scrape p99"), rows)


def budgets_table(runs: Runs, pages: Sequence[PageTime]) -> str:
    rows = [
        (what, allowed, found, "met" if met else "**missed**")
        for what, allowed, found, met in budgets(runs, pages)
    ]
    return markdown(("budget", "allowed", "measured", ""), rows)


def budgets(runs: Runs, pages: Sequence[PageTime]) -> Iterator[Budget]:
    """Return the budgets for which there is a measurement."""
    if "tables" in runs:
        yield from _server_time(runs["tables"])
    for page in pages:
        allowed = PAGE_BUDGETS[page.series]
        what = f"a scrape of {page.series:,} series, median"
        yield what, time_text(allowed), time_text(page.p50), page.p50 <= allowed
    for name, limit in (("idle", 64), ("relations", 160)):
        for one in _of_ours(runs.get(name, ())):
            what = f"resident memory, {SCENARIOS[name].title}"
            met = one.resident_peak <= limit * MIB
            yield what, f"{limit} MiB", f"{size(one.resident_peak)} at most", met
    for one in _of_ours(runs.get("relations", ())):
        title = SCENARIOS["relations"].title
        yield f"series, {title}", "20,000", f"{one.series:,}", one.series < 20_000
    for name, limit in STANDSTILL.items():
        for one in _of_ours(runs.get(name, ())):
            if one.stalls:
                longest, above, looks = one.stalls
                own = (
                    ""
                    if one.own_milliseconds is None
                    else f" ({one.own_milliseconds} ms by itself)"
                )
                found = f"{longest} ms at most{own}; {above} of {looks:,} looks later than 20 ms"
                what = f"the event loop stands still, {SCENARIOS[name].title}"
                yield what, f"{limit} ms", found, longest <= limit
    for one in _of_ours(runs.get("statistics", ())):
        usual = one.server_seconds if one.usual_seconds is None else one.usual_seconds
        what = f"server time, {SCENARIOS['statistics'].title}"
        found = f"{100 * usual / 60:.2f} % at the default paces, computed"
        measured = f"{100 * one.server_seconds / 60:.2f} % as measured"
        yield what, "1 % of a core", f"{found}; {measured}", usual / 60 <= 0.01


def _server_time(of: Sequence[Measured]) -> Iterator[Budget]:
    [ours, *peers] = of
    share = ours.server_seconds / 60
    what = f"server time, {SCENARIOS['tables'].title}"
    yield what, "0.5 % of a core", f"{100 * share:.2f} %", share <= 0.005
    for peer in peers:
        part = ours.server_seconds / peer.server_seconds
        yield f"the same beside {peer.watcher}", "1/20", f"1/{1 / part:.0f}", part <= 0.05


def _of_ours(of: Sequence[Measured]) -> list[Measured]:
    return [one for one in of if one.watcher == "pgvigil"]


def write(runs: Runs, pages: Sequence[PageTime], seconds: float) -> None:
    """Return the page of results."""
    parts = [
        "# Measured\n",
        f"Made by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {machine()}. PostgreSQL 18 with"
        " fsync off; each watcher alone on the same server with its defaults, scraped every 15 s"
        f" for {seconds:.0f} s after a warm-up (pgvigil where there are many tables for 5 min, as"
        " it asks for all of them so often), then as fast as it answers. Server time is planning"
        " and execution by `pg_stat_statements`, by role; server CPU is that of all processes of"
        " the server, connections and its own housekeeping included. Where the slow paces are"
        " quickened, so that all is asked several times within the measurement, the server time at"
        " the default ones is computed: what each query took, divided by how many times as often"
        " its lane asked; queries of no lane count in full. What the event loop stands still by"
        " itself is the CPU time of its thread.\n",
        *(("## Beside the peer\n", table(runs)) if runs else ()),
        *(("## A scrape, by series\n", pages_table(pages)) if pages else ()),
        "## Budgets\n",
        budgets_table(runs, pages),
    ]
    RESULTS.write_text("\n".join(parts))


def machine() -> str:
    """Describe the machine: CPU, cores, memory, kernel, Python."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in _lines("/proc/cpuinfo")
            if "model name" in line
        ),
        platform.machine(),
    )
    cores = sum(line.startswith("processor") for line in _lines("/proc/cpuinfo"))
    memory = int(_lines("/proc/meminfo")[0].split()[1]) / 1024**2
    system = f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    return f"{cores} cores of {cpu}, {memory:.0f} GiB, {system}"


def _row(title: str, one: Measured) -> tuple[str, ...]:
    return (
        title,
        one.watcher,
        time_text(one.server_seconds),
        time_text(one.server_cpu_seconds),
        f"{one.queries:,.0f}",
        time_text(one.scrape_p50),
        time_text(one.scrape_p99),
        f"{one.series:,}",
        size(one.page_bytes),
        f"{size(one.resident)} ({size(one.resident_peak)})",
        time_text(one.cpu_seconds),
    )


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def time_text(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def size(count: int) -> str:
    return f"{count / MIB:.1f} MiB" if count >= MIB else f"{count / 1024:.0f} kiB"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
