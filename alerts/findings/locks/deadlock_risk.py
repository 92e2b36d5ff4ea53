"""Transactions lock the same rows in opposite order: sooner or later they will deadlock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import ACTIVITY, equals, literal, remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.locks.order import LOCK_ORDER, Disorder, Level, Risk, Sighting
from alerts.locks.parties import listed, party_facts, row_text
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import activity
from collectors.locks import locks
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables

Facts = dict[str, float | int | str | bool | None]


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    remembered: Annotated[Duration, FIXED] = timedelta(days=3)
    """Time without another conflict after which the code counts as fixed."""
    both_ways: Annotated[float, Slack(0.5)] = 2.5
    """Number of waits in each direction for an info; a wait of yesterday counts half. A conflict
    that proves the risk is always reported."""
    batches: Annotated[float, Slack(0.5)] = 0.8
    """Number of conflicts in each direction (counted in the same way) from which rows of one table
    have no lock order, if the keys are in the statements."""
    places: Annotated[float, Slack(0.5)] = 1.5
    """The same, if statements have parameters and only the positions of rows are known."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    learned, since = snapshot.of(LOCK_ORDER), snapshot.at - limits.remembered.total_seconds()
    for risk in learned.risks:
        proved = risk.level is Level.opposed or risk.weight >= limits.both_ways
        if risk.last >= since and proved:
            yield opposed(risk, snapshot.at)
    for disorder in learned.disorders(limits.batches, limits.places):
        if disorder.last >= since:
            yield disordered(disorder, snapshot.at)


def opposed(risk: Risk, now: float) -> Evidence:
    names = [table.name for table in risk.circle]
    database = risk.circle[0].database
    proved = risk.level is Level.opposed
    ago = duration_text(max(0.0, now - risk.last))
    pair = len(names) == 2
    facts: Facts = {
        "meetings": risk.weight,
        "first_seen_ago_seconds": now - risk.first,
        "last_seen_ago_seconds": now - risk.last,
        "proved_by": risk.sightings[0].proof,
    }
    for number, sighting in enumerate(risk.sightings, 1):
        facts |= _meeting(sighting, number if len(risk.sightings) > 1 else None)
    return Evidence(
        subject=(" and " if pair else " → ").join(names),
        severity=Severity.warning if proved else Severity.info,
        value=risk.weight,
        message=(
            f"Transactions in {database} lock {listed(names)}"
            f" {'in both orders' if pair else 'in a cycle'}"
            + (
                f" and conflicted {ago} ago: sooner or later they will deadlock."
                if proved
                else f", seen in waits, the last {ago} ago; on the same rows they deadlock."
            )
        ),
        facts=facts,
        cure=(
            remark("Nothing is wrong yet, and there is no session to stop: the code must change."),
            remark(f"Choose one order for all code, such as {', then '.join(sorted(names))}."),
            remark("The statements of both sides are in the facts; change the less frequent one."),
            remark("Until then: retry on SQLSTATE 40P01, and keep these transactions short."),
        ),
        check=check(database),
        key=f"order of {' > '.join(names)}",
        database=database,
    )


def disordered(disorder: Disorder, now: float) -> Evidence:
    table = disorder.table
    up, down = disorder.parties
    return Evidence(
        subject=f"{table.name}, rows in no order",
        severity=Severity.warning,
        value=min(disorder.upwards, disorder.downwards),
        message=(
            f"Transactions in {table.database} lock rows of {table.name} in no fixed order, some"
            " ascending and some descending: if two of them conflict, they deadlock."
        ),
        facts={
            "upwards": disorder.upwards,
            "downwards": disorder.downwards,
            "first_seen_ago_seconds": now - disorder.first,
            "last_seen_ago_seconds": now - disorder.last,
            **party_facts("upwards", up),
            **party_facts("downwards", down),
        },
        cure=(
            remark("Nothing is wrong yet, and there is no session to stop: the code must change."),
            remark("Sort each batch by its key before writing it, or lock its rows first:"),
            remark(f"SELECT … FROM {table.name} WHERE … ORDER BY … FOR UPDATE;"),
            remark("Workers that share a queue need no order: FOR UPDATE SKIP LOCKED."),
        ),
        check=check(table.database),
        key=f"rows of {table.name}",
        object=table.name,
        database=table.database,
    )


def check(database: str) -> str:
    return (
        "SELECT pid, pg_catalog.pg_blocking_pids(pid) AS waits_for,"
        f" pg_catalog.left(query, 80) AS query FROM {ACTIVITY}"
        f" WHERE {equals('wait_event_type', literal('Lock'))}"
        f" AND {equals('datname', literal(database))};"
    )


def _meeting(sighting: Sighting, number: int | None) -> Facts:
    suffix = f"_{number}" if number else ""
    return {
        **party_facts(f"waited{suffix}", sighting.waiter),
        **party_facts(f"had_it{suffix}", sighting.blocker),
        f"met_at{suffix}": row_text(sighting.table.name, sighting.ctid),
    }


finding = Finding(
    title="Deadlock risk",
    severities=(Severity.info, Severity.warning),
    reads=(locks, activity),
    consults=(user_tables, user_indexes),
    history=(LOCK_ORDER,),
    limits=Limits(),
    judge=judge,
    unit="meetings",
    scope=Reach.database,
    alerted_by=AlertedBy.database,
)
