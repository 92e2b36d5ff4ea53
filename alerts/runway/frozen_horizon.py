"""Obstacles that keep a database's oldest IDs from being frozen, and their cure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts.cure import identifier, remark
from alerts.plural import plural
from alerts.runway.id_space import AgeLimits, IdSpace
from alerts.snapshot import Snapshot
from alerts.vacuum.horizon import HolderKind, HorizonHolder, holder_of
from collectors.databases import Database
from collectors.oldest_relations import OldestRelation, oldest_relations
from collectors.progress_vacuum import VacuumProgress, progress_vacuum

FEW = 5
"""Relations up to which each one is vacuumed by name; more take a vacuum of the database."""


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Known obstacles that hold the horizon of a database."""

    oldest: Sequence[OldestRelation]
    """Relations beyond their limit, the oldest first; empty where they are not known."""
    holder: HorizonHolder | None
    """The oldest, if it may still need rows so old that freezing would not help."""
    vacuums: Sequence[VacuumProgress]
    """Vacuums that run in the database."""

    @property
    def text(self) -> str:
        """Say it in a few clauses, each with a full stop; empty where nothing is known."""
        return "".join(f" {clause}" for clause in self._clauses())

    def _clauses(self) -> Iterator[str]:
        if self.holder:
            yield f"Held up by {self.holder.text} ({self.holder.age:,} transactions old)."
        if self.oldest:
            named = ", ".join(map(title, self.oldest[:3]))
            yield f"Oldest: {named}."
        if self.vacuums:
            done = ", ".join(sorted({row.relname for row in self.vacuums})[:3])
            yield f"{plural(len(self.vacuums), 'vacuum')} at work there: {done}."


def obstacles(snapshot: Snapshot, space: IdSpace, datname: str, limits: AgeLimits) -> Obstacles:
    """Return what is known of one database; what can't be read is left out."""
    relations = snapshot.rows(oldest_relations) if snapshot.has(oldest_relations) else ()
    beyond = [
        row
        for row in relations
        if row.datname == datname and space.relation_age(row) > space.relation_limit(row)
    ]
    beyond.sort(key=space.relation_age, reverse=True)
    progress = snapshot.rows(progress_vacuum) if snapshot.has(progress_vacuum) else ()
    vacuums = [row for row in progress if row.datname == datname]
    return Obstacles(beyond, old_holder(snapshot, datname, limits.freeze / 2), vacuums)


def old_holder(
    snapshot: Snapshot, datname: str, age: float, *, catalog: bool = True
) -> HorizonHolder | None:
    """Return the oldest holder of the horizon of a database, if it is that old."""
    found = holder_of(snapshot, datname, catalog=catalog)
    return found if found and found.age >= age else None


def title(relation: OldestRelation) -> str:
    """Name a relation for reading: a TOAST table by its table."""
    if relation.main_schemaname is not None and relation.main_relname is not None:
        return f"{identifier(relation.main_schemaname, relation.main_relname)} (its TOAST)"
    return identifier(relation.schemaname, relation.relname)


def release(holder: HorizonHolder | None) -> tuple[str, ...]:
    """Return how the holder is ended; a vacuum before that freezes nothing."""
    if holder is None:
        return ()
    first = remark("First end what holds the horizon, or a vacuum freezes nothing:")
    elsewhere = holder.datname is not None and holder.kind is HolderKind.prepared_transaction
    where = (remark(f"In the database {holder.datname}:"),) if elsewhere else ()
    return (first, *where, *holder.cure)


def freeze(database: Database | None, found: Obstacles) -> tuple[str, ...]:
    """Return statements that freeze what is oldest, in its database."""
    if database is not None and not database.allows_connections:
        return (
            remark(f"{database.datname} accepts no connections, so only autovacuum can vacuum it."),
            remark("1. Make sure that autovacuum is on, and look for its errors in the log."),
            remark(
                f"2. Else let sessions in: ALTER DATABASE {identifier(database.datname)}"
                " ALLOW_CONNECTIONS true;"
            ),
            remark("3. Run VACUUM in it, then set ALLOW_CONNECTIONS to false again."),
        )
    if not found.oldest or len(found.oldest) > FEW:
        return (
            remark("As a superuser, in this database; it goes through every table:"),
            *aggressively("VACUUM;"),
        )
    return aggressively(*(statement for row in found.oldest for statement in vacuum(row)))


def aggressively(*statements: str) -> tuple[str, ...]:
    """Let vacuums look at every page that is not frozen yet, and at no more."""
    return (
        "SET vacuum_freeze_table_age = 0;",
        "SET vacuum_multixact_freeze_table_age = 0;",
        *statements,
        "RESET vacuum_freeze_table_age;",
        "RESET vacuum_multixact_freeze_table_age;",
    )


def vacuum(relation: OldestRelation) -> tuple[str, ...]:
    """Return the statement that freezes one relation; not that of another session's."""
    if relation.relpersistence == "t":
        return (
            remark(
                f"{title(relation)} is temporary: only its own session can vacuum it, and it is"
            ),
            remark("gone when that session ends."),
        )
    return (f"VACUUM {identifier(relation.schemaname, relation.relname)};",)
