"""Stages deadlocks beside many sessions, and counts those that the daemon captures while they last.

The daemon runs as it is shipped, with its own rhythm and budget; it is told nothing. The clients
run in another thread. Each deadlock closes at most 50 ms after the first wait, so it lasts for
about `deadlock_timeout`. Two or three sessions, rows or advisory locks, are drawn.
"""

import asyncio
import json
import multiprocessing
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import asyncpg

from alerts.history.memory import Memory
from alerts.locks.order import LOCK_ORDER, Capture
from alerts.query_text import normalised
from bench.deadlock.schema import MONITOR
from monitor.clock import Clock
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.config.watch_plan import plans
from monitor.demo.launcher import Postgres
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.scheduler import Schedule
from monitor.server import ServerMonitor

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

SETTINGS = {"max_connections": 700}
WARM_UP = 20.0
CLOSES_WITHIN = 0.05
PAUSE = (1.0, 3.0)
"""Seconds between two deadlocks."""
ROWS = 50
SCHEMA = f"""
    create table t_a (id int primary key, v int);
    insert into t_a select g, 0 from generate_series(1, {ROWS}) g;
    create table t_b (id int primary key, v int);
    insert into t_b select g, 0 from generate_series(1, {ROWS}) g;
"""


@dataclass(frozen=True, slots=True)
class Staged:
    """One deadlock that happened."""

    pids: frozenset[int]
    statements: dict[int, str]
    """That each of them waited with, without values."""
    victim: int
    closed: float
    lasted: float


@dataclass(frozen=True, slots=True)
class Count:
    """What became of all of them."""

    version: int
    sessions: int
    is_hogged: bool
    deadlocks: int
    captured: int
    statements: int
    """Of the parties that were captured,"""
    right: int
    """those that were shown with the statement that they waited with,"""
    wrong: int
    """and with another one; the rest is shown without."""
    victims: int
    """Captures with the right victim."""
    interval: float
    """Median seconds between two looks at the locks while sessions waited."""


def count(server: Postgres, number: int, sessions: int, hogged: bool, seed: int) -> Count:
    """Stage that many deadlocks."""
    with hog() if hogged else nullcontext():
        return asyncio.run(_count(server, number, sessions, hogged, seed))


async def _count(server: Postgres, number: int, sessions: int, hogged: bool, seed: int) -> Count:
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(SCHEMA)
    version = admin.get_server_version().major
    await admin.close()
    staged: list[Staged] = []
    errors: list[BaseException] = []
    begin, done = threading.Event(), threading.Event()

    def act() -> None:
        try:
            asyncio.run(_act(server, number, sessions, Random(seed), staged, begin))
        except BaseException as wrong:  # told by the main thread
            errors.append(wrong)
        done.set()

    thread = threading.Thread(target=act)
    captured: dict[str, Capture] = {}
    intervals: list[float] = []
    async with watched(server.dsn(user=MONITOR)) as daemon:
        thread.start()
        await asyncio.sleep(WARM_UP)
        begin.set()
        while not done.is_set():
            await asyncio.sleep(0.1)
            _note(daemon, captured, intervals)
        await asyncio.sleep(3.0)
        _note(daemon, captured, intervals)
    thread.join()
    if errors:
        raise errors[0]
    return _compared(staged, list(captured.values()), version, sessions, hogged, intervals)


def _note(daemon: ServerMonitor, captured: dict[str, Capture], intervals: list[float]) -> None:
    learned = daemon.burst.recorder.view(LOCK_ORDER, time.time())
    if learned:
        captured |= {capture.key: capture for capture in learned.captures}
    if daemon.burst.interval < 3.0 and daemon.burst.calm == 0:
        intervals.append(daemon.burst.interval)


