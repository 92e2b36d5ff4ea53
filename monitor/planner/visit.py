"""Visits of the login for plans: in the turn of the third session, so there is never a fourth."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from alerts.plans.nodes import nodes
from alerts.snapshot import Snapshot, Unknown
from alerts.statements.history import STATEMENTS
from alerts.statements.texts import STATEMENT_TEXTS
from alerts.statements.uses import Key
from collectors._base import Absence
from collectors._columns import column
from collectors.connection import Cause
from collectors.extensions import extensions
from collectors.index_advice import IndexAdvice
from collectors.plans import StatementPlan
from collectors.stat_statements import stat_statements
from collectors.user_tables import user_tables
from monitor.clock import Clock
from monitor.planner.advice import EXTENSION, Adviser, Known, is_done, with_cost
from monitor.planner.advice_book import AdviceBook
from monitor.planner.budget import LONGEST, PlanBudget
from monitor.planner.candidates import places
from monitor.planner.choice import DAY, FOLLOWED, Wanted, due, worst
from monitor.planner.explain import SECONDS, NoPlan, Planner, Question
from monitor.planner.login import refusal
from monitor.planner.shares import shares_of
from monitor.planner.text import obstacle
from monitor.polling.round_log import RoundLog
from monitor.postgres.connector import Connector
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.roaming import RoamingSession
from monitor.postgres.session import Session
from monitor.reading import ReadFailure

log = structlog.get_logger("pgvigil")
SETTING = "plans"
NOT_CONFIGURED = Absence("no login for plans is configured", setting=SETTING)
DEADLINE = 5.0
"""Seconds that a plan may take with all that is asked before it."""
REFUSED = 3600.0
"""Seconds after which a database that refused the login is tried again."""


@dataclass(slots=True)
class PlanVisits:
    """Plans of one server. `visit` is called when there is time, and does nothing before its
    pace."""

    server: str
    clock: Clock
    connector: Connector | None
    """Of the login for plans; None: it is not configured."""
    roaming: RoamingSession
    round_log: RoundLog
    supply: Callable[[Sequence[StatementPlan], Sequence[IndexAdvice]], None]
    lacks: Callable[[Absence], None]
    pace: float
    """Seconds between two visits."""
    book: AdviceBook
    budget: PlanBudget = field(default_factory=PlanBudget)
    known: dict[Key, StatementPlan] = field(default_factory=dict)
    untried: dict[Key, str] = field(default_factory=dict)
    """Statements that an index might serve, and their databases, which lack the extension."""
    late: set[Key] = field(default_factory=set)
    """Statements for which not all indexes were tried, as the time of the visit was over."""
    begun: float | None = None
    """When the last visit began, in unix seconds."""
    trusted: dict[str, float] = field(default_factory=dict)
    """Databases in which the login can only read, and when (unix seconds) that was seen."""
    shut: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Databases in which it is not used, until when (unix seconds) and why."""

    def is_due(self) -> bool:
        """Whether it is time for a visit."""
        now = self.clock.now()
        return self.begun is None or now - self.begun >= self.pace

    async def visit(self, snapshot: Snapshot, standing: Session) -> None:
        """Ask for the plans that are due, in one database; supply what is known then."""
        self.begun = now = self.clock.now()
        if self.connector is None:
            self.lacks(NOT_CONFIGURED)
            return
        try:
            wanted = self._wanted(snapshot, self._ours(standing))
        except Unknown as unknown:
            self.begun = None  # it may be known soon
            self.lacks(Absence(unknown.reason, unknown.grant, setting=unknown.setting))
            return
        if not wanted:
            self.begun = None  # texts are read one after the other
        self._judge_texts(wanted, now)
        changed = _changed(snapshot, wanted)
        awaited = self.book.open | self._can_be_tried(snapshot) | self.late
        asked = self._next(due(wanted, self.known, changed, now, awaited), now)
        allowed = self.budget.allowed(now)
        if asked and allowed:
            await self._ask(asked[0].database, asked[:allowed], wanted, standing)
        self._supply(wanted)

    def _wanted(self, snapshot: Snapshot, ours: Collection[str]) -> list[Wanted]:
        rows = snapshot.rows(stat_statements)
        uses, texts = snapshot.of(STATEMENTS), snapshot.of(STATEMENT_TEXTS)
        return list(worst(uses, rows, texts, ours))

    def _can_be_tried(self, snapshot: Snapshot) -> set[Key]:
        """Return statements for which no index was tried, as the extension is there only now."""
        rows = snapshot.rows(extensions) if snapshot.has(extensions) else ()
        has = {row.datname for row in rows if row.extname == EXTENSION}
        return {key for key, database in self.untried.items() if database in has}

    def _ours(self, standing: Session) -> set[str]:
        """Return our own roles."""
        assert self.connector is not None
        with suppress(ValueError, OSError):
            return {standing.identity.role, self.connector.address.target().user}
        return {standing.identity.role}

    def _judge_texts(self, wanted: Sequence[Wanted], now: float) -> None:
        """Say of texts why the planner is not asked about them; that costs nothing."""
        for one in wanted:
            if one.key not in self.known and (why := obstacle(one.text)):
                self.known[one.key] = _none(one, now, why)

    def _next(self, asked: Sequence[Wanted], now: float) -> list[Wanted]:
        """Return what is due in the database where most is, of those that let us in."""
        places = defaultdict[str, list[Wanted]](list)
        for one in asked:
            until, _ = self.shut.get(one.database, (0.0, ""))
            if now >= until:
                places[one.database].append(one)
        return max(places.values(), key=len, default=[])

    async def _ask(
        self, database: str, asked: Sequence[Wanted], wanted: Sequence[Wanted], standing: Session
    ) -> None:
        assert self.connector is not None
        async with self.roaming.turn:
            await self.roaming.give_up()
            try:
                session = await self.connector.open(database, standing)
            except ConnectFailure as failure:
                self._shut(database, failure.message, failure.cause)
                return
            try:
                await self._ask_in(session, database, asked)
                await self._advise(session, asked, wanted)
            except ReadFailure as failure:
                self._shut(database, failure.message)
            finally:
                await session.close()

    async def _ask_in(self, session: Session, database: str, asked: Sequence[Wanted]) -> None:
        began = self.clock.now()
        if began - self.trusted.get(database, 0.0) >= DAY:
            if why := await refusal(session, DEADLINE):
                self._shut(database, why)
                return
            self.trusted[database] = began
        self.shut.pop(database, None)
        for one in asked:
            if self.clock.now() - began > LONGEST:
                break
            self.budget.spend()
            self.known[one.key] = await self._plan(session, one)

    async def _plan(self, session: Session, one: Wanted) -> StatementPlan:
        userid, dbid, query_id = one.key
        question, login = _question(one), session.identity.role

        async def planned(connection: object) -> StatementPlan:
            try:
                async with Planner(session.connection, question, login) as planner:
                    found = nodes(await planner.plan())
                    shares, is_covered = await shares_of(session.connection, found)
            except NoPlan as none:
                told = _none(one, self.clock.now(), none.reason)
                return replace(told, is_denied=none.is_denied, grant=none.grant)
            return StatementPlan(
                userid,
                dbid,
                query_id,
                one.database,
                self.clock.now(),
                nodes=found,
                shares=shares,
                has_statistics=is_covered,
            )

        plan, cost = await session.run(planned, DEADLINE + SECONDS)
        self.round_log.spend(cost.elapsed, cost.spent, False)
        self.book.note_estimate(plan)
        return plan

    async def _advise(
        self, session: Session, asked: Sequence[Wanted], wanted: Sequence[Wanted]
    ) -> None:
        """Look for indexes that would serve what was planned in this visit."""
        began = self.clock.now()
        for one in asked:
            plan = self.known.get(one.key)
            if plan is None or plan.at < (self.begun or 0.0) or not plan.nodes:
                continue
            if self.clock.now() - began > LONGEST:
                self.late.add(one.key)
                continue
            others = [other for other in wanted if other.key != one.key]
            await self._advise_on(session, one, plan, others)

    async def _advise_on(
        self, session: Session, one: Wanted, plan: StatementPlan, others: Sequence[Wanted]
    ) -> None:
        now, extension = self.clock.now(), session.identity.extension(EXTENSION)
        schema = extension.schema if extension and extension.is_reachable else None
        self.untried.pop(one.key, None)
        if schema is None and any(places(plan)):
            self.untried[one.key] = one.database
        adviser = Adviser(session.connection, session.identity.role, schema, self.clock.now)
        knowns = [
            Known(_question(other), self.known[other.key])
            for other in others
            if other.database == one.database and other.key in self.known
        ]

        async def advised(connection: object) -> IndexAdvice | None:
            old = self.book.known.get(one.key)
            if old is not None and await is_done(session.connection, old):
                return old if old.done_at else with_cost(old, plan.cost, now)
            return await adviser.advise(Known(_question(one), plan), knowns, now)

        found, cost = await session.run(advised, DEADLINE + 2 * SECONDS)
        self.round_log.spend(cost.elapsed, cost.spent, False)
        if adviser.ran_out:
            self.late.add(one.key)
            return
        self.late.discard(one.key)
        self.book.note(one.key, found)

    def _shut(self, database: str, why: str, cause: Cause | None = None) -> None:
        known = self.shut.get(database)
        self.shut[database] = self.clock.now() + REFUSED, why
        if known is None or known[1] != why:
            log.info("no plans", server=self.server, database=database, reason=why)

    def _supply(self, wanted: Sequence[Wanted]) -> None:
        """Supply the plans of the statements that matter now."""
        matters = {one.key: one for one in wanted}
        for key in [key for key in self.known if key not in matters][: -2 * FOLLOWED]:
            del self.known[key]
            self.untried.pop(key, None)
            self.late.discard(key)
        rows = [plan for key, plan in self.known.items() if key in matters]
        for key, one in matters.items():
            if key not in self.known and one.database in self.shut:
                _, why = self.shut[one.database]
                rows.append(replace(_none(one, self.clock.now(), why), is_denied=True))
        self.supply(tuple(rows), self.book.rows(matters))


def _question(one: Wanted) -> Question:
    return Question(one.key[0], one.user, one.text.query)


def _none(one: Wanted, at: float, why: str) -> StatementPlan:
    return StatementPlan(*one.key, one.database, at, reason=why)


def _changed(snapshot: Snapshot, wanted: Sequence[Wanted]) -> Mapping[tuple[str, str, str], float]:
    """Return when the statistics of each table were made anew, in unix seconds."""
    if not wanted or not snapshot.has(user_tables):
        return {}
    rows = snapshot.rows(user_tables)
    names = ("datname", "schemaname", "relname")
    keys = zip(*(column(rows, name) for name in names), strict=True)
    times = zip(column(rows, "last_analyze"), column(rows, "last_autoanalyze"), strict=True)
    return {
        key: max(one or 0.0 for one in both)
        for key, both in zip(keys, times, strict=True)
        if any(both)
    }
