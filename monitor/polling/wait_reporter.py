"""Wait reporter: supplies the sums of waits as rows, and the cores of a machine that we share."""

import os
from dataclasses import dataclass

from alerts.waits.history import WAITS, WaitsView
from collectors._base import Absence, AnyCollector
from collectors.activity import activity
from collectors.processors import Processors, processors
from collectors.wait_clients import WaitClient, wait_clients
from collectors.wait_statements import WaitStatement, wait_statements
from collectors.wait_times import WaitTime, wait_times
from collectors.watched_time import WatchedTime, watched_time
from monitor.polling.answers import Answers
from monitor.polling.runner import CollectorRunner

CORES = "findings.active_session_overload.cores"
ELSEWHERE = Absence("how many cores the server has is not known", setting=CORES)
SUMMED: tuple[AnyCollector, ...] = (wait_times, wait_clients, wait_statements, watched_time)


@dataclass(slots=True)
class WaitReporter:
    """Supplies what was seen of the waits of one server, whenever ten seconds have ended."""

    answers: Answers
    runner: CollectorRunner
    by_statement: bool
    """Whether sums by statement are wanted."""
    shown: WaitsView | None = None

    def report(self, now: float) -> None:
        """Supply the sums if they are new, or say why there are none."""
        view = self.answers.recorder.view(WAITS, now)
        if view is None or activity not in self.answers.newest:
            self._lack(self.answers.absent.get(activity))
        elif view is not self.shown:
            self.shown = view
            self._supply(view)

    def _supply(self, view: WaitsView) -> None:
        total, newest = view.totals, view.steps[-1] if view.steps else None
        times = tuple(WaitTime(*event, seconds) for event, seconds in total.events.items())
        self.runner.supply(wait_times, times)
        active = sum(newest.seconds) / newest.watched if newest and newest.watched else None
        self.runner.supply(watched_time, (WatchedTime(total.watched, active),))
        clients = (
            WaitClient(datname, user, application, kind, seconds)
            for (kind, datname, user, application), seconds in total.clients.items()
        )
        self.runner.supply(wait_clients, tuple(clients))
        if self.by_statement:
            statements = (
                WaitStatement(str(query_id), kind, name, seconds)
                for (kind, name, query_id), seconds in total.statements.items()
            )
            self.runner.supply(wait_statements, tuple(statements))

    def _lack(self, why: Absence | None) -> None:
        for collector in SUMMED:
            if why is not None and self.answers.absent.get(collector) != why:
                self.answers.mark_absent(collector, None, why)

    def report_cores(self, is_shared: bool) -> None:
        """Supply the cores of our machine if the server runs on it too."""
        count = os.cpu_count()
        if is_shared and count:
            if processors not in self.answers.newest:
                self.runner.supply(processors, (Processors(count),))
        elif self.answers.absent.get(processors) != ELSEWHERE:
            self.answers.mark_absent(processors, None, ELSEWHERE)
