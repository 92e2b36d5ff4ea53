"""Ordinary traffic of the shop: a few short transactions each second, without problems."""

import asyncio
import random

from monitor.demo.shop import REPORTING
from monitor.demo.stage import Stage

CUSTOMERS, PRODUCTS, ORDERS = 10_000, 1_000, 60_000
OF_SCENES = 10
"""Products up to this number are used by the scenes only, so ordinary traffic never waits."""

ORDER = "INSERT INTO orders (customer_id, status) VALUES ($1, 'paid') RETURNING id"
ITEM = """
    INSERT INTO order_items (order_id, line, product_id, quantity, unit_price_cents)
    SELECT $1, $2, id, 1, price_cents FROM products WHERE id = $3
"""
TAKE = "UPDATE products SET stock = stock - 1 WHERE id = $1"
NEWEST = "SELECT id, customer_id FROM orders WHERE status = $1 ORDER BY created_at DESC LIMIT 20"
HISTORY = """
    SELECT o.id, i.product_id, i.unit_price_cents
    FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.customer_id = $1
"""
PUT_IN_CART = "INSERT INTO carts (customer_id, contents) VALUES ($1, repeat('SKU-00042 x 1; ', 20))"
OLDEST_CART = "DELETE FROM carts WHERE id = (SELECT min(id) FROM carts)"
# There is no index for this query, so it reads the whole table.
SOLD = "SELECT sum(quantity) FROM order_items WHERE product_id = $1"


async def checkout(stage: Stage) -> None:
    """Insert orders; stock is updated in the order of product ids, so there are no deadlocks."""
    tills = await stage.sessions("checkout", 2)
    while True:
        for till in tills:
            customer = random.randint(1, CUSTOMERS)
            bought = sorted(random.sample(range(OF_SCENES + 1, PRODUCTS + 1), k=2))
            async with till.transaction():
                order = await till.fetchval(ORDER, customer)
                for line, product in enumerate(bought, start=1):
                    await till.execute(TAKE, product)
                    await till.execute(ITEM, order, line, product)
            await asyncio.sleep(0.25)


async def storefront(stage: Stage) -> None:
    """Read the newest orders with a status, and the history of a customer."""
    reader = await stage.session("storefront")
    while True:
        await reader.fetch(NEWEST, random.choice(("new", "paid", "shipped")))
        await reader.fetch(HISTORY, random.randint(1, CUSTOMERS))
        await asyncio.sleep(0.5)


async def carts(stage: Stage) -> None:
    """Insert and delete carts."""
    keeper = await stage.session("carts")
    while True:
        await keeper.execute(PUT_IN_CART, random.randint(1, CUSTOMERS))
        await keeper.execute(OLDEST_CART)
        await asyncio.sleep(0.5)


async def sales_report(stage: Stage) -> None:
    """Run a report for which an index is missing."""
    reader = await stage.session("sales-report", REPORTING)
    while True:
        await reader.fetchval(SOLD, random.randint(1, PRODUCTS))
        await asyncio.sleep(5)


TRAFFIC = (checkout, storefront, carts, sales_report)
