"""Texts as PostgreSQL hands them out: each asked for once, none with its values."""

from dataclasses import replace

import pytest

from alerts._base import State
from alerts.findings.queries.query_n_plus_one import finding as by_text
from alerts.history.recorder import Recorder
from alerts.statements.history import STATEMENTS
from alerts.statements.texts import STATEMENT_TEXTS
from collectors._base import Absence
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from monitor.postgres.errors import QueryFailure
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected


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


@pytest.mark.versions(14, 18)
async def test_executions_of_a_prepared_statement(private_server: PrivateServers) -> None:
    """They are counted under the text of the PREPARE, and shown as what is executed."""
    server = private_server(shared_preload_libraries="pg_stat_statements")
    async with connected(server.dsn()) as admin:
        await admin.execute(
            "create extension pg_stat_statements; create table t (n int);"
            "prepare p(int) as select count(*) from t where n > $1"
        )
        for n in range(20):
            await admin.execute(f"execute p({n})")
    recorder = Recorder(wants=(STATEMENTS, STATEMENT_TEXTS))
    async with watching(dsn=server.dsn(user=MONITOR)) as monitor:
        seen = await look(monitor, stat_statements, statement_texts, recorder=recorder)
    [row] = [row for row in seen.rows(stat_statements) if row.calls == 20]
    shown = seen.of(STATEMENT_TEXTS).shown(row.query_id)
    assert shown == "select count(*) from t where n > $1"


@pytest.mark.versions(14, 18)
async def test_a_text_that_can_not_be_read_blinds_what_needs_texts(
    private_server: PrivateServers, psql: Psql
) -> None:
    """One text of a database in SQL_ASCII makes the server refuse all of them in UTF8."""
    server = private_server(shared_preload_libraries="pg_stat_statements")
    made = "create database bytes template template0 encoding 'SQL_ASCII' lc_collate 'C'"
    await psql(server.dsn(), f"create extension pg_stat_statements;\n{made} lc_ctype 'C';")
    odd = "do $$ begin execute 'select 1 as \"caf' || chr(233) || '\"'; end $$"
    recorder = Recorder(wants=by_text.history)
    async with watching(dsn=server.dsn(user=MONITOR)) as monitor:
        first = await look(monitor, stat_statements, statement_texts, recorder=recorder, at=0)
        async with connected(server.dsn("bytes")) as session:
            await session.execute("set pg_stat_statements.track = 'all'")
            await session.execute(odd)
        assert first.has(statement_texts)
        with pytest.raises(QueryFailure, match="has no form in the encoding"):
            await look(monitor, stat_statements, statement_texts, recorder=recorder, at=3600)
        counted = await look(monitor, stat_statements, recorder=recorder, at=3600)
    blind = replace(counted, absent={**counted.absent, statement_texts: Absence("refused")})
    assert verdict_of(by_text, blind).state is State.unknown
