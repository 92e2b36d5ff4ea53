"""What PostgreSQL has counted of a statement between looks, over a reset of its entry."""

from datetime import timedelta

from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.statements.history import STATEMENTS
from alerts.statements.uses import Use
from collectors.stat_statements import stat_statements
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database

HOUR = timedelta(hours=1)


def used(snapshot: Snapshot, query_id: int) -> Use | None:
    """What one statement did since the first look."""
    uses = snapshot.of(STATEMENTS).over(HOUR)
    found = [use for (_, _, one), use in (uses or {}).items() if one == query_id]
    return found[0] if found else None


async def test_uses_between_looks(database: Database) -> None:
    """Only executions since the first look count, by whom they were made; a reset loses none."""
    await database.execute(
        "create extension pg_stat_statements; create table counted (id int);"
        "create function nested() returns bigint language plpgsql as"
        " 'begin return (select count(*) from counted); end'"
    )
    await database.fetch("set pg_stat_statements.track = 'all'")
    await database.fetch("insert into counted select generate_series(1, 7)")
    [found] = await database.fetch(
        "select queryid from pg_stat_statements where query like 'insert into counted%'"
        " and dbid = (select oid from pg_database where datname = current_database())"
    )
    query_id, recorder = found["queryid"], Recorder(wants=(STATEMENTS,))
    async with watching(dsn=database.monitor_dsn) as monitor:
        await look(monitor, stat_statements, at=1000, recorder=recorder)
        for _ in range(2):
            await database.fetch("insert into counted select generate_series(1, 7)")
        await database.fetch("select nested()")
        second = await look(monitor, stat_statements, at=1060, recorder=recorder)
        use = used(second, query_id)
        assert use is not None
        assert (use.calls, use.rows, use.nested_calls) == (2, 14, 0)
        assert use.wal_bytes > 0
        uses = second.of(STATEMENTS).over(HOUR)
        assert uses is not None
        assert any(one.nested_calls == one.calls == 1 for one in uses.values())
        await database.fetch("select pg_stat_statements_reset(0, 0, $1)", query_id)
        await database.fetch("insert into counted select generate_series(1, 7)")
        third = await look(monitor, stat_statements, at=1120, recorder=recorder)
        use = used(third, query_id)
        assert use is not None
        assert (use.calls, use.rows) == (3, 21)
