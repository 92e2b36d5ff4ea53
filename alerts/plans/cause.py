"""Cause: what made a statement slower, in words, and the statements that undo it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from alerts.cure import concurrently, identifier, literal, remark
from alerts.plans.access import IndexAccess, TableAccess
from alerts.plans.change import Change, Nature
from alerts.plans.clues import LOOPS, Access, Reading, is_near, is_stale, readings
from alerts.plans.events import (
    IndexEvent,
    IndexEvents,
    RoleSettingEvent,
    RoleSettingEvents,
    SettingEvent,
    SettingEvents,
)
from alerts.plans.index_text import create
from alerts.setting_owner import change as change_setting
from alerts.snapshot import Snapshot
from alerts.units import bytes_text
from collectors._columns import where
from collectors.index_layout import index_layout
from collectors.settings import settings
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import UserTable, user_tables

ACCESS = TableAccess()
SCANNED = IndexAccess()
INDEXES = IndexEvents()
SETTINGS = SettingEvents()
ROLE_SETTINGS = RoleSettingEvents()
BLOCK = 8192
LONGEST = 63
"""Bytes of a name."""
COMPILING = 0.5
"""Share of the additional time spent on compiling, from which that is the reason."""


AnySettingEvent = SettingEvent | RoleSettingEvent


class Why(StrEnum):
    """Kind of cause that made it slower."""

    index_dropped = "index dropped"
    index_invalid = "index invalid"
    setting = "setting changed"
    jit = "compiled just in time"
    parallel = "fewer parallel workers"
    spill = "spill"
    stale_statistics = "stale statistics"
    new_statistics = "new statistics"
    rewrite = "table rewritten"
    partition_index = "partition without an index"
    sequential_scan = "sequential scan"
    other_index = "another index"
    index_scans = "index scans"
    spread = "more blocks for the same rows"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class Cause:
    """Cause that made a statement slower, as far as it can be known."""

    why: Why
    sentence: str
    """A clause that ends the message."""
    cure: tuple[str, ...]
    object: tuple[str, str] | None = None
    """Schema and name of the table."""


def cause_of(
    change: Change,
    nature: Nature,
    user: str,
    database: str,
    words: frozenset[str],
    snapshot: Snapshot,
) -> Cause | None:
    """Return the cause; None where it is no other plan, such as for other parameters.

    `words` are those of the text of the statement; empty if that is not known.
    """
    words |= _partitions_of(words, database, snapshot)
    setting = _setting(change, user, database, snapshot)
    if nature in (Nature.waiting, Nature.reading):
        return _hidden(change, setting, snapshot)
    found = _readings(change, database, words, snapshot)
    event = _index(change, database, words, found, snapshot)
    if event:
        return _of_index(event)
    if nature is Nature.spill:
        return _of_setting(setting, snapshot) if setting else _of_spill(change)
    if nature is not Nature.plan or (found and found[0].access is Access.growth):
        return None
    if setting:
        return _of_setting(setting, snapshot)
    if found and found[0].access is Access.sequential:
        index = _lacking(found[0].table, snapshot)
        if index or found[0].is_new:
            return _of_partition(found[0].table, index, snapshot)
    if found and found[0].access is Access.spread and found[0].is_rewritten:
        return _of_rewrite(found[0].table)
    stale = _stale(database, words, found, snapshot)
    if change.has_fixed_rows and not _is_another_way(change, found, stale):
        return None
    if stale:
        return _of_statistics(stale, found)
    return _of_reading(found[0], change) if found else _unknown()


def _partitions_of(words: frozenset[str], database: str, snapshot: Snapshot) -> frozenset[str]:
    """Return the names of the partitions of tables that are named: the text names only these."""
    if not words or not snapshot.has(user_tables):
        return frozenset()
    rows = where(snapshot.rows(user_tables), "root_relname", words)
    return frozenset(row.relname for row in rows if row.datname == database)


def _is_another_way(change: Change, found: Sequence[Reading], stale: UserTable | None) -> bool:
    """Whether its tables are read in another way, and not merely for other parameters."""
    if not found:
        return False
    if found[0].access is not Access.rows or found[0].was_analyzed(change):
        return True
    return stale is not None and not change.returns_one_row


def _stale(
    database: str, words: frozenset[str], found: Sequence[Reading], snapshot: Snapshot
) -> UserTable | None:
    """Return the table of the statement whose statistics are the oldest, if they are stale."""
    tables = {one.table.relid: one.table for one in found}
    if words and snapshot.has(user_tables):
        rows = where(snapshot.rows(user_tables), "relname", words)
        tables |= {row.relid: row for row in rows if row.datname == database}
    stale = [table for table in tables.values() if is_stale(table)]
    is_spread = bool(found) and found[0].access is Access.spread and found[0].is_unvacuumed
    if not stale or is_spread:
        return None
    return max(stale, key=lambda table: table.n_mod_since_analyze / max(table.reltuples, 1))


def _hidden(change: Change, setting: AnySettingEvent | None, snapshot: Snapshot) -> Cause | None:
    """Return the cause of what blocks don't show; None where it merely waits."""
    before, after = change.before.call, change.after
    if after.jit_seconds - before.jit_seconds >= COMPILING * change.slower:
        return _of_setting(setting, snapshot) if setting else _of_jit()
    if before.workers - after.workers >= 0.5:
        return _of_setting(setting, snapshot) if setting else _of_workers(change)
    return _of_setting(setting, snapshot) if setting else None


