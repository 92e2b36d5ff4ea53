"""Walks through all databases of a server and asks in each what is due there."""

import asyncio
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from alerts.cure import identifier
from collectors._base import Absence, AnyCollector, Lane, Role
from collectors._catalogue import of_databases, of_extensions
from collectors.connection import Cause
from monitor.address.target import DEFAULT_DATABASE
from monitor.config.watch_plan import WatchPlan
from monitor.polling.runner import SOON, CollectorRunner
from monitor.polling.token_bucket import TokenBucket
from monitor.postgres.errors import ConnectFailure, QueryFailure
from monitor.postgres.privileges import Privileges
from monitor.postgres.roaming import APART, DISCOVERY, RoamingSession
from monitor.postgres.session import Session

log = structlog.get_logger("pgvigil")
BRIEF = 2.0
"""Seconds of a visit after which no further question is asked in that database this time."""
RIGHTS_LAST = 20.0
"""Seconds after which rights in a database are looked at anew: a GRANT should soon be seen."""
PROBE = 60.0
"""Seconds without a connect after which one is tried, just to know whether it can be had."""
PROBE_WHEN_FULL = 10.0
NEWS = 30.0
"""Seconds between two looks at what a long walk has brought so far."""
UNSEEN = Absence("not visited yet")
OF_SERVER = {
    *(Cause.absent, Cause.timeout, Cause.slots_full, Cause.role_full),
    *(Cause.starting, Cause.stopping),
}


