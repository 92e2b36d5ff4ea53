"""One holder keeps the horizon: vacuum can't remove what died since, in any table it concerns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits, Slack
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, bytes_text, duration_text
from alerts.vacuum.due import DueTable
from alerts.vacuum.held import ASSIGNED, Standstill, kept_rows, stands
from alerts.vacuum.horizon import CONSULTS, HorizonHolder, has_own_id, holders
from alerts.vacuum.trigger import AutovacuumSettings
from collectors._base import Role
from collectors.settings import settings
from collectors.transaction_ids import transaction_ids
from collectors.user_tables import user_tables
from collectors.xmin_horizon import xmin_horizon

LEAST_OF_A_TABLE = 1000
"""Dead rows from which a table is counted."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    held: Duration = timedelta(hours=1)
    """Time for which the horizon stands still; reports and backups take some of it."""
    held_critical: Duration = timedelta(hours=24)
    """Time from which it is critical, with the rows below."""
    rows: Annotated[int, Slack(0.75)] = 100_000
    """Dead rows that were kept by a vacuum, from which it is reported."""
    rows_critical: Annotated[int, Slack(0.75)] = 10_000_000
    """Dead rows from which it can be critical."""
    transactions: Annotated[int, Slack(0.9)] = 50_000_000
    """Or transactions that it is behind: a quarter of the age at which tables must be frozen."""


@dataclass(frozen=True, slots=True)
class Price:
    """Cost of the holder."""

    tables: Sequence[DueTable]
    gained: int
    """Transactions by which the horizon would move if it ended."""

    @property
    def rows(self) -> int:
        return sum(due.table.n_dead_tup for due in self.tables)

    @property
    def bytes(self) -> float:
        return sum(map(_dead_bytes, self.tables))


def _dead_bytes(due: DueTable) -> float:
    table = due.table
    rows = table.n_live_tup + table.n_dead_tup
    return (table.table_size_bytes or 0) * table.n_dead_tup / max(1, rows)


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = AutovacuumSettings.of(snapshot)
    told: set[str | None] = set()
    found = [held for held in holders(snapshot) if not held.catalogs_only]
    for place, holder in enumerate(found):
        if holder.datname in told or None in told:
            continue  # ending it alone would change nothing
        told |= {holder.datname, *holder.also}
        stood = stands(snapshot, holder)
        if stood is None or stood.seconds < limits.held.total_seconds():
            continue
        tables = tuple(kept_rows(snapshot, server, holder, LEAST_OF_A_TABLE))
        price = Price(tables, gain(holder, found[place + 1 :]))
        if price.rows >= limits.rows or holder.age >= limits.transactions:
            yield evidence(holder, stood, price, limits)


def gain(holder: HorizonHolder, others: Sequence[HorizonHolder]) -> int:
    """Return the transactions between it and the next holder.

    Snapshots that are as old because they see its transaction end soon after it.
    """
    rest = (other.age for other in others if other.concerns(holder.datname))
    if has_own_id(holder):
        rest = (age for age in rest if age < holder.age)
    return holder.age - next(rest, 0)


def evidence(holder: HorizonHolder, stood: Standstill, price: Price, limits: Limits) -> Evidence:
    long = stood.seconds >= limits.held_critical.total_seconds()
    critical = long and price.rows >= limits.rows_critical
    least = "" if stood.exact else "at least "
    worst = max(price.tables, key=lambda due: due.table.n_dead_tup, default=None)
    kept = (
        f"{price.rows:,} dead rows in {plural(len(price.tables), 'table')}"
        f" ({bytes_text(price.bytes)}), most in {worst.name}, could not be removed"
        if worst
        else "nothing that died since can be removed"
    )
    return Evidence(
        subject=holder.text,
        severity=Severity.critical if critical else Severity.warning,
        value=stood.seconds,
        message=(
            f"The horizon of {holder.datname or 'all databases'} has stood still for"
            f" {least}{duration_text(stood.seconds)} because of {holder.text}: {kept}."
            f" {then(price.gained)}"
        ),
        facts={
            "kind": holder.kind.value,
            "name": holder.name,
            "held_seconds": stood.seconds,
            "age_transactions": holder.age,
            "gained_transactions": price.gained,
            "dead_rows": price.rows,
            "dead_bytes": round(price.bytes),
            "tables": ", ".join(due.name for due in price.tables[:5]),
        },
        cure=(*holder.cure, remark("Autovacuum then removes the rows by itself, within minutes.")),
        check=holder.check,
        key=holder.key,
        database=holder.datname,
        culprit=holder.culprit or f"{holder.kind} {holder.name}",
    )


def then(gained: int) -> str:
    if not gained:
        return "Another one holds it as well, and is as old."
    return f"Without it the horizon would move on by {plural(gained, 'transaction')}."


finding = Finding(
    title="Horizon held",
    severities=(Severity.warning, Severity.critical),
    reads=(xmin_horizon, user_tables, settings),
    consults=(transaction_ids, *CONSULTS),
    history=(ASSIGNED,),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.subject,
    because=("idle_in_transaction", "prepared_transaction_stale"),
)
