"""Paces the rounds: one job for each lane of each server, by APScheduler."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from collectors._base import Lane
from monitor.clock import Clock
from monitor.polling.runner import SOON
from monitor.server import ServerMonitor

log = structlog.get_logger("pgvigil")
STEP = 5.0
"""Seconds by which the wall clock may have been moved before all rounds are planned anew."""
STAGGER = {Lane.fast: 0.0, Lane.normal: 0.3, Lane.table: 1.0, Lane.slow: 2.0, Lane.daily: 3.0}
"""Seconds after the start when each lane has its first round; a fleet is spread on top of it."""
SPREAD = 100.0
"""Seconds within which the first rounds of many servers begin."""
PULSE = 0.5
"""Seconds between two looks at how the conversation stands: a hung server is told within three."""
Job = Callable[[], Awaitable[None]]


class Schedule:
    """Starts what is to be done again and again; a round still running is never overtaken."""

    def __init__(self, clock: Clock, stepped: Job | None = None) -> None:
        self.clock = clock
        self._stepped = stepped
        """Called when the wall clock was set."""
        self._watchdog: asyncio.Task[None] | None = None
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            executors={"default": AsyncIOExecutor()},
            # Coalesced and never given up as missed: a late round is still a round.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        self._scheduler.start()
        # No job of the scheduler: those wait for the wall clock that this one distrusts.
        self._watchdog = asyncio.create_task(self._watch_the_clock(), name="clock")

    def stop(self) -> None:
        """No further round; those that run are cancelled, and end their queries on the server."""
        if self._watchdog:
            self._watchdog.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def every(self, name: str, seconds: float, job: Job, delay: float = 0.0) -> None:
        """Run a job now and then every so many seconds."""
        begin = datetime.now(UTC) + timedelta(seconds=delay)
        self._scheduler.add_job(
            guarded(name, job),
            IntervalTrigger(seconds=seconds, start_date=begin, timezone=UTC),
            id=name,
            name=name,
            next_run_time=begin,
            replace_existing=True,
        )

    def once(self, name: str, job: Job) -> None:
        """Run a job now; one of that name that still waits is replaced."""
        self._scheduler.add_job(guarded(name, job), id=name, name=name, replace_existing=True)

    def watch(self, server: ServerMonitor, fleet: int = 1) -> None:
        """All lanes of a server. Its first rounds are drawn by lot within a fleet's spread."""
        name = server.plan.name
        late = random.uniform(0, min(SPREAD, 0.2 * (fleet - 1)))
        self.every(f"{name}:pulse", PULSE, server.pulse, late)
        for lane in Lane:
            pace = min(server.plan.paces[lane], server.plan.paces[Lane.normal])
            self.every(f"{name}:{lane}", pace, partial(server.round, lane), late + STAGGER[lane])
        tour = min(server.plan.paces[Lane.table], SOON)
        self.every(f"{name}:tour", tour, server.visit_databases, late + 1.5)

    def forget(self, server: ServerMonitor) -> None:
        """No further round of a server."""
        for job in self._scheduler.get_jobs():
            if job.id.startswith(f"{server.plan.name}:"):
                job.remove()

    async def _watch_the_clock(self) -> None:
        """A wall clock that was set would leave every round waiting for the old time."""
        while True:
            await asyncio.sleep(1)
            drift = self.clock.drift()
            if abs(drift) > STEP:
                log.warning("wall clock was set", seconds=round(drift, 1))
                self.clock.set_anew()
                self._replan()
                if self._stepped:
                    self.once("wall clock", self._stepped)

    def _replan(self) -> None:
        for job in self._scheduler.get_jobs():
            self.every(job.id, job.trigger.interval.total_seconds(), job.func)


def guarded(name: str, job: Job) -> Job:
    """A defect in one round is logged and fails that round, not the daemon."""

    async def run() -> None:
        try:
            await job()
        except asyncio.CancelledError:
            raise
        except Exception as defect:
            log.error("round broke", job=name, exc_info=defect)

    return run
