"""Reads of statements: tables with their aliases, and whether a key is asked for."""

import pytest

from alerts.statements.reads import StatementReads, reads_of


def reads(text: str) -> StatementReads:
    found = reads_of(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "rest",
    [
        "orders where id = $1",
        "orders where $1 = orders.id",
        "orders o where not closed and (o.id = $1::int or o.id in ($2, $3))",
        "orders where id = any ($1) order by at",
        "orders where order_id = $1",
        "items i join orders o on o.id = i.order_id",
        "items i, orders o where i.order_id = o.id",
        "items join orders using (order_id)",
        "items i where exists (select from orders o where o.id = i.x)",
        "(items i join orders o on o.id = i.order_id) where i.at > $1",
        "orders group by id having id = $1",
    ],
)
def test_by_key(rest: str) -> None:
    assert reads(f"select * from {rest}").is_by_key("orders")


@pytest.mark.parametrize(
    "rest",
    [
        "orders where id > $1 order by id limit 50",
        "orders where $1 <= id",
        "orders where id >= $1 and $2 >= id",
        "orders where id <> $1 and $2 != id and id != $3",
        "orders where id not in ($1)",
        "orders where id between $1 and $2",
        "orders where f(id => $1)",
        "orders order by id > 3",
        "orders order by id = $1 desc",
        "orders where at > $1 group by id = $2",
        "orders where customer_id = $1",
        "items i join orders o on o.id > i.first where i.id = $1",
        "items i, orders o where id = $1",  # of which one is not certain
    ],
)
def test_not_by_key(rest: str) -> None:
    assert not reads(f"select * from {rest}").is_by_key("orders")


def test_a_result_is_no_condition() -> None:
    assert not reads("select id = $1 as mine from orders where at > $2").is_by_key("orders")
    inner = "select * from items where item in (select id = $1 from orders)"
    assert not reads(inner).is_by_key("orders")


@pytest.mark.parametrize(
    ("rest", "aliases"),
    [
        ("orders o", ["o"]),
        ("orders tablesample system (1)", ["orders"]),
        ("s.orders TABLESAMPLE bernoulli ($1) repeatable (2), b", ["orders", "b"]),
        ("orders as o tablesample system (1) join b on o.x = b.x", ["o", "b"]),
    ],
)
def test_aliases(rest: str, aliases: list[str]) -> None:
    found = reads(f"select * from {rest} where id = $1")
    assert [reading.alias for reading in found.readings] == aliases
