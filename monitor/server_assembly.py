"""Assembly of a server monitor: its parts, each made of those before it."""

from collections.abc import Callable, Sequence

from alerts._catalogue import all_wants
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from collectors._base import Lane
from collectors.index_advice import IndexAdvice, index_advice
from collectors.plans import StatementPlan, plans
from monitor.clock import Clock
from monitor.config.watch_plan import WatchPlan
from monitor.connection_report import ConnectionReport
from monitor.derived_rows import DerivedRows
from monitor.heartbeat import Heartbeat
from monitor.judging import Judging
from monitor.planner.advice_book import AdviceBook
from monitor.planner.visit import NOT_CONFIGURED, PlanVisits
from monitor.polling.agenda import Agenda
from monitor.polling.answers import Answers
from monitor.polling.burst import LockBurst
from monitor.polling.capability_report import CapabilityReport
from monitor.polling.database_walk import DatabaseWalk
from monitor.polling.databases import Databases
from monitor.polling.free_slots import FreeSlots
from monitor.polling.leisure import Leisure
from monitor.polling.pacing import Pacing
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.round_log import RoundLog
from monitor.polling.row_keys import RowKeys
from monitor.polling.runner import CollectorRunner
from monitor.polling.sink import Sink
from monitor.polling.slot_probe import SlotProbe
from monitor.polling.upkeep import Upkeep
from monitor.postgres.identity import IdentityTracker
from monitor.postgres.sessions import Sessions
from monitor.server import ServerMonitor
from monitor.server_events import ServerEvents
from monitor.sources._catalogue import all_sources
from monitor.sources.outlet import Outlet


def server_monitor(
    plan: WatchPlan,
    clock: Clock,
    memory: Memory,
    sink: Sink,
    peers: Callable[[], Sequence[Snapshot]] = lambda: (),
    moved: Callable[[], None] = lambda: None,
    announce: Callable[[], None] = lambda: None,
    heart: Heartbeat | None = None,
) -> ServerMonitor:
    """Return the monitor of one server.

    `moved` is called when the server turns out to belong to another cluster, `announce` when a
    finding has changed its state.
    """

    def judge() -> None:  # by the monitor, which is made last
        monitor.judge()

    name, heart = plan.name, heart or Heartbeat()
    identity = IdentityTracker(plan.target, memory, moved)
    sessions, log = Sessions.of(plan, heart), RoundLog()
    recorder = Recorder(all_wants(), memory, identity.node.cluster or "", name)
    answers, judging = Answers(recorder), Judging.of(plan, memory, recorder)
    # What asks.
    pacing = Pacing(plan.paces, plan.budget)
    agenda = Agenda(clock, pacing, log, recorder)
    burst = LockBurst(clock, answers, recorder, pacing, log)
    burst.remember(plan.timing.visible)
    privileges = PrivilegeChecks(clock, log, plan.hung_deadline)
    runner = CollectorRunner.of(
        name, clock, answers, pacing, log, sink, judge, heart, plan.hung_deadline
    )
    roaming, probe = sessions.roaming, SlotProbe(name, sessions.roaming)
    row_keys = RowKeys(name, clock, answers, pacing, log, roaming, runner)
    upkeep = Upkeep(clock, answers, log, runner.books, sink)
    databases = Databases(plan.target, answers, log, pacing, privileges)
    walk = DatabaseWalk(
        name, clock, roaming, databases, privileges, runner, agenda, pacing, log, upkeep, probe
    )
    # What brings rows otherwise, and what reacts.
    outlet = Outlet(answers, runner)
    rights = CapabilityReport(privileges, runner)
    sources = all_sources(plan, clock, memory, outlet, sessions, identity, log, pacing)
    plan_visits = _plan_visits(plan, clock, memory, sessions, log, outlet)
    events = ServerEvents(
        name, identity, sessions, answers, recorder, log, privileges, sink, judging, walk, rights
    )
    connection = ConnectionReport(
        sessions, answers, runner, FreeSlots(answers), probe, events, clock.now()
    )
    monitor = ServerMonitor(
        plan=plan,
        clock=clock,
        peers=peers,
        announce=announce,
        round_log=log,
        identity_tracker=identity,
        sessions=sessions,
        pacing=pacing,
        answers=answers,
        agenda=agenda,
        runner=runner,
        privileges=privileges,
        databases=databases,
        walk=walk,
        upkeep=upkeep,
        burst=burst,
        leisure=Leisure(answers, pacing, peers),
        capabilities=rights,
        outlet=outlet,
        sources=sources,
        derived=DerivedRows(plan, outlet),
        row_keys=row_keys,
        judging=judging,
        events=events,
        plan_visits=plan_visits,
        connection=connection,
    )
    return monitor


def _plan_visits(
    plan: WatchPlan,
    clock: Clock,
    memory: Memory,
    sessions: Sessions,
    log: RoundLog,
    outlet: Outlet,
) -> PlanVisits:
    def supply(rows: Sequence[StatementPlan], advice: Sequence[IndexAdvice]) -> None:
        outlet.supply(plans, rows)
        outlet.supply(index_advice, advice)

    if sessions.for_plans is None:
        outlet.lack(NOT_CONFIGURED, plans, index_advice)
    return PlanVisits(
        plan.name,
        clock,
        sessions.for_plans,
        sessions.roaming,
        log,
        supply,
        lambda why: outlet.lack(why, plans, index_advice),
        plan.paces[Lane.slow],
        AdviceBook.of(memory, plan.name),
    )
