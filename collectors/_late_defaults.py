"""Defaults that look up their sequence by name each time: nextval('orders_id_seq'::text).

Old dumps and some schema tools write them. pg_depend knows nothing of them, so the name is read
from the stored expression: nextval (1574) of a text that becomes a regclass (1079). Its bytes are
printed as signed numbers, after the four of the length. pg_get_expr would wait for locks. OFFSET 0
lets each name be computed once.
"""

LATE_DEFAULTS = r"""
    select written.adrelid, written.adnum, max(s.oid) as sequence
    from (
        select
            named.adrelid,
            named.adnum,
            (
                select array_agg(case
                    when part like '"%' then replace(substr(part, 2, length(part) - 2), '""', '"')
                    else lower(part)
                end order by place)
                from unnest(regexp_match(
                    named.name,
                    '^(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)$'
                )) with ordinality as parts (part, place)
            ) as name
        from (
            select
                e.adrelid,
                e.adnum,
                convert_from(decode((
                    select string_agg(lpad(to_hex(byte::int4 & 255), 2, '0'), '' order by place)
                    from unnest(string_to_array(found.bytes[1], ' '))
                        with ordinality as listed (byte, place)
                    where place > 4
                ), 'hex'), getdatabaseencoding()) as name
            from pg_catalog.pg_attrdef e
            cross join lateral regexp_match(
                e.adbin::text,
                ':funcid 1574 [^{]*\{FUNCEXPR :funcid 1079 [^{]*\{CONST [^}]*'
                ':constvalue [0-9]+ \[ ((?:-?[0-9]+ ?)+?) ?\]'
            ) as found (bytes)
            where e.adbin::text like '%:funcid 1079 %' and found.bytes is not null
        ) named
        offset 0
    ) written
    join pg_catalog.pg_class s on s.relkind = 'S' and s.relpersistence <> 't'
        and s.relname = written.name[2]
    join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
    where sn.nspname = written.name[1] or written.name[1] is null
    group by written.adrelid, written.adnum
    having count(*) = 1
"""
"""Table, column and sequence. A name without a schema counts where there is one such sequence."""
