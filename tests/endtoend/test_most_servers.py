"""Most servers are lost at once: one page at a webhook receiver, and not one for each of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from alerts.prometheus.inhibitions import inhibitions
from alerts.prometheus.rule import alert_name
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.prometheus import Chain, chain, webhook
from tests.fixtures.until import until

__all__ = ["chain", "webhook"]

RULES = Path(__file__).parents[2] / "alerts" / "rules" / "pgvigil.yml"
MOST, SINGLE = alert_name("most_servers_unreachable"), alert_name("server_unreachable")
LOST = ("archive", "billing", "catalogue", "depot")


@pytest.mark.versions(18)
async def test_one_page_stands_for_most_servers(
    private_server: PrivateServers, chain: Chain
) -> None:
    """The alerts of the servers are known, and silenced by it from the first one on."""
    lost, kept = private_server(), private_server()
    known = dict.fromkeys(LOST, lost) | {"kept": kept}
    servers = {
        name: {"dsn": server.dsn(user=MONITOR), "cluster": name} for name, server in known.items()
    }
    await chain.daemon(f"servers={json.dumps(servers)}", "scrape_interval=1s")
    await chain.alertmanager(waiting(chain, "1s"))
    await chain.prometheus(RULES.read_text(encoding="utf-8"))
    lost.kill()
    page = await rung(chain, MOST, "firing")
    assert page["labels"]["severity"] == "critical"
    assert {line[2:] for line in page["annotations"]["description"].splitlines()[2:]} == {*LOST}
    await until(lambda: silenced(chain), "all alerts of the lost servers are silenced")
    pages = [
        one for one in chain.receiver.alerts(SINGLE) if one["labels"]["severity"] == "critical"
    ]
    assert pages == []
    lost.start()
    await rung(chain, MOST, "resolved")


def waiting(chain: Chain, seconds: str) -> dict[str, object]:
    """The configuration of Alertmanager; the example for users waits longer."""
    route = {
        "receiver": "webhook",
        "group_by": ["alertname", "server", "severity"],
        "group_wait": seconds,
        "group_interval": "1s",
        "repeat_interval": "1h",
    }
    receiver = {"name": "webhook", "webhook_configs": [{"url": chain.receiver.address}]}
    return {"route": route, "receivers": [receiver], "inhibit_rules": list(inhibitions())}


async def silenced(chain: Chain) -> bool:
    states = {
        one["labels"]["server"]: one["status"]["state"]
        for one in await chain.alerts()
        if one["labels"]["alertname"] == SINGLE and one["labels"]["severity"] == "critical"
    }
    return states == dict.fromkeys(LOST, "suppressed")


async def rung(chain: Chain, alert: str, status: str) -> Any:
    async def heard() -> Any:
        return chain.receiver.alerts(alert, status)

    return (await until(heard, f"{alert} is {status}\n{chain.outputs()[-4000:]}", 60))[0]
