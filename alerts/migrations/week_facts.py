"""Facts of a week that a daemon on the live server remembers, as far as a migration needs them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts.history.memory import Memory, Namespace
from alerts.migrations.hours import HOURS, Hours
from alerts.migrations.index_paces import INDEX_PACES
from alerts.migrations.live import Observed
from alerts.migrations.longest_transactions import LONGEST_TRANSACTIONS
from alerts.migrations.table_traffic import TABLE_TRAFFIC, Table, TableHours
from alerts.migrations.traced import Relation
from alerts.snapshot import Snapshot, Unknown
from collectors.volumes import Volume, volumes

KEPT = (LONGEST_TRANSACTIONS, TABLE_TRAFFIC, INDEX_PACES)
"""Kinds of history that no finding declares: migrations are judged by them."""
PerHour = tuple[float | None, ...]
NEVER: PerHour = (None,) * HOURS


@dataclass(frozen=True, slots=True)
class TableWeek:
    """Traffic of one table, a second, by hour of the week."""

    scans: PerHour
    written: PerHour

    def at(self, hour: int) -> float | None:
        scans, written = self.scans[hour], self.written[hour]
        return None if scans is None or written is None else scans + written


@dataclass(frozen=True, slots=True)
class Free:
    """Space on one volume of the server."""

    places: str
    available_bytes: int


@dataclass(frozen=True, slots=True)
class WeekFacts:
    """Facts of one database of one server."""

    longest: PerHour = NEVER
    """Seconds that the longest transaction was open."""
    tables: Mapping[Relation, TableWeek] = field(default_factory=dict)
    """The busiest; others are not followed."""
    observed: tuple[Observed, ...] = ()
    free: tuple[Free, ...] = ()
    why_no_volumes: str = ""

    @property
    def hours_known(self) -> int:
        return sum(longest is not None for longest in self.longest)

    def volume(self, place: str) -> Free | None:
        """Return the volume with these files: `data`, `wal`."""
        return next((one for one in self.free if place in one.places.split(", ")), None)


def week_facts(snapshot: Snapshot, database: str) -> WeekFacts:
    """Return what a daemon knows of a database."""
    try:
        rows, why = tuple(snapshot.rows(volumes)), ""
    except Unknown as unknown:
        rows, why = (), unknown.reason
    return facts_of(
        database,
        _learned(snapshot, LONGEST_TRANSACTIONS) or {},
        _learned(snapshot, TABLE_TRAFFIC) or {},
        _learned(snapshot, INDEX_PACES) or (),
        rows,
        why,
    )


def remembered_facts(
    memory: Memory, cluster: str, server: str, database: str, seen: Sequence[Volume], why: str
) -> WeekFacts:
    """Return what a state file holds of a database."""
    namespace = Namespace(cluster, server, "")
    return facts_of(
        database,
        LONGEST_TRANSACTIONS.recorder(memory, namespace).view(0.0),
        TABLE_TRAFFIC.recorder(memory, namespace).view(0.0),
        INDEX_PACES.recorder(memory, namespace).view(0.0),
        seen,
        why,
    )


def facts_of(
    database: str,
    longest: Mapping[str, Hours],
    traffic: Mapping[Table, TableHours],
    observed: tuple[Observed, ...],
    rows: Sequence[Volume],
    why_no_volumes: str,
) -> WeekFacts:
    """Put together what concerns a database."""
    tables = {
        Relation(table.schemaname, table.relname): TableWeek(
            tuple(known.scans), tuple(known.written)
        )
        for table, known in traffic.items()
        if table.datname == database
    }
    free = tuple(
        Free(row.places, row.available_bytes) for row in rows if row.available_bytes is not None
    )
    hours = longest.get(database)
    return WeekFacts(tuple(hours) if hours else NEVER, tables, observed, free, why_no_volumes)


def _learned(snapshot: Snapshot, kind: Any) -> Any:
    try:
        return snapshot.of(kind)
    except (Unknown, KeyError):
        return None


def as_json(facts: WeekFacts) -> dict[str, Any]:
    """Return it as JSON, for a check on another machine."""
    return {
        "longest_transaction_seconds": list(map(_short, facts.longest)),
        "tables": [
            {
                "schema": relation.schema,
                "name": relation.name,
                "scans_per_second": list(map(_short, week.scans)),
                "rows_written_per_second": list(map(_short, week.written)),
            }
            for relation, week in facts.tables.items()
        ],
        "index_builds": [{"pages": seen.pages, "seconds": seen.seconds} for seen in facts.observed],
        "volumes": [
            {"places": one.places, "available_bytes": one.available_bytes} for one in facts.free
        ],
        "volumes_unknown": facts.why_no_volumes or None,
    }


def of_json(told: Mapping[str, Any]) -> WeekFacts:
    """Read it again. Raises KeyError, TypeError or ValueError where it is something else."""
    return WeekFacts(
        _hours(told["longest_transaction_seconds"]),
        {
            Relation(str(one["schema"]), str(one["name"])): TableWeek(
                _hours(one["scans_per_second"]), _hours(one["rows_written_per_second"])
            )
            for one in told["tables"]
        },
        tuple(
            Observed("index build", float(one["pages"]), float(one["seconds"]))
            for one in told["index_builds"]
        ),
        tuple(Free(str(one["places"]), int(one["available_bytes"])) for one in told["volumes"]),
        str(told["volumes_unknown"] or ""),
    )


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _hours(told: Sequence[Any]) -> PerHour:
    if len(told) != HOURS:
        raise ValueError("not the hours of a week")
    return tuple(None if one is None else float(one) for one in told)
