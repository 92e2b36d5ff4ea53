"""Queries: a report that spills, a scan for a few rows, and a loop that asks for each row.

The loop is told once it was counted for a quarter of an hour (`query_n_plus_one`).
"""

import asyncio

from monitor.demo.shop import REPORTING
from monitor.demo.stage import Stage

LITTLE_MEMORY = "SET work_mem = '64kB'"
RANKING = """
    SELECT product_id, customer_id, sum(quantity * unit_price_cents) AS cents
    FROM order_items JOIN orders ON id = order_id
    GROUP BY product_id, customer_id ORDER BY cents DESC LIMIT 10
"""
PAGE = "SELECT id, customer_id FROM orders WHERE status = $1 ORDER BY created_at DESC LIMIT 10"
CUSTOMER = "SELECT name, email FROM customers WHERE id = $1"


async def spilling_report(stage: Stage) -> None:
    """A report whose groups do not fit into its memory."""
    report = await stage.session("ranking", REPORTING)
    await report.execute(LITTLE_MEMORY)
    while True:
        await report.fetch(RANKING)
        await asyncio.sleep(2)


async def one_more_for_each(stage: Stage) -> None:
    """A list of orders, and then the customer of each order alone."""
    reader = await stage.session("order-list")
    while True:
        for order in await reader.fetch(PAGE, "delivered"):
            await reader.fetchrow(CUSTOMER, order["customer_id"])
        await asyncio.sleep(0.5)


SCENES = (spilling_report, one_more_for_each)
PLANTED = ("query_plan_signals", "query_temp_spill")
