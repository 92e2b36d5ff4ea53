"""Dead rows that vacuum could not remove, because a holder of the horizon may still need them."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.history.crossings import Crossings
from alerts.snapshot import Snapshot
from alerts.vacuum.due import DueTable, tables
from alerts.vacuum.horizon import HorizonHolder
from alerts.vacuum.trigger import AutovacuumSettings
from collectors.transaction_ids import transaction_ids

ASSIGNED = Crossings(transaction_ids, "next_xid")
"""When each transaction ID was assigned: for how long a horizon has stood still."""

PACE = 30.0
"""Seconds by which transaction IDs may have been seen too late."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """For how long a holder has kept the horizon where it is."""

    seconds: float
    exact: bool
    """Otherwise it is at least that long."""


def stands(snapshot: Snapshot, holder: HorizonHolder) -> Standstill | None:
    """Return how long ago the transaction that it needs was assigned; None if not known."""
    told = holder.seconds
    if snapshot.has(transaction_ids):
        next_xid = snapshot.row(transaction_ids).next_xid
        crossed = snapshot.of(ASSIGNED).passed(next_xid - holder.age)
        if crossed and (crossed.exact or told is None or crossed.seconds >= told):
            return Standstill(crossed.seconds, crossed.exact)
    return None if told is None else Standstill(told, exact=True)


def kept_since(snapshot: Snapshot, holder: HorizonHolder) -> float | None:
    """Return unix seconds since when a vacuum was in vain; None if that is not known."""
    stood = stands(snapshot, holder)
    return None if stood is None else snapshot.at - max(stood.seconds, holder.seconds or 0) - PACE


def kept_rows(
    snapshot: Snapshot, server: AutovacuumSettings, holder: HorizonHolder, least: float
) -> Iterator[DueTable]:
    """Yield tables that are due although they were vacuumed since the horizon stands."""
    since = kept_since(snapshot, holder)
    for due in tables(snapshot, server, "n_dead_tup", least):
        concerned = holder.concerns(due.table.datname)
        in_vain = since is not None and (due.vacuumed or 0.0) >= since
        if concerned and in_vain and due.dead_times > 1:
            yield due
