"""pgvigil itself is short of CPU: it reads answers late, and reports no server as silent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Kind
from collectors.daemon import DaemonState, daemon


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    critical: Duration = timedelta(minutes=5)
    """Time short of CPU after which it is critical: a server that is silent is not reported."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    state = snapshot.row(daemon)
    if state.starved_seconds is not None:
        yield starved(state, state.starved_seconds, limits)


def starved(state: DaemonState, seconds: float, limits: Limits) -> Evidence:
    is_long = seconds >= limits.critical.total_seconds()
    return Evidence(
        subject="CPU",
        severity=Severity.critical if is_long else Severity.warning,
        value=seconds,
        message=(
            f"pgvigil has been short of CPU for {duration_text(seconds)}: {_why(state)}. A server"
            " that does not answer is not reported, and what is shown may be old."
        ),
        facts={
            "starved_seconds": seconds,
            "late_share": state.late_share,
            "cpu_share": state.cpu_share,
            "run_delay_share": state.run_delay_share,
            "throttled_share": state.throttled_share,
            "servers": state.servers,
        },
        cure=(
            remark(
                "Give pgvigil more CPU: raise resources.limits.cpu of its container, or CPUQuota"
            ),
            remark("of its service; or move it away from what uses the cores of its host."),
            remark("With hundreds of servers, share them among several daemons."),
        ),
        check=remark(
            "On its host: grep throttled /sys/fs/cgroup/cpu.stat; uptime; the second number of"
            " /proc/PID/schedstat is the time (ns) that it waited for a core."
        ),
    )


def _why(state: DaemonState) -> str:
    """The best evidence that there is."""
    if state.throttled_share and state.throttled_share >= 0.01:
        return f"its cgroup was held back {state.throttled_share:.0%} of the last ten seconds"
    if state.run_delay_share and state.run_delay_share >= 0.01:
        return f"it waited for a core {state.run_delay_share:.0%} of the last ten seconds"
    return f"its event loop was late by {state.late_share:.0%} of the last ten seconds"


finding = Finding(
    title="pgvigil is short of CPU",
    severities=(Severity.warning, Severity.critical),
    reads=(daemon,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    of=Kind.daemon,
    hold=timedelta(seconds=10),
)
