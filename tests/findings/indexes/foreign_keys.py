"""A row of unindexed_foreign_keys made by hand."""

from collectors.unindexed_foreign_keys import UnindexedForeignKey

KEY = UnindexedForeignKey(
    datname="shop",
    constraint_oid=100,
    relid=10,
    schemaname="public",
    relname="child",
    conname="child_parent_fkey",
    attnames=["parent"],
    parent_schemaname="public",
    parent_relname="parents",
    on_delete="a",
    root_relid=None,
    root_schemaname=None,
    root_relname=None,
    table_bytes=100 * 1024**2,
    table_rows=1e6,
    parent_rows=1e4,
    seq_scan=0,
    seq_tup_read=0,
    parent_deletes=7,
    parent_updates=0,
    stats_reset=0.0,
)
