"""The database walk: visits all databases of a server and asks in each what is due there."""

import asyncio
import math
from dataclasses import dataclass, field

import structlog

from collectors._base import Absence, AnyCollector, Role
from collectors._catalogue import of_databases, of_extensions
from collectors.connection import Cause
from monitor.clock import Clock
from monitor.polling.agenda import Agenda
from monitor.polling.databases import Databases
from monitor.polling.pacing import Pacing
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.reader import Place
from monitor.polling.round_log import RoundLog
from monitor.polling.runner import CollectorRunner
from monitor.polling.slot_probe import PROBE, SlotProbe
from monitor.polling.token_bucket import TokenBucket
from monitor.polling.upkeep import Upkeep
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.roaming import APART, RoamingSession
from monitor.postgres.session import Session
from monitor.reading import ReadFailure

log = structlog.get_logger("pgvigil")
BRIEF = 2.0
"""Seconds of a visit after which no further question is asked in that database; one always is."""
PATIENT = 20.0
"""Seconds of a walk that is the only one: a busy server's answers come late, but are wanted now."""
NEWS = 30.0
"""Seconds after which a long walk shows what it has brought so far."""
OF_SERVER = {
    Cause.absent,
    Cause.timeout,
    Cause.slots_full,
    Cause.role_full,
    Cause.starting,
    Cause.stopping,
}
"""Failures that the next database would meet as well."""


@dataclass(slots=True)
class DatabaseWalk:
    """Walks through the databases of one server."""

    server: str
    clock: Clock
    roaming: RoamingSession
    databases: Databases
    privileges: PrivilegeChecks
    runner: CollectorRunner
    agenda: Agenda
    pacing: Pacing
    round_log: RoundLog
    upkeep: Upkeep
    probe: SlotProbe
    bucket: TokenBucket = field(default_factory=TokenBucket)
    begun: float = -math.inf
    """When the last walk began, in unix seconds."""
    abandoned: bool = False
    """The server is another one than it was when the walk began, or has another role."""
    is_only: bool = False
    """No other walk follows that could ask what this one leaves out."""

    _unknown: str | None = None
    """Why the databases could not be listed; logged once, until they are."""

    def is_due(self) -> bool:
        """Whether it is time for a walk, or a table is locked that is newer than the last one."""
        return self.agenda.is_walk_due(self.begun)

    def abandon(self) -> None:
        """Visit no further database in the walk that is under way."""
        self.abandoned = True

    async def walk(self, standing: Session, role: Role | None) -> None:
        """Discover the databases, ask what is due in each, and combine their answers."""
        self.begun, self.abandoned = self.clock.now(), False
        try:
            await self.databases.discover(standing, self.runner.deadline)
        except ReadFailure as failure:
            self._say_unknown(failure.message)
            await self.probe.probe_if_due(standing)  # what holds this back may hold back logins too
            return
        self._unknown = None
        self._expect()
        for database in self.databases.longest_unvisited_first():
            due = self.agenda.due(of_databases(), database)
            if self.abandoned or standing.lost:
                break
            if due and not await self._visit(database, due, standing, role):
                break
            await self._rest(standing)
        self.upkeep.combine(self.databases)
        await self.probe.probe_if_due(standing)
        if len(self.databases.names) > 1:
            await self.roaming.leave()  # else the last one could not be dropped

    def _say_unknown(self, reason: str) -> None:
        if reason != self._unknown:
            log.info("databases unknown", server=self.server, reason=reason)
            self._unknown = reason

    def _expect(self) -> None:
        """Estimate how long the walk takes; say what was never visited."""
        count, share = len(self.databases.names), self.pacing.left_for_walks
        if count > 1:
            self.pacing.on_tour(max(count * APART, self.bucket.walk_seconds(count, share)))
            self.databases.expect_all()
        else:
            self.pacing.on_tour(0.0)

    async def _visit(
        self, database: str, due: list[AnyCollector], standing: Session, role: Role | None
    ) -> bool:
        """Ask in one database and pay for it. Returns whether to go on to the next one."""
        began, before = self.clock.now(), self.round_log.walk_work
        goes_on = await self._ask(database, due, standing, role)
        now, cost = self.clock.now(), self.round_log.walk_work - before
        self.bucket.spend(cost, now - began, self.pacing.left_for_walks, now)
        return goes_on

    async def _rest(self, standing: Session) -> None:
        """Stay within the budget, and out of the way of a DROP DATABASE."""
        if len(self.databases.names) == 1:
            return
        wait = self.bucket.wait(self.pacing.left_for_walks)
        if wait > APART:
            await self.roaming.leave()
        if self.upkeep.age() > NEWS:
            self.upkeep.combine(self.databases)
        # After a restart the next walk begins soon, and must not wait for the end of this one.
        while wait > 0 and not (self.abandoned or standing.lost):
            if self.upkeep.age() > NEWS:
                self.upkeep.combine(self.databases)
            await self.probe.probe_if_due(standing)
            await asyncio.sleep(min(wait, PROBE / 2))
            wait -= PROBE / 2

    async def _ask(
        self, database: str, due: list[AnyCollector], standing: Session, role: Role | None
    ) -> bool:
        began = self.databases.tried[database] = self.clock.now()
        try:
            async with self.roaming.visit(database, standing) as session:
                await self._ask_in(session, due, standing, role)
        except ConnectFailure as failure:
            why = Absence(failure.message, late=failure.cause is Cause.timeout)
            self.databases.mark_absent(database, why, due)
            # Once it takes sessions again, it must not take an hour until all of it is known.
            pace = min(map(self.pacing.of, of_databases()))
            for collector in due:
                self.round_log.of(collector, database).unreached(began, pace, failure.message)
            return failure.cause not in OF_SERVER
        except ReadFailure as failure:
            await self.roaming.leave()
            log.info(
                "visit cut short", server=self.server, database=database, reason=failure.message
            )
        return True

    async def _ask_in(
        self, session: Session, due: list[AnyCollector], standing: Session, role: Role | None
    ) -> None:
        """Ask what is due of the database, and what of the server is seen from there only."""
        began = self.clock.now()
        here = Place(session, await self.privileges.in_database(session), role)
        for index, collector in enumerate(due):
            if index and self._is_over(began):
                break
            await self.runner.run(collector, here)
        server = Place(session, self.privileges.server, role)
        for collector in self._seen_from(session, standing):
            await self.runner.run(collector, server)

    def _is_over(self, began: float) -> bool:
        """Return whether a visit that began then has taken its time."""
        now = self.clock.now()
        is_given_time = self.is_only and now - self.begun <= PATIENT
        return now - began > BRIEF and not is_given_time

    def _seen_from(self, session: Session, standing: Session) -> list[AnyCollector]:
        """Due collectors of the whole server whose extension is here but not where we stand."""
        here, homes = session.identity, self.pacing.homes
        for collector in of_extensions():
            extension = collector.extension or ""
            if not standing.identity.extension(extension) and here.extension(extension):
                if collector not in homes:
                    self.pacing.lives_in(collector, here.database)
                    self.round_log.of(collector).asked = None
            elif homes.get(collector) == here.database:
                self.pacing.lives_in(collector, None)
        return self.agenda.due(c for c, home in homes.items() if home == here.database)
