"""Plans on real servers: asked by a login that can only read, and never by running foreign code."""

import re

import pytest

from alerts.history.recorder import Recorder
from alerts.statements.history import STATEMENTS
from alerts.statements.texts import STATEMENT_TEXTS
from monitor.planner import choice
from monitor.planner import visit as planner_visit
from monitor.postgres.plans_role_sql import statements
from tests.fixtures.plan_desk import Desk, visit, visits_of
from tests.fixtures.postgres import PrivateServers, Psql, connected

WANTS = (STATEMENTS, STATEMENT_TEXTS)
ROLE = "Plans of 'x'"
SCHEMA = """
    create extension pg_stat_statements;
    create role app login;
    create schema "Shop's"; grant all on schema "Shop's" to app;
    create schema hidden; grant all on schema hidden to app;
    alter role app set search_path = "Shop's", hidden, pg_catalog;
    set role app;
    create table "Shop's".orders (id int primary key, status text, note text);
    insert into "Shop's".orders select n, 's' || n % 5, repeat('x', 50)
        from generate_series(1, 3000) n;
    create table hidden.secrets (id int);
    create function "Shop's".evil(int) returns int immutable language plpgsql
        as $$ begin raise log 'TRAP SPRUNG'; return 1; end $$;
    create view "Shop's".trap as select * from "Shop's".orders where id = "Shop's".evil(3);
    create table "Shop's".guarded (id int);
    create index on "Shop's".guarded (id) where id > "Shop's".evil(1);
    create function "Shop's".two(int, int) returns boolean immutable language plpgsql
        as $$ begin raise log 'TRAP SPRUNG'; return true; end $$;
    create operator "Shop's".<+> (leftarg = int, rightarg = int, function = "Shop's".two);
    reset role;
    analyze;
"""
GOOD = "select id from orders where status = 'secret-status'"
FROM_VIEW = "select id from trap"
CALLS = "select id from orders where id = evil(7)"
WITH_OPERATOR = "select id from orders where 3 <+> 4"
GUARDED = "select id from guarded where id > 5"
HIDDEN = "select id from secrets where id = 5"
WRITES = "update orders set note = 'y' where id = 5"
LOCKS = "select id from orders where id = 6 for update"
EXPLAINED = "__: explain ("
"""How the log tells of an EXPLAIN that was executed."""
RUN = (GOOD, FROM_VIEW, CALLS, WITH_OPERATOR, GUARDED, HIDDEN, WRITES, LOCKS)


