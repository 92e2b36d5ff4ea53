"""Texts as PostgreSQL hands them out: each asked for once, none with its values."""

import pytest

from alerts.history.recorder import Recorder
from alerts.statements.history import STATEMENTS
from alerts.statements.texts import STATEMENT_TEXTS
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import PrivateServers, connected


@pytest.mark.versions(14, 18)
async def test_texts_of_new_statements(private_server: PrivateServers) -> None:
    """In a schema with a hostile name, with an odd text; a long one is cut, and says so."""
    # A server of its own: beside thousands of other statements these would not matter.
    server = private_server(shared_preload_libraries="pg_stat_statements")
    async with connected(server.dsn()) as admin:
        await admin.execute(
            'create schema "o\'dd;"; create extension pg_stat_statements schema "o\'dd;";'
            f'grant usage on schema "o\'dd;" to {MONITOR};'
            'create table "bö\'x" (note text)'
        )
        await admin.fetch("select count(*) from \"bö'x\" where note = 'hunter2'")
        await admin.fetch("set application_name = 'hunter2'")
        long = " or ".join(f"note = 'hunter2{n}'" for n in range(900))
        await admin.fetch(f'select count(*) from "bö\'x" where {long}')
    recorder = Recorder(wants=(STATEMENTS, STATEMENT_TEXTS))
    async with watching(dsn=server.dsn(user=MONITOR)) as monitor:
        first = await look(monitor, stat_statements, statement_texts, recorder=recorder)
        asked = len(first.rows(statement_texts))
        while True:
            second = await look(monitor, stat_statements, statement_texts, recorder=recorder)
            if len(second.rows(statement_texts)) <= 5:  # statements of our own
                break
    assert asked > 0
    own = {row.query_id for row in second.rows(stat_statements) if row.datname == "postgres"}
    known = second.of(STATEMENT_TEXTS).known
    texts = {known[one].shown for one in own if one in known}
    assert 'select count(*) from "bö\'x" where note = $1' in texts
    assert not any("hunter2" in one for one in texts)
    own_cuts = [known[one] for one in own if one in known and known[one].is_cut]
    [cut] = [one for one in own_cuts if one.shown.startswith("select count(*)")]
    assert len(cut.query.encode()) <= 4096
