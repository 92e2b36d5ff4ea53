"""Tables that are due, against the triggers that autovacuum goes by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alerts._base import Evidence, Severity
from alerts.cure import equals, identifier, regclass, remark
from alerts.snapshot import Snapshot
from alerts.vacuum.trigger import AutovacuumSettings, Triggers, triggers
from collectors._columns import column
from collectors.user_tables import UserTable, user_tables


@dataclass(frozen=True, slots=True)
class DueTable:
    """A table or materialised view with its own triggers."""

    table: UserTable
    triggers: Triggers

    @property
    def name(self) -> str:
        return identifier(self.table.schemaname, self.table.relname)

    @property
    def dead_times(self) -> float:
        """How many times the vacuum trigger its dead rows are."""
        return self.table.n_dead_tup / max(1.0, self.triggers.vacuum)

    @property
    def inserted_times(self) -> float:
        inserted, trigger = self.table.n_ins_since_vacuum, self.triggers.insert
        return 0.0 if trigger is None else inserted / max(1.0, trigger)

    @property
    def changed_times(self) -> float:
        return self.table.n_mod_since_analyze / max(1.0, self.triggers.analyze)

    @property
    def vacuumed(self) -> float | None:
        """Unix seconds of the last VACUUM, manual or automatic."""
        return max(filter(None, (self.table.last_vacuum, self.table.last_autovacuum)), default=None)

    @property
    def analyze(self) -> tuple[str, ...]:
        """The cure where its statistics are missing or old."""
        return (
            remark("It reads a sample, and blocks no reads or writes:"),
            f"ANALYZE (SKIP_LOCKED) {self.name};",
        )

    def evidence(
        self,
        severity: Severity,
        rows: int,
        message: str,
        facts: Mapping[str, float | int | str | bool | None],
        cure: tuple[str, ...],
    ) -> Evidence:
        """Return evidence about this table; the message goes on after its name."""
        return Evidence(
            subject=self.name,
            severity=severity,
            value=rows,
            message=f"{self.name} {message}",
            facts=facts,
            cure=cure,
            check=self.check,
            object=self.name,
            database=self.table.datname,
            may_be_young=self.triggers.enabled,  # then a worker may be on its way
        )

    @property
    def check(self) -> str:
        return (
            "SELECT n_live_tup, n_dead_tup, n_ins_since_vacuum, n_mod_since_analyze, last_vacuum,"
            " last_autovacuum, last_analyze, last_autoanalyze"
            " FROM pg_catalog.pg_stat_user_tables"
            f" WHERE {equals('relid', regclass(self.table.schemaname, self.table.relname))};"
        )


def tables(
    snapshot: Snapshot, server: AutovacuumSettings, count: str, least: float
) -> Iterator[DueTable]:
    """Yield the tables of which a column of user_tables is at least this much.

    Only for these are rows made: there may be a hundred thousand others.
    """
    rows = snapshot.rows(user_tables)
    for index, value in enumerate(column(rows, count)):
        if value >= least and (row := rows[index]).relkind in ("r", "m"):
            yield DueTable(row, triggers(server, row.reloptions, row.reltuples, row.unfrozen))
