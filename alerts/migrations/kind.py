"""Kind of a statement: what its time depends on."""

from enum import StrEnum

from alerts.migrations.lock_mode import Blocked, LockMode
from alerts.migrations.set_config import settings_by_query
from alerts.migrations.statement import DATA
from alerts.migrations.traced import Held, Relation, Traced

ONLY_READ = ("m", "v")
"""Materialized views, which only another REFRESH writes, and views."""


class Kind(StrEnum):
    """From the kind that takes a moment to those whose time grows with the table."""

    instant = "instant"
    scan = "scan"
    index_build = "index build"
    rewrite = "rewrite"
    data = "data"
    """It reads or writes rows, whose number an empty clone can't show."""
    unknown = "unknown"


def kind(traced: Traced) -> Kind:
    """Return the kind of a statement by its trace."""
    if traced.unknown or traced.failure:
        return Kind.unknown
    if settings_by_query(traced.statement):
        return Kind.instant
    if traced.statement.node in DATA or traced.statement.is_analyze:
        return Kind.data
    if traced.rewritten:
        return Kind.rewrite
    if traced.rebuilt:
        return Kind.index_build
    return Kind.scan if traced.scanned else Kind.instant


def grows_with(traced: Traced) -> tuple[Relation, ...]:
    """Return the tables whose size decides how long it takes."""
    found = (*traced.rewritten, *traced.rebuilt, *traced.scanned)
    return tuple(dict.fromkeys(found))


def blocked(held: Held) -> Blocked:
    """Return the sessions that wait for this lock.

    A locked index blocks readers too: planning any query on the table locks each of its indexes.
    """
    if held.index is None:
        found = held.mode.blocks
        is_only_read = held.kind in ONLY_READ and found is Blocked.writers
        return Blocked.none if is_only_read else found
    return Blocked.all if held.mode is LockMode.AccessExclusive else Blocked.none


def blocks(traced: Traced) -> dict[Relation, Blocked]:
    """Return for each table the sessions that wait for the statement, if there are any."""
    found: dict[Relation, Blocked] = {}
    for held in traced.locks:
        now = blocked(held)
        if now is Blocked.all or (now is Blocked.writers and held.table not in found):
            found[held.table] = now
    return found


def worst(traced: Traced) -> Blocked:
    """Return the most sessions that any of its locks blocks."""
    found = blocks(traced).values()
    return Blocked.all if Blocked.all in found else next(iter(found), Blocked.none)