async def test_the_dearest_queries_are_planned(
    private_server: PrivateServers, psql: Psql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may be, by a login without rights beyond reading; the rest says why not."""
    monkeypatch.setattr(choice, "LEAST", 0.0)
    monkeypatch.setattr(planner_visit, "LONGEST", 60.0)
    monkeypatch.setattr(choice, "SOON", 0.0)
    server = private_server()
    await psql(server.dsn(), SCHEMA)
    await psql(server.dsn(), "\n".join(statements(ROLE, ["postgres"], ["Shop's"])))
    async with connected(server.dsn()) as admin:
        await admin.execute("select pg_stat_statements_reset()")
    async with connected(server.dsn(user="app")) as app:
        for statement in RUN:
            await app.execute(statement)
    written = server.log.read_text().count("TRAP SPRUNG")

    desk, recorder = Desk(), Recorder(wants=WANTS)
    visits = visits_of(server, desk, ROLE)
    await visit(visits, desk, server, recorder)
    plan = desk.of("select id from orders where status")
    assert plan.reason is None
    scan = plan.nodes[0]
    assert (scan.kind, scan.schemaname, scan.relname) == ("Seq Scan", "Shop's", "orders")
    assert [one.column for one in scan.conditions] == ["status"]
    assert "secret" not in repr(desk.rows)
    for text in ("select id from trap", "select id from orders where id = evil"):
        assert "evil is not built in" in str(desk.of(text).reason)
    assert "two is not built in" in str(desk.of("select id from orders where $1 <+>").reason)
    assert "evil is not built in" in str(desk.of("select id from guarded").reason)
    assert "writes" in str(desk.of("select id from orders where id = $1 for update").reason)
    assert "writes" in str(desk.of("update orders").reason)
    log = server.log.read_text()
    assert log.count("TRAP SPRUNG") == written, "foreign code has run"

    for what in ("USAGE ON SCHEMA hidden", "SELECT ON TABLE hidden.secrets"):
        denied = desk.of("select id from secrets")
        assert denied.is_denied
        assert what in str(denied.grant)
        await psql(server.dsn(), str(denied.grant))
        async with connected(server.dsn(user="app")) as app:
            await app.execute(HIDDEN)
        await visit(visits, desk, server, recorder)
    assert desk.of("select id from secrets").nodes
    assert visits.roaming.session is None, "its session is closed"


ROW_SECURITY = """
    create extension pg_stat_statements;
    create role app login;
    create role owner login;
    create table mine (id int, tenant int);
    create table of_all (id int, tenant int);
    create table owned (id int, tenant int);
    insert into mine select n, n % 3 from generate_series(1, 3000) n;
    alter table mine enable row level security;
    alter table of_all enable row level security;
    alter table owned enable row level security;
    create policy app_only on mine to app using (tenant = 2);
    create policy everybody on of_all using (tenant = 2);
    create policy everybody on owned using (tenant = 2);
    alter table owned owner to owner;
    grant select on all tables in schema public to app;
    analyze;
"""


@pytest.mark.versions(14, 18)
async def test_row_security_that_is_another_one_for_the_login(
    private_server: PrivateServers, psql: Psql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a policy it sees no row, and would plan for none; its own policies are no matter."""
    monkeypatch.setattr(choice, "LEAST", 0.0)
    monkeypatch.setattr(planner_visit, "LONGEST", 60.0)
    server = private_server()
    await psql(server.dsn(), ROW_SECURITY + "\n".join(statements(ROLE, ["postgres"])))
    async with connected(server.dsn()) as admin:
        await admin.execute("select pg_stat_statements_reset()")
    async with connected(server.dsn(user="app")) as app:
        assert len(await app.fetch("select id from mine")) == 1000
        await app.execute("select id from of_all")
        await app.execute("select id from owned")
    async with connected(server.dsn(user="owner")) as owner:
        await owner.execute("select tenant from owned")
    desk = Desk()
    await visit(visits_of(server, desk, ROLE), desk, server, Recorder(wants=WANTS))
    assert "row security" in str(desk.of("select id from mine").reason)
    assert "row security" in str(desk.of("select tenant from owned").reason)
    assert desk.of("select id from of_all").nodes
    assert desk.of("select id from owned").nodes


@pytest.mark.versions(14, 18)
async def test_a_login_that_could_do_harm_is_not_used(
    private_server: PrivateServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Superusers, and roles that may write: each with its reason, and no statement is planned."""
    monkeypatch.setattr(choice, "LEAST", 0.0)
    monkeypatch.setattr(planner_visit, "LONGEST", 60.0)
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute(
            "create extension pg_stat_statements; create table t (id int, n int);"
            "create role plans login; create role app login;"
            "create role reader login in role pg_read_all_data;"
            "create role writer login; grant update (n) on t to writer"
        )
        await admin.execute("grant select on t to plans, app")
        await admin.execute("select pg_stat_statements_reset()")
    async with connected(server.dsn(user="app")) as app:
        await app.execute("select * from t")
    for role, why in (
        ("postgres", "is a superuser"),
        ("reader", "is a member of pg_read_all_data"),
        ("writer", "may write to public.t"),
        ("nobody", "does not exist"),
    ):
        desk, recorder = Desk(), Recorder(wants=WANTS)
        await visit(visits_of(server, desk, role), desk, server, recorder)
        assert not any(row.nodes for row in desk.rows)
        assert any(why in str(row.reason) for row in desk.rows), (role, desk.rows)
    async with connected(server.dsn()) as admin:
        await admin.execute("select pg_stat_statements_reset()")
    async with connected(server.dsn(user="app")) as app:
        await app.execute("select * from t")
    desk = Desk()
    await visit(visits_of(server, desk, "plans"), desk, server, Recorder(wants=WANTS))
    assert desk.of("select * from t").nodes


@pytest.mark.versions(14, 18)
async def test_a_budget_and_the_turn_of_the_third_session(
    private_server: PrivateServers, psql: Psql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten plans a visit and twenty an hour; the session that roams has ended before."""
    monkeypatch.setattr(choice, "LEAST", 0.0)
    monkeypatch.setattr(planner_visit, "LONGEST", 60.0)
    monkeypatch.setattr(choice, "FOLLOWED", 500)
    server = private_server(log_connections="on", log_disconnections="on", log_statement="all")
    tables = [f"t{n}" for n in range(24)]
    made = "".join(f"create table {name} (a int);" for name in tables)
    await psql(server.dsn(), f"create extension pg_stat_statements; create role app login; {made}")
    await psql(server.dsn(), "grant select on all tables in schema public to app; analyze")
    await psql(server.dsn(), "\n".join(statements("plans", ["postgres"], ["public"])))
    async with connected(server.dsn()) as admin:
        await admin.execute("select pg_stat_statements_reset()")

    desk, recorder = Desk(), Recorder(wants=WANTS)
    visits = visits_of(server, desk, "plans")
    async with visits.roaming.visit("postgres", None) as roaming:
        pid = await roaming.connection.fetchval("select pg_backend_pid()")
    planned = []
    for _ in range(3):
        async with connected(server.dsn(user="app")) as app:
            for name in tables:
                await app.execute(f"select * from {name} where a = 1")
        begun = len(server.log.read_text())
        await visit(visits, desk, server, recorder)
        planned.append(server.log.read_text()[begun:].lower().count(EXPLAINED))
    assert planned == [10, 10, 0]
    assert sum(bool(plan.nodes) for plan in visits.known.values()) >= 19
    log = server.log.read_text()
    assert 0 < ended(log, pid) < log.index("authorized: user=plans")
    assert not re.search("explain[^\n]*analyze", log, re.IGNORECASE)


def ended(log: str, pid: int) -> int:
    """Return where the log says that a session has ended; -1 where it does not."""
    return next(
        (at.start() for at in re.finditer("disconnection: ", log) if str(pid) in line(log, at)), -1
    )


def line(log: str, found: re.Match[str]) -> str:
    return log[log.rfind("\n", 0, found.start()) : found.start()]