def _setting(
    change: Change, user: str, database: str, snapshot: Snapshot
) -> AnySettingEvent | None:
    """Return a setting that was changed for the role, the database or the server."""
    found: list[AnySettingEvent] = []
    if snapshot.has(SETTINGS.collectors[0]):
        found += snapshot.of(SETTINGS)
    if snapshot.has(ROLE_SETTINGS.collectors[0]):
        found += [
            event
            for event in snapshot.of(ROLE_SETTINGS)
            if event.rolname in ("", user) and event.datname in ("", database)
        ]
    near = [event for event in found if is_near(event, change)]
    return max(near, key=lambda event: event.at, default=None)


def _readings(
    change: Change, database: str, words: frozenset[str], snapshot: Snapshot
) -> Sequence[Reading]:
    """Return the tables that account for the change, the most likely first."""
    if not snapshot.has(user_tables):
        return ()
    accessed = snapshot.of(ACCESS)
    known = {key[1] for key in accessed.tables if key[0] == database}
    rows = where(snapshot.rows(user_tables), "relid", known)
    tables = [
        row for row in rows if row.datname == database and (not words or row.relname in words)
    ]
    indexes = snapshot.of(SCANNED) if snapshot.has(user_indexes) else None
    found = readings(change, tables, accessed, indexes)
    return [one for _, one in sorted(found, key=lambda one: abs(one[0] - 1))]


def _index(
    change: Change,
    database: str,
    words: frozenset[str],
    found: Sequence[Reading],
    snapshot: Snapshot,
) -> IndexEvent | None:
    """Return an index of one of its tables that helps no more since then."""
    if not snapshot.has(INDEXES.collectors[0]):
        return None
    tables = {one.table.relid for one in found if one.access is not Access.growth}
    for event in reversed(snapshot.of(INDEXES)):
        is_ours = event.row.relname in words or event.row.relid in tables
        if event.row.datname == database and is_ours and is_near(event, change):
            return event
    return None


def _of_index(event: IndexEvent) -> Cause:
    row = event.row
    index, table = identifier(row.schemaname, row.indexrelname), (row.schemaname, row.relname)
    name = identifier(*table)
    if not event.is_gone:
        statement = f"REINDEX INDEX CONCURRENTLY {index};"
        again = "drop the invalid index whose name ends in _ccnew or _ccold, then run it again."
        sentence = f"the index {index} of {name} has become invalid, so it is not used any more"
        return Cause(Why.index_invalid, sentence, concurrently(statement, again), table)
    sentence = f"the index {index} of {name} was dropped"
    if event.create is None:
        cure: tuple[str, ...] = (
            remark(f"1. Find the definition of {index}, in the migrations or in a backup."),
            remark("2. Create it again, CONCURRENTLY."),
        )
    else:
        clean_up = f"DROP INDEX CONCURRENTLY {index}; then again."
        cure = concurrently(event.create, clean_up)
    return Cause(Why.index_dropped, sentence, cure, table)


def _of_setting(event: AnySettingEvent, snapshot: Snapshot) -> Cause:
    if isinstance(event, RoleSettingEvent):
        return _of_role_setting(event, snapshot)
    old, new = _shown(event, snapshot)
    sentence = f"the setting {event.name} was changed from {old} to {new}"
    return Cause(Why.setting, sentence, change_setting(snapshot, event.name, _value(event.old)))


def _shown(event: SettingEvent, snapshot: Snapshot) -> tuple[str, str]:
    """Return both values with their unit, where they have one."""
    known = snapshot.answer(settings).by("name") if snapshot.has(settings) else {}
    row = known.get(event.name)
    if row is None or row.base_unit != "bytes":
        return event.old, event.new
    numbers = [replace(row, setting=value).number for value in (event.old, event.new)]
    shown = [bytes_text(number) for number in numbers if number is not None and number >= 0]
    return (shown[0], shown[1]) if len(set(shown)) == len(numbers) else (event.old, event.new)


