"""pgvigil lacks a privilege or an answer, so some findings can't be judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.capabilities import Granted, capabilities
from collectors.rounds import Round, rounds

FEW = 4
"""Number of findings that the sentence names."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    failing: Duration = timedelta(minutes=5)
    """Time without an answer of a collector; a lock or a restart is usually over by then."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    refused: set[str] = set()
    # There is a row for each privilege and database; nearly all are granted.
    for right in (one for one in snapshot.rows(capabilities) if not one.granted):
        if right.blinded or right.partly_blinded:
            refused |= set(right.collectors)
            yield lacking(right, right.blinded, right.partly_blinded)
    for one in snapshot.rows(rounds) if snapshot.has(rounds) else ():
        if one.blinded and one.collector not in refused and _fails(one, limits):
            yield failing(one, one.blinded)


def subject(right: Granted) -> str:
    return right.capability + (f" in {right.datname}" if right.datname else "")


def lacking(right: Granted, blinded: tuple[str, ...], partly: tuple[str, ...]) -> Evidence:
    where = f" in database {right.datname}" if right.datname else ""
    cost = [f"can't judge {_list(blinded)}"] if blinded else []
    cost += [f"can judge only a part of {_list(partly)}"] if partly else []
    return Evidence(
        subject=subject(right),
        severity=Severity.warning,
        value=len(blinded) + len(partly),
        message=f"pgvigil may not see {right.buys}{where}, so it {' and '.join(cost)}.",
        facts={
            "right": right.capability,
            "blinded_findings": len(blinded),
            "partly_blinded_findings": len(partly),
            "findings": ", ".join((*blinded, *partly)),
            "collectors": ", ".join(right.collectors),
        },
        cure=(right.grant,),
        check=check(right),
        database=right.datname,
    )


def failing(one: Round, blinded: tuple[str, ...]) -> Evidence:
    since = duration_text(one.failed_seconds or 0.0)
    return Evidence(
        subject=f"collector {one.collector}",
        severity=Severity.warning,
        value=len(blinded),
        message=(
            f"{one.collector} has had no answer for {since} ({one.error or 'no reason given'}),"
            f" so pgvigil can't judge {_list(blinded)}."
        ),
        facts={
            "collector": one.collector,
            "failed_seconds": one.failed_seconds,
            "error": one.error,
            "blinded_findings": len(blinded),
            "findings": ", ".join(blinded),
        },
        cure=(
            remark(f"The server said: {one.error or 'nothing'}"),
            remark("Fix the cause of the error; the next query tries again."),
        ),
        check=remark(f"As the monitoring role, run the output of `pgvigil sql {one.collector}`."),
    )


def check(right: Granted) -> str:
    """Return the probe as a query, to be run as the monitoring role."""
    probe = " ".join((right.probe or "null").split())
    return f"SELECT {probe} AS granted; {remark('as the monitoring role')}"


def _fails(one: Round, limits: Limits) -> bool:
    return not one.ok and (one.failed_seconds or 0.0) >= limits.failing.total_seconds()


def _list(names: tuple[str, ...]) -> str:
    """Name the first few; the facts have them all."""
    if len(names) > FEW + 1:
        return f"{', '.join(names[:FEW])} and {len(names) - FEW} more findings"
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


finding = Finding(
    title="pgvigil can't judge",
    severities=(Severity.warning,),
    reads=(capabilities,),
    consults=(rounds,),
    limits=Limits(),
    judge=judge,
    unit="findings",
)
