"""The page of the daemon: estimates of tables and indexes under the names of published rules."""

import pytest

from collectors._capabilities import COLUMN_STATISTICS
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, Psql
from tests.fixtures.until import until

FAMILIES = (
    'pg_table_bloat_ratio{datname="postgres",schemaname="public",relname="orders"} 0.',
    'pg_table_bloat_lowest_ratio{datname="postgres",schemaname="public",relname="orders"} 0.',
    'pg_bloat_table_bloat_pct{datname="postgres",schemaname="public",relname="orders"} 4',
    'pg_index_bloat_bytes{datname="postgres",schemaname="public",relname="orders",'
    'indexrelname="orders_pkey"} ',
    'pg_bloat_btree_real_size{datname="postgres",schemaname="public",relname="orders",'
    'idxname="orders_pkey"} ',
)
SCENE = """
    CREATE TABLE orders (id int PRIMARY KEY, note text);
    INSERT INTO orders SELECT i, repeat('x', 50) FROM generate_series(1, 48000) i;
    DELETE FROM orders WHERE id % 2 = 0;
"""


@pytest.mark.versions(18)
async def test_page(private_server: PrivateServers, psql: Psql, watch: Watch) -> None:
    """Half of the rows are deleted: what is published says so, though nothing is ill."""
    server = private_server()
    await psql(server.dsn(), COLUMN_STATISTICS.grant.replace("{role}", MONITOR) + SCENE)
    await psql(server.dsn(), "VACUUM (ANALYZE) orders")
    watched = await watch(server.dsn(user=MONITOR))

    async def published() -> bool:
        page = watched.fleet.store.page().body.decode()
        return all(name in page for name in FAMILIES)

    await until(published, "the estimates are published")
    measured = watched.verdict("table_bloat").measured
    assert [row.relname for row in measured] == ["orders"]
