"""pg_sequences: how much of each sequence is used up, by the limit of the column that it feeds."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Bound, Collector, Lane, Scope, gauge

# The last value is read from the sequence itself, and DDL on it would keep us waiting. A temporary
# one belongs to another session, an unlogged one can't be read on a standby. Until 17 the function
# keeps a lock on each sequence to the end of the statement: so many locks that others find no room
# are worse than not knowing, so the narrowest come first, and there is an end.
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
    ), known as (
        select
            c.oid                                                       as relid,
            n.nspname::text                                             as schemaname,
            c.relname::text                                             as sequencename,
            s.*,
            tn.nspname::text                                            as table_schemaname,
            t.relname::text                                             as relname,
            a.attname::text                                             as column_name,
            format_type(a.atttypid, null)                               as column_type,
            has_sequence_privilege(c.oid, {rights})                     as may_read,
            not (c.relpersistence = 'u' and pg_is_in_recovery())
                and c.oid not in (select relation from locked)          as is_free,
            row_number() over (order by least(
                case s.seqtypid when 'int8'::regtype then 8 when 'int4'::regtype then 4 else 2 end,
                case when a.attlen > 0 then a.attlen else 8 end
            ), c.oid)                                                   as place
        from pg_catalog.pg_sequence s
        join pg_catalog.pg_class c on c.oid = s.seqrelid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        left join pg_catalog.pg_depend d
            on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0
            and d.deptype in ('a', 'i')
        left join pg_catalog.pg_class t on t.oid = d.refobjid
        left join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
        left join pg_catalog.pg_attribute a
            on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where c.relpersistence <> 't' and c.oid {asked}
    )
    select
        current_database()::text                                        as datname,
        k.relid                                                         as relid,
        k.schemaname                                                    as schemaname,
        k.sequencename                                                  as sequencename,
        k.seqmin                                                        as min_value,
        k.seqmax                                                        as max_value,
        k.seqincrement                                                  as increment,
        k.seqcycle                                                      as cycles,
        k.table_schemaname                                              as table_schemaname,
        k.relname                                                       as relname,
        k.column_name                                                   as column_name,
        k.column_type                                                   as column_type,
        k.may_read                                                      as may_read,
        k.may_read and k.is_free and {within}                           as is_known,
        case when k.may_read and k.is_free and {within} then {last_value} end as last_value
    from known k
"""
A_FEW = """k.place <= greatest(100, (
            select setting::int4 from pg_catalog.pg_settings where name = 'max_connections'
        ) * (
            select setting::int4 from pg_catalog.pg_settings
            where name = 'max_locks_per_transaction'
        ) / 20)"""
"""A twentieth of the room for locks."""
UNTIL_17 = {
    "rights": "'select, usage'",
    "within": A_FEW,
    "last_value": "pg_sequence_last_value(k.relid)",
}
FROM_18 = {
    "rights": "'select'",
    "within": "true",
    "last_value": """(
            select case when is_called then last_value end
            from pg_catalog.pg_get_sequence_data(k.relid)
        )""",
}
LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1}


def query(parts: dict[str, str]) -> str:
    return QUERY.replace("{asked}", "{{asked}}").format(**parts)


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence, and the column that it belongs to."""

    datname: str
    relid: int
    schemaname: str
    sequencename: str
    min_value: int
    max_value: int
    increment: int
    cycles: bool
    table_schemaname: str | None
    """None, and so are the three below, where no column owns it."""
    relname: str | None
    column_name: str | None
    column_type: str | None
    may_read: bool
    """Without SELECT on it nobody tells us where it is."""
    is_known: bool
    """Whether the last value was read: not without the right, nor while DDL holds it, nor before 18
    of more than a few hundred sequences at once."""
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
    sql={140000: query(UNTIL_17), 180000: query(FROM_18)},
    scope=Scope.database,
    key=("datname", "relid"),
    bulk=True,
    bound=Bound(rank="used_ratio", top=100),
    metrics=(
        gauge(
            "pg_sequence_last_value",
            "The last value taken; absent where none was, and where it is not known.",
            "last_value",
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
