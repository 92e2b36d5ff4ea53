"""The shop on an ordinary day: a few short transactions each second, none of them wrong."""

import asyncio
import random

from monitor.demo.shop import REPORTING
from monitor.demo.stage import Stage

CUSTOMERS, PRODUCTS, ORDERS = 10_000, 1_000, 60_000
OF_SCENES = 10
"""Products up to this number belong to the scenes; ordinary traffic never waits for them."""

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
# Nothing helps to find the items of a product, so it reads them all.
SOLD = "SELECT sum(quantity) FROM order_items WHERE product_id = $1"


async def checkout(stage: Stage) -> None:
    """Orders: what was bought is taken from stock in one order of locks, so nobody deadlocks."""
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
    """Reads: the newest orders of a state, and what one customer has bought."""
    reader = await stage.session("storefront")
    while True:
        await reader.fetch(NEWEST, random.choice(("new", "paid", "shipped")))
        await reader.fetch(HISTORY, random.randint(1, CUSTOMERS))
        await asyncio.sleep(0.5)


async def carts(stage: Stage) -> None:
    """Churn: carts come and go."""
    keeper = await stage.session("carts")
    while True:
        await keeper.execute(PUT_IN_CART, random.randint(1, CUSTOMERS))
        await keeper.execute(OLDEST_CART)
        await asyncio.sleep(0.5)


async def sales_report(stage: Stage) -> None:
    """A report for which an index is missing."""
    reader = await stage.session("sales-report", REPORTING)
    while True:
        await reader.fetchval(SOLD, random.randint(1, PRODUCTS))
        await asyncio.sleep(5)


TRAFFIC = (checkout, storefront, carts, sales_report)
