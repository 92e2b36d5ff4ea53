"""part_config of pg_partman: the tables that it looks after, and when it last did."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# ts_stat runs a query that is given as text. So the schema may have any name, a database without
# the extension has no rows, and a missing right is a row that says so and no error in the log.
# Older versions of pg_partman have no maintenance_last_run.
QUERY = """
    with config as materialized (
        select
            n.nspname,
            e.extversion,
            has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
                                                                as may_read
        from pg_catalog.pg_extension e
        join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'part_config'
        where e.extname = 'pg_partman'
    )
    select
        current_database()::text                                as datname,
        config.nspname::text                                    as extension_schema,
        config.extversion                                       as extension_version,
        config.may_read                                         as may_read,
        entry.of ->> 'parent_table'                             as parent_table,
        entry.of ->> 'automatic_maintenance' = 'on'             as is_automatic,
        (entry.of ->> 'premake')::int4                          as premake,
        entry.of ->> 'retention'                                as retention,
        case
            when entry.of ->> 'retention' ~* '^[0-9]+ *(hour|day|week|mon|month|year)s?$'
            then date_part('epoch', (entry.of ->> 'retention')::interval)
        end                                                     as retention_seconds,
        date_part('epoch', (entry.of ->> 'maintenance_last_run')::timestamptz)
                                                                as maintenance_last_run
    from config
    left join lateral (
        select word::json as of
        from ts_stat(
            case when config.may_read then format(
                'select array_to_tsvector(array[
                    jsonb_strip_nulls(to_jsonb(p) - array[
                        ''constraint_cols'', ''template_table'', ''datetime_string''
                    ])::text
                ]) from %I.part_config p',
                config.nspname
            ) else 'select ''''::tsvector' end
        )
    ) entry on true
"""


@dataclass(frozen=True, slots=True)
class PartmanTable:
    datname: str
    extension_schema: str
    extension_version: str
    may_read: bool
    """Whether we may read the configuration; where not, nothing below is known."""
    parent_table: str | None
    """Schema and name with a dot between them, without quotes; None: it looks after none."""
    is_automatic: bool | None
    """Whether it is part of the maintenance of all tables."""
    premake: int | None
    """Partitions that are made ahead."""
    retention: str | None
    """None: nothing is dropped."""
    retention_seconds: float | None
    """None also where it is a number of a key."""
    maintenance_last_run: float | None
    """Unix seconds; None: never, or before pg_partman 5.1, which does not note it."""


partman_tables = Collector(
    row=PartmanTable,
    lane=Lane.slow,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "parent_table"),
)
