"""On very large tables the default scale factor lets millions of dead rows lie before a vacuum."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import plain_ddl, remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Share, bytes_text
from alerts.vacuum.due import DueTable, tables
from alerts.vacuum.trigger import AutovacuumSettings
from collectors._base import Role
from collectors.settings import settings
from collectors.user_tables import user_tables

OF_A_TABLE = "0.01"
OWN = "autovacuum_vacuum_scale_factor="
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    rows: Annotated[int, FIXED] = 10_000_000
    """Rows of a table from which a share of it is too much."""
    factor: Annotated[Share, FIXED] = 0.1
    """Share of a table that may die before autovacuum takes it."""
    dead: Annotated[int, Slack(0.5)] = 1_000_000
    """Dead rows that lie in one such table now, and are not due yet."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    server = AutovacuumSettings.of(snapshot)
    if not server.enabled or server.vacuum_scale_factor < limits.factor:
        return
    found: dict[str, list[DueTable]] = {}
    for due in tables(snapshot, server, "n_dead_tup", limits.dead):
        if waits(due, limits):
            found.setdefault(due.table.datname, []).append(due)
    for datname, waiting in found.items():
        worst = sorted(waiting, key=lambda due: due.table.n_dead_tup, reverse=True)
        yield evidence(snapshot, server, datname, worst)


def waits(due: DueTable, limits: Limits) -> bool:
    """Whether its dead rows lie there because the server's scale factor says so."""
    table, trigger = due.table, due.triggers.vacuum
    has_own = any(option.startswith(OWN) for option in table.reloptions)
    is_large = table.reltuples >= limits.rows and trigger >= limits.factor * table.reltuples
    return is_large and not has_own and due.triggers.enabled and table.n_dead_tup < trigger


def evidence(
    snapshot: Snapshot, server: AutovacuumSettings, datname: str, worst: Sequence[DueTable]
) -> Evidence:
    dead = sum(due.table.n_dead_tup for due in worst)
    size = sum(map(dead_bytes, worst))
    first = worst[0]
    return Evidence(
        subject=datname,
        severity=Severity.info,
        value=dead,
        message=(
            f"{dead:,} dead rows (about {bytes_text(size)}) lie in"
            f" {plural(len(worst), 'very large table')} of {datname}, most in {first.name}, which"
            f" autovacuum takes at {first.triggers.vacuum:,.0f}: autovacuum_vacuum_scale_factor"
            f" is {server.vacuum_scale_factor:g}."
        ),
        facts={
            "dead_rows": dead,
            "dead_bytes": size,
            "tables": len(worst),
            "scale_factor": server.vacuum_scale_factor,
        },
        cure=cure(snapshot, worst),
        check=first.check,
        database=datname,
    )


def dead_bytes(due: DueTable) -> float:
    table = due.table
    share = table.n_dead_tup / max(1.0, table.n_dead_tup + table.reltuples)
    return share * (table.table_size_bytes or 0)


def cure(snapshot: Snapshot, worst: Sequence[DueTable]) -> tuple[str, ...]:
    lines = [
        line
        for due in worst[:SHOWN]
        for line in plain_ddl(
            f"ALTER TABLE {due.name} SET (autovacuum_vacuum_scale_factor = {OF_A_TABLE});"
        )
    ]
    return (
        remark("Each waits for no reader or writer, only for other DDL and vacuums of the table:"),
        *lines,
        remark("Or for all tables of the server:"),
        *change(snapshot, "autovacuum_vacuum_scale_factor", "0.05"),
    )


finding = Finding(
    title="Autovacuum too rare for large tables",
    severities=(Severity.info,),
    reads=(user_tables, settings),
    limits=Limits(),
    judge=judge,
    unit="rows",
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
)
