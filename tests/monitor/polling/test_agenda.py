"""What is due goes by overdue time ÷ pace, so that the end of a list is reached as well."""

from dataclasses import dataclass

import pytest

from alerts.history.recorder import Recorder
from alerts.locks.order import NAMING
from collectors._base import Collector, Lane, Scope
from collectors._catalogue import of_databases
from monitor.cli import main
from monitor.clock import Clock
from monitor.polling.agenda import Agenda
from monitor.polling.pacing import Pacing
from monitor.polling.round_log import RoundLog
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.until import until

LANES = {Lane.fast: 1.0, Lane.normal: 15.0, Lane.table: 30.0, Lane.slow: 300.0, Lane.daily: 3600.0}


@dataclass
class Stopwatch(Clock):
    """A clock that a test sets."""

    time: float = 10_000.0

    def now(self) -> float:
        return self.time


@dataclass(frozen=True, slots=True)
class Row:
    datname: str


def collector(lane: Lane) -> Collector[Row]:
    return Collector(row=Row, lane=lane, sql={140000: "select"}, scope=Scope.database)


@pytest.fixture
def agenda() -> Agenda:
    return Agenda(Stopwatch(), Pacing(LANES, 0.01), RoundLog(), Recorder())


def asked(agenda: Agenda, one: Collector[Row], seconds_ago: float) -> None:
    agenda.round_log.of(one, "shop").asked = agenda.clock.now() - seconds_ago


def test_the_most_overdue_by_its_own_pace_comes_first(agenda: Agenda) -> None:
    """Two paces late comes before one and a half, whatever the seconds; what is not due is left
    out, and what was never asked comes before all."""
    daily, slow, table = (collector(lane) for lane in (Lane.daily, Lane.slow, Lane.table))
    new, early = collector(Lane.daily), collector(Lane.table)
    asked(agenda, daily, 1.5 * 3600)
    asked(agenda, slow, 3 * 300)
    asked(agenda, table, 2 * 30)
    asked(agenda, early, 20)
    assert agenda.due([daily, early, slow, table, new], "shop") == [new, slow, table, daily]


def test_among_equals_the_order_is_kept(agenda: Agenda) -> None:
    """Nothing has been asked yet: the catalogue decides."""
    some = [collector(Lane.table) for _ in range(5)]
    assert agenda.due(some, "shop") == some


def test_names_come_first_among_equals(agenda: Agenda) -> None:
    """A first visit may be cut short, and a lock without the name of its table tells little."""
    due = agenda.due(of_databases(), "shop")
    assert due[: len(NAMING)] == list(NAMING)
    late = collector(Lane.table)
    for one in (late, *NAMING):
        agenda.round_log.of(one, "shop").asked = agenda.clock.now() - 60
    asked(agenda, late, 90)
    assert agenda.due([*NAMING, late], "shop")[0] is late


@pytest.mark.versions(14, 18)
async def test_visits_that_are_cut_short_reach_every_collector(
    private_server: PrivateServers, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each visit has time for one question only, and the first one is due again by the next."""
    monkeypatch.setattr("monitor.polling.database_walk.BRIEF", 0.0)
    often = dict.fromkeys(("paces.table", "paces.slow", "paces.daily"), "200ms")
    watched = await watch(private_server().dsn(user=MONITOR), **often)

    async def all_asked() -> bool:
        statuses = map(watched.server.round_log.parts, of_databases())
        return all(any(status.asked for status in parts) for parts in statuses)

    await until(all_asked, "every collector was asked in that database")


@pytest.mark.versions(18)
def test_a_single_look_asks_a_slow_server_everything(
    private_server: PrivateServers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No later visit would ask what a short one leaves out."""
    monkeypatch.setattr("monitor.polling.database_walk.BRIEF", 0.0)
    main(["check", private_server().dsn(user=MONITOR)])
    shown = capsys.readouterr().out
    assert "healthy" in shown
    assert "not queried yet" not in shown
