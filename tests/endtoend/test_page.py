"""From a lock pile-up on a real server to a page at a webhook receiver, and to the all-clear."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from alerts.prometheus.rulebook import RUNBOOK_BASE
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.prometheus import Chain, chain, webhook
from tests.fixtures.until import until

__all__ = ["chain", "webhook"]

RULES = Path(__file__).parents[2] / "alerts" / "rules" / "pgvigil.yml"
ALERT = "PgvigilLockBlockerRoot"


def impatient(rules: str) -> str:
    """The committed rules, except that alerts end soon after their reason."""
    return re.sub("keep_firing_for: .*", "keep_firing_for: 2s", rules)


@pytest.mark.versions(18)
async def test_a_lock_pile_up_reaches_the_receiver(
    private_server: PrivateServers, chain: Chain
) -> None:
    """One page names the blocker and links to the runbook; it resolves when the lock is gone."""
    server = private_server()
    dsn = server.dsn(user=MONITOR)
    await chain.daemon("server_name=shop", "scrape_interval=1s", PGVIGIL_DSN=dsn)
    await chain.alertmanager()
    await chain.prometheus(impatient(RULES.read_text(encoding="utf-8")))
    async with connected(server.dsn(), application_name="careless") as blocker:
        await blocker.execute("CREATE TABLE orders (id int)")
        await blocker.execute("BEGIN; LOCK TABLE orders")
        async with asyncio.TaskGroup() as waiting:
            for _ in range(4):
                waiting.create_task(read(server.dsn()))
            page = await rung(chain, "firing")
            assert page["labels"]["server"] == "shop"
            assert "careless" in page["annotations"]["description"]
            assert page["annotations"]["runbook_url"] == f"{RUNBOOK_BASE}/lock_blocker_root"
            await blocker.execute("ROLLBACK")
        resolved = await rung(chain, "resolved")
    assert resolved["labels"] == page["labels"]


async def read(dsn: str) -> None:
    async with connected(dsn, application_name="victim") as session:
        await session.fetch("SELECT * FROM orders")


async def rung(chain: Chain, status: str) -> Any:
    async def heard() -> Any:
        return chain.receiver.alerts(ALERT, status)

    delivered = await until(heard, f"the receiver has heard {status}\n{chain.outputs()}", 90)
    return delivered[0]
