"""Outlook of one table: what autovacuum will do with it, when, and why not sooner."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from alerts.cure import identifier
from alerts.snapshot import Snapshot
from alerts.vacuum.churn import CHURN, Hour
from alerts.vacuum.cost_limit import cost_limit
from alerts.vacuum.due import DueTable
from alerts.vacuum.forecast import Forecast, Pace, Worker, forecast, paces
from alerts.vacuum.lateness import LatenessCause, cause_of
from alerts.vacuum.trigger import AutovacuumSettings, triggers
from collectors._columns import where
from collectors.user_tables import UserTable, user_tables

OPTIONS = (
    "autovacuum_enabled",
    "autovacuum_vacuum_threshold",
    "autovacuum_vacuum_scale_factor",
    "autovacuum_vacuum_max_threshold",
    "autovacuum_vacuum_insert_threshold",
    "autovacuum_vacuum_insert_scale_factor",
    "autovacuum_analyze_threshold",
    "autovacuum_analyze_scale_factor",
    "autovacuum_vacuum_cost_delay",
    "autovacuum_vacuum_cost_limit",
)
"""Options of a table that a forecast can be asked for."""
QUOTED = re.compile(r'(?:^|\.)"((?:[^"]|"")+)"$')
"""The last part of a name as findings print it."""
BLOCK = 8192


@dataclass(frozen=True, slots=True)
class Outlook:
    due: DueTable
    server: AutovacuumSettings
    pace: tuple[Pace, ...]
    recorded: bool
    """Whether the pace was recorded by the hour; otherwise it is the mean since a vacuum."""
    forecast: Forecast | None
    """None where the pace is not known."""
    cause: LatenessCause | None
    """Why it is late; None where it is not due."""
    wanted: Mapping[str, str]
    changed: "Outlook | None" = None
    """The same with other options."""

    @property
    def dead_per_hour(self) -> float | None:
        paces = self.pace
        return 3600 * sum(pace.dead for pace in paces) / len(paces) if paces else None


def named(snapshot: Snapshot, name: str) -> Iterator[UserTable]:
    """Yield the tables of that name: `orders`, `public.orders` or `shop.public.orders`."""
    last = {name, name.rpartition(".")[2]}
    if quoted := QUOTED.search(name):
        last.add(quoted[1].replace('""', '"'))
    for table in where(snapshot.rows(user_tables), "relname", last):
        parts = table.datname, table.schemaname, table.relname
        spelt = {".".join(parts[n:]) for n in range(3)}
        spelt |= {identifier(*parts[n:]) for n in range(3)}
        if name in spelt and table.relkind in ("r", "m"):
            yield table


def outlook(snapshot: Snapshot, table: UserTable, wanted: Mapping[str, str]) -> Outlook:
    """Return what will happen, also with other options. Raises Unknown without settings."""
    server = AutovacuumSettings.of(snapshot)
    now = _seen(snapshot, server, table, {})
    return replace(now, changed=_seen(snapshot, server, table, wanted)) if wanted else now


def _seen(
    snapshot: Snapshot, server: AutovacuumSettings, table: UserTable, wanted: Mapping[str, str]
) -> Outlook:
    own = dict(option.partition("=")[::2] for option in table.reloptions) | dict(wanted)
    options = [f"{name}={value}" for name, value in own.items()]
    due = DueTable(table, triggers(server, options, table.reltuples, table.unfrozen))
    hours = snapshot.of(CHURN).of(table.datname, table.relid)
    known = paces(hours) or paces(_since_vacuum(snapshot, due))
    worker = Worker(server.naptime, cost_limit(snapshot, own).run_seconds(_pages(table)))
    is_due = due.dead_times > 1 or due.inserted_times > 1
    dead, inserted = float(table.n_dead_tup), float(table.n_ins_since_vacuum)
    return Outlook(
        due,
        server,
        known,
        bool(paces(hours)),
        forecast(known, due.triggers, worker, dead, inserted) if known else None,
        cause_of(snapshot, server, due) if is_due and not wanted else None,
        wanted,
    )


def _since_vacuum(snapshot: Snapshot, due: DueTable) -> tuple[Hour, ...]:
    """Return the time since the last vacuum as one hour: the counts began there."""
    if due.vacuumed is None or due.vacuumed >= snapshot.at:
        return ()
    table, seconds = due.table, snapshot.at - due.vacuumed
    return (Hour(0, seconds, float(table.n_dead_tup), float(table.n_ins_since_vacuum)),)


def _pages(table: UserTable) -> float:
    return table.relpages + table.index_size_bytes / BLOCK
