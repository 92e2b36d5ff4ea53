"""Forecast of autovacuum: played by hand-made hours, and against the real one."""

import asyncio
import time
from dataclasses import replace

import asyncpg
import pytest

from alerts.history.memory import Memory, Namespace
from alerts.history.recorder import Recorder
from alerts.vacuum.churn import CHURN, HOUR, ChurnRecorder, Hour
from alerts.vacuum.forecast import CostLimit, Forecast, Pace, Worker, forecast, paces
from alerts.vacuum.held import ASSIGNED
from alerts.vacuum.outlook import named, outlook
from alerts.vacuum.trigger import Triggers
from alerts.vacuum.work import WORK
from collectors._base import Answer
from collectors.activity import activity
from collectors.settings import settings
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

DUE = Triggers(True, vacuum=1000, insert=None, analyze=1000)
QUICK = Worker(naptime=60, run=0)


def test_a_steady_pace_makes_steady_runs() -> None:
    """One row a second: due at the first visit after 1,000 rows, which is the 17th minute."""
    found = forecast((Pace(1, 0),), DUE, QUICK, seconds=3600)
    assert found == Forecast(runs=3, peak=1020, first=1020, seconds=3600)


def test_what_is_there_already_counts() -> None:
    assert forecast((Pace(1, 0),), DUE, QUICK, dead=960, seconds=600).first == 60


def test_a_quiet_night_is_played_as_well() -> None:
    """Runs come in the loud hours alone; what an hour leaves counts in the next one."""
    found = forecast((Pace(1, 0), Pace(0, 0)), DUE, QUICK, seconds=4 * HOUR)
    assert found.runs == 7
    assert found.first == 1020


def test_inserts_make_it_due_too() -> None:
    inserts = replace(DUE, insert=500)
    assert forecast((Pace(0, 1),), inserts, QUICK, seconds=3600).runs == 6
    assert forecast((Pace(0, 1),), DUE, QUICK, seconds=3600).runs == 0


def test_a_long_run_adds_to_the_peak() -> None:
    found = forecast((Pace(1, 0),), DUE, Worker(60, run=600), seconds=3600)
    assert (found.runs, found.peak) == (2, 1620)


def test_switched_off_it_grows() -> None:
    off = replace(DUE, enabled=False)
    assert forecast((Pace(1, 0),), off, QUICK, seconds=3600) == Forecast(0, 3600, None, 3600)


def test_nothing_known_is_no_pace() -> None:
    assert paces((Hour(1, 0.0, 0, 0),)) == ()
    assert forecast((), DUE, QUICK, dead=5) == Forecast(0, 5, None, 86400)


def test_the_cost_limit_makes_a_run_long() -> None:
    """At the defaults about 4,500 pages a second."""
    assert CostLimit().run_seconds(45_000) == pytest.approx(11.4, abs=0.5)
    assert CostLimit(delay=0).run_seconds(30_000) == 1


class Watched:
    """One table whose counts are told by hand."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = memory or Memory()
        made = CHURN.recorder(self.memory, Namespace("7001", "db1", ""))
        assert isinstance(made, ChurnRecorder)
        self.recorder = made

    def sees(self, second: float, dead: int, vacuums: int = 0) -> tuple[Hour, ...]:
        row = filled(
            UserTable,
            datname="shop",
            relid=7,
            n_dead_tup=dead,
            n_ins_since_vacuum=0,
            autovacuum_count=vacuums,
        )
        self.recorder.learn(user_tables, Answer((row,), second))
        return self.recorder.view(second).of("shop", 7)


def test_growth_is_added_up_by_the_hour() -> None:
    """Not over a vacuum, which sets the count anew; and a daemon that is restarted goes on."""
    watched = Watched()
    assert watched.sees(7200, 5000) == ()
    assert watched.sees(7230, 5300) == (Hour(2, 30, 300, 0),)
    assert watched.sees(7260, 10, vacuums=1) == (Hour(2, 30, 300, 0),)
    assert watched.sees(7290, 110, vacuums=1) == (Hour(2, 60, 400, 0),)
    watched.sees(10_800, 110, vacuums=1)
    assert watched.sees(10_860, 230, vacuums=1)[0] == Hour(2, 60, 400, 0)
    again = Watched(watched.memory)
    assert again.sees(10_900, 5000) == (Hour(2, 60, 400, 0),)


def test_a_small_table_is_not_followed() -> None:
    watched = Watched()
    watched.sees(7200, 900)
    assert watched.sees(7230, 990) == ()


TABLE = """
    CREATE TABLE orders (id int PRIMARY KEY, at int) WITH (
        autovacuum_vacuum_threshold = 1000000, autovacuum_vacuum_insert_threshold = -1,
        autovacuum_analyze_threshold = 1000000
    );
    CREATE INDEX ON orders (at);
    INSERT INTO orders SELECT i, 0 FROM generate_series(1, 20000) i;
    VACUUM ANALYZE orders;
    UPDATE orders SET at = 1 WHERE id <= 2000;
