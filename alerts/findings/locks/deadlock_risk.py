"""Transactions lock the same rows in opposite order: sooner or later they will deadlock."""

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
from collectors.lock_keys import lock_keys
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
    batches: Annotated[float, Slack(0.5)] = 1.5
    """Number of steps in each direction between rows of one table, or of conflicts of statements
    without keys, for an info (counted in the same way). A cycle of steps is always reported."""


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
    if disorder.conflicts:
        return disorder.conflicts >= limits.batches
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
            f" {'in both orders' if pair else 'in a cycle' if names[1:] else 'in no order'}"
            + (
                f" and conflicted {ago} ago: sooner or later they will deadlock."
                if proved
                else f", seen in waits, the last {ago} ago; on the same rows they deadlock."
            )
        ),
        facts=facts,
        cure=(
            remark("Nothing is wrong yet, and there is no session to stop: the code must change."),
            remark(
                f"Choose one order for all code, such as {', then '.join(sorted(names))}."
                if names[1:]
                else "Sort the numbers before locking the first of them."
            ),
            remark("The statements of both sides are in the facts; change the less frequent one."),
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
        value=disorder.conflicts or min(disorder.upwards, disorder.downwards),
        message=f"Transactions in {table.database} {_about_rows(disorder)}",
        facts={
            "proved_by": _proof(disorder) if disorder.is_proved else None,
            "upwards": disorder.upwards,
            "downwards": disorder.downwards,
            "first_seen_ago_seconds": now - disorder.first,
            "last_seen_ago_seconds": now - disorder.last,
            **party_facts("one", one),
            **party_facts("other", other),
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


def _proof(disorder: Disorder) -> str:
    return "a step against ORDER BY" if disorder.by_sorting else "a circle of keys"


def _about_rows(disorder: Disorder) -> str:
    table = disorder.table.name
    if disorder.by_sorting:
        return (
            f"lock rows of {table} in two orders: one statement sorts them by their key, another"
            " locks a smaller key after a greater one. If both want the same two rows, they"
            " deadlock."
        )
    if disorder.is_proved:
        return (
            f"lock rows of {table} in no fixed order, in a cycle of keys: if two of them conflict,"
            " they deadlock."
        )
    if disorder.conflicts:
        return (
            f"lock rows of {table} one by one and conflict there with others of the same"
            " statement: unless their input is sorted, they will deadlock."
        )
    return (
        f"lock rows of {table}, some ascending and some descending: unless they are sorted by"
        " another column, they will deadlock."
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
            " two of them that share one row deadlock, and neither waits before.",
            (
                remark("Lock the row as it will be needed from the beginning:"),
                remark(f"SELECT … FROM {tables} WHERE … FOR NO KEY UPDATE;"),
            ),
        )
    if pattern is Pattern.queue:
        return (
            f"takes jobs from {tables} FOR UPDATE and waits for jobs that others have taken.",
            (
                remark("Take a job that is free, without waiting:"),
                remark(f"SELECT … FROM {tables} … LIMIT … FOR UPDATE SKIP LOCKED;"),
            ),
        )
    return (
        f"changes {tables} in both orders, each in one transaction, as its statements say: where"
        " two of them want the same rows they deadlock.",
        (
            remark(f"Choose one order for all code, such as {tables}."),
            remark("The statements of both sides are in the facts; change the less frequent one."),
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
    title="Deadlock risk",
    severities=(Severity.info, Severity.warning),
    reads=(locks, activity),
    consults=(user_tables, user_indexes, lock_keys),
    history=(LOCK_ORDER,),
    limits=Limits(),
    judge=judge,
    unit="meetings",
    scope=Reach.database,
    alerted_by=AlertedBy.database,
)
