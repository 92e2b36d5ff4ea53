"""pg_stat_activity: how old what a session holds is."""

from collectors.activity import Session, activity
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database


async def test_ages_of_what_a_session_holds(database: Database) -> None:
    """A transaction id and a snapshot age apart; nothing of either is None, never 0."""
    await database.execute("create table t (i int)")
    writer = await database.session(application_name="writer")
    reader = await database.session(application_name="reader")
    await database.session(application_name="idle")
    await writer.execute("begin; insert into t values (1)")
    await reader.execute("begin isolation level repeatable read; select count(*) from t")
    for number in range(3):
        await database.execute(f"insert into t values ({number})")
    async with watching(dsn=database.monitor_dsn) as monitor:
        rows = (await look(monitor, activity)).rows(activity)
    found = {row.application_name: row for row in rows if row.datname == database.name}
    wrote, read = found["writer"], found["reader"]
    assert wrote.xid_age is not None
    assert wrote.xid_age > 3
    assert wrote.backend_xmin_age is None
    assert read.xid_age is None
    assert read.backend_xmin_age is not None
    # The oldest row version that the reader may need is older than the open transaction.
    assert read.backend_xmin_age >= wrote.xid_age
    assert (wrote.xmin_age, read.xmin_age) == (wrote.xid_age, read.backend_xmin_age)
    assert ages(found["idle"]) == (None, None)


def ages(session: Session) -> tuple[int | None, int | None]:
    return session.xid_age, session.backend_xmin_age
