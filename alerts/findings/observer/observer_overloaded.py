"""pgvigil has more work than its event loop can do: looks come late or rarely."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Kind
from collectors.daemon import DaemonState, daemon


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    lasting: Duration = timedelta(minutes=1)
    """Time for which its own work has made the event loop late, or has stretched the paces of all
    servers; a start takes less."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    state = snapshot.row(daemon)
    late, crowded = state.overloaded_seconds or 0.0, state.crowded_seconds or 0.0
    seconds = max(late, crowded)
    if seconds < limits.lasting.total_seconds():
        return
    yield Evidence(
        subject="event loop",
        severity=Severity.warning,
        value=seconds,
        message=crowding(state, seconds) if crowded >= late else lateness(state, seconds),
        facts={
            "overloaded_seconds": state.overloaded_seconds,
            "crowded_seconds": state.crowded_seconds,
            "stretch": state.stretch,
            "late_share": state.late_share,
            "cpu_share": state.cpu_share,
            "servers": state.servers,
        },
        cure=(
            remark("One event loop uses one core: more cores do not help. Share the servers among"),
            remark("several daemons; or lengthen the paces of servers that matter less."),
        ),
        check=remark("On its host: top -H -p PID; one thread that uses a whole core is the loop."),
    )


def crowding(state: DaemonState, seconds: float) -> str:
    return (
        f"For {duration_text(seconds)} pgvigil has had more work than its event loop can do: it"
        f" watches {plural(state.servers, 'server')} and asks each {state.stretch:.1f} times more"
        " rarely than set."
    )


def lateness(state: DaemonState, seconds: float) -> str:
    return (
        f"The event loop of pgvigil has been late because of its own work for"
        f" {duration_text(seconds)}, by {state.late_share:.0%} of the last ten seconds; it"
        f" watches {plural(state.servers, 'server')}. Looks at servers come late."
    )


finding = Finding(
    title="pgvigil has too much work",
    severities=(Severity.warning,),
    reads=(daemon,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    of=Kind.daemon,
)
