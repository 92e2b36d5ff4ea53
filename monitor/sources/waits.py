"""Waits: the sums of what sessions wait for, as rows."""

from dataclasses import dataclass

from alerts.waits.history import WAITS, WaitsView
from collectors._base import AnyCollector
from collectors.activity import activity
from collectors.wait_clients import WaitClient, wait_clients
from collectors.wait_statements import WaitStatement, wait_statements
from collectors.wait_times import WaitTime, wait_times
from collectors.watched_time import WatchedTime, watched_time
from monitor.postgres.sessions import Sessions
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source

SUMMED: tuple[AnyCollector, ...] = (wait_times, wait_clients, wait_statements, watched_time)


@dataclass(slots=True)
class Waits(Source):
    """Supplies what was seen of the waits of one server, whenever ten seconds have ended."""

    outlet: Outlet
    sessions: Sessions
    by_statement: bool
    """Whether sums by statement are wanted."""
    shown: WaitsView | None = None
    name = "waits"

    async def tick(self, now: float) -> None:
        """Supply the sums if they are new, or say why there are none."""
        if self.sessions.any is None:
            return
        answers = self.outlet.answers
        view = answers.recorder.view(WAITS, now)
        if view is None or activity not in answers.newest:
            if why := answers.absent.get(activity):
                self.outlet.lack(why, *SUMMED)
        elif view is not self.shown:
            self.shown = view
            self._supply(view)

    def _supply(self, view: WaitsView) -> None:
        total, newest = view.totals, view.steps[-1] if view.steps else None
        times = tuple(WaitTime(*event, seconds) for event, seconds in total.events.items())
        self.outlet.supply(wait_times, times)
        active = sum(newest.seconds) / newest.watched if newest and newest.watched else None
        self.outlet.supply(watched_time, (WatchedTime(total.watched, active),))
        clients = (
            WaitClient(datname, user, application, kind, seconds)
            for (kind, datname, user, application), seconds in total.clients.items()
        )
        self.outlet.supply(wait_clients, tuple(clients))
        if self.by_statement:
            statements = (
                WaitStatement(str(query_id), kind, name, seconds)
                for (kind, name, query_id), seconds in total.statements.items()
            )
            self.outlet.supply(wait_statements, tuple(statements))
