"""pg_stat_activity without its tables: readable during VACUUM FULL of pg_authid.

The view joins both for names, and waits for their locks; functions look names up in caches.
"""

SESSIONS = "pg_catalog.pg_stat_get_activity(null)"
USER = "case when a.usesysid is not null then pg_get_userbyid(a.usesysid)::text end"
DATABASE = "(pg_identify_object_as_address(1262, {oid}, 0)).object_names[1]"
"""1262 is pg_database."""


def without_tables(query: str) -> str:
    """Fill in `{sessions}`, the names of a session with the alias a, and that of a lock l."""
    texts = {
        "{sessions}": SESSIONS,
        "{usename}": USER,
        "{datname}": DATABASE.format(oid="a.datid"),
        "{locked_in}": DATABASE.format(oid="l.database"),
    }
    for mark, text in texts.items():
        query = query.replace(mark, text)
    return query
