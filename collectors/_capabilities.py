"""Privileges that some queries need, each with the statement that grants it."""

from collectors._base import Capability, Scope

READ_ALL_STATS = Capability(
    name="pg_read_all_stats",
    probe="pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage')",
    grant="GRANT pg_monitor TO {role};",
    buys="sessions of other users, and the state of replication",
)

LIST_WAL = Capability(
    name="list_wal",
    probe="pg_catalog.has_function_privilege('pg_catalog.pg_ls_waldir()', 'execute')",
    grant="GRANT pg_monitor TO {role};",
    buys="the size of WAL, and how much of it waits to be archived",
)

LIST_TEMPORARY = Capability(
    name="list_temporary",
    probe="pg_catalog.has_function_privilege('pg_catalog.pg_ls_tmpdir(oid)', 'execute')",
    grant="GRANT pg_monitor TO {role};",
    buys="which sessions write temporary files",
)

LIST_LOG = Capability(
    name="list_log",
    probe="pg_catalog.has_function_privilege('pg_catalog.pg_ls_logdir()', 'execute')",
    grant="GRANT pg_monitor TO {role};",
    buys="the size of the server's log",
)

READ_CONTROL = Capability(
    name="read_control",
    probe="(pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute')"
    " and pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'execute'))",
    grant=(
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system(),"
        " pg_catalog.pg_control_checkpoint() TO {role};"
    ),
    buys="which cluster the server belongs to",
    is_public=True,
)

COLUMN_STATISTICS = Capability(
    name="column_statistics",
    probe="""(
        select pg_catalog.bool_and(
            pg_catalog.has_column_privilege('pg_catalog.pg_statistic', name, 'select')
        )
        from pg_catalog.unnest(pg_catalog.string_to_array(
            'starelid staattnum stainherit stanullfrac stawidth stadistinct', ' '
        )) as name
    )""",
    grant=(
        "GRANT SELECT (starelid, staattnum, stainherit, stanullfrac, stawidth, stadistinct)"
        " ON pg_catalog.pg_statistic TO {role};"
    ),
    buys="the width of rows, from which bloat is estimated",
    scope=Scope.database,
)

COLUMN_ORDER = Capability(
    name="column_order",
    probe="""(
        select pg_catalog.bool_and(
            pg_catalog.has_column_privilege('pg_catalog.pg_statistic', name, 'select')
        )
        from pg_catalog.unnest(pg_catalog.string_to_array(
            'starelid staattnum stainherit stakind1 stakind2 stakind3 stakind4 stakind5'
            ' stanumbers1 stanumbers2 stanumbers3 stanumbers4 stanumbers5', ' '
        )) as name
    )""",
    grant=(
        "GRANT SELECT (starelid, staattnum, stainherit, stakind1, stakind2, stakind3, stakind4,"
        " stakind5, stanumbers1, stanumbers2, stanumbers3, stanumbers4, stanumbers5)"
        " ON pg_catalog.pg_statistic TO {role};"
    ),
    buys="how far rows lie in the order of a column",
    scope=Scope.database,
    is_optional=True,
)

EXTENDED_STATISTICS = Capability(
    name="extended_statistics",
    probe="""(
        select pg_catalog.bool_and(pg_catalog.has_column_privilege(
            'pg_catalog.pg_statistic_ext_data', name, 'select'
        ))
        from pg_catalog.unnest(pg_catalog.string_to_array('stxoid stxddependencies', ' ')) as name
    )""",
    grant="GRANT SELECT (stxoid, stxddependencies) ON pg_catalog.pg_statistic_ext_data TO {role};",
    buys="which columns determine others, where there are statistics of dependencies",
    scope=Scope.database,
    is_optional=True,
)

READ_PENDING_LISTS = Capability(
    name="read_pending_lists",
    probe="""(
        pg_catalog.pg_has_role(current_user, 'pg_stat_scan_tables', 'usage')
        and not exists (
            select from pg_catalog.pg_proc
            where proname operator(pg_catalog.=) 'pgstatginindex'
                and not pg_catalog.has_function_privilege(oid, 'execute')
        )
    )""",
    grant="GRANT pg_monitor TO {role};",
    buys="the pending lists of GIN indexes, where pgstattuple is installed",
    scope=Scope.database,
)
