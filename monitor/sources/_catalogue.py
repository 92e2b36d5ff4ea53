"""All sources of a server."""

from alerts.history.memory import Memory
from collectors._base import Lane
from collectors.wait_statements import wait_statements
from monitor.clock import Clock
from monitor.config.watch_plan import WatchPlan
from monitor.polling.pacing import Pacing
from monitor.polling.round_log import RoundLog
from monitor.postgres.identity import IdentityTracker
from monitor.postgres.sessions import Sessions
from monitor.server_log.by_sql import LogBySql
from monitor.sources.backups import Backups
from monitor.sources.certificate import Certificate
from monitor.sources.cores import Cores
from monitor.sources.outlet import Outlet
from monitor.sources.rounds import Rounds
from monitor.sources.server_log import ServerLog, ServerLogBySql
from monitor.sources.session_memory import SessionMemory
from monitor.sources.source import Source, Sources
from monitor.sources.volumes import Volumes
from monitor.sources.waits import Waits


def all_sources(
    plan: WatchPlan,
    clock: Clock,
    memory: Memory,
    outlet: Outlet,
    sessions: Sessions,
    identity: IdentityTracker,
    round_log: RoundLog,
    pacing: Pacing,
) -> Sources:
    """Return them, each with what it needs."""
    target, paces = plan.target, plan.paces
    by_statement = plan.bounds.get(wait_statements.name, 0) > 0
    return Sources(
        plan.name,
        (
            Backups.of(outlet, target.backup_reports, paces[Lane.slow]),
            _server_log(plan, memory, outlet, sessions, round_log),
            Volumes.of(outlet, target.data_directory, target.wal_directory),
            Waits(outlet, sessions, by_statement),
            Cores(outlet, sessions, target.data_directory is not None),
            Certificate(outlet, sessions),
            SessionMemory(outlet, sessions),
            Rounds(outlet, clock, round_log, pacing, identity),
        ),
    )


def _server_log(
    plan: WatchPlan, memory: Memory, outlet: Outlet, sessions: Sessions, round_log: RoundLog
) -> Source:
    """Return the source of its log: by the folder where it is mounted."""
    target, pace = plan.target, plan.paces[Lane.normal]
    if target.server_log is None and target.server_log_by_sql:
        log = LogBySql.of(memory, plan.name)
        return ServerLogBySql(outlet, sessions, round_log, log, plan.name, pace)
    return ServerLog.of(outlet, target.server_log, memory, plan.name, pace)