def _of_role_setting(event: RoleSettingEvent, snapshot: Snapshot) -> Cause:
    """Return the cause with the statements that set back what was changed at the same time."""
    role = f"role {identifier(event.rolname)}" if event.rolname else ""
    database = f"database {identifier(event.datname)}" if event.datname else ""
    place = " in ".join(filter(None, (role, database))) or "all roles"
    sentence = f"the setting {event.name} of {place} was {_changed(event)}"
    of_role = f"ROLE {identifier(event.rolname) if event.rolname else 'ALL'}"
    of_database = f"DATABASE {identifier(event.datname)}" if event.datname else ""
    both = f"{of_role} IN {of_database}"
    target = both if event.rolname and event.datname else of_database or of_role
    cure = [remark("It holds for sessions that begin afterwards.")]
    for one in snapshot.of(ROLE_SETTINGS):
        if one.at == event.at and (one.rolname, one.datname) == (event.rolname, event.datname):
            old = f"SET {one.name} = {literal(one.old)}" if one.old is not None else ""
            cure.append(f"ALTER {target} {old or f'RESET {one.name}'};")
    return Cause(Why.setting, sentence, tuple(cure))


def _changed(event: RoleSettingEvent) -> str:
    if event.new is None:
        return f"reset, which was {event.old}"
    return (
        f"set to {event.new}" if event.old is None else f"changed from {event.old} to {event.new}"
    )


def _value(setting: str) -> str:
    """Write a value that stands in pg_settings: a number is in the unit of the setting."""
    plain = setting.replace(".", "", 1).lstrip("-").isalnum()
    return setting if plain else f"'{setting}'"


def _of_jit() -> Cause:
    return Cause(
        Why.jit,
        "most of the additional time is spent on compiling it just in time",
        (
            remark("1. See in EXPLAIN (ANALYZE) whether JIT takes longer than it saves."),
            remark("2. If so, raise jit_above_cost, or switch jit off for the role:"),
            remark("ALTER ROLE … SET jit = off, which holds for its new sessions."),
        ),
    )


def _of_workers(change: Change) -> Cause:
    before, after = change.before.call.workers, change.after.workers
    return Cause(
        Why.parallel,
        f"a call gets {after:.1f} parallel workers instead of {before:.1f}",
        (
            remark("1. Compare max_parallel_workers with the workers that run at the same time."),
            remark("2. See in EXPLAIN (ANALYZE) how many workers it plans, and how many start."),
        ),
    )


def _of_spill(change: Change) -> Cause:
    more = (change.after.temp_blocks - change.before.call.temp_blocks) * BLOCK
    return Cause(
        Why.spill,
        f"a call writes and reads {bytes_text(more)} of temporary files, as work_mem is too small"
        " for its sort or hash",
        (
            remark("1. EXPLAIN it: a Sort or Hash whose estimated rows are wrong needs ANALYZE."),
            remark("2. Otherwise give its role more memory for each sort or hash:"),
            remark("ALTER ROLE … SET work_mem, which holds for its new sessions."),
        ),
    )


def _of_reading(found: Reading, change: Change) -> Cause:
    table = found.table
    place = table.schemaname, table.relname
    name = identifier(*place)
    if found.access is Access.spread and found.is_unvacuumed:
        cure: tuple[str, ...] = (
            remark("It removes dead rows and marks pages as visible, beside reads and writes:"),
            f"VACUUM (SKIP_LOCKED) {name};",
        )
        sentence = f"{name} needs more blocks for the same rows since its last vacuum"
        return Cause(Why.spread, sentence, cure, place)
    if found.access is Access.spread:
        sentence = f"{name} needs more blocks for the same rows"
        return Cause(Why.spread, sentence, tuple(_explain(name)), place)
    how, why = _how(found, name)
    if found.was_analyzed(change):
        sentence = f"{how}, since its statistics were renewed"
        return Cause(Why.new_statistics, sentence, tuple(_explain(name)), place)
    return Cause(why, how, tuple(_explain(name)), place)


def _of_partition(table: UserTable, index: UserIndex | None, snapshot: Snapshot) -> Cause:
    """Return the cause that a partition is scanned sequentially, with the index that it lacks."""
    place = table.schemaname, table.relname
    name = identifier(*place)
    if index is None:
        sentence = f"the new partition {name} is scanned sequentially"
        return Cause(Why.sequential_scan, sentence, tuple(_explain(name)), place)
    like = identifier(index.schemaname, index.indexrelname)
    sentence = f"the partition {name} is scanned sequentially, as it has no index like {like}"
    return Cause(Why.partition_index, sentence, tuple(_like(index, table, snapshot)), place)


