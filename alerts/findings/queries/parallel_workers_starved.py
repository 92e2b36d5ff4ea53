"""Parallel plans get fewer workers than they were made for, and run at another speed each time."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from typing import Annotated

from alerts._base import Evidence, Outcome, Reach, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import HOUR, statement_review
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, number
from alerts.units import Duration, Share, duration_text, share_text

NOT_COUNTED = "the extension counts workers from version 1.12 on (PostgreSQL 18)"
LIMIT = "max_parallel_workers"
PROCESSES = "max_worker_processes"
NAMED = 3
"""Statements that are named."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which it is measured, at most one hour."""
    min_planned: Annotated[int, FIXED] = 200
    """Workers that plans asked for within the window."""
    launched: Annotated[Share, Slack(1.1)] = 0.8
    """Share of them that must have been started."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    planned, launched = load.uses.total("workers_planned"), load.uses.total("workers_launched")
    if isnan(planned):
        yield Unjudged(NOT_COUNTED)
    elif planned >= limits.min_planned and launched < limits.launched * planned:
        yield evidence(snapshot, load, planned, launched)


def evidence(snapshot: Snapshot, load: Load, planned: float, launched: float) -> Evidence:
    named = list(load.top("workers_planned", NAMED))
    return Evidence(
        subject=LIMIT,
        severity=Severity.info,
        value=launched / planned,
        message=(
            f"Plans asked for {planned:,.0f} parallel workers within"
            f" {duration_text(load.uses.seconds)}, and {launched:,.0f} were started:"
            f" {share_text(launched / planned)}."
        ),
        facts={
            "workers_planned": round(planned),
            "workers_launched": round(launched),
            "max_parallel_workers": number(snapshot, LIMIT),
            "max_worker_processes": number(snapshot, PROCESSES),
            "window_seconds": load.uses.seconds,
            "statements": "; ".join(ran.brief for ran in named),
        },
        cure=tuple(cure(snapshot)),
        check=(
            "SELECT pid, leader_pid, wait_event FROM pg_catalog.pg_stat_activity"
            " WHERE leader_pid IS NOT NULL;"
        ),
    )


def cure(snapshot: Snapshot) -> Iterator[str]:
    yield remark("On a machine with idle cores raise the limit; its processes are taken from")
    yield remark("max_worker_processes, which takes a restart.")
    now, processes = number(snapshot, LIMIT), number(snapshot, PROCESSES)
    if now and processes and now >= processes:
        yield remark("All of max_worker_processes may work in parallel already. Where there are")
        yield remark("standbys raise that there first: they need at least as many as the primary.")
        yield from change(snapshot, PROCESSES, f"{2 * processes:.0f}")
    elif now:
        wanted = min(2 * now, processes or 2 * now)
        yield from change(snapshot, LIMIT, f"{wanted:.0f}")
    yield remark("On a machine without idle cores let fewer plans be parallel:")
    yield remark("a lower max_parallel_workers_per_gather, or a higher parallel_setup_cost.")


finding = statement_review(
    "Parallel workers are missing", Limits(), judge, unit="ratio", scope=Reach.server
)
