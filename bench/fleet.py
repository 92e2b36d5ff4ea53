"""Benchmark of a fleet: many servers watched by one process, at the default paces.

A few real servers stand for all: each has many addresses (links to the folder of its socket), so
that every watched server has its own monitor and its own sessions.
"""

import argparse
import asyncio
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

import yaml

from bench.measuring import BOOKS, INTERVAL, percentile
from bench.processes import cpu_seconds, resident_bytes
from bench.report import machine, markdown, size, time_text
from bench.scenarios import ROLES, Scenario, built, relations, session
from bench.stalls import worst, worst_own
from bench.watchers import Watcher, running, wait_for
from monitor.demo.launcher import Postgres, free_port

PAGE = Path(__file__).with_name("FLEET.md")
REAL = 50
CONTENT = Scenario("idle server with 20 tables", relations(20, 1))
SPREAD = 330.0
"""Seconds until the first round of every lane but the daily one is over (the slow one: 300 s)."""
CASES = {"apart": "each its own cluster", "together": f"in {REAL} clusters"}
BUSY = 0.85
"""Share of a core from which on rounds have to be left out."""
ALLOWED = 0.25
"""Seconds of CPU time a server a minute."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Measurement of one process that watches many servers. Rates are a server a minute."""

    title: str
    servers: int
    up: int
    cpu_seconds: float
    queries: float
    resident: int
    """Bytes of the whole process, at most."""
    page_bytes: int
    """The largest page of one server."""
    scrape_seconds: float
    stalls: tuple[int, int, int]
    """The longest in milliseconds, how many above 20, and how many looks."""
    own_stalls: tuple[int, int, int]
    """The same by CPU time of the loop's thread: what the machine does beside is left out."""
    load: float
    """Load average of the machine."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench fleet", description=__doc__)
    parser.add_argument("--servers", type=int, nargs="+", default=[40, 200], help="one run each")
    parser.add_argument("--seconds", type=float, default=300.0, help="of each measurement")
    parser.add_argument("--case", choices=tuple(CASES), help="only one of the two")
    parser.add_argument("--profile", metavar="FILE", type=Path, help="write a profile of the loop")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    given = sys.argv[1:] if arguments is None else list(arguments)
    known = parser.parse_args(given)
    cases = [known.case] if known.case else list(CASES)
    with servers() as real:
        found = [
            asyncio.run(measured(real, case, count, known.seconds, known.profile))
            for case in cases
            for count in known.servers
        ]
    print("", table(found), sep="\n")
    if known.write:
        PAGE.write_text(page(found, known.seconds, shlex.join(["fleet", *given])))
    return 0


@contextmanager
def servers() -> Iterator[list[Postgres]]:
    with ExitStack() as stack:
        yield [stack.enter_context(built(CONTENT)) for _ in range(REAL)]


async def measured(
    real: Sequence[Postgres], case: str, count: int, seconds: float, profile: Path | None
) -> Fleet:
    """Watch `count` servers, each its own cluster or all addresses of a real one together."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        settings = configuration(folder, real, case, count)
        names = list(settings["servers"])
        with watched(folder, settings, profile) as watcher:
            for one in names:
                wait_for(watcher, f"/metrics?server={one}", folder / "log")
            await asyncio.to_thread(_scraped_for, watcher, names, SPREAD)
            for server in real:
                async with session(server) as admin:
                    await admin.execute("select pg_stat_statements_reset()")
            assert watcher.stalls
            watcher.stalls.unlink(missing_ok=True)
            began, cpu = time.monotonic(), cpu_seconds(watcher.process.pid)
            times = await asyncio.to_thread(_scraped_for, watcher, names, seconds)
            minutes = (time.monotonic() - began) / 60 * count
            cpu = cpu_seconds(watcher.process.pid) - cpu
            queries = sum([await _queries(server) for server in real])
            stalls, own_stalls = worst(watcher.stalls), worst_own(watcher.stalls)
            pages = [watcher.page(f"/metrics?server={name}")[1] for name in names]
            title = f"{count} servers, {CASES[case]}"
            return Fleet(
                title,
                count,
                sum(map(is_up, pages)),
                cpu / minutes,
                queries / minutes,
                resident_bytes(watcher.process.pid)[1],
                max(map(len, pages)),
                percentile(times, 0.5),
                stalls,
                own_stalls,
                os.getloadavg()[0],
            )