def _lacking(table: UserTable, snapshot: Snapshot) -> UserIndex | None:
    """Return the index that is scanned most of those that all other partitions have but this."""
    if table.root_relid is None or not snapshot.has(user_indexes):
        return None
    tables = where(snapshot.rows(user_tables), "root_relid", {table.root_relid})
    ids = {row.relid for row in tables if row.datname == table.datname and row.relkind != "p"}
    found = where(snapshot.rows(user_indexes), "relid", ids)
    indexes = [row for row in found if row.datname == table.datname and row.is_valid]
    owners = Counter(row.definition for row in indexes if row.relid != table.relid)
    own = {row.definition for row in indexes if row.relid == table.relid}
    lacking = [
        row
        for row in indexes
        if row.idx_scan and row.definition not in own and owners[row.definition] >= len(ids) - 1
    ]
    return max(lacking, key=lambda row: row.idx_scan, default=None)


def _like(index: UserIndex, table: UserTable, snapshot: Snapshot) -> Iterator[str]:
    """Yield the statements that make an index of a partition like that of another one."""
    layouts = snapshot.rows(index_layout) if snapshot.has(index_layout) else ()
    known = where(layouts, "indexrelid", {index.indexrelid})
    layout = next((row for row in known if row.datname == index.datname), None)
    end = f"_{index.indexrelid}_idx"
    name = table.relname.encode()[: LONGEST - len(end)].decode(errors="ignore") + end
    place = identifier(table.schemaname, table.relname)
    if layout is not None:
        layout = replace(
            layout, schemaname=table.schemaname, relname=table.relname, indexrelname=name
        )
    if layout is not None and (text := create(layout)):
        again = f"DROP INDEX CONCURRENTLY {identifier(table.schemaname, name)}; then again."
        yield from concurrently(text, again)
        return
    like = identifier(index.schemaname, index.indexrelname)
    yield remark(f"1. Find the definition of {like}.")
    yield remark(f"2. Create such an index of {place}, CONCURRENTLY.")


def _of_rewrite(table: UserTable) -> Cause:
    name = identifier(table.schemaname, table.relname)
    sentence = f"{name} was rewritten, and the same rows lie in more blocks than before"
    cure = (
        remark("1. It marks pages as visible, which index-only scans need after a rewrite:"),
        f"VACUUM (SKIP_LOCKED) {name};",
        remark("2. If that is not enough, the rows lie in another order than the index that is"),
        remark("scanned. An index that includes the columns of the statement needs no order."),
        remark("3. Or order the rows by that index again (CLUSTER, which locks out readers and"),
        remark("writers until it has ended, or pg_repack, which does not)."),
    )
    return Cause(Why.rewrite, sentence, cure, (table.schemaname, table.relname))


def _of_statistics(table: UserTable, found: Sequence[Reading]) -> Cause:
    name, changed = identifier(table.schemaname, table.relname), table.n_mod_since_analyze
    how = ""
    if found and found[0].access is not Access.spread:
        read = found[0].table
        how = _how(found[0], identifier(read.schemaname, read.relname))[0] + ", and "
    sentence = f"{how}{changed:,} rows of {name} have changed since its last ANALYZE"
    cure = (
        remark("It reads a sample, and blocks no reads or writes:"),
        f"ANALYZE (SKIP_LOCKED) {name};",
    )
    return Cause(Why.stale_statistics, sentence, cure, (table.schemaname, table.relname))


def _how(found: Reading, name: str) -> tuple[str, Why]:
    if found.access is Access.sequential:
        often = f" {found.scans:,.0f} times more for each call" if found.scans >= LOOPS else ""
        return f"{name} is scanned sequentially{often}", Why.sequential_scan
    if found.indexes:
        old, new = map(identifier, found.indexes)
        return f"{name} is read by the index {new} instead of {old}", Why.other_index
    if found.access is Access.by_index:
        return (
            f"indexes of {name} are scanned {found.scans:,.0f} times more for each call",
            Why.index_scans,
        )
    return f"more rows of {name} are read for the same result", Why.index_scans


def _explain(name: str) -> Iterator[str]:
    yield remark("1. EXPLAIN the statement: compare the estimated rows with those it returns.")
    yield remark(f"2. If the estimates for {name} are wrong: ANALYZE, then a higher statistics")
    yield remark("target, or CREATE STATISTICS for columns that depend on each other.")
    yield remark("3. Look for what was changed at that time: a deployment, a setting of the role")
    yield remark("or database, prepared statements with a generic plan.")


def _unknown() -> Cause:
    return Cause(Why.unknown, "what has changed is not visible here", tuple(_explain("its tables")))
