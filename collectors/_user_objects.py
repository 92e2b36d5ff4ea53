"""Conditions for relations of users, as queries that look for flaws of a schema use them.

Objects of extensions, of information_schema and of toolkits that live in pg_* schemas are not the
user's to change.
"""

OF_USERS = """
        n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname !~ '^pg_'
        and c.relpersistence <> 't'
        and not exists (
            select from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::regclass
                and d.objid = c.oid
                and d.deptype = 'e'
        )
"""
"""For pg_class as c and pg_namespace as n."""
