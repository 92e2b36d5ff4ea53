"""Monitor of one pooler: asks its console, keeps the answers, and judges the findings about it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from alerts._catalogue import all_wants, findings_about
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.mutes import Mutes
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, AnyCollector, Kind, Lane
from collectors._catalogue import about
from collectors.pooler_clients import pooler_clients
from collectors.pooler_connection import PoolerCause, PoolerConnection, pooler_connection
from collectors.pooler_databases import pooler_databases
from collectors.pooler_lists import pooler_lists
from collectors.pooler_log import PoolerLog, pooler_log
from collectors.pooler_routes import PoolerRoute, pooler_routes
from monitor.background import run_by_size
from monitor.certificate_time import expiry
from monitor.clock import Clock
from monitor.config.poolers import PoolerPlan
from monitor.defects import DEFECTS
from monitor.folder_watch import FolderWatch
from monitor.heartbeat import Heartbeat
from monitor.pgbouncer.console import Console
from monitor.pgbouncer.failure import ConsoleFailure
from monitor.pgbouncer.log_watch import PoolerLogBook, pooler_log_watch
from monitor.pgbouncer.rows import rows_of
from monitor.polling.answers import Answers
from monitor.polling.round_log import RoundLog
from monitor.polling.sink import Sink
from monitor.reading import ReadFailure

log = structlog.get_logger("pgvigil")
FIRST, LONGEST = 0.5, 8.0
"""Seconds of the back-off between attempts to connect: doubled each time."""
REFUSED = 30.0
"""Seconds between attempts where the reason lies in our settings: a login that fails is logged."""
OF_SETTINGS = frozenset(
    {
        PoolerCause.auth,
        PoolerCause.auth_method,
        PoolerCause.not_allowed,
        PoolerCause.not_a_pooler,
        PoolerCause.tls,
        PoolerCause.address,
    }
)
RENEWAL = 3600.0
"""Seconds after which an encrypted connection is opened anew."""
REPORT = 5.0
"""Seconds between two reports of an unchanged connection."""
NOT_UP = "the pooler does not answer"
MOST_CLIENTS = 2000
"""Clients up to which they are listed."""
PATIENCE = 2.0
"""Seconds that a single look waits for the log."""


def asked() -> list[AnyCollector]:
    """Return the collectors that ask a console."""
    return [collector for collector in about(Kind.pgbouncer) if collector.console]


@dataclass(slots=True)
class PoolerMonitor:
    """Pooler monitor. The scheduler calls `tick`."""

    plan: PoolerPlan
    clock: Clock
    memory: Memory
    sink: Sink
    peers: Callable[["PoolerMonitor"], Sequence[Snapshot]] = lambda pooler: ()
    """Snapshots of the servers behind it, and of the other poolers before these."""
    routes: Callable[["PoolerMonitor"], tuple[PoolerRoute, ...]] = lambda pooler: ()
    heart: Heartbeat = field(default_factory=Heartbeat)
    answers: Answers = field(init=False)
    tracker: VerdictTracker = field(init=False)
    log_watch: FolderWatch[PoolerLog] = field(init=False)
    round_log: RoundLog = field(default_factory=RoundLog)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    console: Console | None = None
    failure: ConsoleFailure | None = None
    """Why the console can't be asked; None while it can, or before the first attempt."""
    failed_at: float | None = None
    """When the first failure in a row was (unix seconds)."""
    reported: float = 0.0
    _failures: int = 0
    _opened: float = 0.0
    _not_before: float = 0.0

    def __post_init__(self) -> None:
        recorder = Recorder(all_wants(Kind.pgbouncer), self.memory, "", self.plan.name)
        self.answers = Answers(recorder)
        self.tracker = VerdictTracker(self.memory, self.plan.timing)
        path = self.plan.log
        book = PoolerLogBook.of(path, self.memory, self.plan.name) if path else None
        pace = self.plan.paces[Lane.normal]
        self.log_watch = pooler_log_watch(book, self._supply_log, self._lack_log, pace)

    @property
    def node(self) -> ServerIdentity:
        return ServerIdentity(self.plan.name)

    async def tick(self) -> None:
        """Ask what is due, report on the connection, drop old answers, judge."""
        await self._ask_due()
        with DEFECTS.contained("log", server=self.plan.name):
            self.log_watch.tick(self.clock.now())
        self._report()
        self._expire()
        self.judge()

    async def look_once(self) -> None:
        """Ask everything once and judge."""
        self.log_watch.tick(self.clock.now())
        await self.log_watch.settled(PATIENCE)
        await self.tick()

    async def look_anew(self) -> None:
        """Ask everything once more, due or not."""
        self.round_log = RoundLog()
        await self.tick()

    async def _ask_due(self) -> None:
        now = self.clock.now()
        due = [one for one in asked() if self._is_due(one, now)]
        due.sort(key=lambda one: one is pooler_clients)  # after the number of them
        if not due or not await self._is_open():
            return
        for collector in due:
            try:
                if collector is pooler_clients and self._has_many_clients():
                    raise ReadFailure(f"it has more than {MOST_CLIENTS:,} clients", refused=True)
                await self._ask(collector)
            except ReadFailure as failure:
                if failure.lost:
                    await self._lost(failure)
                    return
                self._note(collector, failure)

    def _has_many_clients(self) -> bool:
        """Whether a list of all clients would cost its one thread too much."""
        known = self.answers.newest.get(pooler_lists)
        counts = {row.list: row.items for row in known.rows} if known else {}
        return (counts.get("used_clients") or 0) > MOST_CLIENTS

    def _is_due(self, collector: AnyCollector, now: float) -> bool:
        status = self.round_log.of(collector, None)
        return status.overdue(now, self.plan.paces[collector.lane]) is not None

    async def _is_open(self) -> bool:
        """Connect where it is not; one attempt at a time, with a back-off after failures."""
        if self.console and not self.console.lost and not self._is_worn():
            return True
        if self.clock.now() < self._not_before:
            return False
        await self._close()
        try:
            self.console = await Console.open(self.plan.address, self.plan.deadline)
        except ConsoleFailure as failure:
            self._failed(failure)
            return False
        self.failure, self.failed_at, self._failures = None, None, 0
        self._opened = self.clock.now()
        self.round_log = RoundLog()
        log.info("connected to a pooler", pooler=self.plan.name, version=self.console.version)
        return True

    def _is_worn(self) -> bool:
        """Whether it is time to see the certificate that the pooler shows now."""
        is_encrypted = self.console is not None and self.console.certificate is not None
        return is_encrypted and self.clock.now() - self._opened > RENEWAL

    async def _ask(self, collector: AnyCollector) -> None:
        assert self.console is not None
        status = self.round_log.of(collector, None)
        status.asked = begun = self.clock.now()
        records = await self.console.ask(collector.console, self.plan.deadline)
        rows = await run_by_size(records, rows_of, collector, records)
        now = self.clock.now()
        status.success(now, now - begun, len(rows))
        self._take(collector, rows)

    def _take(self, collector: AnyCollector, rows: Sequence[object]) -> None:
        known = self.answers.take(collector, None, rows, self.clock.now())
        self.sink.put(collector, None, known)

    def _supply_log(self, seen: PoolerLog) -> None:
        self._take(pooler_log, (seen,))

    def _lack_log(self, why: Absence) -> None:
        if self.answers.absent.get(pooler_log) != why:
            self.answers.mark_absent(pooler_log, None, why)

    def _note(self, collector: AnyCollector, failure: ReadFailure) -> None:
        """One command failed: that of a newer version, or one that brought what we can't read."""
        pace = self.plan.paces[collector.lane]
        self.round_log.of(collector, None).failure(self.clock.now(), pace, failure)
        why = Absence(failure.message, expected=failure.refused)
        if self.answers.absent.get(collector) != why:
            self.answers.mark_absent(collector, None, why)

    async def _lost(self, failure: ReadFailure) -> None:
        cause = PoolerCause.hung if failure.unanswered else PoolerCause.stopping
        await self._close()
        self._failed(ConsoleFailure(cause, failure.message))
        self._not_before = self.clock.now()

    def _failed(self, failure: ConsoleFailure) -> None:
        now = self.clock.now()
        if self.failure is None or self.failure.message != failure.message:
            log.info("no console", pooler=self.plan.name, reason=failure.message)
        self.failure, self.failed_at = failure, self.failed_at or now
        backoff = min(LONGEST, FIRST * 2**self._failures) * random.uniform(0.5, 1)
        self._not_before = now + (REFUSED if failure.cause in OF_SETTINGS else backoff)
        self._failures += 1
        for collector in self.answers.forget(asked(), f"{NOT_UP}: {failure.message}"):
            self.sink.drop(collector, None)
        self.answers.recorder.restart()

    def _report(self) -> None:
        """What has changed is reported at once, the same again only when it is due."""
        row, now = self.standing(), self.clock.now()
        known = self.answers.newest.get(pooler_connection)
        is_news = known is None or known.rows[0].up != row.up or known.rows[0].cause != row.cause
        if is_news or now - self.reported >= REPORT:
            self.reported = now
            self._take(pooler_connection, (row,))

    def standing(self) -> PoolerConnection:
        """How the conversation stands."""
        failure = self.failure
        down = self.clock.now() - self.failed_at if self.failed_at else None
        user = address = None
        shown = self.console.certificate if self.console else None
        try:
            target = self.plan.address.target()
            user, address = target.user, target.name
        except (OSError, ValueError):
            address = self.plan.name
        return PoolerConnection(
            up=self.is_up,
            cause=failure.cause if failure else None,
            message=failure.message if failure else None,
            down_seconds=down,
            address=address,
            user=user,
            descriptor_limit=self.console.descriptor_limit if self.console else None,
            is_encrypted=shown is not None,
            certificate_expires=expiry(shown) if shown else None,
            observer_starved=self.heart.is_starved,
        )

    @property
    def is_up(self) -> bool:
        return self.console is not None and not self.console.lost and self.failure is None

    def _expire(self) -> None:
        now = self.clock.now()
        for collector in list(self.answers.newest):
            if self.answers.expire(collector, self.plan.paces[collector.lane], now):
                self.sink.drop(collector, None)

    def snapshot(self, peers: Sequence[Snapshot] = ()) -> Snapshot:
        """What is known now, and of whom else the judges may read."""
        return self.answers.snapshot(self.node, self.clock.now(), peers)

    def judge(self) -> None:
        """Judge what reads something fresh; at first everything."""
        self._tell_routes()
        fresh = self.answers.take_fresh()
        if not fresh and self.verdicts:
            return
        snapshot, mutes = self.snapshot(self.peers(self)), Mutes(self.plan.mutes)
        for name, finding in findings_about(Kind.pgbouncer).items():
            known = self.plan.limits.get(name, finding.limits)
            with DEFECTS.contained("judging", server=self.plan.name, finding=name):
                self.verdicts[name] = self.tracker.decide(finding, snapshot, known, mutes)
        while self.tracker.defects:
            finding, defect = self.tracker.defects.pop(0)
            DEFECTS.note("judge", defect, server=self.plan.name, finding=finding.name)

    def _tell_routes(self) -> None:
        """Say anew where its databases lead, as often as they are asked, or when it changes."""
        if pooler_databases in self.answers.newest:
            known, told = self.answers.newest.get(pooler_routes), self.routes(self)
            is_due = pooler_databases in self.answers.fresh
            if known is None or is_due or tuple(known.rows) != told:
                self._take(pooler_routes, told)

    def judge_all(self) -> None:
        """Judge everything anew."""
        self.answers.fresh.add(pooler_connection)
        self.judge()

    def retune(self, plan: PoolerPlan) -> None:
        """Take other limits, mutes or timing: everything is judged by them at once."""
        if plan != self.plan:
            self.plan, self.tracker.timing = plan, plan.timing
            self.judge_all()

    async def close(self) -> None:
        await self._close()

    async def _close(self) -> None:
        console, self.console = self.console, None
        if console:
            await console.close()
