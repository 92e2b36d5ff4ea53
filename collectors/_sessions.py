"""pg_stat_activity and its like without their tables: readable during VACUUM FULL of pg_authid.

The views join tables for names, and wait for their locks; functions look names up in caches.
"""

SESSIONS = "pg_catalog.pg_stat_get_activity(null)"
WALSENDERS = "pg_catalog.pg_stat_get_wal_senders()"
SLOTS = "pg_catalog.pg_get_replication_slots()"
USER = "case when a.usesysid is not null then pg_get_userbyid(a.usesysid)::text end"
DATABASE = "(pg_identify_object_as_address(1262, {oid}, 0)).object_names[1]"
"""1262 is pg_database."""


def without_tables(query: str) -> str:
    """Fill in `{sessions}`, the names of a session with the alias a, and that of a lock l."""
    texts = {
        "{sessions}": SESSIONS,
        "{walsenders}": WALSENDERS,
        "{slots}": SLOTS,
        "{usename}": USER,
        "{datname}": DATABASE.format(oid="a.datid"),
        "{prepared_in}": DATABASE.format(oid="p.dbid"),
        "{slot_datname}": DATABASE.format(oid="s.datoid"),
        "{locked_in}": DATABASE.format(oid="l.database"),
    }
    for mark, text in texts.items():
        query = query.replace(mark, text)
    return query
