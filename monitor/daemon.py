"""Daemon: starts all parts in order, reloads the configuration, and stops within five seconds."""

import asyncio
import signal
import time
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING

import structlog

from alerts.history.memory import Memory
from alerts.verdicts.cases import remembered_as_ill
from collectors.daemon import DaemonState
from monitor.background import yield_often
from monitor.clock import Clock
from monitor.config.configuration import Configuration
from monitor.exposition.own_page import Own
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.garbage import WholeCollection, settle
from monitor.heap import share_heap
from monitor.loop_errors import LoopErrors
from monitor.own_target import OwnTarget
from monitor.poolers import Poolers
from monitor.reloading import Load, Reloading
from monitor.scheduler import Schedule
from monitor.throttle import Throttled
from monitor.views.overview import Overview, ServerView, TargetView
from monitor.web.serve import Web

if TYPE_CHECKING:
    from monitor.state_file import StateFile

log = structlog.get_logger("pgvigil")
FLUSH = 1.0
"""Seconds between checks for unsaved history."""
GARBAGE = 60.0
"""Seconds between two looks at whether a whole garbage collection is due."""
PICTURES = 0.05
"""Share of time for making overviews: one a second, less often for many servers."""
PASSES = 3
"""How often news that came while other news was shown is taken along, before all have a turn."""