def _compared(
    staged: Sequence[Staged],
    captures: Sequence[Capture],
    version: int,
    sessions: int,
    hogged: bool,
    intervals: Sequence[float],
) -> Count:
    found = right = wrong = victims = parties = 0
    for one in staged:
        capture = next((c for c in captures if _is_of(c, one)), None)
        if capture is None:
            continue
        found += 1
        victims += capture.victim == one.victim
        for captive in capture.captives:
            said, told = captive.party.statement, one.statements[captive.party.pid]
            parties += 1
            right += said == told
            wrong += said not in (told, None)
    middle = sorted(intervals)[len(intervals) // 2] if intervals else 0.0
    return Count(
        version, sessions, hogged, len(staged), found, parties, right, wrong, victims, middle
    )


def _is_of(capture: Capture, staged: Staged) -> bool:
    pids = {captive.party.pid for captive in capture.captives}
    return pids == staged.pids and abs(capture.at - staged.closed) < staged.lasted + 1.0


@asynccontextmanager
async def watched(dsn: str) -> AsyncIterator[ServerMonitor]:
    """The daemon without its HTTP side, with the settings that it is shipped with."""
    clock = Clock()
    schedule = Schedule(clock)
    fleet = Fleet(clock, Memory(), Store(), schedule)
    wanted = list(plans(load({"dsn": dsn, "server_name": "it"}, {}, settings_type()), {}))
    schedule.start()
    await fleet.follow(wanted)
    try:
        yield fleet.servers["it"]
    finally:
        schedule.stop()
        await fleet.close()


@contextmanager
def hog() -> Iterator[None]:
    """As many processes as there are cores that do nothing but count."""
    processes = [
        multiprocessing.Process(target=_spin, daemon=True)
        for _ in range(multiprocessing.cpu_count())
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def _spin() -> None:
    while True:
        sum(range(100_000))


# The application.


async def _act(
    server: Postgres,
    number: int,
    sessions: int,
    dice: Random,
    staged: list[Staged],
    begin: threading.Event,
) -> None:
    everybody = [await _session(server) for _ in range(sessions)]
    await asyncio.to_thread(begin.wait)
    try:
        while len(staged) < number:
            await asyncio.sleep(dice.uniform(*PAUSE))
            staged.append(await _deadlock(dice.sample(everybody, dice.choice((2, 2, 3))), dice))
    finally:
        for session in everybody:
            session.terminate()


async def _session(server: Postgres) -> "Connection":
    session = await asyncpg.connect(
        server.dsn(), server_settings={"application_name": "shop"}, statement_cache_size=0
    )
    await session.execute("select v from t_a where id = 1")
    return session


async def _deadlock(sessions: Sequence["Connection"], dice: Random) -> Staged:
    """Each locks one thing, and then waits for that of the next."""
    things = list(_things(len(sessions), dice))
    pids = [session.get_server_pid() for session in sessions]
    for session, thing in zip(sessions, things, strict=True):
        await session.execute("begin")
        await session.execute(thing)
    waits = []
    texts = [*things[1:], things[0]]
    for session, text in zip(sessions, texts, strict=True):
        waits.append(asyncio.create_task(session.execute(text)))
        await asyncio.sleep(dice.uniform(0.0, CLOSES_WITHIN / len(sessions)))
    closed = time.time()
    victim = await _victim(waits)
    lasted = time.time() - closed
    await sessions[victim].execute("rollback")
    # Sessions that waited for the victim go on, one after the other.
    for number in [*range(victim - 1, -1, -1), *range(len(sessions) - 1, victim, -1)]:
        await waits[number]
        await sessions[number].execute("commit")
    statements = {pid: normalised(text) or "" for pid, text in zip(pids, texts, strict=True)}
    return Staged(frozenset(pids), statements, pids[victim], closed, lasted)


def _things(count: int, dice: Random) -> Iterator[str]:
    keys = dice.sample(range(1, ROWS + 1), count)
    tables = dice.choice((("t_a",), ("t_a", "t_b")))
    for number, key in enumerate(keys):
        if dice.random() < 0.2:
            yield f"select pg_advisory_xact_lock({key})"
        else:
            yield f"update {tables[number % len(tables)]} set v = v + 1 where id = {key}"


async def _victim(waits: Sequence["asyncio.Task[str]"]) -> int:
    """Whose statement was refused."""
    while True:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_EXCEPTION)
        for number, wait in enumerate(waits):
            if wait in done and wait.exception() is not None:
                return number


# On disk.


def keep(folder: Path, counted: Count) -> None:
    """Beside the films, for the page."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"photographs-{counted.version}-{'hogged' if counted.is_hogged else 'quiet'}.json"
    (folder / name).write_text(json.dumps(asdict(counted)))


def kept(folder: Path) -> list[Count]:
    """All that were counted."""
    files = sorted(folder.glob("photographs-*.json"))
    return [Count(**json.loads(path.read_text())) for path in files]


def told(counted: Count) -> str:
    """One count in one line of the page."""
    beside = "with a process on each core that takes all of it" if counted.is_hogged else "quiet"
    return (
        f"- PostgreSQL {counted.version}, {beside}: {counted.captured} of {counted.deadlocks}"
        f" captured; statements {counted.right} of {counted.statements} right,"
        f" {counted.wrong} wrong; victim right {counted.victims} of {counted.captured};"
        f" a look every {counted.interval:.2f} s."
    )
