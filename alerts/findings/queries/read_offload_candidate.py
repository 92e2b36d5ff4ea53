"""The primary is busy with reading while a standby has nothing to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Reach, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.queries._statement import HOUR, statement_review
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot, Unknown
from alerts.statements.load import Load, Ran, number
from alerts.units import Duration, Share, duration_text, number_text, share_text
from collectors._base import Role

LOOKED_AT = 100
"""Statements, those with the most time."""
DELAY = "recovery_min_apply_delay"
NAMED = 3
"""Statements that are named."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which the load is measured, at most one hour."""
    min_sessions: Annotated[float, Slack(0.7)] = 2.0
    """Mean number of sessions of the primary that only read."""
    min_share: Share = 0.5
    """Share of the load of the primary that only reads."""
    idle: Annotated[Share, Slack(1.5)] = 0.1
    """Load of the standby as a share of what the primary reads, at most."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    standbys = [peer for peer in snapshot.peers if peer.node.role is Role.standby]
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    reading = [ran for ran in load.top("seconds", LOOKED_AT) if only_reads(ran)]
    sessions = sum(ran.use.own_seconds for ran in reading) / load.uses.seconds
    if sessions < limits.min_sessions or sessions < limits.min_share * load.sessions:
        return
    for standby in standbys:
        if number(standby, DELAY):  # a copy of what was, on purpose
            continue
        other = load_of(standby, limits)
        if isinstance(other, Unjudged):
            yield other
        elif other.sessions <= limits.idle * sessions:
            yield evidence(standby, load, reading, sessions, other.sessions)


def only_reads(ran: Ran) -> bool:
    """Whether it could run on a standby: it wrote nothing, and is no part of a function."""
    return ran.first_word in ("select", "with") and ran.use.wal_records < ran.use.calls / 10


def load_of(standby: Snapshot, limits: Limits) -> Load | Unjudged:
    name = standby.node.server
    try:
        load = Load.of(standby, limits.window)
    except (Unknown, KeyError):
        return Unjudged("the statements of the standby are not known", subject=name)
    return load if isinstance(load, Load) else Unjudged(load.reason, subject=name, until=load.until)


def evidence(
    standby: Snapshot, load: Load, reading: list[Ran], sessions: float, other: float
) -> Evidence:
    name, share = standby.node.server, sessions / load.sessions
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=sessions,
        message=(
            f"{number_text(sessions, 2)} sessions read on the primary on average within"
            f" {duration_text(load.uses.seconds)}, {share_text(share)} of its load, while"
            f" {number_text(other, 2)} worked on the standby {name}."
        ),
        facts={
            "reading_sessions": sessions,
            "reading_share": share,
            "standby_sessions": other,
            "statements": "; ".join(ran.brief for ran in reading[:NAMED]),
        },
        cure=(
            remark("Reports and lists that may be some seconds old can be read on the standby: a"),
            remark("second connection pool with target_session_attrs=prefer-standby."),
            remark("Not what must see its own changes at once; and a long statement there is"),
            remark("cancelled, or holds back VACUUM with hot_standby_feedback."),
        ),
        check="",
    )


finding = statement_review(
    "Reads could go to a standby",
    Limits(),
    judge,
    unit="sessions",
    on=Role.primary,
    scope=Reach.server,
)