def configuration(
    folder: Path, real: Sequence[Postgres], case: str, count: int
) -> dict[str, dict[str, object]]:
    """Return the settings; each address is a link to the socket folder of a real server."""
    found: dict[str, object] = {}
    for number in range(count):
        server = real[number % len(real)]
        link = folder / f"socket-{number}"
        link.symlink_to(server.folder)
        dsn = f"postgresql://{ROLES[0]}@/shop?host={quote(str(link), safe='')}&port={server.port}"
        cluster = {"cluster": f"cluster-{number}"} if case == "apart" else {}
        found[f"server-{number:03}"] = {"dsn": dsn, **cluster}
    return {"servers": found}


@contextmanager
def watched(
    folder: Path, settings: dict[str, dict[str, object]], profile: Path | None
) -> Iterator[Watcher]:
    config, stalls, port = folder / "pgvigil.yml", folder / "stalls.json", free_port()
    config.write_text(yaml.safe_dump(settings))
    config.chmod(0o600)
    how = ["-m", "cProfile", "-o", str(profile)] if profile else []
    program = [sys.executable, *how, "-m", "bench.stalls", str(stalls), "run"]
    argv = [*program, "--config", str(config), "--listen", f"127.0.0.1:{port}"]
    with running(argv, folder / "log", {}) as process:
        watcher = Watcher("pgvigil", ROLES[0], process, port, stalls)
        wait_for(watcher, "/metrics", folder / "log")
        yield watcher


async def _queries(server: Postgres) -> float:
    async with session(server) as admin:
        return float(sum(row["queries"] for row in await admin.fetch(BOOKS, ROLES[0])))


def _scraped_for(watcher: Watcher, names: Sequence[str], seconds: float) -> list[float]:
    """Scrape each server at the usual interval, as Prometheus does with `/sd`."""
    end, pause, times = time.monotonic() + seconds, INTERVAL / len(names), []
    for turn, name in enumerate(cycle(names)):
        due = end - seconds + turn * pause
        if due > end:
            break
        time.sleep(max(0.0, due - time.monotonic()))
        if time.monotonic() > end:
            break
        times.append(watcher.page(f"/metrics?server={name}")[0])
    return times


def is_up(page: bytes) -> bool:
    """Whether the page of a server says that it answers."""
    up = [line for line in page.splitlines() if line.startswith(b"pgvigil_up")]
    return len(up) == 1 and up[0].endswith(b" 1")


def table(found: Sequence[Fleet]) -> str:
    columns = (
        *("", "answering", "own CPU/min a server", f"allowed {time_text(ALLOWED)}"),
        *("queries/min a server", "RSS a server", "RSS", "page of a server", "its scrape, median"),
        *("longest stall of the loop", "by its own CPU time", "load"),
    )
    return markdown(columns, (_row(one) for one in found))


def _row(one: Fleet) -> tuple[str, ...]:
    return (
        one.title,
        str(one.up),
        time_text(one.cpu_seconds),
        "met" if one.cpu_seconds <= ALLOWED and one.up == one.servers else "**missed**",
        f"{one.queries:.0f}",
        size(one.resident // one.servers),
        size(one.resident),
        size(one.page_bytes),
        time_text(one.scrape_seconds),
        stall_text(one.stalls),
        stall_text(one.own_stalls),
        f"{one.load:.1f}",
    )


def stall_text(stalls: tuple[int, int, int]) -> str:
    longest, above, looks = stalls
    return f"{longest} ms; {above} of {looks:,} looks above 20 ms"


def page(found: Sequence[Fleet], seconds: float, command: str) -> str:
    return "\n".join(
        [
            "# A fleet, measured\n",
            f"Made by `make bench ARGS='{command}'` on {datetime.now(UTC):%Y-%m-%d}: {machine()}."
            f" {REAL} servers of PostgreSQL 18 stand for all, each with a link to its socket for"
            " every watched one; default paces, a scrape of each server every"
            f" {INTERVAL:.0f} s, measured for {seconds:.0f} s. The stalls are those of a process"
            " that shares the machine with the servers and the load named.\n",
            table(found),
            *(f"\n{told}" for one in found if (told := overload(one))),
        ]
    )


def overload(one: Fleet) -> str | None:
    """Say that a process was overloaded, as its figures mean something else then."""
    core = one.cpu_seconds * one.servers / 60
    if core < BUSY:
        return None
    return (
        f"**{one.servers} servers are too many for one process**: it took {core:.0%} of a core all"
        " the time. What is asked of each and what it costs is less than where there are fewer,"
        " because all are asked more rarely. Divide such a fleet among processes."
    )


if __name__ == "__main__":
    sys.exit(main())
