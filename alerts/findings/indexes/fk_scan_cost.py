"""Deletes of parent rows read a whole child table again and again, because it lacks an index."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, NamedTuple

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.findings.indexes._foreign_key import ForeignKey, foreign_keys
from alerts.history.keys import Key
from alerts.history.window import CounterWindow, Increases, Window
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.unindexed_foreign_keys import UnindexedForeignKey, unindexed_foreign_keys

HOUR = timedelta(hours=1)
SCANS = Window(unindexed_foreign_keys, HOUR)
PROVEN = 0.8
"""Share of the expected scans that must have been counted, because counters are read one by one."""
LOCKSTEP = 1.2
"""How many times the expected scans there may be where updates are to be the cause."""
FEW = 10
"""Updates of a step below which its scans are no evidence."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which it is measured, at most one hour."""
    min_steps: Annotated[int, FIXED] = 3
    """Number of successive looks, five minutes apart, that must each show such scans."""
    min_rate: Annotated[float, Slack(0.5)] = 10_000
    """Rows of the child read by such scans, per second."""
    warn_rate: Annotated[float, Slack(0.5)] = 100_000
    """Rows per second from which it is a warning: about one percent of a core."""


class Step(NamedTuple):
    """Growth of counters between two looks."""

    scans: float
    rows: float
    deletes: float
    updates: float


@dataclass(slots=True)
class Cost:
    """Scans of a child table that changes of a parent caused."""

    scans: float = 0
    rows: float = 0
    deletes: float = 0
    updates: float = 0
    steps: int = 0
    seconds: float = 0

    def add(self, other: "Cost") -> None:
        self.scans += other.scans
        self.rows += other.rows
        self.deletes = max(self.deletes, other.deletes)
        self.updates = max(self.updates, other.updates)
        self.steps = max(self.steps, other.steps)
        self.seconds = max(self.seconds, other.seconds)


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(unindexed_foreign_keys)
    if not rows:
        return
    costs = measured(rows, snapshot.of(SCANS), limits)
    for key in foreign_keys(rows):
        cost = Cost()
        for part in key.parts:
            cost.add(costs.get((part.datname, part.constraint_oid), Cost()))
        if cost.steps >= limits.min_steps and cost.rows >= limits.min_rate * cost.seconds:
            yield evidence(key, cost, limits)
    yield from learning(snapshot.of(SCANS), limits)


def learning(increases: Increases, limits: Limits) -> Iterator[Unjudged]:
    """Say that nothing is known until there were enough looks."""
    windows = increases.windows.values()
    if windows and all(len(one.samples) <= limits.min_steps for one in windows):
        first = max(one.samples[0].at for one in windows)
        until = first + 300.0 * limits.min_steps
        yield Unjudged(f"{plural(limits.min_steps, 'look')} are compared", until=until)


def measured(
    rows: Iterable[UnindexedForeignKey], increases: Increases, limits: Limits
) -> Mapping[Key, Cost]:
    """Return the cost of each foreign key; what a table's scans cost is shared by its keys."""
    siblings = defaultdict[tuple[str, int], list[UnindexedForeignKey]](list)
    for row in rows:
        if (row.datname, row.constraint_oid) in increases.windows:
            siblings[row.datname, row.relid].append(row)
    costs = dict[Key, Cost]()
    for keys in siblings.values():
        names = [(row.datname, row.constraint_oid) for row in keys]
        windows = [increases.windows[name] for name in names]
        costs.update(zip(names, shares(windows, limits), strict=True))
    return costs


def shares(windows: list[CounterWindow], limits: Limits) -> list[Cost]:
    """Return the cost of each foreign key of one table, whose scans are the same in all windows."""
    looks = [list(steps(window)) for window in windows]
    length = min(map(len, looks))
    together = list(zip(*(steps[len(steps) - length :] for steps in looks), strict=True))
    with_updates = follows_updates(together, limits)
    costs = [Cost(seconds=window.samples[-1].at - window.samples[0].at) for window in windows]
    for step in together:
        causes = [one.deletes + (one.updates if with_updates else 0) for one in step]
        expected, scans = sum(causes), step[0].scans
        if not expected or scans < PROVEN * expected:
            continue
        for cost, one, cause in zip(costs, step, causes, strict=True):
            if cause:
                caused = min(cause, scans * cause / expected)
                cost.scans += caused
                cost.rows += caused * one.rows / scans
                cost.deletes += one.deletes
                cost.updates += one.updates if with_updates else 0
                cost.steps += 1
    return costs


def steps(window: CounterWindow) -> Iterator[Step]:
    for old, new in pairwise(window.samples):
        yield Step(*(b - a for a, b in zip(old.values, new.values, strict=True)))


def follows_updates(together: list[tuple[Step, ...]], limits: Limits) -> bool:
    """Return True if the table was scanned once for each update of a parent, in every step.

    An update scans it only if the key changes, and counters don't tell which updates do.
    """
    telling = [step for step in together if sum(one.updates for one in step) >= FEW]
    return len(telling) >= limits.min_steps and all(
        PROVEN <= step[0].scans / sum(one.deletes + one.updates for one in step) <= LOCKSTEP
        for step in telling
    )


def evidence(key: ForeignKey, cost: Cost, limits: Limits) -> Evidence:
    rate = cost.rows / cost.seconds
    what = [plural(round(cost.deletes), "delete")] if cost.deletes else []
    if cost.updates:
        what.append(plural(round(cost.updates), "update"))
    return Evidence(
        subject=key.name,
        severity=Severity.warning if rate >= limits.warn_rate else Severity.info,
        value=rate,
        message=(
            f"{' and '.join(what)} in {key.parent} made PostgreSQL read all of {key.table}"
            f" {plural(round(cost.scans), 'time')} within {duration_text(cost.seconds)},"
            f" {cost.rows:,.0f} rows in all, because no index begins with {key.columns}."
        ),
        facts={
            "table": key.table,
            "columns": key.columns,
            "refers_to": key.parent,
            "scans": round(cost.scans),
            "rows_read": round(cost.rows),
            "parent_deletes": round(cost.deletes),
            "parent_updates": round(cost.updates),
            "window_seconds": cost.seconds,
            "rows": key.rows,
        },
        cure=key.cure(),
        check=key.check(),
        object=key.table,
        database=key.first.datname,
    )


finding = Finding(
    title="Foreign key scans",
    severities=(Severity.info, Severity.warning),
    reads=(unindexed_foreign_keys,),
    history=(SCANS,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