"""
HISTORY = (WORK, ASSIGNED)
OPTIONS = {"autovacuum_vacuum_threshold": "50", "autovacuum_vacuum_scale_factor": "0.1"}
PLAYED = 34.0
"""Seconds for which the real one runs."""


@pytest.mark.versions(14, 18)
async def test_the_real_autovacuum_does_what_was_forecast(private_server: PrivateServers) -> None:
    """Runs within one, the peak of dead rows within a fifth."""
    server = private_server(autovacuum_naptime="1s")
    async with (
        watching(dsn=server.dsn(user=MONITOR)) as session,
        connected(server.dsn()) as owner,
        connected(server.dsn()) as writer,
    ):
        await owner.execute("SET statement_timeout = '20s'")
        async with connected(server.dsn()) as maker:  # its end reports what it did
            for statement in TABLE.strip().rstrip(";").split(";"):
                await maker.execute(statement)
        recorder = Recorder((CHURN, *HISTORY))
        work = asyncio.ensure_future(write(writer))

        async def counts() -> UserTable:
            snapshot = await look(session, activity, settings, user_tables, recorder=recorder)
            return next(iter(named(snapshot, "orders")))

        begun = time.monotonic()

        async def recorded() -> bool:
            await counts()
            await asyncio.sleep(0.2)
            return time.monotonic() - begun > 10

        await until(recorded, "some seconds were recorded")
        snapshot = await look(session, activity, settings, user_tables, recorder=recorder)
        [table] = named(snapshot, "orders")
        changed = outlook(snapshot, table, OPTIONS).changed
        assert changed is not None
        assert changed.recorded
        plan = forecast(changed.pace, changed.due.triggers, Worker(1, 0.1), seconds=PLAYED)

        await owner.execute("VACUUM orders")
        options = ", ".join(f"{name} = {value}" for name, value in OPTIONS.items())
        await owner.execute(f"ALTER TABLE orders SET ({options})")

        async def vacuumed() -> bool:
            return (await counts()).vacuum_count >= 2  # 14 tells it when its collector has written

        await until(vacuumed, "the statistics know of the vacuum")
        before, peak, begun = (await counts()).autovacuum_count, 0, time.monotonic()

        async def played() -> bool:
            nonlocal peak
            peak = max(peak, (await counts()).n_dead_tup)
            await asyncio.sleep(0.1)
            return time.monotonic() - begun > PLAYED

        await until(played, "the real one had its time")
        runs = (await counts()).autovacuum_count - before
        work.cancel()
        await asyncio.wait({work})
    told = f"forecast {plan.runs} runs, peak {plan.peak:.0f}; real {runs}, {peak}"
    assert abs(runs - plan.runs) <= 1, told
    assert abs(peak - plan.peak) <= 0.2 * plan.peak, told


async def write(session: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Change ten rows twenty times a second, none of them HOT, until cancelled.

    What a busy machine delays is made up for: the pace that is forecast is the one that is played.
    """
    first, due = 1, time.monotonic()
    while True:
        await session.execute("UPDATE orders SET at = at + 1 WHERE id BETWEEN $1 AND $1 + 9", first)
        first = (first + 10) % 19990 + 1
        due += 0.05
        await asyncio.sleep(max(0.0, due - time.monotonic()))
