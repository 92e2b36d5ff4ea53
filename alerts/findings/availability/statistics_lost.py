"""The statistics of tables began at zero: autovacuum has forgotten which tables are due."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import identifier, remark
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.starts import STARTS, Start, StartKind
from alerts.units import Bytes, Duration, moment_text
from collectors._base import Role
from collectors.activity import activity
from collectors.databases import databases
from collectors.server import server
from collectors.user_tables import UserTable, user_tables

KEEPS_PLANNER_STATISTICS = 180000
"""From this version on, pg_upgrade takes them along."""
NAMED = 20
"""Tables that are named in one cure, the largest first."""


class Loss(StrEnum):
    """Cause of the loss."""

    crash = "crash"
    unclean_start = "unclean_start"
    promotion = "promotion"
    reset = "reset"
    upgrade = "upgrade"


SAID = {
    Loss.crash: "a crash at {when}",
    Loss.unclean_start: "the start without a clean stop at {when}",
    Loss.promotion: "the promotion at {when}",
    Loss.reset: "a reset at {when}",
    Loss.upgrade: "an upgrade or a restore without ANALYZE",
}
LOSSES = {
    StartKind.backend_crash: Loss.crash,
    StartKind.unclean: Loss.unclean_start,
    StartKind.promotion: Loss.promotion,
}


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    large: Annotated[Bytes, FIXED] = 100 * 1024**2
    """Size from which a table is named; smaller ones come to their ANALYZE soon."""
    rows: Annotated[int, FIXED] = 100_000
    """Or rows, where the size is not known: planner statistics are missing."""
    recent: Annotated[Duration, FIXED] = timedelta(days=1)
    """For how long after the loss it is reported; writes bring new counts until then."""


@dataclass(slots=True)
class Damage:
    """Loss of one database."""

    loss: Loss
    at: float
    unanalyzed: list[UserTable] = field(default_factory=list)
    emptied: list[UserTable] = field(default_factory=list)
    emptied_by: str = ""
    """The crash that did, where the counters were lost by something later."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    newest = newest_loss(snapshot.of(STARTS).within(limits.recent.total_seconds()))
    resets = manual_resets(snapshot, limits)
    upgraded = upgraded_databases(snapshot, limits)
    if newest is None and not resets and not upgraded:
        return
    found: dict[str, Damage] = {}
    for table in snapshot.rows(user_tables):
        if table.relkind == "p":
            continue
        database = table.datname
        if database not in found:
            damage = damage_of(newest, resets.get(database), database in upgraded)
            if damage is None:
                continue
            found[database] = damage
        damage = found[database]
        if newest and newest.empties_unlogged and table.relpersistence == "u":
            if was_emptied(table):  # its size is of before
                damage.emptied.append(table)
                damage.emptied_by = "" if damage.at == newest.at else said(newest)
        elif needs_analyze(table, damage, limits):
            damage.unanalyzed.append(table)
    for database, damage in sorted(found.items()):
        if damage.unanalyzed or damage.emptied:
            yield evidence(database, damage)


def newest_loss(starts: Sequence[Start]) -> Start | None:
    lost = [start for start in starts if start.loses_statistics and not start.standby]
    return max(lost, key=lambda start: start.at, default=None)


def said(start: Start) -> str:
    return SAID[LOSSES[start.kind]].format(when=moment_text(start.at))


def manual_resets(snapshot: Snapshot, limits: Limits) -> dict[str, float]:
    """Return when statistics were reset by hand; before 15 the stamp may be of the first use."""
    if (snapshot.node.version or 0) < 150000 or not snapshot.has(databases):
        return {}
    recent = snapshot.at - limits.recent.total_seconds()
    return {
        row.datname: row.stats_reset
        for row in snapshot.rows(databases)
        if row.stats_reset is not None and row.stats_reset >= recent
    }


def upgraded_databases(snapshot: Snapshot, limits: Limits) -> set[str]:
    """Return databases whose tables with old rows have no planner statistics, nearly all."""
    if (snapshot.node.version or 0) >= KEEPS_PLANNER_STATISTICS:
        return set()
    with_old_rows: dict[str, int] = {}
    without: dict[str, int] = {}
    for table in snapshot.rows(user_tables):
        if table.relkind == "r" and old_rows(table) >= limits.rows:
            with_old_rows[table.datname] = with_old_rows.get(table.datname, 0) + 1
            if table.reltuples < 0:
                without[table.datname] = without.get(table.datname, 0) + 1
    return {name for name, count in without.items() if count * 2 > with_old_rows[name]}


