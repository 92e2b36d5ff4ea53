"""The usual estimate, written anew: mean widths from pg_stats, without the layout of rows.

Dashboards and checks estimate bloat in this way; it needs the right to read the tables.
"""

TABLE = """
    with widths as (
        select
            sum((1 - null_frac) * avg_width)                as data,
            max(null_frac)                                  as nulls,
            count(*)                                        as columns
        from pg_stats where tablename = $1
    )
    select 1 - ceil(
        c.reltuples * (
            28 + case when nulls > 0 then ceil(columns / 8.0) else 0 end + data
            + 8 - (28 + data)::int % 8
        ) / (8192 * coalesce(
            (select option_value::int from pg_options_to_table(c.reloptions)
             where option_name = 'fillfactor'), 100) / 100.0 - 24)
    ) / c.relpages
    from pg_class c cross join widths where relname = $1
"""
INDEX = """
    with keys as (
        select
            i.reltuples, i.relpages, i.reloptions,
            sum((1 - coalesce(null_frac, 0)) * coalesce(avg_width, 1024)) as data,
            max(coalesce(null_frac, 0))                     as nulls
        from pg_class i
        join pg_index x on x.indexrelid = i.oid
        join pg_class t on t.oid = x.indrelid
        join pg_attribute a on a.attrelid = i.oid
        left join pg_attribute o
            on o.attrelid = t.oid and o.attnum = x.indkey[a.attnum - 1]
        left join pg_stats s
            on (s.tablename = t.relname and s.attname = o.attname)
            or (s.tablename = i.relname and s.attname = a.attname)
        where i.relname = $1
        group by 1, 2, 3
    )
    select 1 - (1 + ceil(
        reltuples * (4 + 8 + case when nulls > 0 then 8 else 0 end + data + 8 - data::int % 8)
        / ((8192 - 24 - 16) * coalesce(
            (select option_value::int from pg_options_to_table(reloptions)
             where option_name = 'fillfactor'), 90) / 100.0)
    )) / relpages
    from keys
"""
