"""Rows of every version of PgBouncer: what it has not is None, what we don't know is ignored."""

import pytest

from collectors._base import Kind
from collectors._catalogue import about
from collectors.pooler_databases import pooler_databases
from collectors.pooler_pools import pooler_pools
from monitor.pgbouncer.rows import rows_of
from monitor.reading import ReadFailure

Record = dict[str, str | None]
OLD: Record = {"name": "shop", "host": "", "port": "5432", "pool_size": "20", "reserve_pool": "5"}
NEW: Record = {
    "name": "shop",
    "host": "db",
    "port": "5432",
    "pool_size": "20",
    "reserve_pool_size": "6",
}


def test_a_column_by_either_of_its_names() -> None:
    [old, new] = rows_of(pooler_databases, [OLD, NEW | {"load_balance_hosts": None}])
    assert (old.reserve_pool_size, old.host, old.paused) == (5, None, None)
    assert (new.reserve_pool_size, new.host) == (6, "db")


def test_the_wait_has_fractions_of_a_second() -> None:
    record: Record = {"database": "shop", "user": "app", "maxwait": "2", "maxwait_us": "500000"}
    [pool] = rows_of(pooler_pools, [record])
    assert pool.wait_seconds == 2.5
    assert pool.established is None


@pytest.mark.parametrize(
    ("record", "why"),
    [({"user": "app"}, "no database"), ({"database": "a", "user": "b", "maxwait": "x"}, "'x'")],
)
def test_what_can_not_be_read_is_said(record: Record, why: str) -> None:
    with pytest.raises(ReadFailure, match=why):
        rows_of(pooler_pools, [record])


def test_each_collector_of_a_pooler_only_shows() -> None:
    """A user of stats_users may run it, and it changes nothing."""
    asking = [one for one in about(Kind.pgbouncer) if one.console]
    assert len(asking) == 11
    assert all(one.console.startswith("SHOW ") and not one.sql for one in asking)
