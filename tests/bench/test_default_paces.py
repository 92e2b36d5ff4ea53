"""Server time at the default paces: queries are found again as pg_stat_statements writes them."""

import pytest

from bench.default_paces import at_default_paces, factors
from bench.scenarios import SCENARIOS
from collectors._base import AnyCollector, Lane
from collectors.column_statistics import column_statistics
from collectors.database_sizes import database_sizes
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import PrivateServers, connected

FLAGS = ("--set", "paces.daily=2m", "--set", "paces.slow=1m")


def test_what_a_lane_costs_is_divided_by_how_much_more_often_it_asks() -> None:
    slow, daily = database_sizes.query(180000), column_statistics.query(180000)
    assert slow
    assert daily
    spent = {slow: 5.0, daily: 30.0, "select pg_backend_pid()": 0.5}
    assert factors(FLAGS) == dict.fromkeys(Lane, 1.0) | {Lane.daily: 30.0, Lane.slow: 5.0}
    assert at_default_paces(spent, FLAGS) == 1.0 + 1.0 + 0.5
    assert at_default_paces(spent, ()) == 35.5


def test_the_paces_of_the_scenario_are_understood() -> None:
    assert max(factors(SCENARIOS["statistics"].flags).values()) > 1


@pytest.mark.versions(18)
@pytest.mark.parametrize("collector", [column_statistics, database_sizes])
async def test_a_query_without_its_constants_is_found(
    collector: AnyCollector, private_server: PrivateServers
) -> None:
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create extension pg_stat_statements")
        async with watching(dsn=server.dsn()) as session:
            await look(session, collector)
        texts = await admin.fetch("select query from pg_stat_statements")
    times = {row["query"]: 30.0 for row in texts if "datname" in row["query"]}
    often = {Lane.daily: 30.0, Lane.slow: 5.0}[collector.lane]
    assert 30.0 / often in {at_default_paces({text: 30.0}, FLAGS) for text in times}
