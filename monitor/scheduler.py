"""Scheduler: one recurring job for each lane of each server, with APScheduler and a ticker."""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from collectors._base import Lane
from monitor.clock import Clock
from monitor.defects import DEFECTS
from monitor.polling.agenda import SOON
from monitor.server import ServerMonitor
from monitor.ticker import Job, Ticker

log = structlog.get_logger("pgvigil")
STEP = 5.0
"""If the wall clock is moved by more than this many seconds, all jobs are rescheduled."""
STAGGER = {Lane.fast: 0.0, Lane.normal: 0.3, Lane.table: 1.0, Lane.slow: 2.0, Lane.daily: 3.0}
"""Seconds from the start to the first round of each lane; many servers start even later."""
SPREAD = 100.0
"""Seconds over which the first rounds of many servers are spread."""
OFTEN = 1.0
"""A job with at most this many seconds between two runs is one of the ticker."""
PULSE = 0.5
"""Seconds between two checks of the sessions: a hung server is reported within 3 s."""


class Schedule:
    """Schedule of recurring jobs; a job never runs twice at the same time."""

    def __init__(self, clock: Clock, stepped: Job | None = None) -> None:
        self.clock = clock
        self._stepped = stepped
        """Called after the wall clock was set."""
        self._watchdog: asyncio.Task[None] | None = None
        self._ticker = Ticker()
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            executors={"default": AsyncIOExecutor()},
            # A late job still runs, but only once for all the times it missed.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        self._scheduler.start()
        # A task of its own, because jobs of the scheduler depend on the wall clock.
        self._watchdog = asyncio.create_task(self._watch_the_clock(), name="clock")

    def stop(self) -> None:
        """Stop all jobs; running ones are cancelled, which cancels their queries too."""
        if self._watchdog:
            self._watchdog.cancel()
        self._ticker.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def every(self, name: str, seconds: float, job: Job, delay: float = 0.0) -> None:
        """Run a job after `delay` seconds, then every `seconds`."""
        if seconds <= OFTEN:
            self._ticker.every(name, seconds, guarded(name, job), delay)
            return
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
        """Run a job now, replacing a waiting job of the same name.

        It runs too where one of that name is at work, as that may have read what is old by now.
        """
        at_once = DateTrigger(timezone=UTC)
        self._scheduler.add_job(
            guarded(name, job),
            at_once,
            id=name,
            name=name,
            replace_existing=True,
            max_instances=2,
        )

    def watch(self, server: ServerMonitor, fleet: int = 1) -> None:
        """Schedule all lanes of a server, with a random delay that grows with the fleet."""
        name = server.plan.name
        late = random.uniform(0, min(SPREAD, 0.2 * (fleet - 1)))
        server.events.stagger = partial(self.stagger, server)
        self.every(f"{name}:pulse", PULSE, server.pulse, late)
        for lane in Lane:
            pace = min(server.plan.paces[lane], server.plan.paces[Lane.normal])
            self.every(
                f"{name}:{lane}",
                pace,
                partial(server.round, lane, glances=True),
                late + STAGGER[lane],
            )
        tour = min(server.plan.paces[Lane.table], SOON)
        self.every(f"{name}:tour", tour, server.visit_databases, late + 1.5)

    def stagger(self, server: ServerMonitor) -> None:
        """Start the lanes of a server that has come back one after the other, soon: the fast one
        ticks before, and their next turn may be minutes away."""
        now = datetime.now(UTC) + timedelta(seconds=OFTEN)
        for lane in Lane:
            moment = now + timedelta(seconds=STAGGER[lane])
            with suppress(JobLookupError):  # it ticks
                self._scheduler.modify_job(f"{server.plan.name}:{lane}", next_run_time=moment)

    def forget(self, server: ServerMonitor) -> None:
        """Remove all jobs of a server."""
        of_server = f"{server.plan.name}:"
        for job in self._scheduler.get_jobs():
            if job.id.startswith(of_server):
                job.remove()
        for name in [name for name in self._ticker.tasks if name.startswith(of_server)]:
            self._ticker.forget(name)

    def cancel(self, name: str) -> None:
        """Remove one job."""
        with suppress(JobLookupError):
            self._scheduler.remove_job(name)
        if name in self._ticker.tasks:
            self._ticker.forget(name)

    async def _watch_the_clock(self) -> None:
        """Reschedule all jobs after the wall clock was set; they would wait for the old time."""
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
    """Wrap a job so that an error is logged, and ends neither the job's schedule nor the daemon."""

    async def run() -> None:
        try:
            await job()
        except asyncio.CancelledError:
            raise
        except Exception as defect:
            DEFECTS.note("job", defect, job=name)

    return run
