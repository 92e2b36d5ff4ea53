"""Causes of a late vacuum, and what helps against each."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from alerts.cure import plain_ddl, remark
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import duration_text, share_text
from alerts.vacuum.cost_limit import is_slowed
from alerts.vacuum.due import DueTable
from alerts.vacuum.held import kept_since
from alerts.vacuum.horizon import HorizonHolder, holder_of
from alerts.vacuum.trigger import AutovacuumSettings, Options
from alerts.vacuum.work import WORK, Run
from collectors.settings import settings

SLEEPS = 0.7
"""Share of its time from which a worker is throttled."""
LARGE = 1_000_000
"""Rows from which the scale factor of a table should be its own."""


class Lateness(StrEnum):
    """Reason for a table that is due and not vacuumed, or not for long."""

    disabled = "disabled"
    horizon_held = "horizon_held"
    cancelled = "cancelled"
    throttled = "throttled"
    running = "running"
    workers_saturated = "workers_saturated"
    waiting = "waiting"


@dataclass(frozen=True, slots=True)
class LatenessCause:
    kind: Lateness
    text: str
    """A clause that follows a colon."""
    cure: tuple[str, ...]


def cause_of(snapshot: Snapshot, server: AutovacuumSettings, due: DueTable) -> LatenessCause:
    """Return the first cause that applies, in the order in which they have to be removed."""
    work = snapshot.of(WORK)
    if not due.triggers.enabled:
        return _disabled(snapshot, server, due)
    holder = _holder(snapshot, due)
    if holder:
        return _held(due, holder)
    if vain := work.vain_runs(due.table):
        return _cancelled(due, vain)
    if run := work.on(due.table):
        return _running(snapshot, due, run)
    busy = work.busy_for(server.max_workers)
    if busy > 0:
        return LatenessCause(
            Lateness.workers_saturated,
            f"all {server.max_workers:.0f} workers have been busy for {duration_text(busy)}",
            (*_vacuum_now(due), *faster(snapshot)),
        )
    return LatenessCause(
        Lateness.waiting,
        f"no worker is at it; each database is visited every {duration_text(server.naptime)} at"
        " best",
        (*_vacuum_now(due), *_sooner(due)),
    )


def _holder(snapshot: Snapshot, due: DueTable) -> HorizonHolder | None:
    """Return the holder if a vacuum since then could not remove the rows."""
    holder = holder_of(snapshot, due.table.datname)
    since = kept_since(snapshot, holder) if holder else None
    in_vain = since is not None and (due.vacuumed or 0.0) >= since
    return holder if in_vain else None


def _disabled(snapshot: Snapshot, server: AutovacuumSettings, due: DueTable) -> LatenessCause:
    if not server.enabled:
        return LatenessCause(
            Lateness.disabled,
            "autovacuum is off on the server",
            (*change(snapshot, "autovacuum", "on"), *_vacuum_now(due)),
        )
    return LatenessCause(
        Lateness.disabled,
        "autovacuum is off for this table (autovacuum_enabled)",
        (*enable(due), *_vacuum_now(due)),
    )


def enable(due: DueTable) -> tuple[str, ...]:
    kind = "MATERIALIZED VIEW" if due.table.relkind == "m" else "TABLE"
    return plain_ddl(f"ALTER {kind} {due.name} RESET (autovacuum_enabled);")


def _held(due: DueTable, holder: HorizonHolder) -> LatenessCause:
    return LatenessCause(
        Lateness.horizon_held,
        f"it was vacuumed in vain, as {holder.text} may still need the rows",
        (
            remark("A vacuum removes these rows only after their holder has ended. So first:"),
            *holder.cure,
            remark("Then:"),
            *_vacuum_now(due),
        ),
    )


def _cancelled(due: DueTable, vain: tuple[Run, ...]) -> LatenessCause:
    waiting = next((run.waiting for run in reversed(vain) if run.waiting), None)
    by = f" while this waited for a lock on it: {waiting}" if waiting else ""
    return LatenessCause(
        Lateness.cancelled,
        f"its last {plural(len(vain), 'vacuum')} by autovacuum ended unfinished{by}",
        (
            remark(
                "Autovacuum gives way to a statement that waits for its lock. Run DDL, LOCK and"
            ),
            remark("TRUNCATE on this table less often, or vacuum it by hand in a quiet hour: a"),
            remark("VACUUM by hand does not give way, and such statements wait for it."),
            *_vacuum_now(due),
        ),
    )


def _running(snapshot: Snapshot, due: DueTable, run: Run) -> LatenessCause:
    share = run.sleeping / max(1, run.looks)
    for_long = duration_text(max(0.0, run.last - run.started))
    if share >= SLEEPS:
        own = own_cost(due)
        return LatenessCause(
            Lateness.throttled,
            f"a worker has been at it for {for_long}, and sleeps {share_text(round(share, 2))} of"
            f" the time because of {'the cost options of this table' if own else 'its cost limit'}",
            _of_own_cost(snapshot, due) if own else (*faster(snapshot), *_unthrottled(due)),
        )
    return LatenessCause(
        Lateness.running,
        f"a worker has been at it for {for_long}",
        (remark("Let it finish; pg_catalog.pg_stat_progress_vacuum shows how far it is."),),
    )


def faster(snapshot: Snapshot) -> Iterator[str]:
    """Raise the cost limit, which all workers share: more workers alone would not help."""
    known = {row.name: row.number for row in snapshot.rows(settings)}
    limit = known.get("autovacuum_vacuum_cost_limit")
    if limit is None or limit <= 0:
        limit = known.get("vacuum_cost_limit")
    wanted = min(10_000, max(2_000, int(limit or 200) * 4))
    yield remark("All workers share one cost limit. Give them more, if the disks can do it:")
    yield from change(snapshot, "autovacuum_vacuum_cost_limit", str(wanted))


def own_cost(due: DueTable) -> dict[str, str]:
    """Return the options by which a worker at this table ignores the limit that all share."""
    found = Options.of(due.table.reloptions).values
    names = ("vacuum_cost_delay", "vacuum_cost_limit")
    return {f"autovacuum_{name}": found[name] for name in names if name in found}


def without_own_cost(due: DueTable) -> tuple[str, ...]:
    return (
        remark(f"The cost limit of the server is not that of {due.name}, which has options of its"),
        remark("own. Reset them; a vacuum that is at it is cancelled, and begins again:"),
        *plain_ddl(f"ALTER {_kind(due)} {due.name} RESET ({', '.join(own_cost(due))});"),
    )


def _of_own_cost(snapshot: Snapshot, due: DueTable) -> tuple[str, ...]:
    if is_slowed(snapshot, own_cost(due)):
        return without_own_cost(due)
    unthrottled = f"ALTER {_kind(due)} {due.name} SET (autovacuum_vacuum_cost_delay = 0);"
    return (
        remark(f"{due.name} has options of its own, by which it sleeps no longer than by the"),
        remark("server's settings. To let it work without any sleep, from its next vacuum on:"),
        *plain_ddl(unthrottled),
    )


def _kind(due: DueTable) -> str:
    return "MATERIALIZED VIEW" if due.table.relkind == "m" else "TABLE"


def _unthrottled(due: DueTable) -> tuple[str, ...]:
    if due.table.relkind == "m":
        return ()
    return (
        remark("Or for this table alone, from its next vacuum on:"),
        *plain_ddl(f"ALTER TABLE {due.name} SET (autovacuum_vacuum_cost_delay = 0);"),
    )


def _vacuum_now(due: DueTable) -> tuple[str, ...]:
    return (
        remark("This blocks no reads or writes; it is skipped while the table is locked:"),
        f"VACUUM (ANALYZE, SKIP_LOCKED) {due.name};",
    )


def _sooner(due: DueTable) -> tuple[str, ...]:
    if due.table.relkind == "m" or due.table.reltuples < LARGE:
        return ()
    return (
        remark("So large a table should be due earlier than the server's settings say:"),
        *plain_ddl(f"ALTER TABLE {due.name} SET (autovacuum_vacuum_scale_factor = 0.02);"),
    )
