"""Holders of the horizon: who may still need dead rows, and how each is ended.

Vacuum removes only rows that died before the horizon, whatever its settings are, and a rewrite
keeps the younger ones too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from alerts.client_name import session_name
from alerts.cure import equals, literal, remark
from alerts.locks.cures import finish_prepared, release_session
from alerts.snapshot import Snapshot
from alerts.units import duration_text
from collectors._base import AnyCollector
from collectors.activity import Session, activity
from collectors.prepared_transactions import PreparedTransaction, prepared_transactions
from collectors.replication_slots import Slot, replication_slots
from collectors.xmin_horizon import Holder, xmin_horizon


class HolderKind(StrEnum):
    """Kind of a holder of the horizon; each is ended in another way."""

    idle_transaction = "idle_transaction"
    statement = "statement"
    prepared_transaction = "prepared_transaction"
    physical_slot = "physical_slot"
    logical_slot = "logical_slot"
    standby = "standby"
    """A query on a standby with hot_standby_feedback, without a slot."""


SESSIONS = frozenset({HolderKind.idle_transaction, HolderKind.statement})
ABOUT = 0.9
"""Share by which two ages may differ that were read one after the other."""


@dataclass(frozen=True, slots=True)
class HorizonHolder:
    """One holder, with its cure."""

    kind: HolderKind
    name: str
    """A pid, gid, slot, or the standby's name."""
    text: str
    """For the middle of a sentence: `the prepared transaction x of app in shop`."""
    datname: str | None
    """The database whose dead rows it keeps; None: those of all databases."""
    age: int
    """Transactions since the oldest row version that it may need."""
    seconds: float | None
    """For how long it has held it, where PostgreSQL tells."""
    catalogs_only: bool
    """Whether it keeps dead rows of the system catalogues alone, as logical slots do."""
    cure: tuple[str, ...]
    """On this server, in `datname` where that is known."""
    check: str
    key: str
    """Identity over time: a pid that is used again is another holder."""
    own_xid_age: int = 0
    """Transactions since a session was assigned its ID; 0 where it has none."""
    culprit: str = ""
    """Identity that other findings of the same session or prepared transaction give too."""
    also: frozenset[str] = frozenset()
    """Other databases whose dead rows it keeps: snapshots there are as old as it is."""

    def concerns(self, datname: str | None, *, catalog: bool = False) -> bool:
        """Whether it keeps dead rows of the tables, or of the catalogues, of that database."""
        is_here = self.datname is None or datname is None or datname in {self.datname, *self.also}
        return is_here and (catalog or not self.catalogs_only)


CONSULTS: tuple[AnyCollector, ...] = (activity, prepared_transactions, replication_slots)
"""What names a holder; `xmin_horizon` alone tells that there is one."""


def holders(snapshot: Snapshot) -> list[HorizonHolder]:
    """Return all holders, the oldest first. Raises Unknown where xmin_horizon has no answer.

    A snapshot that is taken while an old transaction is open is as old as that: such sessions hold
    nothing by themselves, and come after the one that they see.
    """
    rows = snapshot.rows(xmin_horizon)
    known = _Named.of(snapshot)
    found = [held for row in rows if row.xmin_age > 0 and (held := known.holder(row))]
    found.sort(key=_precedence, reverse=True)
    return [
        replace(held, also=_seen_in(held, found)) if has_own_id(held) else held for held in found
    ]


def has_own_id(holder: HorizonHolder) -> bool:
    """Whether its own transaction ID is what holds, so that any new snapshot is as old."""
    is_prepared = holder.kind is HolderKind.prepared_transaction
    return is_prepared or holder.own_xid_age >= ABOUT * holder.age


def _seen_in(holder: HorizonHolder, found: Sequence[HorizonHolder]) -> frozenset[str]:
    """Return the other databases with a session that is as old because it sees this one."""
    return frozenset(
        other.datname
        for other in found
        if other.kind in SESSIONS and other.age == holder.age and not has_own_id(other)
        if other.datname is not None and other.datname != holder.datname
    )


def _precedence(holder: HorizonHolder) -> tuple[int, bool, int, float]:
    return holder.age, holder.kind not in SESSIONS, holder.own_xid_age, holder.seconds or 0.0


def holder_of(
    snapshot: Snapshot, datname: str | None, *, catalog: bool = False
) -> HorizonHolder | None:
    """Return the oldest holder for tables of a database; None if there is none, or unknown."""
    if not snapshot.has(xmin_horizon):
        return None
    return next((h for h in holders(snapshot) if h.concerns(datname, catalog=catalog)), None)


@dataclass(frozen=True, slots=True)
class _Named:
    """Details of each holder, by its name."""

    sessions: Mapping[str, Session]
    prepared: Mapping[str, PreparedTransaction]
    slots: Mapping[str, Slot]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "_Named":
        def rows(collector: AnyCollector) -> Iterator[object]:
            yield from snapshot.rows(collector) if snapshot.has(collector) else ()

        return cls(
            {str(row.pid): row for row in rows(activity) if isinstance(row, Session)},
            {r.gid: r for r in rows(prepared_transactions) if isinstance(r, PreparedTransaction)},
            {row.slot_name: row for row in rows(replication_slots) if isinstance(row, Slot)},
        )

    def holder(self, row: Holder) -> HorizonHolder | None:
        if row.holder == "session":
            return _session(row, self.sessions.get(row.name))
        if row.holder == "prepared_transaction":
            return _prepared(row, self.prepared.get(row.name))
        if row.holder == "replication_slot":
            return _slot(row, self.slots.get(row.name))
        return _standby(row)