def old_rows(table: UserTable) -> float:
    """Return the rows that a scan reads and that were not inserted since the counters began."""
    return table.seq_tup_read / table.seq_scan - table.n_tup_ins if table.seq_scan else 0.0


def damage_of(newest: Start | None, reset: float | None, is_upgraded: bool) -> Damage | None:
    if newest and newest.at >= (reset or 0.0):
        return Damage(LOSSES[newest.kind], newest.at)
    if reset is not None:
        return Damage(Loss.reset, reset)
    return Damage(Loss.upgrade, 0.0) if is_upgraded else None


def needs_analyze(table: UserTable, damage: Damage, limits: Limits) -> bool:
    """Whether it is large, and was not analysed since."""
    if table.reltuples < 0 and old_rows(table) >= limits.rows:
        return True
    if damage.loss is Loss.upgrade or (table.table_size_bytes or 0) < limits.large:
        return False
    if damage.loss is Loss.reset and table.analyzed is not None:
        return False  # the stamp of the database moves also when one other table was reset
    return (table.analyzed or 0.0) < damage.at


def was_emptied(table: UserTable) -> bool:
    """Whether it had rows when it was last analysed, and nothing was written to it since."""
    return table.reltuples > 0 and table.n_live_tup == 0 and table.n_tup_ins == 0


def name(table: UserTable) -> str:
    return identifier(table.schemaname, table.relname)


def evidence(database: str, damage: Damage) -> Evidence:
    largest = sorted(damage.unanalyzed, key=lambda t: (t.total_bytes, old_rows(t)), reverse=True)
    cause = SAID[damage.loss].format(when=moment_text(damage.at))
    told = []
    if largest:
        tables = plural(len(largest), "large table")
        told.append(
            f"{tables} had no ANALYZE since, so autovacuum does not know when"
            f" {'it is' if len(largest) == 1 else 'they are'} due"
        )
    if damage.emptied:
        since = f"since {damage.emptied_by}" if damage.emptied_by else "now"
        told.append(f"{plural(len(damage.emptied), 'unlogged table')} may be empty {since}")
    return Evidence(
        subject=database,
        severity=Severity.warning,
        value=len(largest) + len(damage.emptied),
        message=f"Statistics of {database} were lost through {cause}: {', and '.join(told)}.",
        facts={
            "lost_by": damage.loss.value,
            "lost_at": moment_text(damage.at) if damage.at else None,
            "tables_without_analyze": len(largest),
            "tables": ", ".join(map(name, largest[:NAMED])),
            "unlogged_tables": ", ".join(map(name, damage.emptied[:NAMED])),
        },
        cure=cure(damage, largest),
        check=(
            "SELECT relid::pg_catalog.regclass, n_live_tup, n_dead_tup, last_analyze,"
            " last_autoanalyze FROM pg_catalog.pg_stat_user_tables"
            " ORDER BY pg_catalog.pg_table_size(relid) DESC LIMIT 20;"
        ),
        database=database,
    )


def cure(damage: Damage, largest: list[UserTable]) -> tuple[str, ...]:
    lines = []
    if damage.emptied:
        lines.append(
            remark("A crash or a promotion empties these unlogged tables; fill them again:")
        )
        lines += [remark(name(table)) for table in damage.emptied[:NAMED]]
    if largest:
        lines.append(remark("ANALYZE reads a sample and blocks no reads or writes. The largest"))
        lines.append(remark("first; a table that is locked just now is skipped, with a warning:"))
        lines += [f"ANALYZE (SKIP_LOCKED) {name(table)};" for table in largest[:NAMED]]
    if len(largest) > NAMED:
        lines.append(remark("Then the rest, by vacuumdb --analyze-only --skip-locked."))
    return tuple(lines)


finding = Finding(
    title="Statistics lost",
    severities=(Severity.warning,),
    reads=(user_tables, server),
    consults=(activity, databases),
    history=(STARTS,),
    limits=Limits(),
    judge=judge,
    unit="tables",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
