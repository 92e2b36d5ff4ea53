"""What a link takes is not what the server works: of each answer, whatever its size."""

import csv
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean

import pytest

from bench.starvation.link import Link as Dripping
from monitor.address import Address
from monitor.demo.launcher import Postgres
from monitor.postgres.backend_process import BackendProcess
from monitor.postgres.link import FAST, NOTABLE, Link
from monitor.postgres.session import Session
from tests.fixtures.farm import MONITOR

RECORDED = Path(__file__).with_name("drip_64kB.csv")
NOTABLE_WORK = 0.0005
"""Seconds above which the work of each single query is compared."""
RATE = 16_000
"""Bytes a second: those of the smallest answer take 2 ms."""
LOOKS = 5
"""Of each query; the least of them is what it is estimated by."""
MANY_ROWS = "select generate_series(1, 200000)"
PAGE = 34
"""Bytes of the smallest answer."""


def work(link: Link, seconds: float, octets: int, trips: int = 1) -> float:
    """What is left of the seconds of an answer."""
    elapsed, of_bytes = link.elapsed(seconds, trips, octets)
    return max(0.0, elapsed - of_bytes)


def test_the_bytes_of_the_smallest_answer_are_in_its_trip() -> None:
    """They are subtracted once: a short answer that took 2 ms longer cost 2 ms."""
    byte = 1 / RATE
    link = Link.of(0.001 + PAGE * byte, PAGE, 0.001 + (PAGE + 8192) * byte, 8192)
    assert link.seconds_a_byte == pytest.approx(byte)
    assert work(link, 0.003 + PAGE * byte, PAGE) == pytest.approx(0.002)
    assert work(link, 0.003 + 3000 * byte, 3000) == pytest.approx(0.002)
    assert work(link, 0.004 + 3000 * byte, 3000, trips=2) == pytest.approx(0.002)
    assert work(link, 0.003 + 10 * NOTABLE * byte, 10 * NOTABLE) == pytest.approx(0.002, rel=0.01)


def test_a_quicker_answer_puts_right_what_was_measured_on_a_busy_machine() -> None:
    """Of the trip and of a byte; an answer of few bytes says nothing of these."""
    link = Link(round_trip=0.5, octets=PAGE, seconds_a_byte=0.001)
    link.elapsed(0.002, 1, 25)
    assert (link.round_trip, link.octets, link.seconds_a_byte) == (0.002, 25, 0.001)
    link.elapsed(0.003, 1, NOTABLE)
    assert link.seconds_a_byte == 0.001
    link.elapsed(0.502, 1, 10_025)
    assert link.seconds_a_byte == pytest.approx(0.5 / 10_000)


def test_a_fast_link_is_not_subtracted() -> None:
    """There, what a byte takes at least is what the server takes to make it."""
    link = Link(0.001, PAGE, FAST / 2)
    assert work(link, 0.003, PAGE + 1000) == pytest.approx(0.002)


def test_recorded_over_64_kilobytes_a_second() -> None:
    """Answers of a real server, and the CPU time of its process: within half and twice of it.

    Recorded on two busy cores through `bench/starvation/link.py`; the first of a query is cold.
    """
    link = Link(round_trip=0.001463, octets=PAGE, seconds_a_byte=1.57e-05)
    works, runs = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    with RECORDED.open(encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            seconds, trips, octets = float(row["seconds"]), int(row["trips"]), int(row["octets"])
            works[row["query"]].append(work(link, seconds, octets, trips))
            runs[row["query"]].append(float(row["run"]))
    estimate = sum(min(of_query[1:]) for of_query in works.values())
    truth = sum(mean(of_query[1:]) for of_query in runs.values())
    assert 0.5 < estimate / truth < 2
    notable = {query for query, of_query in runs.items() if mean(of_query[1:]) > NOTABLE_WORK}
    assert len(notable) > 4
    ratios = {query: min(works[query][1:]) / mean(runs[query][1:]) for query in notable}
    assert min(ratios.values()) > 0.5, ratios


async def least(session: Session, query: str) -> float:
    """The least that a query seemed to cost."""
    return min([(await session.ask(query, 60))[1].work for _ in range(LOOKS)])


@pytest.mark.versions(14, 18)
async def test_over_a_dripping_link(server: Postgres) -> None:
    """A real server: its work is seen in small answers, and is no more in large ones."""
    dripping = await Dripping(rate=RATE).serve(f"{server.folder}/.s.PGSQL.{server.port}")
    async with dripping:
        port = dripping.sockets[0].getsockname()[1]
        dsn = f"postgresql://{MONITOR}@127.0.0.1:{port}/postgres?sslmode=disable"
        since = time.time()
        session = await Session.open(Address.of(dsn, {}), None, 30, 60)
        try:
            process = BackendProcess.find(session.identity.pid, since)
            assert process is not None
            session.process = None  # as on another host
            await least(session, "select")
            process.taken()
            # It works for longer than the trip may seem to take on a busy machine.
            seen = await least(session, f"select count(*) from ({MANY_ROWS}) s")
            taken = process.taken()
            assert taken is not None
            # Whatever the machine does beside it, an answer takes no less than its work.
            assert seen > 0.4 * taken[0] / LOOKS
            bytes_alone = 4096 / RATE
            assert await least(session, "select repeat('x', 4096)") < 0.2 * bytes_alone
        finally:
            await session.close()