def _session(row: Holder, known: Session | None) -> HorizonHolder | None:
    if known and known.leader_pid not in (None, known.pid):
        return None  # a parallel worker ends with its leader, which has the same snapshot
    if known and known.state == "idle":
        return None  # its transaction has ended since its horizon was read
    pid, age = int(row.name), row.xmin_age
    check = (
        "SELECT pid, usename, application_name, state, xact_start, backend_xid, backend_xmin"
        f" FROM pg_catalog.pg_stat_activity WHERE {equals('pid', pid)};"
    )
    if known is None:
        why = remark(f"pid {pid} was not there any more when its session was read; check again.")
        return HorizonHolder(
            kind=HolderKind.statement,
            name=row.name,
            text=f"the session with pid {pid}",
            datname=row.datname,
            age=age,
            seconds=None,
            catalogs_only=False,
            cure=(why,),
            check=check,
            key=row.name,
            culprit=f"pid {pid}",
        )
    is_idle = (known.state or "").startswith("idle")
    who = session_name(known.usename, known.application_name)
    if known.backend_type != "client backend":
        who = known.backend_type or who
    open_for = f" for {duration_text(known.xact_seconds)}" if known.xact_seconds else ""
    does = "idle in a transaction that is open" if is_idle else "in a transaction"
    return HorizonHolder(
        kind=HolderKind.idle_transaction if is_idle else HolderKind.statement,
        name=row.name,
        text=f"{who}, pid {pid}, {does}{open_for}",
        datname=row.datname,
        age=age,
        seconds=known.xact_seconds,
        catalogs_only=False,
        cure=release_session(known),
        check=check,
        key=f"{known.key}@{known.xact_start_text}",
        own_xid_age=known.xid_age or 0,
        culprit=known.key,
    )


def _prepared(row: Holder, known: PreparedTransaction | None) -> HorizonHolder:
    of = f" of {known.owner}" if known else ""
    return HorizonHolder(
        kind=HolderKind.prepared_transaction,
        name=row.name,
        text=f"the prepared transaction {row.name}{of} in {row.datname}",
        datname=row.datname,
        age=row.xmin_age,
        seconds=known.prepared_seconds if known else None,
        catalogs_only=False,
        cure=finish_prepared(row.name),
        check=(
            f"SELECT * FROM pg_catalog.pg_prepared_xacts WHERE {equals('gid', literal(row.name))};"
        ),
        key=f"{row.name}@{known.prepared if known else ''}",
        culprit=f"prepared {row.name}",
    )


def _slot(row: Holder, known: Slot | None) -> HorizonHolder:
    is_logical = row.datname is not None
    # Its xmin keeps rows of all tables, its catalog_xmin those of the catalogues.
    catalogs_only = known is not None and known.xmin_age is None
    age = row.xmin_age if known is None or catalogs_only else known.xmin_age or row.xmin_age
    is_active = known is not None and known.active
    use = "in use" if is_active else "not in use"
    since = known.inactive_seconds if known else None
    idle = f" for {duration_text(since)}" if since and not is_active else ""
    which = "logical" if is_logical else "physical"
    return HorizonHolder(
        kind=HolderKind.logical_slot if is_logical else HolderKind.physical_slot,
        name=row.name,
        text=f"the {which} replication slot {row.name}, {use}{idle}",
        datname=None,
        age=age,
        seconds=since,
        catalogs_only=catalogs_only,
        cure=_release_slot(row.name, is_logical=is_logical, is_active=is_active),
        check=(
            "SELECT slot_name, slot_type, active, active_pid, xmin, catalog_xmin, restart_lsn"
            " FROM pg_catalog.pg_replication_slots"
            f" WHERE {equals('slot_name', literal(row.name))};"
        ),
        key=row.name,
    )


def _release_slot(name: str, *, is_logical: bool, is_active: bool) -> tuple[str, ...]:
    """Return steps as comments: whether its consumer is gone for good, no query can tell."""
    if is_active and is_logical:
        return (
            remark("Its consumer is connected, but has not confirmed what it got since then:"),
            remark("look for what slows it down, or for a long transaction that it decodes."),
        )
    if is_active:
        return _on_standby(f"the standby of slot {name}")
    drop = f"SELECT pg_catalog.pg_drop_replication_slot({literal(name)});"
    return (
        remark(f"1. Start what reads slot {name} again, if it still exists: then it moves on."),
        remark("2. Only if it is gone for good, drop the slot; its consumer must be rebuilt:"),
        remark(drop),
    )


def _standby(row: Holder) -> HorizonHolder:
    name = row.name or "walreceiver"
    return HorizonHolder(
        kind=HolderKind.standby,
        name=name,
        text=f"a query on the standby {name} (hot_standby_feedback)",
        datname=None,
        age=row.xmin_age,
        seconds=None,
        catalogs_only=False,
        cure=_on_standby(f"the standby {name}"),
        check=(
            "SELECT application_name, client_addr, state, backend_xmin"
            " FROM pg_catalog.pg_stat_replication"
            " WHERE backend_xmin IS NOT NULL;"
        ),
        key=name,
    )


def _on_standby(which: str) -> tuple[str, ...]:
    oldest = (
        "SELECT pid, usename, xact_start, query FROM pg_catalog.pg_stat_activity"
        " WHERE backend_xmin IS NOT NULL ORDER BY xact_start LIMIT 5;"
    )
    return (
        remark(f"A query on {which} holds it, by hot_standby_feedback. On that standby:"),
        remark(f"1. find it: {oldest}"),
        remark("2. end it there with pg_cancel_backend or pg_terminate_backend."),
        remark("3. Reports that last for hours belong on a standby without hot_standby_feedback."),
    )
