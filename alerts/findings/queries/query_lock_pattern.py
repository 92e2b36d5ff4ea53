"""Statements that lock rows so that they wait or deadlock: queues, FOR SHARE before UPDATE."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import identifier, remark
from alerts.findings.queries._statement import BY_TEXT, HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.locks.order.target import RowTarget, target_of
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.units import Duration, duration_text

LOOKED_AT = 200
"""Statements, those with the most executions."""
MOST = 3
"""Statements of each pattern that are named."""
SHARES = re.compile(r"\bfor\s+share\b", re.IGNORECASE)
TAKES = re.compile(
    r"\border\s+by\s+(?P<column>[\w.\"]+).*\blimit\b.*\bfor\s+(?:no\s+key\s+)?update\b",
    re.IGNORECASE | re.DOTALL,
)
Name = tuple[int, int, tuple[str, ...]]
"""User, database, and table, as statements write it."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are measured, at most one hour."""
    min_calls: Annotated[int, FIXED] = 100
    """Executions within the window."""
    mean: Annotated[Duration, Slack(0.8)] = timedelta(milliseconds=20)
    """Mean time of taking a job, of which hardly anything is spent on reading."""
    max_blocks: Annotated[float, FIXED] = 200
    """Blocks that taking a job reads: with more of them it is slow without waiting."""
    alike: Annotated[float, FIXED] = 2
    """Largest ratio of the executions of FOR SHARE and of the UPDATE that may follow it."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    ranked = [ran for ran in load.top("calls", LOOKED_AT) if ran.use.calls >= limits.min_calls]
    known = {ran.key: text for ran in ranked if (text := _text(load, ran))}
    queues = (ran for ran in ranked if is_queue(known.get(ran.key, "")) and waits(ran, limits))
    for ran, _ in zip(queues, range(MOST), strict=False):
        yield queue(load, ran)
    for (ran, change), _ in zip(upgrades(ranked, known, limits), range(MOST), strict=False):
        yield upgrade(load, ran, change)


def _text(load: Load, ran: Ran) -> str | None:
    """The whole statement, without values."""
    found = load.texts.known.get(ran.key[2])
    return normalised(found.query, None) if found and not found.is_cut else None


def is_queue(text: str) -> bool:
    """Whether it takes the first row of an order, and waits if that is taken.

    A row that is looked up by the column of the order is one certain row, and no job.
    """
    target, found = target_of(text), TAKES.search(text)
    if found is None or target is None or target.verb != "select" or not target.locks_rows:
        return False
    column = re.escape(found["column"].rpartition(".")[2])
    return not re.search(rf"{column}\s*=\s*(?:\?|\$\d)", text[: found.start()], re.IGNORECASE)


def waits(ran: Ran, limits: Limits) -> bool:
    """Whether its time is spent on something else than reading."""
    is_long = ran.mean >= limits.mean.total_seconds()
    return is_long and ran.use.each("blocks") <= limits.max_blocks


def upgrades(
    ranked: Sequence[Ran], known: Mapping[tuple[int, int, int], str], limits: Limits
) -> Iterator[tuple[Ran, Ran]]:
    """Yield FOR SHARE and UPDATE of the same table by the same user, about equally often."""
    changes: dict[Name, list[Ran]] = {}
    shares: list[tuple[Name, Ran]] = []
    for ran in ranked:
        text = known.get(ran.key, "")
        target = target_of(text)
        if target is None:
            continue
        if target.changes_rows:
            changes.setdefault(_name(ran, target), []).append(ran)
        elif target.verb == "select" and not target.never_waits and SHARES.search(text):
            shares.append((_name(ran, target), ran))
    for name, ran in shares:
        for change in changes.get(name, ()):
            few, many = sorted((ran.use.calls, change.use.calls))
            if many <= limits.alike * few:
                yield ran, change
                break


def _name(ran: Ran, target: RowTarget) -> Name:
    return ran.key[0], ran.key[1], target.name


def queue(load: Load, ran: Ran) -> Evidence:
    return told(
        load,
        ran,
        ran.mean,
        f"{ran.brief} takes the first free job, and waits {duration_text(ran.mean)} on average for"
        " jobs that others have taken.",
        {"pattern": "a queue without SKIP LOCKED"},
        (
            remark("Take a job that is free, without waiting: add SKIP LOCKED after FOR UPDATE."),
            remark("Where each job must be done in its order, one worker at a time is right."),
        ),
    )


def upgrade(load: Load, ran: Ran, change: Ran) -> Evidence:
    target = target_of(change.text)
    table = identifier(*target.name) if target else "the same table"
    return told(
        load,
        ran,
        ran.use.calls,
        f"{ran.brief} locks rows FOR SHARE, and {change.brief} by the same user changes {table}"
        " about as often: if both are in one transaction and about the same row, two of them"
        " deadlock, and neither waits before.",
        {
            "pattern": "FOR SHARE, then UPDATE",
            "change_query_id": change.query_id,
            "change_statement": change.text,
            "change_calls": round(change.use.calls),
        },
        (
            remark("Where the row is changed later in the transaction, lock it for that at once:"),
            remark("FOR NO KEY UPDATE instead of FOR SHARE."),
        ),
    )


finding = statement_review(
    "Statements that lock rows badly", Limits(), judge, reads=BY_TEXT, unit="seconds"
)
