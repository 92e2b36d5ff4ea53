"""Code locks the same tables in opposite order and meets there: a deadlock waits to happen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import ACTIVITY, equals, literal, remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.locks.order import LOCK_ORDER, Disorder, Hint, Level, Pattern, Risk, Sighting
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
    """Without another meeting for that long the code counts as repaired."""
    both_ways: Annotated[float, Slack(0.5)] = 2.5
    """Waits in each direction, one of yesterday counting half, that are worth a hint; a meeting
    that proves it is always told."""
    batches: Annotated[float, Slack(0.5)] = 1.5
    """Steps in each direction between rows of one table, or meetings of statements without keys,
    counted alike, that are worth a hint; a circle of steps is always told."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    learned, since = snapshot.of(LOCK_ORDER), snapshot.at - limits.remembered.total_seconds()
    for risk in learned.risks:
        proved = risk.level is Level.opposed or risk.weight >= limits.both_ways
        if risk.last >= since and proved:
            yield opposed(risk, snapshot.at)
    for disorder in learned.disorders:
        if disorder.last >= since and is_told(disorder, limits):
            yield disordered(disorder, snapshot.at)
    for hint in learned.hints:
        if hint.last >= since:
            yield hinted(hint, snapshot.at)


def is_told(disorder: Disorder, limits: Limits) -> bool:
    if disorder.is_proved:
        return True
    if disorder.meetings:
        return disorder.meetings >= limits.batches
    return min(disorder.upwards, disorder.downwards) >= limits.batches


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
            f" {'in both orders' if pair else 'in a circle' if names[1:] else 'in no order'}"
            + (
                f" and met over the same ones {ago} ago: sooner or later they will deadlock."
                if proved
                else f", seen at waits each way, the last {ago} ago; where they meet they deadlock."
            )
        ),
        facts=facts,
        cure=(
            remark("Nothing is wrong yet, and there is nobody to stop: it is the code."),
            remark(
                f"Choose one order for all of it, such as {', then '.join(sorted(names))}."
                if names[1:]
                else "Sort the numbers before the first of them is locked."
            ),
            remark("The facts have the statements of both sides; change the rarer one."),
            remark("Until then: retry on SQLSTATE 40P01, and keep these transactions short."),
        ),
        check=check(database),
        key=f"order of {' > '.join(names)}",
        database=database,
    )


def disordered(disorder: Disorder, now: float) -> Evidence:
    table = disorder.table
    one, other = disorder.parties
    return Evidence(
        subject=f"{table.name}, rows in no order",
        severity=Severity.warning if disorder.is_proved else Severity.info,
        value=disorder.meetings or min(disorder.upwards, disorder.downwards),
        message=f"Transactions in {table.database} {_about_rows(disorder)}",
        facts={
            "proved_by": "a circle of keys" if disorder.is_proved else None,
            "upwards": disorder.upwards,
            "downwards": disorder.downwards,
            "first_seen_ago_seconds": now - disorder.first,
            "last_seen_ago_seconds": now - disorder.last,
            **party_facts("one", one),
            **party_facts("other", other),
        },
        cure=(
            remark("Nothing is wrong yet, and there is nobody to stop: it is the code."),
            remark("Sort each batch by its key before it is written, or lock it first:"),
            remark(f"SELECT … FROM {table.name} WHERE … ORDER BY … FOR UPDATE;"),
            remark("Workers that share a queue need no order: FOR UPDATE SKIP LOCKED."),
        ),
        check=check(table.database),
        key=f"rows of {table.name}",
        object=table.name,
        database=table.database,
    )


def _about_rows(disorder: Disorder) -> str:
    table = disorder.table.name
    if disorder.is_proved:
        return (
            f"lock several rows of {table} in no order, round in a circle of keys: where two of"
            " them meet they deadlock."
        )
    if disorder.meetings:
        return (
            f"lock several rows of {table} one by one and meet each other there: unless they are"
            " sorted first, by whatever column, they will deadlock."
        )
    return (
        f"lock several rows of {table}, some upwards and some downwards: unless they are sorted"
        " by another column, they will deadlock."
    )


def hinted(hint: Hint, now: float) -> Evidence:
    habit = hint.habit
    database, tables = habit.database or "", listed(habit.tables)
    message, cure = _advice(habit.pattern, tables)
    return Evidence(
        subject=f"{tables}, {habit.pattern}, {habit.actor[1] or habit.actor[0]}",
        severity=Severity.info,
        value=hint.weight,
        message=f"{hint.party.application or hint.party.user} in {database} {message}",
        facts={
            "pattern": habit.pattern,
            "first_seen_ago_seconds": now - hint.first,
            "last_seen_ago_seconds": now - hint.last,
            **party_facts("one", hint.party),
            **(party_facts("other", hint.before) if hint.before else {}),
        },
        cure=cure,
        check=check(database),
        key=f"{habit.pattern}: {tables} by {habit.actor}",
        object=habit.tables[0] if len(habit.tables) == 1 else None,
        database=database,
    )


def _advice(pattern: Pattern, tables: str) -> tuple[str, tuple[str, ...]]:
    """What the code does, and how it is written instead."""
    if pattern is Pattern.upgrade:
        return (
            f"locks rows of {tables} FOR SHARE and then updates {tables} in the same transaction:"
            " two of them that share one row deadlock, and nobody waits before.",
            (
                remark("Lock the row at once as it will be needed:"),
                remark(f"SELECT … FROM {tables} WHERE … FOR NO KEY UPDATE;"),
            ),
        )
    if pattern is Pattern.queue:
        return (
            f"takes jobs from {tables} FOR UPDATE and waits for those that others have taken.",
            (
                remark("Take what is free, and wait for nobody:"),
                remark(f"SELECT … FROM {tables} … LIMIT … FOR UPDATE SKIP LOCKED;"),
            ),
        )
    return (
        f"changes {tables} in both orders, each in one transaction, as its statements say: where"
        " two of them want the same rows they deadlock.",
        (
            remark(f"Choose one order for all of it, such as {tables}."),
            remark("The facts have the statements of both sides; change the rarer one."),
        ),
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
    title="Deadlock in the making",
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