@dataclass(slots=True)
class DatabaseWalk:
    """What is per database, and the way through them."""

    plan: WatchPlan
    tour: RoamingSession
    runner: CollectorRunner
    databases: tuple[str, ...] = ()
    """Those that are watched and may be entered."""
    rights: dict[str, Privileges] = field(default_factory=dict)
    """By database."""
    rights_at: dict[str, float] = field(default_factory=dict)
    allowance: TokenBucket = field(default_factory=TokenBucket)
    begun: float = -math.inf
    """When the last walk began, in unix seconds."""
    put_at: float = 0.0
    """When the answers of all databases were last put together."""
    server_rights: Privileges | None = None
    """Those that we have whichever database we are in."""
    in_vain: bool = False
    """The server is another one than it was when the walk began, or has another role."""
    tried: float = -math.inf
    """Monotonic time when it was last tried whether a slot is free."""

    def is_due(self) -> bool:
        """A pace is over; or a table is locked that has come after the last walk."""
        passed = self.runner.clock.now() - self.begun
        return passed >= 0.95 * (
            SOON if self.runner.nameless() else self.runner.paces.lanes[Lane.table]
        )

    async def all_databases(
        self, warm: Session, role: Role | None, rights: Privileges | None = None
    ) -> None:
        """One walk: discover, ask what is due, and put the answers together."""
        self.begun, self.in_vain, self.server_rights = self.runner.clock.now(), False, rights
        try:
            closed = await self._discover(warm)
        except QueryFailure as failure:
            log.info("databases unknown", server=self.plan.name, reason=failure.message)
            return
        self._expect()
        for database in sorted(self.databases, key=self._last_visit):
            due = [c for c in of_databases() if self.runner.due(c, database)]
            if self.in_vain or warm.lost:
                break
            if due and not await self._visit(database, due, warm, role):
                break
            await self._rest(warm, closed)
        self._put_all_together(closed)
        await self._probe(warm)
        if len(self.databases) > 1:
            await self.tour.leave()  # somebody may want to drop the one we were in last

    async def _discover(self, warm: Session) -> set[str]:
        """Learn which databases there are; returns those that we may not enter."""
        found = await warm.fetch(DISCOVERY, self.runner.deadline)
        wanted = {r["name"]: r["may_connect"] for r in found if self.plan.target.visits(r["name"])}
        for gone in set(self.databases) - wanted.keys():
            self.runner.round_log.drop(gone)
            self.rights.pop(gone, None)
            walked = self.runner.paces.walked
            self.runner.paces.walked = {c: home for c, home in walked.items() if home != gone}
        self.databases = tuple(name for name, open_ in wanted.items() if open_)
        closed = wanted.keys() - set(self.databases)
        role = identifier(warm.identity.role)
        for name in closed:
            grant = f"GRANT CONNECT ON DATABASE {identifier(name)} TO {role};"
            self._lack(name, Absence("no right to connect", grant))
        named = self.plan.target.named
        if self.plan.target.visits(named) and named not in {DEFAULT_DATABASE, *wanted}:
            self._lack(
                named, Absence("the address names it, but there is none that takes sessions")
            )
            closed.add(named)
        return closed

    def _lack(self, database: str, why: Absence) -> None:
        for collector in of_databases():
            self.runner.facts.lack_part(collector, database, why)

    def _expect(self) -> None:
        """How long a walk takes; and what nobody has seen yet is not known to be well."""
        share = self.runner.paces.left_for_walks
        count = len(self.databases)
        self.runner.paces.tour = 0.0
        if count > 1:
            self.runner.paces.tour = max(count * APART, self.allowance.tour(count, share))
            for collector in of_databases():
                self.runner.facts.expect(collector, self.databases, UNSEEN)

    def _last_visit(self, database: str) -> float:
        """Whoever was seen longest ago comes first, as a walk may not come to its end."""
        asked = (self.runner.round_log.of(c, database).asked for c in of_databases())
        return min(at or 0.0 for at in asked)

    async def _visit(
        self, database: str, due: list[AnyCollector], warm: Session, role: Role | None
    ) -> bool:
        """Ask in one database; says whether it makes sense to go on to the next."""
        clock, before = self.runner.clock, self.runner.walk_time
        began = clock.now()
        goes_on = await self._ask(database, due, warm, role)
        self.allowance.spend(
            self.runner.walk_time - before,
            clock.now() - began,
            self.runner.paces.left_for_walks,
            clock.now(),
        )
        return goes_on

    async def _rest(self, warm: Session, closed: set[str]) -> None:
        """Stay within the budget, and out of the way of a DROP DATABASE."""
        if len(self.databases) == 1:
            return
        wait = self.allowance.wait(self.runner.paces.left_for_walks)
        if wait > APART:
            await self.tour.leave()
        if self.runner.clock.now() - self.put_at > NEWS:
            self._put_all_together(closed)
        while wait > 0:
            await self._probe(warm)
            await asyncio.sleep(min(wait, PROBE / 2))
            wait -= PROBE / 2

    async def _ask(
        self, database: str, due: list[AnyCollector], warm: Session, role: Role | None
    ) -> bool:
        began = self.runner.clock.now()
        try:
            async with self.tour.visit(database, warm) as session:
                self.runner.pay_for(session)
                await self._look_at_rights(database, session)
                for collector in due:
                    if self.runner.clock.now() - began > BRIEF:
                        break
                    await self.runner.ask(collector, session, self.rights[database], role)
                for collector in self._seen_from_here(session, warm):
                    await self.runner.ask(collector, session, self.server_rights, role)
        except ConnectFailure as failure:
            for collector in due:
                self.runner.facts.lack_part(collector, database, Absence(failure.message))
                self.runner.round_log.of(collector, database).absence(began, failure.message)
            return failure.cause not in OF_SERVER
        except QueryFailure as failure:
            await self.tour.leave()
            log.info(
                "visit cut short", server=self.plan.name, database=database, reason=failure.message
            )
        return True

    def _seen_from_here(self, session: Session, warm: Session) -> list[AnyCollector]:
        """What is due of the whole server's that our own database lacks the extension for."""
        walked, here = self.runner.paces.walked, session.identity
        for collector in of_extensions():
            extension = collector.extension or ""
            if not warm.identity.schema_of(extension) and here.schema_of(extension):
                if collector not in walked:
                    walked[collector] = here.database
                    self.runner.round_log.of(collector).asked = None
            elif walked.get(collector) == here.database:
                del walked[collector]
        return [c for c, home in walked.items() if home == here.database and self.runner.due(c)]

    async def _look_at_rights(self, database: str, session: Session) -> None:
        now = self.runner.clock.now()
        if database in self.rights and now - self.rights_at[database] < RIGHTS_LAST:
            return
        needs = {need for c in of_databases() for need in c.needs}
        before = self.rights.get(database)
        after = await Privileges.probe(session, needs, self.runner.deadline)
        self.rights[database], self.rights_at[database] = after, now
        if before and before.granted != after.granted:
            self.runner.round_log.forgive(database)

    def _put_all_together(self, closed: set[str]) -> None:
        self.put_at = self.runner.clock.now()
        for collector in of_databases():
            self._put_together(collector, closed)

    def _put_together(self, collector: AnyCollector, closed: Iterable[str]) -> None:
        known, facts = {*self.databases, *closed}, self.runner.facts
        before = facts.answers.get(collector)
        for gone in facts.put_together(collector, known, self.runner.clock.now()):
            self.runner.forget(collector, gone)
        if facts.answers.get(collector) is not before:
            self.runner.fresh.add(collector)

    async def make_room(self, warm: Session) -> None:
        """All slots are taken, or were: ours is given back, and it is tried whether one is free."""
        if self.tour.turn.locked():
            return
        if self.tour.session:
            await self.tour.leave()
        elif time.monotonic() - self.tried >= PROBE_WHEN_FULL:
            await self._try(warm)

    async def _probe(self, warm: Session) -> None:
        """Whether a new session can be had is worth knowing before somebody needs one."""
        if time.monotonic() - self.tour.opened >= PROBE:
            await self._try(warm)

    async def _try(self, warm: Session) -> None:
        self.tried = time.monotonic()
        home = self.tour.session.identity.database if self.tour.session else None
        try:
            await self.tour.probe(home or warm.identity.database, warm)
        except ConnectFailure as failure:
            log.warning("no new session", server=self.plan.name, cause=failure.cause.value)
