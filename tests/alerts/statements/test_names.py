"""Names of a statement: what it says of a table, and what it may use without naming it."""

import pytest

from alerts.statements.names import names_of

CLEAR = [
    'select "o"."id", count(*) from "orders" "o" where o.note = $1 group by o.id',
    "select o.id * 2, (o.n)*3, id * n from only public.orders as o for update of o skip locked",
    "insert into shop.orders (id, note) values ($1, $2) on conflict (id) do update set note = $3",
    "insert into orders as o (id) select id from other",
    "insert into orders default values",
    "update orders set note = $1 where id = $2 returning id",
    "update only orders o set note = $1 where o.id = $2",
    "delete from orders using customers c where orders.id = c.id",
    "with old as (select id from orders) delete from customers where id in (select id from old)",
    "declare page no scroll cursor for select id from orders",
    "create table copy as select id, note from orders",
    "select id from customers join orders on orders.id = customers.id /* * */ -- *",
]
UNCLEAR = [
    "select * from orders",
    "select distinct * from orders where id = $1",
    "select 1, * from orders",
    "select o.* from orders o",
    "select (o).* from orders o",
    "select o from orders o",
    "select orders from orders",
    "select row_to_json(o) from public.orders as o",
    "select count(orders) from orders",
    "update only orders o set note = to_jsonb(o)",
    "select x from orders as o (x, y)",
    "insert into orders values ($1, $2)",
    "insert into orders select id from other",
    "delete from orders returning *",
    "select c.id from customers c natural join orders",
    "select a.id from customers a, orders b",
    "merge into orders o using new n on o.id = n.id when not matched then insert values (n.id)",
    "copy orders (id, note) to stdout",
    "copy (select id from orders) to stdout",
    "table orders",
    "create table copy as table orders",
    "create table copy as (select * from orders)",
    "create materialized view m as select * from orders",
    "do $$ begin perform note from orders; end $$",
    "select id from orders where note = 'it is cut",
    "call archive('orders')",
    "select jsonb_populate_record(null::orders, $1) from orders",
]
NOTHING = [
    "",
    "alter table orders add column note text",
    "create table orders (id int, total int generated always as (id * 2) stored)",
    "create index on orders (note)",
    "comment on column orders.note is 'x'",
    "create function f() returns int language sql as $$ select 1 from orders $$",
    "vacuum orders",
    "truncate orders",
]
HIDDEN = [
    'select U&"\\006eote" from orders',
    "select table_to_xml($1, true, false, $2)",
    "do $$ begin execute format('drop table %I', 'orders'); end $$",
]


@pytest.mark.parametrize("text", CLEAR)
def test_it_names_what_it_uses(text: str) -> None:
    names = names_of(text)
    assert "orders" in names.words
    assert names.is_clear_about("orders")
    assert not names.is_hidden


@pytest.mark.parametrize("text", UNCLEAR)
def test_it_may_use_more_than_it_names(text: str) -> None:
    names = names_of(text)
    assert "orders" in names.words
    assert not names.is_clear_about("orders")


@pytest.mark.parametrize("text", NOTHING)
def test_what_defines_a_column_does_not_use_it(text: str) -> None:
    assert names_of(text).words == ()


@pytest.mark.parametrize("text", HIDDEN)
def test_it_may_use_any_table(text: str) -> None:
    assert names_of(text).is_hidden


def test_names_are_folded_as_postgresql_does() -> None:
    names = names_of('SELECT Total, "Net" FROM Orders')
    assert {"total", "Net", "orders"} <= set(names.words)
    assert "net" not in names.words
