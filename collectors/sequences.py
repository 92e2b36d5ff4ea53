"""pg_sequences: how much of each sequence is used up, by the limit of the column that it feeds."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Bound, Collector, Lane, Scope, gauge

# The last value is read from the sequence itself, under a lock that DDL on it keeps us from. A
# temporary one belongs to another session, an unlogged one can't be read on a standby.
QUERY = """
    with locked as materialized (
        select relation from pg_catalog.pg_locks
        where locktype = 'relation'
            and database = (
                select oid from pg_catalog.pg_database where datname = current_database()
            )
            and mode in (
                'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
            )
    )
    select
        current_database()::text                                        as datname,
        n.nspname::text                                                 as schemaname,
        c.relname::text                                                 as sequencename,
        s.seqmin                                                        as min_value,
        s.seqmax                                                        as max_value,
        s.seqincrement                                                  as increment,
        s.seqcycle                                                      as cycles,
        t.oid is not null                                               as has_column,
        tn.nspname::text                                                as table_schemaname,
        t.relname::text                                                 as relname,
        a.attname::text                                                 as column_name,
        format_type(a.atttypid, null)                                   as column_type,
        has_sequence_privilege(c.oid, 'select, usage')                  as may_read,
        can.be_read                                                     as is_known,
        case when can.be_read then pg_sequence_last_value(c.oid) end    as last_value
    from pg_catalog.pg_sequence s
    join pg_catalog.pg_class c on c.oid = s.seqrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
        select has_sequence_privilege(c.oid, 'select, usage')
            and not (c.relpersistence = 'u' and pg_is_in_recovery())
            and c.oid not in (select relation from locked) as be_read
    ) as can
    left join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid
        and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0
        and d.deptype in ('a', 'i')
    left join pg_catalog.pg_class t on t.oid = d.refobjid
    left join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
    left join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where c.relpersistence <> 't'
"""
LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1}


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence, and the column that it belongs to."""

    datname: str
    schemaname: str
    sequencename: str
    min_value: int
    max_value: int
    increment: int
    cycles: bool
    has_column: bool
    """Whether a column owns it; else the four below are None."""
    table_schemaname: str | None
    relname: str | None
    column_name: str | None
    column_type: str | None
    may_read: bool
    """Without SELECT on it nobody tells us where it is."""
    is_known: bool
    """Whether the last value was read; it is not without the right, or while DDL holds it."""
    last_value: int | None
    """None where it is not known, and where no value was taken yet."""

    @property
    def last_possible(self) -> int:
        """Where it ends: its own limit, or that of the type of its column."""
        if self.increment < 0:
            return max(self.min_value, -LARGEST.get(self.column_type or "", 2**63) - 1)
        return min(self.max_value, LARGEST.get(self.column_type or "", 2**63))

    @property
    def remaining(self) -> int | None:
        """How many values it can still give."""
        if not self.is_known:
            return None
        if self.last_value is None:
            return max(0, (self.last_possible - self._first) // self.increment + 1)
        return max(0, (self.last_possible - self.last_value) // self.increment)

    @property
    def used_ratio(self) -> float | None:
        """1: it has no further value to give."""
        if not self.is_known:
            return None
        if self.last_value is None:
            return 0.0
        if self._first == self.last_possible:
            return 1.0
        return min(1.0, (self.last_value - self._first) / (self.last_possible - self._first))

    @property
    def _first(self) -> int:
        return self.min_value if self.increment > 0 else self.max_value


LABELS = ("datname", "schemaname", "sequencename")

sequences = Collector(
    row=Sequence,
    lane=Lane.slow,
    sql={140000: QUERY},
    scope=Scope.database,
    key=LABELS,
    bound=Bound(rank="used_ratio", top=100),
    metrics=(
        gauge(
            "pg_sequence_last_value",
            "The last value taken; absent where none was, and where it is not known.",
            attrgetter("last_value"),
            LABELS,
        ),
        gauge(
            "pg_sequence_used_ratio",
            "Share of its values that is used up, by the type of its column too;"
            " absent where it is not known.",
            attrgetter("used_ratio"),
            LABELS,
        ),
        gauge(
            "pg_sequence_remaining_values",
            "How many values it can still give; absent where it is not known.",
            attrgetter("remaining"),
            LABELS,
        ),
        gauge(
            "pg_sequence_unreadable",
            "1 where we lack SELECT on the sequence, so that nothing is known of it.",
            lambda row: not row.may_read,
            LABELS,
            additive=True,
        ),
    ),
)
