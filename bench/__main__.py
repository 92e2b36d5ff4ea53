"""Benchmark program: builds servers, and measures pgvigil and postgres_exporter on each."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from bench import fleet, report
from bench.bloat import __main__ as bloat
from bench.breadth import __main__ as breadth
from bench.deadlock import __main__ as deadlock
from bench.flips import __main__ as flips
from bench.measuring import INTERVAL, Measured, measure
from bench.migrations import __main__ as migrations
from bench.pages import PageTime, page_times
from bench.pool import __main__ as pool
from bench.runway import __main__ as runway
from bench.scenarios import ROLES, SCENARIOS, Scenario, built
from bench.starvation import __main__ as starvation
from bench.watchers import BenchError, Watcher, find_peer, pgvigil, postgres_exporter
from monitor.demo.binaries import LaunchError
from monitor.demo.launcher import Postgres

PAGES = "pages"
OTHERS = {
    "deadlock": deadlock.main,
    "breadth": breadth.main,
    "fleet": fleet.main,
    "starvation": starvation.main,
    "runway": runway.main,
    "bloat": bloat.main,
    "migrations": migrations.main,
    "flips": flips.main,
    "pool": pool.main,
}
"""Benchmarks with arguments of their own."""
USAGE = 2


def main() -> int:
    if sys.argv[1:2] in ([name] for name in OTHERS):
        return OTHERS[sys.argv[1]](sys.argv[2:])
    parser = _arguments()
    known = parser.parse_args()
    everything = [*SCENARIOS, PAGES]
    if unknown := [name for name in known.scenario if name not in everything]:
        parser.error(f"there is no scenario called {unknown[0]}")
    wanted = [name for name in everything if name in (known.scenario or everything)]
    runs: dict[str, list[Measured]] = {}
    try:
        peer = None if known.alone else find_peer(known.peer)
        for number, name in enumerate(wanted, 1):
            _tell(f"{name}, {number} of {len(wanted)}")
            if name in SCENARIOS:
                runs[name] = list(_run(SCENARIOS[name], peer, known.seconds))
        pages = _pages() if PAGES in wanted else []
    except (BenchError, LaunchError) as wrong:
        print(f"bench: {wrong}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 130
    if known.write or not known.scenario:
        report.write(runs, pages, known.seconds)
    print("", *_tables(runs, pages), sep="\n")
    return 0


def _run(scenario: Scenario, peer: str | None, seconds: float) -> Iterator[Measured]:
    """Measure each watcher separately on the same server."""
    _tell(f"building: {scenario.title}")
    with built(scenario) as server, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for watching in _watchers(server, scenario, peer, Path(folder)):
            with watching as watcher:
                times = _times(scenario, watcher, seconds)
                _tell(f"measuring: {watcher.name}, {sum(times):.0f} s and a bit")
                measured = asyncio.run(measure(server, scenario, watcher, *times))
            yield measured


def _times(scenario: Scenario, watcher: Watcher, seconds: float) -> tuple[float, float]:
    """Warm-up and measurement; what only answers scrapes is the same after each."""
    if watcher.role == ROLES[0]:
        return scenario.warm_up, max(seconds, scenario.period)
    return INTERVAL, seconds


def _watchers(
    server: Postgres, scenario: Scenario, peer: str | None, folder: Path
) -> Iterator[AbstractContextManager[Watcher]]:
    yield pgvigil(server, scenario, folder)
    if peer and not scenario.alone:
        yield postgres_exporter(server, peer, folder)


def _pages() -> list[PageTime]:
    _tell("measuring: pages of made-up series")
    return list(page_times())


def _tables(runs: report.Runs, pages: Sequence[PageTime]) -> Iterator[str]:
    if runs:
        yield report.table(runs)
    if pages:
        yield report.pages_table(pages)
    yield report.budgets_table(runs, pages)


def _tell(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("scenario", nargs="*", help=f"of {', '.join((*SCENARIOS, PAGES))}; all")
    parser.add_argument("--seconds", type=float, default=45.0, help="of each measurement")
    parser.add_argument("--peer", metavar="PROGRAM", help="the postgres_exporter to compare with")
    parser.add_argument("--alone", action="store_true", help="measure without a peer")
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"write {report.RESULTS.name}, as is done when everything is measured",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
