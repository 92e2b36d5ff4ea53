"""From a pooler that serves nobody to a page at a webhook receiver, and to the all-clear."""

import json
from pathlib import Path
from typing import Any

import pytest

from alerts.prometheus.rule import alert_name
from tests.fixtures.farm import MONITOR
from tests.fixtures.pooler import ADMIN, Poolers
from tests.fixtures.postgres import PrivateServers, Psql
from tests.fixtures.prometheus import Chain, chain, webhook
from tests.fixtures.until import until

__all__ = ["chain", "webhook"]

RULES = Path(__file__).parents[2] / "alerts" / "rules" / "pgvigil.yml"


@pytest.mark.versions(18)
async def test_a_pooler_that_serves_nobody_reaches_the_receiver(
    private_server: PrivateServers, pooler: Poolers, chain: Chain, psql: Psql
) -> None:
    """Paused, then gone: each rings with its cure, and resolves when the cure was pasted."""
    server = private_server()
    line = f"host={server.folder} port={server.port} dbname=postgres user=postgres"
    pool = await pooler({"shop": line})
    await chain.daemon(
        f"poolers={json.dumps({'pool': {'dsn': pool.dsn()}})}",
        "paces.normal=1s",
        "scrape_interval=1s",
        PGVIGIL_DSN=server.dsn(user=MONITOR),
    )
    await chain.alertmanager()
    await chain.prometheus(RULES.read_text(encoding="utf-8"))
    await pool.command("PAUSE shop")
    page = await rung(chain, "pooler_paused", "firing")
    assert page["labels"]["server"] == "pool"
    await psql(pool.dsn(user=ADMIN), page["annotations"]["cure"])
    assert (await rung(chain, "pooler_paused", "resolved"))["labels"] == page["labels"]
    pool.program.stop()
    page = await rung(chain, "pooler_unreachable", "firing")
    assert page["labels"]["severity"] == "critical"
    await pool.start()
    await rung(chain, "pooler_unreachable", "resolved")


async def rung(chain: Chain, finding: str, status: str) -> Any:
    async def heard() -> Any:
        return chain.receiver.alerts(alert_name(finding), status)

    delivered = await until(heard, f"{finding} is {status}\n{chain.outputs()}", 120)
    return delivered[0]
