"""Transaction ids as they are used up, under our names and under old ones."""

from collectors.transaction_ids import TransactionIds, transaction_ids
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database


async def ids(database: Database) -> TransactionIds:
    async with watching(dsn=database.monitor_dsn) as session:
        return (await look(session, transaction_ids)).row(transaction_ids)


async def test_who_writes_uses_them_up(database: Database) -> None:
    """What stays open ages while others go on."""
    writer = await database.session()
    await writer.execute("begin")
    mine = int(await writer.fetchval("select pg_current_xact_id()::text"))
    for _ in range(3):
        await database.execute("select pg_current_xact_id()")
    row = await ids(database)
    assert row.oldest_xid <= mine
    assert row.oldest_age >= 4
    samples = {metric.name: dict(metric.samples([row]))[()] for metric in transaction_ids.metrics}
    assert samples["pg_txid_current"] == samples["pg_transaction_ids_assigned_total"]
    assert samples["pg_txid_xmin_age"] == row.oldest_age
