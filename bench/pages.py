"""Duration of a scrape by the number of series, on an otherwise idle process."""

import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from bench.measuring import percentile
from bench.watchers import Watcher
from collectors._base import Collector, Lane, counter

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 60
FAMILIES = 20
NEW_EVERY = 3
"""Number of scrapes after which the page changes, as after a round."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A synthetic row with labels as long as those of a table."""

    datname: str
    schemaname: str
    relname: str
    count: int


LABELS = ("datname", "schemaname", "relname")
things = Collector(
    row=Thing,
    lane=Lane.table,
    key=("relname",),
    metrics=tuple(
        counter(f"pg_stat_things_number_{n}_total", "Made up.", lambda row: row.count, LABELS)
        for n in range(FAMILIES)
    ),
)


@dataclass(frozen=True, slots=True)
class PageTime:
    """Return the seconds of a scrape at the client, without gzip."""

    series: int
    page_bytes: int
    p50: float
    p99: float


def page_times() -> Iterator[PageTime]:
    for size in SIZES:
        with _served(size) as (watcher, change):
            times, body = [], b""
            for n in range(ROUNDS):
                if n % NEW_EVERY == 0:
                    change.send(n)
                    change.recv()
                seconds, body = watcher.page()
                times.append(seconds)
            yield PageTime(size, len(body), percentile(times, 0.5), percentile(times, 0.99))


@contextmanager
def _served(size: int) -> "Iterator[tuple[Watcher, Connection[int, int]]]":
    """The real HTTP server in its own process, with a store of `series` series."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(size, listening, theirs), daemon=True
        )
        process.start()
        ours.recv()
        try:
            yield Watcher("pgvigil", "", None, listening.getsockname()[1]), ours  # type: ignore[arg-type]
        finally:
            process.terminate()
            process.join()


def _serve(size: int, listening: socket.socket, asked: "Connection[int, int]") -> None:
    import asyncio

    import uvicorn

    from monitor.exposition.store import Store
    from monitor.views.overview import Overview
    from monitor.web.app import application

    store, overview = Store(), Overview(at=0.0)
    rows = [Thing("shop", "public", f"a_table_of_ours_{n}", n) for n in range(size // FAMILIES)]

    def change() -> None:
        nonlocal rows
        rows = [replace(row, count=row.count + asked.recv()) for row in rows[:1]] + rows[1:]
        store.put("shop", things, None, rows)
        asked.send(0)

    async def live() -> None:
        store.put("shop", things, None, rows)
        asyncio.get_running_loop().add_reader(asked.fileno(), change)
        config = uvicorn.Config(
            application(lambda: overview, store), http="h11", log_config=None, lifespan="off"
        )
        asked.send(0)
        await uvicorn.Server(config).serve([listening])

    asyncio.run(live())
