"""Rows of index_layout made by hand."""

from dataclasses import replace
from typing import Any

from collectors.index_layout import IndexLayout

MIB = 1024**2
LAYOUT = IndexLayout(
    datname="shop",
    indexrelid=11,
    relid=10,
    schemaname="public",
    relname="orders",
    indexrelname="orders_a",
    amname="btree",
    reloptions=None,
    indkey="1",
    indnkeyatts=1,
    indclass="1978",
    indcollation="0",
    indoption="0",
    indexprs=None,
    indpred=None,
    opclass_options=None,
    columns='[["a", "int4", false, 0, true]]',
    is_unique=False,
    is_primary=False,
    is_immediate=True,
    nulls_not_distinct=False,
    is_valid=True,
    is_clustered=False,
    is_replica_identity=False,
    backs_constraint=False,
    is_referenced=False,
    supports_fk=False,
    is_of_extension=False,
    is_partition=False,
    size_bytes=100 * MIB,
    table_bytes=1000 * MIB,
    table_pages=128_000,
    table_rows=1e6,
    idx_scan=100,
    idx_tup_read=100,
    idx_tup_fetch=100,
    blocks_fetched=10**10,
    seq_scan=0,
    n_tup_ins=0,
    n_tup_upd=0,
    n_tup_del=0,
    n_tup_hot_upd=0,
    n_tup_newpage_upd=0,
    stats_reset=0.0,
)


def layout(indexrelid: int = 11, **traits: Any) -> IndexLayout:
    """An index on (a) of public.orders, but for these traits; named after its oid."""
    return replace(LAYOUT, **{"indexrelid": indexrelid, "indexrelname": f"i{indexrelid}", **traits})


def on(*columns: int, oid: int = 12, include: tuple[int, ...] = (), **traits: Any) -> IndexLayout:
    """An index on integer columns, by number."""
    many = len(columns)
    keys = {
        "indkey": " ".join(map(str, (*columns, *include))),
        "indnkeyatts": many,
        "indclass": " ".join(["1978"] * many),
        "indcollation": " ".join(["0"] * many),
        "indoption": " ".join(["0"] * many),
    }
    return layout(oid, **{**keys, **traits})
