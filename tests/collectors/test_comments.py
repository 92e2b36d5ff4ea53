"""comments on real servers: a wish not to hear of something, and what it covers."""

import pytest

from alerts.verdicts.mutes import comments_by_object
from collectors.comments import comments
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database, Psql

SHOP = """
    CREATE TABLE orders (id int PRIMARY KEY, at int);
    CREATE INDEX "By ""at"" time" ON orders (at);
    CREATE TABLE events (at int) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (9);
    CREATE INDEX events_at ON events (at);
"""


async def covered(database: Database) -> dict[str, str]:
    async with watching(dsn=database.monitor_dsn) as monitor:
        rows = (await look(monitor, comments)).rows(comments)
    found = comments_by_object(rows)
    assert {datname for datname, _ in found} <= {database.name}
    return {name: comment for (_, name), comment in found.items()}


@pytest.mark.parametrize(
    ("commented", "names"),
    [
        ('INDEX "By ""at"" time"', ['public."By ""at"" time"']),
        ("TABLE orders", ['public."By ""at"" time"', "public.orders", "public.orders_pkey"]),
        ("INDEX events_at", ["public.events_1_at_idx", "public.events_at"]),
        (
            "TABLE events",
            [f"public.events{part}" for part in ("", "_1", "_1_at_idx", "_at")],
        ),
    ],
)
async def test_a_comment_covers_what_belongs_to_it(
    database: Database, psql: Psql, commented: str, names: list[str]
) -> None:
    """A comment on a table speaks for its indexes and partitions too."""
    await psql(database.dsn, f"{SHOP} COMMENT ON {commented} IS 'pgvigil:ignore * : why'")
    assert await covered(database) == dict.fromkeys(names, "pgvigil:ignore * : why")


async def test_all_comments_are_read(database: Database, psql: Psql) -> None:
    """Several comments that cover one object are all read, its own first; others are not ours."""
    await psql(
        database.dsn,
        f"""{SHOP}
        COMMENT ON TABLE orders IS 'pgvigil:ignore table_bloat: queue';
        COMMENT ON INDEX orders_pkey IS 'pgvigil:ignore index_unused: mine';
        COMMENT ON COLUMN orders.at IS 'pgvigil:ignore everything: not a relation';
        COMMENT ON TABLE events IS 'our events';
        """,
    )
    found = await covered(database)
    assert found["public.orders_pkey"] == (
        "pgvigil:ignore index_unused: mine\npgvigil:ignore table_bloat: queue"
    )
    assert found["public.orders"] == "pgvigil:ignore table_bloat: queue"
    assert "public.events" not in found
