"""Foreign code: functions of users that the planner could run for a statement.

The planner runs immutable and stable functions whose arguments are known, as our login. So the
text must name none that a user wrote, and no view, policy, index or constraint of its tables may
call one. What is written in C, or built in, only a superuser can create.
"""

from monitor.planner.text import Names

# Operators that a text means without writing them: LIKE, IN, BETWEEN, USING …
MEANT = ("=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~")
QUERY = """
    with recursive reach (oid) as (
        select l.relation
        from pg_catalog.pg_locks l
        where l.pid = pg_catalog.pg_backend_pid()
            and l.locktype = 'relation'
            and l.relation >= 16384::oid
            and l.database =
                (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
        union
        select i.inhrelid from reach join pg_catalog.pg_inherits i on i.inhparent = reach.oid
    ), part (classid, objid) as (
        select 'pg_catalog.pg_class'::regclass, reach.oid from reach
        union all
        select 'pg_catalog.pg_rewrite'::regclass, w.oid
        from reach join pg_catalog.pg_rewrite w on w.ev_class = reach.oid
        union all
        select 'pg_catalog.pg_policy'::regclass, p.oid
        from reach join pg_catalog.pg_policy p on p.polrelid = reach.oid
        union all
        select 'pg_catalog.pg_constraint'::regclass, k.oid
        from reach join pg_catalog.pg_constraint k on k.conrelid = reach.oid
        union all
        select 'pg_catalog.pg_class'::regclass, i.indexrelid
        from reach join pg_catalog.pg_index i on i.indrelid = reach.oid
        union all
        select 'pg_catalog.pg_statistic_ext'::regclass, s.oid
        from reach join pg_catalog.pg_statistic_ext s on s.stxrelid = reach.oid
        union all
        select 'pg_catalog.pg_attrdef'::regclass, f.oid
        from reach
        join pg_catalog.pg_attrdef f on f.adrelid = reach.oid
        join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
        where a.attgenerated = 'v'
    ), called (oid) as (
        select p.oid from pg_catalog.pg_proc p
        where p.proname = any ($1::text[]::name[])
            and p.prorettype <> 'pg_catalog.trigger'::regtype
        union all
        select p.oid from pg_catalog.pg_proc p
        join pg_catalog.pg_type t on t.oid = p.proargtypes[0]
        where p.proname = any ($2::text[]::name[]) and p.pronargs = 1 and t.typtype = 'c'
        union all
        select o.oprcode::oid from pg_catalog.pg_operator o
        where o.oid >= 16384::oid
            and exists (
                select from pg_catalog.unnest($3::text[]) run (signs)
                where pg_catalog.strpos(run.signs, o.oprname::text) > 0
            )
        union all
        select c.castfunc from pg_catalog.pg_cast c where c.castfunc >= 16384::oid
        union all
        select r.rngsubdiff::oid from pg_catalog.pg_range r
        union all
        select r.rngcanonical::oid from pg_catalog.pg_range r
        union all
        select d.refobjid
        from part
        join pg_catalog.pg_depend d on d.classid = part.classid and d.objid = part.objid
        where d.refclassid = 'pg_catalog.pg_proc'::regclass
        union all
        select o.oprcode::oid
        from part
        join pg_catalog.pg_depend d on d.classid = part.classid and d.objid = part.objid
        join pg_catalog.pg_operator o on o.oid = d.refobjid
        where d.refclassid = 'pg_catalog.pg_operator'::regclass
    )
    select p.proname::text
    from called
    join pg_catalog.pg_proc p on p.oid = called.oid
    where p.oid >= 16384::oid and p.prolang not in (12::oid, 13::oid)
    order by p.proname
    limit 1
"""


def arguments(names: Names) -> tuple[list[str], list[str], list[str]]:
    """Return what the query takes: names that are called, all names, and operators."""
    # An operator may be part of a longer run of signs, and the text may mean some unwritten.
    return list(names.called), list(names.words), [*names.signs, *MEANT]
