"""Limits of what is known of pg_partman without the right to read its configuration."""

from alerts._base import Unjudged
from alerts.cure import identifier
from collectors.partman_tables import PartmanTable


def unreadable(row: PartmanTable) -> Unjudged:
    config = identifier(row.extension_schema, "part_config")
    why = f"pgvigil may not read {config} (it needs USAGE on the schema, SELECT on the table)"
    return Unjudged(why, row.datname, subject="pg_partman")