@dataclass(slots=True)
class Daemon:
    """The daemon and its parts, which live as long as the process."""

    first: InitVar[Configuration]
    load: InitVar[Load]
    """Reads the configuration again. Raises ConfigurationError."""
    notices: tuple[str, ...] = ()
    clock: Clock = field(default_factory=Clock)
    memory: Memory = field(default_factory=Memory)
    store: Store = field(init=False)
    reloading: Reloading = field(init=False)
    started: float = 0.0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    state_file: "StateFile | None" = None
    overview: Overview = field(init=False)
    fleet: Fleet = field(init=False)
    poolers: Poolers = field(init=False)
    schedule: Schedule = field(init=False)
    web: Web = field(init=False)
    itself: OwnTarget = field(init=False)
    _publishing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _news: set[str] = field(default_factory=set)
    """Servers with a finding that has changed its state since they were shown."""

    def __post_init__(self, first: Configuration, load: Load) -> None:
        self.started = self.clock.now()
        self.reloading = Reloading(first, load, self._watch, self.clock)
        self.store = Store(
            own=Own(worst=self.configuration.subjects_shown),
            legacy=self.configuration.legacy_metrics,
        )
        self.schedule = Schedule(self.clock, stepped=self._begin_anew)
        self.fleet = Fleet(
            self.clock, self.memory, self.store, self.schedule, announce=self._publish_soon
        )
        self.poolers = Poolers(self.clock, self.memory, self.store, self.fleet, self.schedule)
        self.overview = Overview(at=self.started, started=self.started)
        self.itself = OwnTarget(self.memory)
        self.web = Web(
            self.configuration.listen,
            lambda: self.overview,
            self.store,
            self.configuration.web_config_file,
            pages=self.configuration.pages,
        )
        if path := self.configuration.state_file:
            # Without a state file, as in most sidecars, SQLite is not loaded, which saves 2 MB.
            from monitor.state_file import StateFile

            self.state_file = StateFile(path)

    @property
    def configuration(self) -> Configuration:
        """The one in use."""
        return self.reloading.configuration

    async def run(self) -> None:
        """Run until stopped, or until a task that should never end has ended.

        Raises ConfigurationError or OSError before anything is started.
        """
        share_heap()
        yield_often()
        if self.state_file:
            self.state_file.load(self.memory)
            self.store.own.ill_before = remembered_as_ill(self.memory)
        addresses = self.web.bind()
        settle()
        self._listen_to_signals()
        asyncio.get_running_loop().set_exception_handler(LoopErrors())
        serving = asyncio.create_task(self.web.serve(), name="http")
        try:
            self.schedule.start()
            async with self.reloading.changing:
                await self._watch(self.configuration)
            self._housekeeping()
            log.info("watching", servers=list(self.fleet.servers), listen=addresses)
            await self._until_the_end(serving)
        finally:
            await self._stop(serving)

    def _housekeeping(self) -> None:
        self.schedule.every("overview", 1.0, Throttled(self._publish, PICTURES))
        if self.state_file:
            self.schedule.every("state file", FLUSH, self._flush)
        self.schedule.every("crowding", self.fleet.crowding.every, self.fleet.spare_the_loop)
        self.schedule.every("garbage", GARBAGE, WholeCollection())
        self.reloading.watch_files(self.schedule)

    async def _publish(self) -> float:
        """Make a new overview for pages and metrics. Returns the seconds that it took."""
        async with self._publishing:
            self._news.clear()
            servers, took = await self.fleet.written_views()
            begun = time.monotonic()
            self._show(servers)
            return took + time.monotonic() - begun

    async def _publish_news(self) -> None:
        """Show the servers that have news at once; the others as they were shown last."""
        async with self._publishing:
            for _ in range(PASSES):  # there may be more by the time that it is shown
                if not self._news:
                    return
                shown = {view.name: view for view in self.overview.servers}
                news, self._news = self._news, set()
                wanted = news | (self.fleet.servers.keys() - shown)
                fresh, _ = await self.fleet.written_views(wanted)
                shown |= {view.name: view for view in fresh}
                self._show(tuple(shown[name] for name in self.fleet.servers if name in shown))

    def _show(self, servers: tuple[ServerView, ...]) -> None:
        now = self.clock.now()
        self.overview = Overview(
            at=now,
            servers=servers,
            targets=(*self.poolers.views(), self._judge_itself(servers, now)),
            started=self.started,
            state_error=self.state_file.error if self.state_file else None,
            reload_ok=self.reloading.ok and self.web.security.up_to_date,
            reloaded=self.reloading.at,
            notices=self.notices,
            limits=self.configuration.limits,
            stopping=self.stopping.is_set(),
        )
        self.store.set_own(self.overview)

    def _judge_itself(self, servers: tuple[ServerView, ...], now: float) -> TargetView:
        state = DaemonState(
            servers=len(servers),
            unreachable=sum(not view.up for view in servers),
            uptime_seconds=now - self.started,
            starved_seconds=self.fleet.heart.starved_seconds,
            overloaded_seconds=self.fleet.heart.overloaded_seconds,
            crowded_seconds=self.fleet.crowding.seconds(time.monotonic()),
            stretch=self.fleet.crowding.factor,
            late_share=self.fleet.heart.shares.late,
            run_delay_share=self.fleet.heart.shares.run_delay,
            throttled_share=self.fleet.heart.shares.throttled,
            cpu_share=self.fleet.heart.shares.run,
            state_error=self.state_file.error if self.state_file else None,
            certificate_expires=self.web.security.policy.certificate_expires,
            reload_ok=self.reloading.ok and self.web.security.up_to_date,
        )
        names = [view.name for view in servers]
        known = self.configuration
        return self.itself.judge(names, state, now, known.limits, known.mutes, known.timing)

    async def _begin_anew(self) -> None:
        """Watch as after a restart, as the wall clock was set."""
        self.started = self.reloading.at = self.clock.now()
        async with self.reloading.changing:
            await self.fleet.begin_anew()
            await self.poolers.begin_anew()

    def _publish_soon(self, server: str) -> None:
        self._news.add(server)
        if not self.stopping.is_set():
            self.schedule.once("announcement", self._publish_news)

    async def _flush(self) -> None:
        assert self.state_file is not None
        await self.state_file.save(self.memory)

    async def _watch(self, wanted: Configuration, has_new_checks: bool = False) -> None:
        """Watch as this configuration says; `changing` is held."""
        await self.fleet.follow(wanted.servers)
        if has_new_checks:  # what asks and judges them is made anew; history is kept
            await self.fleet.begin_anew()
        await self.poolers.follow(wanted.poolers)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        reload = self.reloading.reload
        loop.add_signal_handler(signal.SIGHUP, self.schedule.once, "reload", reload)

    async def _until_the_end(self, serving: "asyncio.Task[None]") -> None:
        told = asyncio.create_task(self.stopping.wait(), name="signal")
        done, _ = await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if serving in done and not self.stopping.is_set():
            # Without HTTP the daemon is useless; end it, so that the process manager restarts it.
            log.error("the HTTP server ended", exc_info=serving.exception())
            raise RuntimeError("the HTTP server ended")

    async def _stop(self, serving: "asyncio.Task[None]") -> None:
        """Stop in this order: readiness, schedule, sessions, history, HTTP."""
        log.info("stopping")
        self.stopping.set()
        # What is known is shown as it is: a new look at each of many servers takes turns of a loop
        # that is busy, and on a starved machine took a quarter of an hour.
        self._show(self.overview.servers)
        self.schedule.stop()
        await self.fleet.close()
        await self.poolers.close()
        if self.state_file:
            await self.state_file.close(self.memory)
        await self.web.stop()
        await asyncio.gather(serving, return_exceptions=True)
