"""pg_up and what an exporter says of its scrapes, while a server answers and when it does not."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from collectors.connection import Connection, connection
from collectors.rounds import Round, rounds
from monitor.demo.launcher import Postgres
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.until import until

ROUND = Round("locks", "fast", True, None, None, 0.5, 1.0, duration_seconds=0.25)
CONNECTION = Connection(
    up=True,
    cause=None,
    message=None,
    down_seconds=None,
    can_connect=True,
    connect_cause=None,
    connect_message=None,
    refused_seconds=None,
    address="here",
    user="it",
    sessions=2,
)


@pytest.mark.versions(18)
async def test_up_is_never_missing(private_server: Callable[..., Postgres], watch: Watch) -> None:
    """From one second to the next it is 0, on a page that has lost all other facts."""
    server = private_server()
    watched = await watch(server.dsn(user=MONITOR))

    def says(line: str) -> bool:
        return f"\n{line}\n" in watched.fleet.store.page().body.decode()

    async def seen() -> bool:
        return says("pg_up 1") and says("pg_exporter_last_scrape_error 0")

    await until(seen, "it is up")
    await until(watched.has_looked_everywhere, "everything was asked once")
    server.kill()

    async def down() -> bool:
        assert says("pg_up 1") or says("pg_up 0"), "a rule on pg_up must not go blind"
        await asyncio.sleep(0)
        return says("pg_up 0")

    await until(down, "it is down")
    assert says("pg_exporter_last_scrape_error 1")
    assert "pg_stat_database_" not in watched.fleet.store.page().body.decode()


def test_success_and_failure_of_collectors() -> None:
    """A question that does not apply here has neither succeeded nor failed."""
    refused = replace(ROUND, collector="slru", ok=False, error="no", was_refused=True)
    elsewhere = replace(ROUND, collector="stat_io", ok=False, error="not on this version")
    metrics = {metric.name: metric for metric in rounds.metrics}
    success = metrics["pg_scrape_collector_success"].samples([ROUND, refused, elsewhere])
    assert list(success) == [(("locks",), True), (("slru",), False), (("stat_io",), None)]
    duration = metrics["pg_exporter_last_scrape_duration_seconds"].samples([ROUND, ROUND])
    assert list(duration) == [((), 0.5)]


def test_a_connection_as_others_put_it() -> None:
    """The first two are opposites; of user queries there are none that could fail."""
    for up in (True, False):
        row = replace(CONNECTION, up=up)
        assert [list(m.samples([row])) for m in connection.metrics] == [
            [((), up)],
            [((), not up)],
            [((), 0)],
        ]
